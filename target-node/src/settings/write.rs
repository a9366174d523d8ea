//! When a write is acknowledged, and when it is seen.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{SettingsError, words::words};

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Replication {
    /// When the leader has appended it, on disk or not.
    Memory,
    /// When the leader's own log holds it durably.
    Async,
    /// When this many followers hold it, too.
    SemiSync(u16),
    /// When a majority of the nodes hold it.
    Majority,
    /// When every node holds it.
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

    /// How many followers are waited for in a cluster of `nodes`; a majority counts the leader as one of it.
    #[must_use]
    pub fn followers(self, nodes: u16) -> u16 {
        match self {
            Replication::Memory | Replication::Async => 0,
            Replication::SemiSync(followers) => followers,
            Replication::Majority => nodes / 2,
            Replication::Sync => nodes.saturating_sub(1),
        }
    }

    /// The level waits for the leader alone, however many nodes there are.
    #[must_use]
    pub fn waits_for_nobody(self) -> bool {
        matches!(self, Replication::Memory | Replication::Async)
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Replication::Memory => f.write_str("memory"),
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
            ("memory", _) => Ok(Replication::Memory),
            ("async", _) => Ok(Replication::Async),
            ("majority", _) => Ok(Replication::Majority),
            ("sync", _) => Ok(Replication::Sync),
            (_, Some(followers)) => Ok(Replication::SemiSync(followers)),
            _ => Err(SettingsError::invalid("replication", text)),
        }
    }
}

/// What a follower must have done with a write to count for its [`Replication`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AckPoint {
    /// It has the write in memory.
    Received,
    /// It has the write on disk, as [`Fsync`](super::Fsync) defines it.
    Durable,
    /// It shows the write to local reads.
    Applied,
}

words!(AckPoint, "ack-point", Received => "received", Durable => "durable", Applied => "applied");

/// What becomes of a write whose followers do not answer within `ack-timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OnAckTimeout {
    /// It waits on.
    Wait,
    /// It, and all that follow until the followers have caught up, are acknowledged by the leader alone.
    Degrade,
    /// It is answered as unknown: it may take effect later.
    Fail,
}

words!(OnAckTimeout, "on-ack-timeout", Wait => "wait", Degrade => "degrade", Fail => "fail");

/// When reads of the leader's state see a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// Once it is acknowledged, even if it is not committed yet; or once it is committed.
    OnAck,
    /// Once it is committed, and not earlier.
    OnCommit,
}

words!(Visibility, "visibility", OnAck => "on-ack", OnCommit => "on-commit");
