//! Causal reversal: a read shows a write without one that was over before it began.
//!
//! Write j was acknowledged before write i was invoked, and a read shows i and not j: there is no moment that it could be of, so
//! the history is not strictly serializable, although it may be serializable. Two forms are judged:
//!
//! - *sets*: `add` v or `write` v, and `read` → [v…], where values stay once they are there; every key is a set of its own. The
//!   earliest add of a value that did or may have happened counts for i, the earliest that was acknowledged for j, so that values
//!   added twice accuse nobody;
//! - *groups of keys* that are written once each, as in [`crate::long_fork`]; a read tells about the keys that it names.
//!
//! The finding is a `stale-read`, for the read misses an acknowledged write; it is not called a violation of "writes follow reads",
//! for no process needs to have read j before it wrote i. Other than the checkers of staleness this one does not ask when the
//! read was invoked, for i gives away of when it is at least; nor does it ask whether j was lost, for a read that shows i
//! without j is impossible either way. `measures.stale_reads` is left to them. Reads whose level promises nothing are reported only.
//! Undecided writes may stand for i, never for j; equal times are concurrent. A history in which no read shows a write is unknown.
//!
//! *Finding them.* The write i that was invoked last among those that a read shows demands most. What must be there is every
//! acknowledged write that was over before; the read is wrong iff there are more of these than it shows. Exact; O(size of the
//! reads + n log n).

use rustc_hash::FxHashMap;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{Function, History, KeyId, Operation, Outcome, ValueId};
use crate::index::{GroupIndex, is_transaction};
use crate::long_fork::report_unwritten;
use crate::model::{foreign_operation, foreign_value};
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, witness};

/// See the module.
pub static CHECKER: Checker = Checker {
    name: "causal-reverse",
    description: "reads of a write without one that was over before it began",
    check,
};

/// A read that shows a later write without an earlier one.
struct Reversed<'h> {
    read: Operation<'h>,
    earlier: Operation<'h>,
    later: Operation<'h>,
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let is_of_groups = history.operations().next().is_some_and(|first| is_transaction(&first));
    let found = if is_of_groups { in_groups(history, analysis) } else { in_sets(history) };
    match found {
        Ok(Some(found)) => report(history, &found, analysis),
        Ok(None) => analysis.unknown("no read showed a write: nothing was tested"),
        Err(reason) => analysis.unknown(reason),
    }
}

fn in_groups<'h>(history: &'h History, analysis: &mut Analysis) -> Result<Option<Vec<Reversed<'h>>>, String> {
    let index = GroupIndex::new(history)?;
    report_unwritten(history, &index.unwritten, analysis);
    let write = |object: u32| history.operation(index.objects[object as usize].write? as usize);
    let (mut is_tested, mut found) = (false, Vec::new());
    for read in &index.reads {
        let writes = |is_seen: bool| {
            read.seen.iter().filter(move |(_, seen)| *seen == is_seen).filter_map(|(object, _)| write(*object))
        };
        let Some(later) = writes(true).max_by_key(Operation::invoked_ns) else { continue };
        is_tested = true;
        let earlier = writes(false).filter(Operation::is_ok).min_by_key(Operation::completed_ns);
        let earlier = earlier.filter(|earlier| precedes(earlier, &later));
        found.extend(history.operation(read.operation as usize).zip(earlier).map(|(read, earlier)| Reversed {
            read,
            earlier,
            later,
        }));
    }
    Ok(is_tested.then_some(found))
}

fn precedes(one: &Operation<'_>, other: &Operation<'_>) -> bool {
    one.completed_ns().is_some_and(|completed| completed < other.invoked_ns())
}

/// A value of a set.
#[derive(Clone, Copy, Default)]
struct Member<'h> {
    /// The first add that did or may have happened.
    possible: Option<Operation<'h>>,
    /// The add that was acknowledged first.
    acknowledged: Option<Operation<'h>>,
    /// One more than the last read that showed it.
    shown_by: usize,
}

fn in_sets(history: &History) -> Result<Option<Vec<Reversed<'_>>>, String> {
    let mut numbers: FxHashMap<(KeyId, ValueId), usize> = FxHashMap::default();
    let mut members: Vec<Member<'_>> = Vec::new();
    let mut reads = Vec::new();
    for operation in history.operations() {
        match operation.function() {
            Function::Add | Function::Write if operation.outcome() != Outcome::Fail => {
                let number = *numbers.entry((operation.key(), operation.argument())).or_insert(members.len());
                if number == members.len() {
                    members.push(Member::default());
                }
                members[number].add(operation);
            }
            Function::Add | Function::Write => {}
            Function::Read => {
                reads.extend(operation.result().filter(|_| !operation.is_final()).map(|result| (operation, result)))
            }
            _ => return Err(foreign_operation(&operation, "set or group of keys")),
        }
    }
    let acknowledged_ns: Vec<Option<u64>> =
        members.iter().map(|member| member.acknowledged.and_then(|add| add.completed_ns())).collect();
    // By key: what was acknowledged, by completion.
    let mut acknowledged: Vec<Vec<usize>> = vec![Vec::new(); history.keys().len()];
    for (number, member) in members.iter().enumerate() {
        if let Some(add) = member.acknowledged {
            acknowledged[add.key().index()].push(number);
        }
    }
    for of_key in &mut acknowledged {
        of_key.sort_unstable_by_key(|number| (acknowledged_ns[*number], *number));
    }
    let (mut is_tested, mut found, mut shown) = (false, Vec::new(), Vec::new());
    for (place, (read, result)) in reads.into_iter().enumerate() {
        let items = history.values().as_list(result);
        let items = items.ok_or_else(|| foreign_value(&read, "a list as its result", result))?;
        shown.clear();
        for number in items.iter().filter_map(|item| numbers.get(&(read.key(), *item))) {
            if std::mem::replace(&mut members[*number].shown_by, place + 1) != place + 1 {
                shown.push(*number);
            }
        }
        // What was added after the read was over is unexpected, and demands nothing.
        let adds = shown.iter().filter_map(|number| members[*number].possible);
        let adds = adds.filter(|add| Some(add.invoked_ns()) <= read.completed_ns());
        let Some(later) = adds.max_by_key(|add| (add.invoked_ns(), add.id())) else { continue };
        is_tested = true;
        let is_demanded =
            |number: &usize| acknowledged_ns[*number].is_some_and(|completed| completed < later.invoked_ns());
        let of_key = &acknowledged[read.key().index()];
        let demanded = of_key.partition_point(is_demanded);
        if shown.iter().filter(|number| is_demanded(number)).count() < demanded {
            let missing =
                of_key[..demanded].iter().map(|number| &members[*number]).find(|member| member.shown_by != place + 1);
            let earlier = missing.and_then(|member| member.acknowledged);
            found.extend(earlier.map(|earlier| Reversed { read, earlier, later }));
        }
    }
    Ok(is_tested.then_some(found))
}

impl<'h> Member<'h> {
    fn add(&mut self, add: Operation<'h>) {
        self.possible.get_or_insert(add);
        if add.is_ok() && self.acknowledged.is_none_or(|first| add.completed_ns() < first.completed_ns()) {
            self.acknowledged = Some(add);
        }
    }
}

fn report(history: &History, found: &[Reversed<'_>], analysis: &mut Analysis) {
    analysis.measures.reversed_reads = Some(found.len() as u64);
    let (promised, local): (Vec<&Reversed<'_>>, Vec<&Reversed<'_>>) =
        found.iter().partition(|reversed| reversed.read.promises_recency());
    for (kind, reversed) in [(FindingKind::StaleRead, promised), (FindingKind::StaleLocalRead, local)] {
        let Some(first) = reversed.first() else { continue };
        let operations = [first.earlier, first.later, first.read];
        let text = format!(
            "{} showed a write without one that had been acknowledged before that write began. The first: {} was over before {}, \
             and yet {} shows only the later of the two; {}.",
            counted(reversed.len() as u64, "read"),
            describe(history, &first.earlier),
            describe(history, &first.later),
            describe(history, &first.read),
            faults_around(history, &[first.read]),
        );
        analysis.find(kind, reversed.len() as u64, None, witness(text, &operations));
    }
}

#[cfg(test)]
#[path = "causal_reverse_test.rs"]
mod tests;
