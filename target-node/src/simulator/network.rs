//! Links that delay, lose, repeat and reorder messages, and that can be cut one by one and one way.

use std::{array::IntoIter, iter::Flatten};

use rand::{Rng, RngExt};

use super::plan::NetworkProfile;
use crate::core::NodeId;

/// All links of a cluster.
#[derive(Debug)]
pub(super) struct Network {
    profile: NetworkProfile,
    nodes: usize,
    /// By sender, then receiver.
    cut: Vec<bool>,
    /// From the clients that live with the first node to the second; always both ways.
    clients_cut: Vec<bool>,
}

impl Network {
    pub(super) fn new(profile: NetworkProfile, nodes: u16) -> Self {
        let nodes = usize::from(nodes);
        Self { profile, nodes, cut: vec![false; nodes * nodes], clients_cut: vec![false; nodes * nodes] }
    }

    fn link(&self, from: NodeId, to: NodeId) -> usize {
        (usize::from(from.0) - 1) * self.nodes + usize::from(to.0) - 1
    }

    pub(super) fn cut(&mut self, from: NodeId, to: NodeId) {
        let link = self.link(from, to);
        self.cut[link] = true;
    }

    pub(super) fn cut_clients(&mut self, home: NodeId, node: NodeId) {
        let link = self.link(home, node);
        self.clients_cut[link] = true;
    }

    pub(super) fn join(&mut self) {
        self.cut.fill(false);
        self.clients_cut.fill(false);
    }

    pub(super) fn is_up(&self, from: NodeId, to: NodeId) -> bool {
        !self.cut[self.link(from, to)]
    }

    pub(super) fn is_up_for_clients(&self, home: NodeId, node: NodeId) -> bool {
        !self.clients_cut[self.link(home, node)]
    }

    /// The delays after which a message arrives, in microseconds: none if it is lost, two if it arrives twice.
    pub(super) fn delays_us(&self, rng: &mut impl Rng) -> Flatten<IntoIter<Option<u64>, 2>> {
        let happens = |rng: &mut _, per_mille| per_mille > 0 && RngExt::random_ratio(rng, per_mille, 1000);
        let copies = match () {
            () if happens(rng, self.profile.dropped_per_mille) => 0,
            () if happens(rng, self.profile.repeated_per_mille) => 2,
            () => 1,
        };
        let mut delays = [None; 2];
        for delay in &mut delays[..copies] {
            let factor = if happens(rng, self.profile.late_per_mille) { rng.random_range(1..=100) } else { 1 };
            *delay = Some(rng.random_range(self.profile.delay_us_min..=self.profile.delay_us_max) * factor);
        }
        delays.into_iter().flatten()
    }
}
