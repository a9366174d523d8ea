//! Settings by chance: any combination that makes sense.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::settings::Settings;

/// What is drawn from; what decides over others comes first. Timers follow from the plan. `rejoin = keep` is left out: its
/// clusters never agree again, and a run ends when they do.
const VALUES: &[(&str, &[&str])] = &[
    ("failover", &["consensus", "consensus", "timeout", "manual"]),
    ("pre-vote", &["on", "off"]),
    ("check-quorum", &["on", "off"]),
    ("replication", &["memory", "async", "semi-sync:1", "semi-sync:2", "majority", "majority", "sync"]),
    ("ack-point", &["received", "durable", "applied"]),
    ("on-ack-timeout", &["wait", "degrade", "fail"]),
    ("ack-timeout", &["30", "300"]),
    ("visibility", &["on-ack", "on-commit"]),
    ("priority", &["n2", "n3>n1"]),
    ("fencing", &["none", "epoch", "lease"]),
    ("rejoin", &["truncate", "resync"]),
    ("read", &["local", "leader", "bounded:100", "session", "lease", "read-index", "log"]),
    ("fsync", &["always", "always", "interval:20", "never"]),
    ("catch-up", &["log-keep:2", "log-keep:20", "log-keep:200"]),
    ("sessions", &["on", "off"]),
    ("max-entries-per-append", &["1", "4"]),
    ("max-inflight", &["1", "2"]),
];

/// The settings that follow from a seed: valid for `nodes`.
#[must_use]
pub fn random_settings(seed: u64, nodes: u16) -> Settings {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5e77_1465);
    let (mut map, mut settings) = (BTreeMap::new(), Settings::default());
    for (name, values) in VALUES {
        let value = values[rng.random_range(0..values.len())];
        if rng.random_bool(0.5) {
            continue;
        }
        let mut changed: BTreeMap<String, String> = map.clone();
        changed.insert((*name).to_owned(), value.to_owned());
        // A value that contradicts the others is left at its default.
        if let Ok(valid) = Settings::from_map(&changed, nodes) {
            (map, settings) = (changed, valid);
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_value_is_drawn_and_every_combination_is_valid() {
        let mut drawn = BTreeSet::new();
        for seed in 0..3_000 {
            let settings = random_settings(seed, 5);
            assert_eq!(settings.check(5), Ok(()));
            drawn.extend(settings.to_map());
        }
        for (name, values) in VALUES {
            for value in *values {
                assert!(drawn.contains(&((*name).to_owned(), (*value).to_owned())), "{name}={value} is never drawn");
            }
        }
    }
}
