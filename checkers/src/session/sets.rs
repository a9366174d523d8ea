//! Sessions over grow-only sets: what a read returned is what it saw, so nothing has to be inferred.
//!
//! - Read your writes: a read misses an element that its process had added, acknowledged.
//! - Monotonic reads: a read misses an element that an earlier read of its process returned.
//! - Monotonic writes: a read returns an element and misses one that the same process had added before, acknowledged.
//! - Writes follow reads: a read returns an element and misses one that its adder had read before adding it.
//!
//! Missing elements are found by counting: a read that returns all that is demanded returns as many of them. The last
//! guarantee takes the size of the read for every process that added one of its elements.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Guarantee, Violation, takes_part};
use crate::checker::Context;
use crate::history::{Function, KeyId, Operation, Outcome, ProcessId, ValueId};
use crate::witness::{describe, short};

/// What one process did to one key.
#[derive(Default)]
struct Session<'h> {
    /// Acknowledged adds in order.
    added: Vec<(ValueId, Operation<'h>)>,
    /// Elements seen, in order of first sight, by which read.
    seen: Vec<(ValueId, Operation<'h>)>,
    place_seen: FxHashMap<ValueId, usize>,
}

/// How an element came to be added.
#[derive(Clone, Copy)]
struct Add<'h> {
    operation: Operation<'h>,
    session: usize,
    /// Acknowledged adds of its process before it.
    added_before: usize,
    /// Elements its process had seen before it.
    seen_before: usize,
}

struct Sets<'h> {
    session_ids: FxHashMap<(ProcessId, KeyId), usize>,
    sessions: Vec<Session<'h>>,
    adds: FxHashMap<(KeyId, ValueId), Add<'h>>,
}

/// Finds violations of each guarantee.
///
/// # Errors
/// Why the history cannot be judged.
pub(super) fn violations<'h>(context: &Context<'h>, guarantees: &[Guarantee]) -> Result<Vec<Violation<'h>>, String> {
    let history = context.history;
    let asked = |guarantee| guarantees.contains(&guarantee);
    let mut sets = Sets { session_ids: FxHashMap::default(), sessions: Vec::new(), adds: FxHashMap::default() };
    let mut violations = Vec::new();
    // First what each session knew and when, and what single sessions show; then what reads show of others' writes.
    let mut reads: Vec<(Operation<'h>, Vec<ValueId>)> = Vec::new();
    for operation in history.operations().filter(takes_part) {
        match operation.function() {
            Function::Add => sets.add(operation)?,
            Function::Read => {
                let Some(result) = operation.result() else { continue };
                let Some(items) = history.values().as_list(result) else {
                    return Err(format!("index {}: a read of a set returns a list", operation.invoked_index()));
                };
                let mut elements = items.to_vec();
                elements.sort_unstable();
                elements.dedup();
                sets.own_read(operation, &elements, &asked, &mut violations);
                reads.push((operation, elements));
            }
            _ => {
                let (index, f) = (operation.invoked_index(), operation.f());
                return Err(format!("index {index}: `{f}` is not an operation of a set"));
            }
        }
    }
    for (number, (read, elements)) in reads.iter().enumerate() {
        if number % 64 == 0 && (context.limits.should_stop)() {
            return Err("the time limit was reached".to_owned());
        }
        sets.others(*read, elements, &asked, &mut violations);
    }
    Ok(violations)
}

impl<'h> Sets<'h> {
    fn session(&mut self, operation: &Operation<'h>) -> usize {
        *self.session_ids.entry((operation.process(), operation.key())).or_insert_with(|| {
            self.sessions.push(Session::default());
            self.sessions.len() - 1
        })
    }

    fn add(&mut self, operation: Operation<'h>) -> Result<(), String> {
        if operation.outcome() == Outcome::Fail {
            return Ok(());
        }
        let session = self.session(&operation);
        let own = &mut self.sessions[session];
        let add = Add { operation, session, added_before: own.added.len(), seen_before: own.seen.len() };
        if operation.is_ok() {
            own.added.push((operation.argument(), operation));
        }
        match self.adds.insert((operation.key(), operation.argument()), add) {
            None => Ok(()),
            Some(_) => Err(format!(
                "{} was added to {} twice, so nobody can say which add a read saw",
                short(operation.history(), operation.argument()),
                operation.history().key_name(operation.key())
            )),
        }
    }

    /// What a read shows of its own process, and what that process knows from now on.
    fn own_read(
        &mut self,
        read: Operation<'h>,
        elements: &[ValueId],
        asked: &impl Fn(Guarantee) -> bool,
        violations: &mut Vec<Violation<'h>>,
    ) {
        let session = self.session(&read);
        let own = &mut self.sessions[session];
        let contains = |element: ValueId| elements.binary_search(&element).is_ok();
        if asked(Guarantee::ReadYourWrites)
            && let Some((element, add)) = own.added.iter().find(|(element, _)| !contains(*element))
        {
            let text = format!("{} is missing from a later read of its own process", short(read.history(), *element));
            violations.push(told(Guarantee::ReadYourWrites, &text, vec![*add, read]));
        }
        if asked(Guarantee::MonotonicReads) {
            let still_there = elements.iter().filter(|element| own.place_seen.contains_key(element)).count();
            if still_there < own.seen.len()
                && let Some((element, earlier)) = own.seen.iter().find(|(element, _)| !contains(*element))
            {
                let text = format!("a process saw {}, and later did not", short(read.history(), *element));
                violations.push(told(Guarantee::MonotonicReads, &text, vec![*earlier, read]));
            }
        }
        for element in elements {
            let next = own.seen.len();
            own.place_seen.entry(*element).or_insert_with(|| {
                own.seen.push((*element, read));
                next
            });
        }
    }

    /// What a read shows of the processes that added its elements.
    fn others(
        &self,
        read: Operation<'h>,
        elements: &[ValueId],
        asked: &impl Fn(Guarantee) -> bool,
        violations: &mut Vec<Violation<'h>>,
    ) {
        let contains = |element: &ValueId| elements.binary_search(element).is_ok();
        // By adding process: its latest add among the elements, which demands the most.
        let mut latest: FxHashMap<usize, Add<'h>> = FxHashMap::default();
        let mut acknowledged: FxHashMap<usize, usize> = FxHashMap::default();
        for element in elements {
            let Some(add) = self.adds.get(&(read.key(), *element)) else { continue };
            let entry = latest.entry(add.session).or_insert(*add);
            if entry.operation.id() < add.operation.id() {
                *entry = *add;
            }
            *acknowledged.entry(add.session).or_default() += usize::from(add.operation.is_ok());
        }
        let mut sessions: Vec<(usize, Add<'h>)> = latest.into_iter().collect();
        sessions.sort_unstable_by_key(|(_, add)| add.operation.id());
        let mut reported: FxHashSet<Guarantee> = FxHashSet::default(); // Told once for each read.
        for (session, add) in sessions {
            let own = &self.sessions[session];
            let demanded = add.added_before + usize::from(add.operation.is_ok());
            if asked(Guarantee::MonotonicWrites)
                && acknowledged[&session] < demanded
                && let Some((missing, earlier)) = own.added[..add.added_before].iter().find(|(e, _)| !contains(e))
                && reported.insert(Guarantee::MonotonicWrites)
            {
                let history = read.history();
                let (has, misses) = (short(history, add.operation.argument()), short(history, *missing));
                let text = format!("a read has {has}, and misses {misses}, which the same process had added before");
                violations.push(told(Guarantee::MonotonicWrites, &text, vec![*earlier, add.operation, read]));
            }
            if asked(Guarantee::WritesFollowReads)
                && let Some((missing, earlier)) = own.seen[..add.seen_before].iter().find(|(e, _)| !contains(e))
                && reported.insert(Guarantee::WritesFollowReads)
            {
                let history = read.history();
                let (has, misses) = (short(history, add.operation.argument()), short(history, *missing));
                let text = format!("a read has {has}, and misses {misses}, which its adder had read before adding it");
                violations.push(told(Guarantee::WritesFollowReads, &text, vec![*earlier, add.operation, read]));
            }
        }
    }
}

fn told<'h>(guarantee: Guarantee, text: &str, operations: Vec<Operation<'h>>) -> Violation<'h> {
    let described: Vec<String> = operations.iter().map(|operation| describe(operation.history(), operation)).collect();
    Violation { kind: guarantee.kind(), text: format!("{text}: {}", described.join("; then ")), operations }
}
