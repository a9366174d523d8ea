//! Who becomes leader, and what becomes of the one before.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    SettingsError,
    words::{parse_ms, words},
};
use crate::core::NodeId;

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

words!(Failover, "failover", Consensus => "consensus", Timeout => "timeout", Manual => "manual");

/// What stops an old leader under [`Failover::Timeout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fencing {
    /// Nothing: followers take the appends of everybody.
    None,
    /// Followers refuse an epoch below the one they follow.
    Epoch,
    /// The same, and a leader that was not answered for a lease stops by itself.
    Lease,
}

words!(Fencing, "fencing", None => "none", Epoch => "epoch", Lease => "lease");

/// What a node does whose log holds what its leader's does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rejoin {
    /// It cuts its log back to what both have.
    Truncate,
    /// It throws its log away and takes the leader's state whole.
    Resync,
    /// It keeps what it has and stays apart.
    Keep,
}

words!(Rejoin, "rejoin", Truncate => "truncate", Resync => "resync", Keep => "keep");

/// Who leads by preference. Nodes that are not named come after those that are, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Priority {
    order: Vec<NodeId>,
}

impl Priority {
    /// The nodes that are named, the most preferred first.
    #[must_use]
    pub fn named(&self) -> &[NodeId] {
        &self.order
    }

    /// Sorts nodes by preference: the lower, the more preferred.
    #[must_use]
    pub fn rank(&self, node: NodeId) -> (usize, NodeId) {
        (self.order.iter().position(|named| *named == node).unwrap_or(self.order.len()), node)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.order.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<String> = self.order.iter().map(NodeId::to_string).collect();
        f.write_str(&names.join(">"))
    }
}

impl FromStr for Priority {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let mut order = Vec::new();
        if text == "none" {
            return Ok(Self { order });
        }
        for name in text.split('>') {
            let node = name.trim().parse().map_err(|_| SettingsError::invalid("priority", text))?;
            if order.contains(&node) {
                return Err(SettingsError::conflict(format!("priority={text} names {node} twice: name it once")));
            }
            order.push(node);
        }
        Ok(Self { order })
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
