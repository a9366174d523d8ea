//! The partitions that every network must be able to make.

use std::collections::BTreeSet;

use schism::environment::{Link, NodeId, Place};

/// How many nodes the shapes are made for.
pub(crate) const NODES: u16 = 5;

/// Names of the shapes.
pub(crate) const SHAPES: [&str; 7] =
    ["isolate-one", "halves", "one-way", "ring", "bridge", "leader-with-clients", "clients-only"];

/// The links that a shape cuts.
pub(crate) fn cuts(shape: &str) -> BTreeSet<Link> {
    match shape {
        "isolate-one" => between(&[node(1)], &[node(2), node(3), node(4), node(5)]),
        "halves" => between(&[node(1), node(2), clients(1), clients(2)], &[node(3), node(4), node(5), clients(3)]),
        "one-way" => {
            let from = node(1);
            [2, 3, 4, 5].map(|to| Link { from, to: node(to) }).into()
        }
        // Each node reaches its two neighbours only, so every node sees a majority, and no two see the same.
        "ring" => (1..=NODES).flat_map(|at| between(&[node(at)], &[node((at + 1) % NODES + 1)])).collect(),
        "bridge" => between(&[node(1), node(2)], &[node(4), node(5)]),
        "leader-with-clients" => between(
            &[node(2), clients(2)],
            &[node(1), node(3), node(4), node(5), clients(1), clients(3), clients(4), clients(5)],
        ),
        "clients-only" => between(&[clients(3)], &[node(1), node(2), node(3)]),
        other => panic!("no shape {other}"),
    }
}

fn node(number: u16) -> Place {
    Place::Node(NodeId(number))
}

fn clients(number: u16) -> Place {
    Place::Clients(NodeId(number))
}

/// Every link from one side to the other, both ways.
fn between(one: &[Place], other: &[Place]) -> BTreeSet<Link> {
    one.iter()
        .flat_map(|from| other.iter().map(move |to| (*from, *to)))
        .flat_map(|(from, to)| [Link { from, to }, Link { from: to, to: from }])
        .collect()
}
