//! What a run leaves behind.

use super::{
    judge::Report,
    operation::{Datum, Object, Operation, object_of},
    world::World,
};
use crate::core::Role;

/// What an object holds at the end: every node agrees on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosingRead {
    /// What kind of object it is.
    pub object: Object,
    /// The object.
    pub key: String,
    /// Its value.
    pub value: Datum,
}

/// A run whose cluster has healed and agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it came to, in the nodes' own account.
    pub report: Report,
    /// What clients did, in the order of invocation.
    pub operations: Vec<Operation>,
    /// What was there at the end.
    pub closing_reads: Vec<ClosingRead>,
    /// When the cluster agreed, in microseconds after the start.
    pub agreed_us: u64,
    /// The leader that it agreed on.
    pub leader: u16,
    /// A line for every step, if the plan asked for it.
    pub trace: Vec<String>,
}

impl Run {
    pub(super) fn of(world: &mut World, report: Report) -> Self {
        let leader = world.cores().find(|(_, core)| core.role() == Role::Leader);
        let read = |(key, value): (&str, _)| ClosingRead {
            object: object_of(key),
            key: key.to_owned(),
            value: Datum::of(&value),
        };
        Self {
            operations: world.invocations.iter().map(Operation::of).collect(),
            closing_reads: leader.map(|(_, core)| core.contents().map(read).collect()).unwrap_or_default(),
            agreed_us: world.now_us,
            leader: leader.map_or(0, |(node, _)| node.0),
            trace: std::mem::take(&mut world.trace),
            report,
        }
    }
}
