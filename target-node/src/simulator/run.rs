//! What a run leaves behind.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    judge::Report,
    operation::{Datum, Object, Operation},
    world::World,
};
use crate::core::Value;

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
    /// What every object that clients asked for holds at the end.
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
        let leader = world.only_leader();
        let contents: BTreeMap<String, Value> = leader
            .map(|(_, core)| core.contents().map(|(key, value)| (key.to_owned(), value)).collect())
            .unwrap_or_default();
        let operations: Vec<_> = world.invocations.iter().map(Operation::of).collect();
        let keys: BTreeSet<_> = operations.iter().flat_map(keys).collect();
        let read = |(object, key): (Object, &str)| ClosingRead {
            object,
            key: key.to_owned(),
            value: object.shown(contents.get(key)),
        };
        Self {
            closing_reads: keys.into_iter().map(read).collect(),
            operations,
            agreed_us: world.now_us,
            leader: leader.map_or(0, |(node, _)| node.0),
            trace: std::mem::take(&mut world.trace),
            report,
        }
    }
}

/// The objects that an operation is about.
fn keys(operation: &Operation) -> Vec<(Object, &str)> {
    if let Some(key) = &operation.key {
        return vec![(operation.object, key)];
    }
    let Datum::List(steps) = &operation.argument else { return Vec::new() };
    steps.iter().filter_map(|step| Some((operation.object, key_of(step)?))).collect()
}

fn key_of(step: &Datum) -> Option<&str> {
    let Datum::List(parts) = step else { return None };
    match parts.get(1) {
        Some(Datum::Text(key)) => Some(key),
        _ => None,
    }
}
