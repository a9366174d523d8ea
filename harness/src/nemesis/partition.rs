//! Shapes of partitions, pure: which directed links are cut, and who is left on which side.
//!
//! Symmetric shapes are given by who sees whom. The workers of a node see what their node sees, unless a shape says
//! otherwise. The observer is never cut off. Links between two groups of workers do not exist.

use std::collections::{BTreeMap, BTreeSet};

use super::target::majority;
use crate::environment::{Link, NodeId, Place};

/// What a fault cuts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partition {
    /// Every directed link that is cut.
    pub cut: BTreeSet<Link>,
    /// Groups of places that share a fate; where the shape has no sides in the plain sense (a ring), each node with its
    /// workers is a group.
    pub sides: Vec<Vec<Place>>,
}

impl Partition {
    /// Nothing is cut; everyone is on one side.
    #[must_use]
    pub fn none(nodes: u16) -> Self {
        Self { cut: BTreeSet::new(), sides: vec![with_workers(NodeId::all(nodes))] }
    }

    /// Groups of nodes that see nobody outside; workers go with their node.
    #[must_use]
    pub fn groups(groups: &[Vec<NodeId>]) -> Self {
        let group_of: BTreeMap<NodeId, usize> =
            groups.iter().enumerate().flat_map(|(index, group)| group.iter().map(move |node| (*node, index))).collect();
        let nodes: Vec<NodeId> = group_of.keys().copied().collect();
        let cut = cut_by_sight(&nodes, |one, other| group_of.get(&one) == group_of.get(&other));
        Self { cut, sides: groups.iter().map(|group| with_workers(group.iter().copied())).collect() }
    }

    /// These nodes and their workers against the rest.
    #[must_use]
    pub fn split(nodes: u16, apart: &[NodeId]) -> Self {
        let rest = NodeId::all(nodes).filter(|node| !apart.contains(node)).collect();
        Self::groups(&[apart.to_vec(), rest])
    }

    /// One node against everyone, its own workers included.
    #[must_use]
    pub fn alone(nodes: u16, node: NodeId) -> Self {
        let apart = vec![Place::Node(node)];
        let rest: Vec<Place> =
            with_workers(NodeId::all(nodes)).into_iter().filter(|place| *place != Place::Node(node)).collect();
        let cut = both_ways(&apart, &rest);
        Self { cut, sides: vec![apart, rest] }
    }

    /// Majorities in a ring: every node sees a majority, no two the same one. In the ring's order each node sees its
    /// nearest neighbours, equally many on both sides; three nodes make a row, in which the middle one sees all.
    ///
    /// Sight is mutual, unlike in a ring of exactly minimal majorities: the systems speak TCP, to which a link that is
    /// cut in one direction is cut in both.
    #[must_use]
    pub fn ring(order: &[NodeId]) -> Self {
        let count = order.len();
        let nodes = u16::try_from(count).unwrap_or(u16::MAX);
        let reach = usize::from(majority(nodes)) / 2;
        let index_of = |node| order.iter().position(|other| *other == node).unwrap_or_default();
        let cut = cut_by_sight(order, |one, other| {
            let apart = index_of(one).abs_diff(index_of(other));
            if count == 3 { apart == 1 } else { apart.min(count - apart) <= reach }
        });
        Self { cut, sides: order.iter().map(|node| with_workers([*node])).collect() }
    }

    /// Two groups that do not see each other, and one node that sees both.
    #[must_use]
    pub fn bridge(bridge: NodeId, one: &[NodeId], other: &[NodeId]) -> Self {
        let mut partition = Self::groups(&[one.to_vec(), other.to_vec()]);
        partition.sides.push(with_workers([bridge]));
        partition
    }

    /// Cuts both directions of the link between two nodes; workers reach everyone.
    #[must_use]
    pub fn one_link(one: NodeId, other: NodeId) -> Self {
        let cut = both_ways(&[Place::Node(one)], &[Place::Node(other)]);
        Self { cut, sides: vec![with_workers([one]), with_workers([other])] }
    }

    /// Cuts a node from the other nodes, both ways; workers reach everyone.
    #[must_use]
    pub fn from_other_nodes(nodes: u16, node: NodeId) -> Self {
        let outward = Self::one_way_out(nodes, node);
        let cut = outward.cut.iter().flat_map(|link| [*link, reversed(*link)]).collect();
        Self { cut, sides: outward.sides }
    }

    /// Nothing that a node sends reaches the other nodes; workers reach everyone.
    #[must_use]
    pub fn one_way_out(nodes: u16, node: NodeId) -> Self {
        let others = NodeId::all(nodes).filter(|other| *other != node);
        let cut = others.clone().map(|other| Link { from: Place::Node(node), to: Place::Node(other) }).collect();
        Self { cut, sides: vec![with_workers([node]), with_workers(others)] }
    }

    /// Nothing that the other nodes send reaches a node; workers reach everyone.
    #[must_use]
    pub fn one_way_in(nodes: u16, node: NodeId) -> Self {
        let outward = Self::one_way_out(nodes, node);
        Self { cut: outward.cut.into_iter().map(reversed).collect(), sides: outward.sides }
    }

    /// The workers of some nodes cannot reach any node.
    #[must_use]
    pub fn clients(nodes: u16, owners: &[NodeId]) -> Self {
        let apart: Vec<Place> = owners.iter().map(|owner| Place::Clients(*owner)).collect();
        let all_nodes: Vec<Place> = NodeId::all(nodes).map(Place::Node).collect();
        let rest = with_workers(NodeId::all(nodes)).into_iter().filter(|place| !apart.contains(place)).collect();
        Self { cut: both_ways(&apart, &all_nodes), sides: vec![apart, rest] }
    }
}

/// Nodes, each followed by the group of its workers.
fn with_workers(nodes: impl IntoIterator<Item = NodeId>) -> Vec<Place> {
    nodes.into_iter().flat_map(|node| [Place::Node(node), Place::Clients(node)]).collect()
}

fn reversed(link: Link) -> Link {
    Link { from: link.to, to: link.from }
}

fn both_ways(some: &[Place], others: &[Place]) -> BTreeSet<Link> {
    let pairs = some.iter().flat_map(|from| others.iter().map(move |to| Link { from: *from, to: *to }));
    pairs.filter(exists).flat_map(|link| [link, reversed(link)]).collect()
}

/// At one end of every link there is a node.
fn exists(link: &Link) -> bool {
    link.from != link.to && (matches!(link.from, Place::Node(_)) || matches!(link.to, Place::Node(_)))
}

fn cut_by_sight(nodes: &[NodeId], sees: impl Fn(NodeId, NodeId) -> bool) -> BTreeSet<Link> {
    let mut cut = BTreeSet::new();
    for one in nodes {
        for other in nodes.iter().filter(|other| *other != one && !sees(*one, **other)) {
            cut.extend(both_ways(&with_workers([*one]), &[Place::Node(*other)]));
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const N1: NodeId = NodeId(1);
    const N2: NodeId = NodeId(2);

    fn link(text: &str) -> Link {
        let (from, to) = text.split_once('>').unwrap();
        Link { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    fn links(text: &str) -> BTreeSet<Link> {
        text.split_whitespace().map(link).collect()
    }

    /// The nodes that a place can exchange packets with, both ways.
    fn sight(partition: &Partition, place: Place, nodes: u16) -> BTreeSet<NodeId> {
        let up = |from, to| !partition.cut.contains(&Link { from, to });
        NodeId::all(nodes)
            .filter(|node| {
                let other = Place::Node(*node);
                place == other || (up(place, other) && up(other, place))
            })
            .collect()
    }

    #[test]
    fn a_split_takes_the_workers_along() {
        let partition = Partition::split(3, &[N1]);
        let expected = links("n1>n2 n2>n1 n1>n3 n3>n1 c1>n2 n2>c1 c1>n3 n3>c1 c2>n1 n1>c2 c3>n1 n1>c3");
        assert_eq!(partition.cut, expected);
        assert_eq!(partition.sides.len(), 2);
    }

    #[test]
    fn a_node_alone_has_lost_its_own_workers_too() {
        let partition = Partition::alone(3, N2);
        assert_eq!(partition.cut, links("n1>n2 n2>n1 n2>n3 n3>n2 c1>n2 n2>c1 c2>n2 n2>c2 c3>n2 n2>c3"));
        assert_eq!(sight(&partition, Place::Clients(N2), 3), BTreeSet::from([N1, NodeId(3)]));
    }

    #[test]
    fn one_link_and_one_way_leave_every_worker_connected() {
        assert_eq!(Partition::one_link(N1, N2).cut, links("n1>n2 n2>n1"));
        assert_eq!(Partition::one_way_out(3, N1).cut, links("n1>n2 n1>n3"));
        assert_eq!(Partition::one_way_in(3, N1).cut, links("n2>n1 n3>n1"));
        assert_eq!(Partition::from_other_nodes(3, N1).cut, links("n1>n2 n2>n1 n1>n3 n3>n1"));
    }

    #[test]
    fn isolated_workers_reach_no_node_and_the_others_all() {
        let partition = Partition::clients(3, &[N1]);
        assert_eq!(partition.cut, links("c1>n1 n1>c1 c1>n2 n2>c1 c1>n3 n3>c1"));
    }

    #[test]
    fn in_a_ring_every_node_sees_a_majority_and_no_two_the_same() {
        for nodes in [3, 4, 5, 6, 7, 9] {
            let order: Vec<NodeId> = NodeId::all(nodes).collect();
            let partition = Partition::ring(&order);
            let views: BTreeSet<_> = order.iter().map(|node| sight(&partition, Place::Node(*node), nodes)).collect();
            assert_eq!(views.len(), order.len(), "{nodes} nodes: two see the same");
            assert!(views.iter().all(|view| view.len() >= usize::from(majority(nodes))), "{nodes} nodes: {views:?}");
        }
    }

    #[test]
    fn a_bridge_sees_everyone_and_the_halves_only_themselves_and_it() {
        for nodes in [3, 4, 5, 7] {
            let rest: Vec<NodeId> = NodeId::all(nodes).skip(1).collect();
            let (one, other) = rest.split_at(rest.len() / 2);
            let partition = Partition::bridge(N1, one, other);
            assert_eq!(sight(&partition, Place::Node(N1), nodes).len(), usize::from(nodes));
            for half in [one, other] {
                let expected: BTreeSet<NodeId> = half.iter().copied().chain([N1]).collect();
                assert!(half.iter().all(|node| sight(&partition, Place::Node(*node), nodes) == expected));
            }
        }
    }

    proptest! {
        #[test]
        fn groups_are_cut_from_each_other_and_whole_within(assignment in prop::collection::vec(0_usize..3, 2..8)) {
            let nodes = u16::try_from(assignment.len()).unwrap();
            let mut groups = vec![Vec::new(); 3];
            for (node, group) in NodeId::all(nodes).zip(&assignment) {
                groups[*group].push(node);
            }
            let partition = Partition::groups(&groups);
            for (node, group) in NodeId::all(nodes).zip(&assignment) {
                let expected: BTreeSet<NodeId> = groups[*group].iter().copied().collect();
                prop_assert_eq!(&sight(&partition, Place::Node(node), nodes), &expected);
                prop_assert_eq!(&sight(&partition, Place::Clients(node), nodes), &expected);
            }
            prop_assert!(partition.cut.iter().all(exists));
            prop_assert!(partition.cut.iter().all(|link| partition.cut.contains(&reversed(*link))));
        }
    }
}
