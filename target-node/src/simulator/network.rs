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

    pub(super) fn nodes(&self) -> u16 {
        self.nodes as u16
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

    /// How long a request or an answer takes, in microseconds: a connection loses nothing and repeats nothing.
    pub(super) fn delay_us(&self, rng: &mut impl Rng) -> u64 {
        let factor = if happens(rng, self.profile.late_per_mille) { rng.random_range(1..=100) } else { 1 };
        rng.random_range(self.profile.delay_us_min..=self.profile.delay_us_max) * factor
    }

    /// The delays after which a message arrives, in microseconds: none if it is lost, two if it arrives twice.
    pub(super) fn delays_us(&self, rng: &mut impl Rng) -> Flatten<IntoIter<Option<u64>, 2>> {
        let copies = match () {
            () if happens(rng, self.profile.dropped_per_mille) => 0,
            () if happens(rng, self.profile.repeated_per_mille) => 2,
            () => 1,
        };
        let mut delays = [None; 2];
        for delay in &mut delays[..copies] {
            *delay = Some(self.delay_us(rng));
        }
        delays.into_iter().flatten()
    }
}

fn happens(rng: &mut impl Rng, per_mille: u32) -> bool {
    per_mille > 0 && rng.random_ratio(per_mille, 1000)
}
