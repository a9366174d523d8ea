//! Whom a fault hits: a role while it is planned, nodes at the moment it fires.

use std::fmt;
use std::str::FromStr;

use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::environment::NodeId;

/// A target as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The node that claims to lead with the highest term.
    Leader,
    /// Any one node that does not lead.
    Follower,
    /// Any one node.
    One,
    /// As many nodes as may be missing while a majority is left.
    Minority,
    /// The smallest majority.
    Majority,
    /// Every node.
    All,
    /// These nodes.
    Nodes(Vec<NodeId>),
}

/// The words for [`Target`], for messages.
pub(super) const TARGET_VALUES: &str = "leader, follower, one, minority, majority, all or nodes such as n1+n3";

/// The words for a target that is always one node.
pub(super) const SINGLE_TARGET_VALUES: &str = "leader, follower, one or a node such as n2";

/// How many nodes make a majority.
#[must_use]
pub(super) fn majority(nodes: u16) -> u16 {
    nodes / 2 + 1
}

impl Target {
    /// Whether it is always exactly one node.
    #[must_use]
    pub fn is_single(&self) -> bool {
        match self {
            Self::Leader | Self::Follower | Self::One => true,
            Self::Nodes(nodes) => nodes.len() == 1,
            Self::Minority | Self::Majority | Self::All => false,
        }
    }

    /// Whether it can only be resolved while there is a leader.
    #[must_use]
    pub fn needs_leader(&self) -> bool {
        matches!(self, Self::Leader | Self::Follower)
    }

    /// The nodes that are meant now, ascending; `None` where it needs a leader and there is none.
    #[must_use]
    pub fn resolve(&self, nodes: u16, leader: Option<NodeId>, random: &mut ChaCha8Rng) -> Option<Vec<NodeId>> {
        let mut all: Vec<NodeId> = NodeId::all(nodes).collect();
        let mut resolved = match self {
            Self::Leader => vec![leader?],
            Self::Follower => {
                let leader = leader?;
                all.retain(|node| *node != leader);
                vec![*all.choose(random)?]
            }
            Self::One => vec![*all.choose(random)?],
            Self::Minority => draw(&mut all, nodes - majority(nodes), random),
            Self::Majority => draw(&mut all, majority(nodes), random),
            Self::All => all,
            Self::Nodes(nodes) => nodes.clone(),
        };
        resolved.sort_unstable();
        Some(resolved)
    }

    /// Refuses nodes that are not there, and roles nobody has.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn check(&self, nodes: u16) -> Result<(), String> {
        match self {
            Self::Nodes(named) => match named.iter().find(|node| node.0 > nodes) {
                Some(node) => Err(format!("there is no {node}: the nodes are n1 to n{nodes}")),
                None => Ok(()),
            },
            Self::Minority if nodes < 3 => Err(format!("{nodes} nodes have no minority; use at least 3")),
            _ => Ok(()),
        }
    }
}

fn draw(all: &mut [NodeId], count: u16, random: &mut ChaCha8Rng) -> Vec<NodeId> {
    all.shuffle(random);
    all.iter().copied().take(usize::from(count)).collect()
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::One => "one",
            Self::Minority => "minority",
            Self::Majority => "majority",
            Self::All => "all",
            Self::Nodes(nodes) => {
                let names: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
                return formatter.write_str(&names.join("+"));
            }
        };
        formatter.write_str(word)
    }
}

impl FromStr for Target {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "leader" => Self::Leader,
            "follower" => Self::Follower,
            "one" => Self::One,
            "minority" => Self::Minority,
            "majority" => Self::Majority,
            "all" => Self::All,
            names => {
                let mut nodes = names.split('+').map(str::parse).collect::<Result<Vec<NodeId>, ()>>()?;
                nodes.sort_unstable();
                nodes.dedup();
                Self::Nodes(nodes)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn resolve(target: &Target, nodes: u16, seed: u64) -> Vec<NodeId> {
        target.resolve(nodes, Some(NodeId(2)), &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
    }

    #[test]
    fn roles_have_the_sizes_their_names_promise() {
        for (nodes, minority_size) in [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (7, 3)] {
            for seed in 0..20 {
                assert_eq!(resolve(&Target::Minority, nodes, seed).len(), minority_size, "seed {seed}, {nodes} nodes");
                let majority_size = resolve(&Target::Majority, nodes, seed).len();
                assert_eq!(majority_size + minority_size, usize::from(nodes), "seed {seed}, {nodes} nodes");
                assert_eq!(resolve(&Target::One, nodes, seed).len(), 1);
                assert_eq!(resolve(&Target::All, nodes, seed).len(), usize::from(nodes));
            }
        }
    }

    #[test]
    fn choices_follow_the_seed_and_reach_every_node() {
        let first: Vec<_> = (0..64).map(|seed| resolve(&Target::One, 5, seed)).collect();
        let second: Vec<_> = (0..64).map(|seed| resolve(&Target::One, 5, seed)).collect();
        assert_eq!(first, second);
        let seen: std::collections::BTreeSet<_> = first.into_iter().flatten().collect();
        assert_eq!(seen.len(), 5);
    }

    #[test]
    fn a_leader_that_is_not_there_is_no_node() {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        assert_eq!(Target::Leader.resolve(3, None, &mut random), None);
        assert_eq!(Target::Leader.resolve(3, Some(NodeId(3)), &mut random), Some(vec![NodeId(3)]));
    }

    #[test]
    fn a_follower_is_any_node_but_the_leader() {
        let seen: std::collections::BTreeSet<_> =
            (0..64).flat_map(|seed| resolve(&Target::Follower, 5, seed)).collect();
        assert_eq!(seen, [1, 3, 4, 5].map(NodeId).into());
        let mut random = ChaCha8Rng::seed_from_u64(0);
        assert_eq!(Target::Follower.resolve(3, None, &mut random), None);
    }

    #[test]
    fn targets_read_back_as_they_are_written() {
        for text in ["leader", "follower", "one", "minority", "majority", "all", "n2", "n1+n3"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", "candidate", "n0", "n1+", "n1,n2"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        assert!("n4".parse::<Target>().unwrap().check(3).unwrap_err().contains("n1 to n3"));
    }
}
