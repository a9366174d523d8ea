//! Links that delay, lose, repeat and reorder messages, and that can be cut one by one and one way.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use super::plan::NetworkProfile;
use crate::core::NodeId;

/// All links of a cluster.
#[derive(Debug)]
pub(super) struct Network {
    profile: NetworkProfile,
    cut: BTreeSet<(NodeId, NodeId)>,
    /// From the clients that live with the first node to the second; always both ways.
    clients_cut: BTreeSet<(NodeId, NodeId)>,
}

impl Network {
    pub(super) fn new(profile: NetworkProfile) -> Self {
        Self { profile, cut: BTreeSet::new(), clients_cut: BTreeSet::new() }
    }

    pub(super) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    pub(super) fn cut_clients(&mut self, home: NodeId, node: NodeId) {
        self.clients_cut.insert((home, node));
    }

    pub(super) fn join(&mut self) {
        self.cut.clear();
        self.clients_cut.clear();
    }

    pub(super) fn is_up(&self, from: NodeId, to: NodeId) -> bool {
        !self.cut.contains(&(from, to))
    }

    pub(super) fn is_up_for_clients(&self, home: NodeId, node: NodeId) -> bool {
        !self.clients_cut.contains(&(home, node))
    }

    /// The delays after which a message arrives, in microseconds: none if it is lost, two if it arrives twice.
    pub(super) fn delays_us(&self, rng: &mut impl Rng) -> Vec<u64> {
        let happens = |rng: &mut _, per_mille| RngExt::random_ratio(rng, per_mille, 1000);
        if happens(rng, self.profile.dropped_per_mille) {
            return Vec::new();
        }
        let copies = if happens(rng, self.profile.repeated_per_mille) { 2 } else { 1 };
        (0..copies)
            .map(|_| {
                let factor = if happens(rng, self.profile.late_per_mille) { rng.random_range(1..=100) } else { 1 };
                rng.random_range(self.profile.delay_us_min..=self.profile.delay_us_max) * factor
            })
            .collect()
    }
}
