//! How the scripted cluster behaves.

use crate::environment::NodeId;

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replication {
    /// Once a majority has it.
    #[default]
    Majority,
    /// Once the leader has it.
    Async,
}

/// One thing it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Acknowledges every `nth` write and forgets it.
    Forgets {
        /// Counted over the whole cluster.
        nth: u64,
    },
    /// Answers every `nth` read from the state before the last write.
    ReadsStale {
        /// Counted over the whole cluster.
        nth: u64,
    },
    /// A node ends by itself.
    Dies {
        /// Which.
        node: NodeId,
        /// After so many acknowledged writes of the cluster; 0 is at once.
        after_writes: u64,
    },
    /// A node never gets beyond half of the leader's log.
    LagsForEver {
        /// Which.
        node: NodeId,
    },
    /// No node ever leads.
    NeverLeads,
}

/// How the scripted cluster behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// When a write is acknowledged.
    pub replication: Replication,
    /// What it does wrong; `None` is a correct system under its replication.
    pub misbehaviour: Option<Misbehaviour>,
}
