//! Who answers a read.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Failover, SettingsError, words::parse_ms};

/// Who answers a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReadLevel {
    /// Any node, from the state that is visible to it: may be stale.
    Local,
    /// A node that believes to lead, from its visible state, asking nobody: stale when the belief is wrong.
    Leader,
    /// Any node whose state was confirmed as fresh not longer than this many milliseconds ago.
    Bounded(u64),
    /// Any node, once its state has reached the position that the client names.
    Session,
    /// The leader, while a majority has promised to elect nobody else; `consensus` only.
    Lease,
    /// Any node, after a majority confirmed the leader since the read arrived; `consensus` only.
    ReadIndex,
    /// The leader, once the read itself is committed in the log; `consensus` only.
    Log,
}

impl ReadLevel {
    /// Checks that reads of this level exist under `failover`.
    ///
    /// # Errors
    /// `lease`, `read-index` and `log` without `consensus`.
    pub fn check(self, failover: Failover) -> Result<(), SettingsError> {
        let needs_majority = matches!(self, ReadLevel::Lease | ReadLevel::ReadIndex | ReadLevel::Log);
        if needs_majority && failover != Failover::Consensus {
            return Err(SettingsError::conflict(format!(
                "read={self} needs failover=consensus: under {failover} no majority can confirm a leader; use \
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
            ReadLevel::Bounded(bound_ms) => return write!(f, "bounded:{bound_ms}"),
            ReadLevel::Session => "session",
            ReadLevel::Lease => "lease",
            ReadLevel::ReadIndex => "read-index",
            ReadLevel::Log => "log",
        })
    }
}

impl FromStr for ReadLevel {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let bound_ms = text.strip_prefix("bounded:").and_then(parse_ms);
        match (text, bound_ms) {
            ("local", _) => Ok(ReadLevel::Local),
            ("leader", _) => Ok(ReadLevel::Leader),
            ("session", _) => Ok(ReadLevel::Session),
            ("lease", _) => Ok(ReadLevel::Lease),
            ("read-index", _) => Ok(ReadLevel::ReadIndex),
            ("log", _) => Ok(ReadLevel::Log),
            (_, Some(bound_ms)) => Ok(ReadLevel::Bounded(bound_ms)),
            _ => Err(SettingsError::invalid("read", text)),
        }
    }
}
