//! Who belongs to the cluster: voters, who count, and learners, who only copy (Raft dissertation, chapter 4).
//!
//! Members change by one node at a time: the old and the new majority then always overlap. The members in force are those
//! of the last [`Command::Members`](super::Command::Members) in a node's log, committed or not.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

use super::types::NodeId;

/// The nodes of a cluster; for each where its peers reach it, if that is not known to them from their start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Those who vote and whose copies count.
    pub voters: BTreeMap<NodeId, Option<SocketAddr>>,
    /// Those who are sent the log and count for nothing yet.
    pub learners: BTreeMap<NodeId, Option<SocketAddr>>,
}

impl Members {
    /// Nodes n1 to n`nodes`, all voters.
    #[must_use]
    pub fn first(nodes: u16) -> Self {
        Self::of((1..=nodes).map(NodeId))
    }

    /// These voters.
    pub fn of(voters: impl IntoIterator<Item = NodeId>) -> Self {
        Self { voters: voters.into_iter().map(|node| (node, None)).collect(), learners: BTreeMap::new() }
    }

    /// Whether `node` votes.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.contains_key(&node)
    }

    /// Whether `node` belongs to the cluster.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.is_voter(node) || self.learners.contains_key(&node)
    }

    /// Every member, voters first.
    pub fn all(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.voters.keys().chain(self.learners.keys()).copied()
    }

    /// The same with `node` as a learner.
    #[must_use]
    pub fn with_learner(&self, node: NodeId, address: Option<SocketAddr>) -> Self {
        let mut members = self.clone();
        members.learners.insert(node, address);
        members
    }

    /// The same with the learner `node` as a voter.
    #[must_use]
    pub fn with_voter(&self, node: NodeId) -> Self {
        let mut members = self.clone();
        if let Some(address) = members.learners.remove(&node) {
            members.voters.insert(node, address);
        }
        members
    }

    /// The same without `node`.
    #[must_use]
    pub fn without(&self, node: NodeId) -> Self {
        let mut members = self.clone();
        members.voters.remove(&node);
        members.learners.remove(&node);
        members
    }

    /// Where the peers of `node` reach it, if that is known from the members.
    #[must_use]
    pub fn address(&self, node: NodeId) -> Option<SocketAddr> {
        self.voters.get(&node).or_else(|| self.learners.get(&node)).copied().flatten()
    }

    /// How many voters are a majority; 1 of none.
    #[must_use]
    pub fn majority(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    /// How many vote.
    #[must_use]
    pub fn voter_count(&self) -> u16 {
        u16::try_from(self.voters.len()).unwrap_or(u16::MAX)
    }
}
