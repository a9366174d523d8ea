//! What may happen in a schedule.

use proptest::{collection::vec, prelude::*};

/// One step of a schedule. Nodes are counted from 1; what is not possible when its turn comes does nothing.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// A node that does not lead stands for election.
    Campaign { node: u16 },
    /// A node stands for election, and all votes between it and these nodes arrive.
    Elect { node: u16, reached: Vec<bool> },
    /// The oldest vote, or request for one, on a link.
    Vote { from: u16, to: u16, fate: Fate },
    /// Everything of logs that is in flight on a link.
    Log { from: u16, to: u16, is_lost: bool },
    /// A client writes to every node that leads.
    Propose,
    /// A leader lets these nodes hear it, until nothing is in flight between them.
    Beat { node: u16, reached: Vec<bool> },
    /// A node crashes and starts again with what is on its disk.
    Restart { node: u16 },
    /// A node that does not lead has not heard its leader for the shortest election timeout.
    LosePatience { node: u16 },
    /// A leader looks whether a majority has answered it lately.
    CheckQuorum { node: u16 },
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    IsLost,
    ArrivesAndStays,
}

/// Schedules for so many nodes.
pub(crate) fn actions(nodes: u16) -> impl Strategy<Value = Vec<Action>> {
    let node = move || 1..=nodes;
    let reached = move || vec(prop::bool::weighted(0.7), usize::from(nodes));
    let fate = prop_oneof![8 => Just(Fate::Arrives), 1 => Just(Fate::IsLost), 1 => Just(Fate::ArrivesAndStays)];
    let action = prop_oneof![
        3 => node().prop_map(|node| Action::Campaign { node }),
        4 => (node(), reached()).prop_map(|(node, reached)| Action::Elect { node, reached }),
        16 => (node(), node(), fate).prop_map(|(from, to, fate)| Action::Vote { from, to, fate }),
        12 => (node(), node(), prop::bool::weighted(0.2))
            .prop_map(|(from, to, is_lost)| Action::Log { from, to, is_lost }),
        5 => Just(Action::Propose),
        4 => (node(), reached()).prop_map(|(node, reached)| Action::Beat { node, reached }),
        1 => node().prop_map(|node| Action::Restart { node }),
        4 => node().prop_map(|node| Action::LosePatience { node }),
        1 => node().prop_map(|node| Action::CheckQuorum { node }),
    ];
    vec(action, 1..120)
}
