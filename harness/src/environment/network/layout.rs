//! Which places there are, their numbers and their addresses.
//!
//! Node *i* is 10.77.0.*i*, its group of clients 10.77.1.*i*, the observer 10.77.2.1; all in one flat 10.77.0.0/16.

use std::net::Ipv4Addr;

use super::super::{Link, NodeId, Place};

/// The length of the network's prefix.
pub(in crate::environment) const PREFIX_LENGTH: u8 = 16;

/// The places of a run with a given number of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::environment) struct Layout {
    nodes: u16,
}

impl Layout {
    /// More nodes do not fit into the addresses.
    pub(in crate::environment) const NODES_MAX: u16 = 100;

    /// `None` if there are no nodes or too many.
    pub(in crate::environment) fn new(nodes: u16) -> Option<Self> {
        (1..=Self::NODES_MAX).contains(&nodes).then_some(Self { nodes })
    }

    /// How many nodes.
    pub(in crate::environment) fn nodes(self) -> u16 {
        self.nodes
    }

    /// How many places.
    pub(in crate::environment) fn count(self) -> usize {
        2 * usize::from(self.nodes) + 1
    }

    /// Every place in the order of [`Self::index`].
    pub(in crate::environment) fn places(self) -> impl Iterator<Item = Place> {
        let nodes = NodeId::all(self.nodes);
        nodes.clone().map(Place::Node).chain(nodes.map(Place::Clients)).chain([Place::Observer])
    }

    /// The number of a place.
    pub(in crate::environment) fn index(self, place: Place) -> usize {
        match place {
            Place::Node(node) => node.index(),
            Place::Clients(node) => usize::from(self.nodes) + node.index(),
            Place::Observer => 2 * usize::from(self.nodes),
        }
    }

    /// The number of a directed link.
    pub(in crate::environment) fn link_index(self, link: Link) -> usize {
        self.index(link.from) * self.count() + self.index(link.to)
    }

    /// The number of directed links, those from a place to itself counted in.
    pub(in crate::environment) fn link_count(self) -> usize {
        self.count() * self.count()
    }

    /// The address of a place.
    pub(in crate::environment) fn address(self, place: Place) -> Ipv4Addr {
        let (third, fourth) = match place {
            Place::Node(node) => (0, node.0),
            Place::Clients(node) => (1, node.0),
            Place::Observer => (2, 1),
        };
        // At most NODES_MAX, so it fits.
        Ipv4Addr::new(10, 77, third, u8::try_from(fourth).unwrap_or(u8::MAX))
    }

    /// The number of the place that has an address.
    pub(in crate::environment) fn index_of_address(self, address: [u8; 4]) -> Option<usize> {
        let [10, 77, third, fourth] = address else { return None };
        let node = NodeId(u16::from(fourth));
        let exists = (1..=self.nodes).contains(&node.0);
        match third {
            0 if exists => Some(self.index(Place::Node(node))),
            1 if exists => Some(self.index(Place::Clients(node))),
            2 if fourth == 1 => Some(self.index(Place::Observer)),
            _ => None,
        }
    }

    /// The links that carry probes: between two nodes, and between a node and every group of clients, both ways.
    pub(in crate::environment) fn probed_links(self) -> Vec<Link> {
        let mut links = Vec::new();
        for node in NodeId::all(self.nodes).map(Place::Node) {
            for other in self.places().filter(|other| *other != node && *other != Place::Observer) {
                links.push(Link { from: node, to: other });
                if matches!(other, Place::Clients(_)) {
                    links.push(Link { from: other, to: node });
                }
            }
        }
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_address_lead_back_to_the_place() {
        let layout = Layout::new(5).unwrap();
        for (index, place) in layout.places().enumerate() {
            assert_eq!(layout.index(place), index);
            assert_eq!(layout.index_of_address(layout.address(place).octets()), Some(index));
        }
        assert_eq!(layout.index_of_address([10, 77, 0, 6]), None);
        assert_eq!(layout.index_of_address([10, 77, 0, 0]), None);
        assert_eq!(layout.index_of_address([10, 77, 2, 2]), None);
        assert_eq!(Layout::new(0), None);
    }

    #[test]
    fn probes_cover_each_link_of_a_node_but_those_to_the_observer_once() {
        let layout = Layout::new(3).unwrap();
        let mut links = layout.probed_links();
        assert_eq!(links.len(), 3 * 2 + 2 * 3 * 3);
        links.sort();
        links.dedup();
        assert_eq!(links.len(), 24);
    }
}
