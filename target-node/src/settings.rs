//! The node's settings: names, values, defaults and documentation, as data and as types.
//!
//! A cluster has one [`Settings`]; a client may override `replication` for one write and `read` for one read, with the
//! same types. Parsing refuses unknown names and combinations that make no sense, each with what to do instead. This
//! module reads no file and no argument; who calls it hands in a map of names to values.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The largest `heartbeat` and `election-timeout` accepted, in milliseconds.
pub const INTERVAL_MS_MAX: u64 = 60_000;

/// One setting as a reader of the documentation sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The name under which it is set.
    pub name: &'static str,
    /// The values it takes.
    pub values: &'static str,
    /// The value it has when it is not set.
    pub default: &'static str,
    /// What it decides, in one line.
    pub summary: &'static str,
}

/// Every setting, in the order in which documentation lists them.
pub const DESCRIPTIONS: &[Description] = &[
    Description {
        name: "replication",
        values: "async | semi-sync:K | majority | sync",
        default: "majority",
        summary: "who must hold a write on disk before it is acknowledged: the leader, also K followers, a majority, all",
    },
    Description {
        name: "failover",
        values: "consensus | timeout | manual",
        default: "consensus",
        summary: "who becomes leader: the winner of a vote (Raft), the next in line after silence, whom an operator promotes",
    },
    Description {
        name: "fsync",
        values: "always | interval:MS | never",
        default: "always",
        summary: "when the log is forced to disk: before a position counts as durable, every MS milliseconds, never",
    },
    Description {
        name: "read",
        values: "local | leader | read-index",
        default: "read-index under consensus, else leader",
        summary: "who answers a read: any node from its state, the leader from its state, the leader after a majority round",
    },
    Description {
        name: "heartbeat",
        values: "milliseconds",
        default: "50",
        summary: "how often a leader that has nothing to replicate is heard",
    },
    Description {
        name: "election-timeout",
        values: "MIN-MAX in milliseconds",
        default: "300-600",
        summary: "silence after which a leader is taken for dead: drawn from the range by consensus, MAX in timeout",
    },
];

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Replication {
    /// When the leader's own log holds it durably.
    Async,
    /// When this many followers hold it durably, too.
    SemiSync(u16),
    /// When a majority of the nodes hold it durably.
    Majority,
    /// When every node holds it durably.
    Sync,
}

impl Replication {
    /// Checks that a cluster of `nodes` can satisfy this level.
    ///
    /// # Errors
    /// `semi-sync:K` where K is 0 or not below the number of nodes.
    pub fn check(self, nodes: u16) -> Result<(), SettingsError> {
        match self {
            Replication::SemiSync(0) => Err(SettingsError::conflict(
                "semi-sync:0 waits for no follower: use `async`, which says so, or semi-sync:1",
            )),
            Replication::SemiSync(followers) if followers >= nodes => Err(SettingsError::conflict(format!(
                "semi-sync:{followers} can never be satisfied by {nodes} node(s), of which {} follow: use a smaller K",
                nodes.saturating_sub(1)
            ))),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Replication::Async => f.write_str("async"),
            Replication::SemiSync(followers) => write!(f, "semi-sync:{followers}"),
            Replication::Majority => f.write_str("majority"),
            Replication::Sync => f.write_str("sync"),
        }
    }
}

impl FromStr for Replication {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let followers = text.strip_prefix("semi-sync:").and_then(|followers| followers.parse().ok());
        match (text, followers) {
            ("async", _) => Ok(Replication::Async),
            ("majority", _) => Ok(Replication::Majority),
            ("sync", _) => Ok(Replication::Sync),
            (_, Some(followers)) => Ok(Replication::SemiSync(followers)),
            _ => Err(SettingsError::invalid("replication", text)),
        }
    }
}

/// Who becomes leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Failover {
    /// The node that a majority votes for (Raft).
    Consensus,
    /// The next in line when heartbeats stop; nobody votes.
    Timeout,
    /// The node that an operator promotes.
    Manual,
}

impl fmt::Display for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failover::Consensus => "consensus",
            Failover::Timeout => "timeout",
            Failover::Manual => "manual",
        })
    }
}

impl FromStr for Failover {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "consensus" => Ok(Failover::Consensus),
            "timeout" => Ok(Failover::Timeout),
            "manual" => Ok(Failover::Manual),
            _ => Err(SettingsError::invalid("failover", text)),
        }
    }
}

/// When the log is forced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fsync {
    /// Before a position counts as durable.
    Always,
    /// Every so many milliseconds; a position counts as durable once it is written.
    IntervalMs(u64),
    /// When the operating system likes; a position counts as durable once it is written.
    Never,
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fsync::Always => f.write_str("always"),
            Fsync::IntervalMs(interval_ms) => write!(f, "interval:{interval_ms}"),
            Fsync::Never => f.write_str("never"),
        }
    }
}

impl FromStr for Fsync {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let interval_ms = text.strip_prefix("interval:").and_then(|interval_ms| interval_ms.parse().ok());
        match (text, interval_ms) {
            ("always", _) => Ok(Fsync::Always),
            ("never", _) => Ok(Fsync::Never),
            (_, Some(interval_ms @ 1..=INTERVAL_MS_MAX)) => Ok(Fsync::IntervalMs(interval_ms)),
            _ => Err(SettingsError::invalid("fsync", text)),
        }
    }
}

/// Who answers a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReadLevel {
    /// Any node, from the state that is visible to it: may be stale.
    Local,
    /// A node that believes to lead, from its visible state, asking nobody: stale when the belief is wrong.
    Leader,
    /// The leader, after a majority confirmed it since the read arrived; `consensus` only.
    ReadIndex,
}

impl ReadLevel {
    /// Checks that reads of this level exist under `failover`.
    ///
    /// # Errors
    /// `read-index` without `consensus`.
    pub fn check(self, failover: Failover) -> Result<(), SettingsError> {
        if self == ReadLevel::ReadIndex && failover != Failover::Consensus {
            return Err(SettingsError::conflict(format!(
                "read=read-index needs failover=consensus: under {failover} no majority can confirm a leader; use \
                 read=leader or read=local"
            )));
        }
        Ok(())
    }

    /// The level of a cluster that sets none.
    #[must_use]
    pub fn default_for(failover: Failover) -> Self {
        if failover == Failover::Consensus { ReadLevel::ReadIndex } else { ReadLevel::Leader }
    }
}

impl fmt::Display for ReadLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReadLevel::Local => "local",
            ReadLevel::Leader => "leader",
            ReadLevel::ReadIndex => "read-index",
        })
    }
}

impl FromStr for ReadLevel {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "local" => Ok(ReadLevel::Local),
            "leader" => Ok(ReadLevel::Leader),
            "read-index" => Ok(ReadLevel::ReadIndex),
            _ => Err(SettingsError::invalid("read", text)),
        }
    }
}

/// The range of silence after which a leader is taken for dead, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ElectionTimeout {
    /// The shortest: for so long after it heard a leader, a voter refuses its vote.
    pub min_ms: u64,
    /// The longest: a leader that heard no majority for so long steps down.
    pub max_ms: u64,
}

impl fmt::Display for ElectionTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.min_ms, self.max_ms)
    }
}

impl FromStr for ElectionTimeout {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let invalid = || SettingsError::invalid("election-timeout", text);
        let (min, max) = text.split_once('-').ok_or_else(invalid)?;
        let (min_ms, max_ms) = (parse_ms(min).ok_or_else(invalid)?, parse_ms(max).ok_or_else(invalid)?);
        if min_ms > max_ms {
            return Err(invalid());
        }
        Ok(Self { min_ms, max_ms })
    }
}

/// The settings of a cluster, all decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// When a write is acknowledged, unless the write says otherwise.
    pub replication: Replication,
    /// Who becomes leader.
    pub failover: Failover,
    /// When the log is forced to disk.
    pub fsync: Fsync,
    /// Who answers a read, unless the read says otherwise.
    pub read: ReadLevel,
    /// How often an idle leader is heard, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a leader may be silent.
    pub election_timeout: ElectionTimeout,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            replication: Replication::Majority,
            failover: Failover::Consensus,
            fsync: Fsync::Always,
            read: ReadLevel::ReadIndex,
            heartbeat_ms: 50,
            election_timeout: ElectionTimeout { min_ms: 300, max_ms: 600 },
        }
    }
}

impl Settings {
    /// Reads settings by name for a cluster of `nodes`; what is not named has its default.
    ///
    /// # Errors
    /// An unknown name, a value that the setting does not take, or a combination that makes no sense.
    pub fn from_map(map: &BTreeMap<String, String>, nodes: u16) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        let mut read = None;
        for (name, value) in map {
            match name.as_str() {
                "replication" => settings.replication = value.parse()?,
                "failover" => settings.failover = value.parse()?,
                "fsync" => settings.fsync = value.parse()?,
                "read" => read = Some(value.parse()?),
                "heartbeat" => {
                    settings.heartbeat_ms =
                        parse_ms(value).ok_or_else(|| SettingsError::invalid("heartbeat", value))?;
                }
                "election-timeout" => settings.election_timeout = value.parse()?,
                _ => return Err(SettingsError::unknown(name)),
            }
        }
        settings.read = read.unwrap_or_else(|| ReadLevel::default_for(settings.failover));
        settings.check(nodes)?;
        Ok(settings)
    }

    /// Every setting by name, defaults filled in; [`Settings::from_map`] reads it back.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("replication".to_owned(), self.replication.to_string()),
            ("failover".to_owned(), self.failover.to_string()),
            ("fsync".to_owned(), self.fsync.to_string()),
            ("read".to_owned(), self.read.to_string()),
            ("heartbeat".to_owned(), self.heartbeat_ms.to_string()),
            ("election-timeout".to_owned(), self.election_timeout.to_string()),
        ])
    }

    /// Checks that the settings make sense together for a cluster of `nodes`.
    ///
    /// # Errors
    /// The first combination that does not, with the reason.
    pub fn check(&self, nodes: u16) -> Result<(), SettingsError> {
        if nodes == 0 {
            return Err(SettingsError::conflict("a cluster needs at least one node"));
        }
        self.replication.check(nodes)?;
        self.read.check(self.failover)?;
        let ElectionTimeout { min_ms, max_ms } = self.election_timeout;
        if self.failover == Failover::Consensus && min_ms == max_ms {
            return Err(SettingsError::conflict(format!(
                "election-timeout={min_ms}-{max_ms} lets all candidates stand at the same moment, again and again: \
                 consensus needs a range, for example {min_ms}-{}",
                min_ms * 2
            )));
        }
        if self.heartbeat_ms * 2 > self.election_timeout.min_ms {
            return Err(SettingsError::conflict(format!(
                "heartbeat={} is more than half of election-timeout={}: one late heartbeat would depose a healthy \
                 leader; lower the heartbeat or raise the timeout",
                self.heartbeat_ms, self.election_timeout
            )));
        }
        Ok(())
    }
}

/// Why settings were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// No setting has this name.
    #[error("unknown setting `{name}`{}; known settings: {}", did_you_mean(.name), known_names())]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// The setting does not take this value.
    #[error("invalid value `{value}` for setting `{name}`; it takes {}", values_of(.name))]
    Invalid {
        /// The setting.
        name: &'static str,
        /// The value as given.
        value: String,
    },
    /// Each value is good by itself, but not with the others.
    #[error("{reason}")]
    Conflict {
        /// What contradicts what, and what to use instead.
        reason: String,
    },
}

impl SettingsError {
    fn unknown(name: &str) -> Self {
        Self::Unknown { name: name.to_owned() }
    }

    fn invalid(name: &'static str, value: &str) -> Self {
        Self::Invalid { name, value: value.to_owned() }
    }

    fn conflict(reason: impl Into<String>) -> Self {
        Self::Conflict { reason: reason.into() }
    }
}

/// Reads a number of milliseconds from 1 to [`INTERVAL_MS_MAX`].
fn parse_ms(text: &str) -> Option<u64> {
    text.parse().ok().filter(|interval_ms| (1..=INTERVAL_MS_MAX).contains(interval_ms))
}

fn known_names() -> String {
    DESCRIPTIONS.iter().map(|description| description.name).collect::<Vec<_>>().join(", ")
}

fn values_of(name: &str) -> &'static str {
    DESCRIPTIONS.iter().find(|description| description.name == name).map_or("", |description| description.values)
}

fn did_you_mean(name: &str) -> String {
    let nearest = DESCRIPTIONS
        .iter()
        .map(|description| (edit_distance(name, description.name), description.name))
        .min()
        .filter(|(distance, known)| *distance * 2 <= known.len());
    nearest.map_or_else(String::new, |(_, known)| format!(" (did you mean `{known}`?)"))
}

/// The least number of insertions, deletions and substitutions that turn one text into the other (Levenshtein).
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let substituted = previous[column] + usize::from(from != *to);
            current.push(substituted.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(&'static str, &'static str)];

    fn parse(pairs: &[(&str, &str)], nodes: u16) -> Result<Settings, String> {
        let map = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::from_map(&map, nodes).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_named_has_its_documented_default() {
        let settings = parse(&[], 3).unwrap();
        assert_eq!(settings, Settings::default());
        let map = settings.to_map();
        assert_eq!(map.len(), DESCRIPTIONS.len());
        for description in DESCRIPTIONS {
            assert!(description.default.starts_with(&map[description.name]), "{} is wrong", description.name);
        }
        assert_eq!(parse(&[("failover", "timeout")], 3).unwrap().read, ReadLevel::Leader);
    }

    #[test]
    fn settings_survive_a_round_trip_through_their_map() {
        let pairs = [
            ("replication", "semi-sync:2"),
            ("failover", "manual"),
            ("fsync", "interval:20"),
            ("read", "local"),
            ("heartbeat", "10"),
            ("election-timeout", "100-150"),
        ];
        let settings = parse(&pairs, 5).unwrap();
        assert_eq!(Settings::from_map(&settings.to_map(), 5).unwrap(), settings);
        assert_eq!(settings.replication, Replication::SemiSync(2));
        assert_eq!(settings.fsync, Fsync::IntervalMs(20));
    }

    #[test]
    fn refusals_say_what_to_do_instead() {
        let cases: &[(Pairs, u16, &str)] = &[
            (&[("replicaton", "async")], 3, "did you mean `replication`?"),
            (&[("zzz", "1")], 3, "known settings: replication, failover"),
            (&[("replication", "quorum")], 3, "it takes async | semi-sync:K | majority | sync"),
            (&[("replication", "semi-sync:0")], 3, "use `async`"),
            (&[("replication", "semi-sync:3")], 3, "can never be satisfied by 3 node(s), of which 2 follow"),
            (&[("replication", "semi-sync:x")], 3, "invalid value `semi-sync:x`"),
            (&[("failover", "timeout"), ("read", "read-index")], 3, "needs failover=consensus"),
            (&[("fsync", "interval:0")], 3, "invalid value `interval:0`"),
            (&[("heartbeat", "200")], 3, "more than half of election-timeout=300-600"),
            (&[("heartbeat", "0")], 3, "invalid value `0`"),
            (&[("election-timeout", "600-300")], 3, "invalid value `600-300`"),
            (&[("election-timeout", "500")], 3, "MIN-MAX"),
            (&[("election-timeout", "500-500")], 3, "for example 500-1000"),
            (&[], 0, "at least one node"),
        ];
        for (pairs, nodes, expected) in cases {
            let message = parse(pairs, *nodes).expect_err(expected);
            assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
        }
        assert!(!parse(&[("zzz", "1")], 3).unwrap_err().contains("did you mean"));
    }
}
