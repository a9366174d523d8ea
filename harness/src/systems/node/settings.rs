//! The node's settings as the harness sees them. The only file of the harness that names `target_node::settings`.

use std::time::Duration;

use target_node::settings as node;

use crate::systems::{SettingDescription, Settings, SettingsError, SystemTiming};

/// Every setting, in the node's own words, and before them the preset, which stands for several.
pub(super) fn descriptions() -> Vec<SettingDescription> {
    let described = [&node::PRESET].into_iter().chain(node::DESCRIPTIONS).map(|setting| SettingDescription {
        name: setting.name.to_owned(),
        values: setting.values.to_owned(),
        default: setting.default.to_owned(),
        description: setting.summary.to_owned(),
    });
    described.collect()
}

/// Fills in defaults, and refuses what makes no sense with the node's own reason.
pub(super) fn resolve(settings: &Settings, nodes: u16) -> Result<Settings, SettingsError> {
    let resolved = node::Settings::from_map(settings, nodes).map_err(|error| SettingsError(error.to_string()))?;
    Ok(resolved.to_map())
}

/// The read level at which a client names what it has seen.
const SESSION: &str = "session";

/// Read levels that any node answers from its own state.
const ANYWHERE: [&str; 3] = ["local", SESSION, "bounded"];

/// What the harness must know of resolved settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// When followers act.
    pub(super) timing: SystemTiming,
    /// The word for the strongest read that these settings have.
    pub(super) strongest_read: &'static str,
    /// Any node answers reads from its own state.
    pub(super) reads_are_local: bool,
    /// Clients name in their reads the position that they have seen.
    pub(super) reads_are_of_session: bool,
}

/// Reads what the harness must know. Settings of a plan are resolved; of others, what is wrong counts as default.
pub(super) fn known(settings: &Settings) -> Known {
    // What makes no sense together has been refused long before.
    let settings = node::Settings::parse(settings).unwrap_or_default();
    let milliseconds = Duration::from_millis;
    let (least, most) = (settings.election_timeout.min_ms, settings.election_timeout.max_ms);
    let resolved = settings.to_map();
    let read = resolved.get("read").map_or("", String::as_str);
    // A bound may follow the word.
    let word = read.split(':').next().unwrap_or_default();
    let is_consensus = settings.failover == node::Failover::Consensus;
    Known {
        timing: SystemTiming {
            // Without votes the next in line waits for the longest timeout exactly.
            election_timeout_min: milliseconds(if is_consensus { least } else { most }),
            election_timeout_max: milliseconds(most),
        },
        strongest_read: if is_consensus { "read-index" } else { "leader" },
        reads_are_local: ANYWHERE.contains(&word),
        reads_are_of_session: word == SESSION,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_setting_is_described_and_gets_a_value() {
        let resolved = resolve(&Settings::new(), 3).unwrap();
        let described: Vec<String> = descriptions().into_iter().map(|setting| setting.name).collect();
        let (preset, settings) = described.split_first().unwrap();
        assert_eq!(resolved.len(), settings.len());
        assert!(settings.iter().all(|name| resolved.contains_key(name)), "{resolved:?}");
        assert!(!resolved.contains_key(preset), "a preset is expanded");
        let expanded = resolve(&self::settings(&[("preset", "lecture-sync")]), 3).unwrap();
        assert_eq!((expanded["replication"].as_str(), expanded["failover"].as_str()), ("sync", "manual"));
    }

    #[test]
    fn the_strongest_read_and_the_timing_follow_from_the_failover() {
        let consensus = known(&settings(&[("failover", "consensus"), ("election-timeout", "200-400")]));
        assert_eq!(consensus.strongest_read, "read-index");
        assert_eq!(consensus.timing.election_timeout_min, Duration::from_millis(200));
        assert_eq!(consensus.timing.election_timeout_max, Duration::from_millis(400));
        let naive = known(&settings(&[("failover", "timeout"), ("election-timeout", "200-400"), ("read", "local")]));
        assert_eq!(naive.strongest_read, "leader");
        assert!(naive.reads_are_local && !naive.reads_are_of_session);
        assert_eq!(naive.timing.election_timeout_min, Duration::from_millis(400));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_the_nodes_words() {
        let refused = resolve(&settings(&[("replicaton", "async")]), 3).unwrap_err();
        assert!(refused.to_string().contains("did you mean"), "{refused}");
        let refused = resolve(&settings(&[("failover", "timeout"), ("read", "read-index")]), 3).unwrap_err();
        assert!(refused.to_string().contains("read-index"), "{refused}");
    }
}
