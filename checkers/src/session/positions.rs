//! Sessions across keys, from the log positions that a system tells.
//!
//! A read carries the position of the state it was answered from, an acknowledged write its own position. A state at
//! position p does not contain a write at a later position, whatever the keys. So a read breaks
//! - read your writes, if its position is before that of an earlier acknowledged write of its process;
//! - monotonic reads, if it is before that of a write whose value an earlier read of its process returned.

use rustc_hash::FxHashMap;

use super::{Guarantee, Violation, takes_part};
use crate::checker::Context;
use crate::history::{KeyId, Operation, Outcome, ValueId};
use crate::witness::describe;

/// The latest write that a process must see from now on, and how it came to know of it.
#[derive(Clone, Copy)]
struct Floor<'h> {
    position: u64,
    known_by: Operation<'h>,
}

pub(super) fn violations<'h>(context: &Context<'h>, guarantees: &[Guarantee]) -> Vec<Violation<'h>> {
    let history = context.history;
    let writes = || history.operations().filter(|operation| !operation.is_read() && takes_part(operation));
    // Positions of values that were certainly written once.
    let mut written: FxHashMap<(KeyId, ValueId), Option<u64>> = FxHashMap::default();
    for write in writes().filter(|write| write.outcome() != Outcome::Fail) {
        let entry = written.entry((write.key(), write.argument()));
        let position = write.position().filter(|_| write.is_ok());
        entry.and_modify(|position| *position = None).or_insert(position);
    }
    let processes = history.processes().len();
    let mut violations = Vec::new();
    let mut of_writes: Vec<Option<Floor<'h>>> = vec![None; processes];
    let mut of_reads: Vec<Option<Floor<'h>>> = vec![None; processes];
    for operation in history.operations().filter(|operation| operation.is_ok() && takes_part(operation)) {
        let process = operation.process().index();
        if !operation.is_read() {
            raise(&mut of_writes[process], operation.position(), operation);
            continue;
        }
        let Some(position) = operation.position() else { continue };
        let mut compare = |guarantee: Guarantee, floor: Option<Floor<'h>>| {
            if let Some(floor) = floor.filter(|floor| position < floor.position && guarantees.contains(&guarantee)) {
                violations.push(violation(guarantee, floor, operation, position));
            }
        };
        compare(Guarantee::ReadYourWrites, of_writes[process]);
        compare(Guarantee::MonotonicReads, of_reads[process]);
        let Some(result) = operation.result() else { continue };
        let one = [result];
        for value in history.values().as_list(result).unwrap_or(&one) {
            raise(&mut of_reads[process], written.get(&(operation.key(), *value)).copied().flatten(), operation);
        }
    }
    violations
}

fn raise<'h>(floor: &mut Option<Floor<'h>>, position: Option<u64>, known_by: Operation<'h>) {
    if let Some(position) = position.filter(|position| floor.is_none_or(|floor| floor.position < *position)) {
        *floor = Some(Floor { position, known_by });
    }
}

fn violation<'h>(guarantee: Guarantee, floor: Floor<'h>, read: Operation<'h>, position: u64) -> Violation<'h> {
    let text = format!(
        "a read was answered from the state at position {position}, though its process knew of the write at position {}: \
         {}; then {}",
        floor.position,
        describe(read.history(), &floor.known_by),
        describe(read.history(), &read)
    );
    Violation { kind: guarantee.kind(), text, operations: vec![floor.known_by, read] }
}
