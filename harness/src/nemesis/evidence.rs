//! What was seen of a fault's steps, as data, for the proof.

use std::collections::BTreeSet;

use crate::environment::{Link, NodeId};

/// What was seen of one step.
#[derive(Debug, Clone)]
pub(super) enum Evidence {
    /// Links were cut.
    Cut(CutEvidence),
    /// A node was stopped.
    Stop(StopEvidence),
    /// A node was killed.
    Kill(KillEvidence),
}

/// Links were cut. Times are on the run's clock.
#[derive(Debug, Clone)]
pub(super) struct CutEvidence {
    pub(super) links: BTreeSet<Link>,
    /// Those that another fault had cut already: nothing arrived before.
    pub(super) cut_before: BTreeSet<Link>,
    /// Those that another fault keeps cut: nothing arrives after.
    pub(super) cut_after: BTreeSet<Link>,
    /// Just before the environment was told to cut.
    pub(super) cutting_ns: u64,
    /// Just after.
    pub(super) in_force_ns: u64,
    /// Just before the environment was told to let go.
    pub(super) ending_ns: Option<u64>,
    /// Just after.
    pub(super) up_ns: Option<u64>,
    /// Packets dropped on these links before.
    pub(super) dropped_before: u64,
    /// Packets dropped on these links by the time they came up.
    pub(super) dropped: u64,
}

/// A node was stopped.
#[derive(Debug, Clone)]
pub(super) struct StopEvidence {
    pub(super) node: NodeId,
    /// The first look at which all its threads were stopped and off the processor.
    pub(super) first: Option<Look>,
    /// The look just before it was continued.
    pub(super) last: Option<Look>,
}

/// A node was killed.
#[derive(Debug, Clone)]
pub(super) struct KillEvidence {
    pub(super) node: NodeId,
    pub(super) pid: i32,
    pub(super) killed_ns: u64,
    /// When the process was first seen gone.
    pub(super) gone_ns: Option<u64>,
    /// The process it runs as since it was started again.
    pub(super) new_pid: Option<i32>,
}

/// What the kernel said about a running process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) at_ns: u64,
    pub(super) pid: i32,
    pub(super) all_threads_stopped: bool,
    pub(super) cpu_time_ns: u64,
}
