//! Queues, whatever their order: what went in comes out, once.
//!
//! Wants `enqueue` v; `dequeue` → v, or null where the queue is empty; `drain` → [v…], which takes until the queue is empty. Every
//! key is a queue of its own. A *delivery* is a value returned by a `dequeue` or a `drain` that ended ok.
//!
//! - `unexpected`: a delivery of a value that no enqueue, other than refused ones, had been invoked with before the delivery was
//!   over.
//! - `duplicate`: a delivery beyond the enqueues of its value that did not fail and were invoked before it was over; so where
//!   every value is enqueued once, the second delivery. Undecided dequeues excuse nothing: they returned nothing. A queue that
//!   promises delivery at least once may do so; Jepsen reports it without judging, here it makes the run invalid.
//! - `lost`: acknowledged and never delivered, though the queue was *drained*: some `dequeue` that returned null, or `drain` that
//!   ended ok, was invoked after every acknowledged enqueue had completed (in the phase `final` where there are phases), and
//!   nothing was delivered by an operation invoked after it was over. Otherwise whether what is missing was lost is unknown. An
//!   undecided dequeue that was invoked before the last such sight of an empty queue ended may have taken one value, an
//!   undecided drain any number: what they may have taken does not count, so that the number is a lower bound then. That makes
//!   the verdict unknown, unless the queue was already found linearizable: then some order of all operations lets those dequeues
//!   take what is missing.
//! - `recovered`: an undecided enqueue whose value was delivered; no violation.
//!
//! Deliveries and enqueues of one value are matched greedily, earliest first. That is a greatest matching: a delivery may take
//! every enqueue that was invoked before its end, so later deliveries have no fewer to choose from. Hence `unexpected` and
//! `duplicate` together are the least number of deliveries that nothing explains.
//!
//! Reads of the whole queue that are marked `final` are passed over. The checker `queue` judges `unexpected` alone. Neither knows about order: `linearizable-queue` does. O(n log n).

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{Function, History, KeyId, Operation, Outcome, Phase, ValueId};
use crate::model::{foreign_operation, foreign_value};
use crate::verdict::{FindingKind, Validity};
use crate::witness::{counted, describe, faults_around, short, witness};

/// See the module.
pub static CHECKER: Checker = Checker {
    name: "total-queue",
    description: "lost, duplicated and unexpected values of queues that are drained",
    check,
};

/// Every delivered value was enqueued; see the module.
pub static BASIC_CHECKER: Checker =
    Checker { name: "queue", description: "values dequeued that nobody had enqueued", check: check_basic };

/// A value of a key, put in or taken out by an operation.
#[derive(Debug, Clone, Copy)]
struct Item<'h> {
    key: KeyId,
    value: ValueId,
    operation: Operation<'h>,
}

/// A value that is not as it should be, with the operations that show it.
struct Case<'h> {
    item: Item<'h>,
    /// What else belongs to it: for a duplicate, the delivery before; for a loss, the proof that the queue was empty.
    other: Option<Operation<'h>>,
}

/// Everything that went in and out.
#[derive(Default)]
struct Traffic<'h> {
    /// That did not fail, by key, value and time of invocation.
    enqueues: Vec<Item<'h>>,
    /// By key, value and time of completion.
    deliveries: Vec<Item<'h>>,
    /// Operations that found a queue empty.
    empty: Vec<Operation<'h>>,
    /// Dequeues and drains that may have taken something unseen.
    undecided: Vec<Operation<'h>>,
    takes: u64,
}

#[derive(Default)]
struct Account<'h> {
    unexpected: Vec<Case<'h>>,
    duplicates: Vec<Case<'h>>,
    recovered: Vec<Case<'h>>,
    /// Acknowledged and not delivered.
    missing: Vec<Item<'h>>,
}

fn check_basic(context: &Context<'_>, analysis: &mut Analysis) {
    let Some(account) = account(context.history, analysis) else { return };
    report(context.history, FindingKind::Unexpected, &account.unexpected, "", analysis);
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let Some(traffic) = traffic(history, analysis) else { return };
    let account = Account::of(&traffic);
    analysis.measures.unexpected = Some(account.unexpected.len() as u64);
    analysis.measures.duplicates = Some(account.duplicates.len() as u64);
    analysis.measures.recovered = Some(account.recovered.len() as u64);
    report(history, FindingKind::Unexpected, &account.unexpected, "", analysis);
    report(history, FindingKind::Duplicate, &account.duplicates, "", analysis);
    report(history, FindingKind::Recovered, &account.recovered, "", analysis);
    judge_losses(history, &traffic, &account, analysis);
}

fn account<'h>(history: &'h History, analysis: &mut Analysis) -> Option<Account<'h>> {
    let traffic = traffic(history, analysis)?;
    let account = Account::of(&traffic);
    analysis.measures.unexpected = Some(account.unexpected.len() as u64);
    Some(account)
}

/// What went in and out; `None`, with the reason noted, where this is no history of queues or nothing was dequeued.
fn traffic<'h>(history: &'h History, analysis: &mut Analysis) -> Option<Traffic<'h>> {
    let mut traffic = Traffic::default();
    for operation in history.operations().filter(|operation| !operation.is_final()) {
        if let Err(reason) = traffic.add(operation) {
            analysis.unknown(reason);
            return None;
        }
    }
    if traffic.takes == 0 {
        analysis.unknown("no dequeue ended ok: nothing was tested");
        return None;
    }
    traffic.enqueues.sort_by_key(|item| (item.key, item.value, item.operation.invoked_ns(), item.operation.id()));
    traffic.deliveries.sort_by_key(|item| (item.key, item.value, item.operation.completed_ns(), item.operation.id()));
    Some(traffic)
}

impl<'h> Traffic<'h> {
    fn add(&mut self, operation: Operation<'h>) -> Result<(), String> {
        let key = operation.key();
        let is_drain = match operation.function() {
            Function::Enqueue => {
                if operation.outcome() != Outcome::Fail {
                    self.enqueues.push(Item { key, value: operation.argument(), operation });
                }
                return Ok(());
            }
            Function::Dequeue => false,
            _ if operation.f() == "drain" => true,
            _ => return Err(foreign_operation(&operation, "queue")),
        };
        match (operation.outcome(), operation.result()) {
            (Outcome::Fail, _) => return Ok(()),
            (_, None) => {
                self.undecided.push(operation);
                return Ok(());
            }
            (_, Some(result)) if is_drain => {
                let values = operation.history().values().as_list(result);
                let values = values.ok_or_else(|| foreign_value(&operation, "a list as its result", result))?;
                self.deliveries.extend(values.iter().map(|value| Item { key, value: *value, operation }));
                self.empty.push(operation);
            }
            (_, Some(ValueId::NULL)) => self.empty.push(operation),
            (_, Some(value)) => self.deliveries.push(Item { key, value, operation }),
        }
        self.takes += 1;
        Ok(())
    }
}

impl<'h> Account<'h> {
    fn of(traffic: &Traffic<'h>) -> Self {
        let mut account = Self::default();
        let group = |item: &Item<'h>| (item.key, item.value);
        let mut enqueues = traffic.enqueues.chunk_by(|one, other| group(one) == group(other)).peekable();
        let mut deliveries = traffic.deliveries.chunk_by(|one, other| group(one) == group(other)).peekable();
        loop {
            let next_in = enqueues.peek().map(|items| group(&items[0]));
            let next_out = deliveries.peek().map(|items| group(&items[0]));
            let Some(next) = next_in.into_iter().chain(next_out).min() else { break };
            let put = enqueues.next_if(|items| group(&items[0]) == next).unwrap_or_default();
            let taken = deliveries.next_if(|items| group(&items[0]) == next).unwrap_or_default();
            account.add(put, taken);
        }
        let order = |case: &Case<'h>| case.item.operation.id();
        account.unexpected.sort_by_key(order);
        account.duplicates.sort_by_key(order);
        account.recovered.sort_by_key(order);
        account.missing.sort_by_key(|item| item.operation.id());
        account
    }

    /// Matches all enqueues and all deliveries of one value.
    fn add(&mut self, enqueues: &[Item<'h>], deliveries: &[Item<'h>]) {
        let mut matched = 0;
        for (place, item) in deliveries.iter().enumerate() {
            let completed = item.operation.completed_ns().unwrap_or(u64::MAX);
            let begun = enqueues.partition_point(|enqueue| enqueue.operation.invoked_ns() <= completed);
            if matched < begun {
                matched += 1;
            } else if begun == 0 {
                self.unexpected.push(Case { item: *item, other: enqueues.first().map(|enqueue| enqueue.operation) });
            } else {
                let before = place.checked_sub(1).map(|place| deliveries[place].operation);
                self.duplicates.push(Case { item: *item, other: before });
            }
        }
        // Whichever enqueues were delivered: so many undecided ones happened at least, so many acknowledged ones are missing.
        let (acknowledged, undecided): (Vec<Item<'h>>, Vec<Item<'h>>) =
            enqueues.iter().partition(|enqueue| enqueue.operation.is_ok());
        let recovered = matched.saturating_sub(acknowledged.len());
        let last = deliveries.last().map(|item| item.operation);
        self.recovered.extend(undecided.into_iter().take(recovered).map(|item| Case { item, other: last }));
        self.missing.extend(acknowledged.into_iter().skip(matched));
    }
}

/// The last proof that a key's queue was empty after everything, or why there is none.
fn drained<'h>(history: &History, traffic: &Traffic<'h>) -> Result<Vec<Option<Operation<'h>>>, String> {
    let timeline = history.timeline();
    if timeline.converged == Some(false) {
        return Err(
            "lost is unknown: the cluster did not converge, so no dequeue shows that a queue is empty".to_owned()
        );
    }
    let final_index = match timeline.phase(Phase::Final) {
        Some(start) => start.index,
        None if timeline.phases.is_empty() => 0,
        None => return Err("lost is unknown: the history ends before the final dequeues".to_owned()),
    };
    let mut acknowledged_until: Vec<Option<u64>> = vec![None; history.keys().len()];
    for item in traffic.enqueues.iter().filter(|item| item.operation.is_ok()) {
        let until = &mut acknowledged_until[item.key.index()];
        *until = (*until).max(item.operation.completed_ns());
    }
    let mut empty: Vec<Option<Operation<'h>>> = vec![None; history.keys().len()];
    for operation in &traffic.empty {
        let is_after_all =
            acknowledged_until[operation.key().index()].is_none_or(|until| until < operation.invoked_ns());
        if is_after_all && operation.invoked_index() >= final_index {
            empty[operation.key().index()] = Some(*operation);
        }
    }
    for item in &traffic.deliveries {
        let proof = &mut empty[item.key.index()];
        // It was not the end: what else is in there, nobody knows.
        if proof.is_some_and(|proof| proof.completed_ns() < Some(item.operation.invoked_ns())) {
            *proof = None;
        }
    }
    Ok(empty)
}

fn judge_losses(history: &History, traffic: &Traffic<'_>, account: &Account<'_>, analysis: &mut Analysis) {
    if account.missing.is_empty() {
        analysis.measures.lost = Some(0);
        return;
    }
    let empty = match drained(history, traffic) {
        Ok(empty) => empty,
        Err(reason) => return analysis.unknown(reason),
    };
    let mut undrained: Vec<KeyId> =
        account.missing.iter().map(|item| item.key).filter(|key| empty[key.index()].is_none()).collect();
    undrained.sort_unstable();
    undrained.dedup();
    let mut excused = vec![0_u64; history.keys().len()];
    for operation in &traffic.undecided {
        let key = operation.key().index();
        let may_have_taken =
            empty[key].is_some_and(|proof| proof.completed_ns().is_some_and(|end| operation.invoked_ns() <= end));
        let taken = if operation.function() == Function::Dequeue { 1 } else { u64::MAX };
        excused[key] = excused[key].saturating_add(if may_have_taken { taken } else { 0 });
    }
    let mut missing_of_key = vec![0_u64; history.keys().len()];
    let missing = || account.missing.iter().filter(|item| empty[item.key.index()].is_some());
    missing().for_each(|item| missing_of_key[item.key.index()] += 1);
    let lost_of_key = |key: usize| missing_of_key[key].saturating_sub(excused[key]);
    let lost: u64 = (0..missing_of_key.len()).map(lost_of_key).sum();
    let excusable: u64 = missing_of_key.iter().zip(&excused).map(|(missing, excused)| *missing.min(excused)).sum();

    let cases: Vec<Case<'_>> = missing()
        .filter(|item| lost_of_key(item.key.index()) > 0)
        .map(|item| Case { item: *item, other: empty[item.key.index()] })
        .collect();
    let is_exact = excusable == 0 && undrained.is_empty();
    if lost > 0 {
        let at_least = if is_exact { String::new() } else { format!("at least {lost} of the ") };
        report_counted(history, FindingKind::Lost, &cases, lost, &at_least, analysis);
    }
    if !undrained.is_empty() {
        const NAMED_MAX: usize = 5;
        let names: Vec<String> = undrained.iter().take(NAMED_MAX).map(|key| history.key_name(*key)).collect();
        let more = if undrained.len() > NAMED_MAX { ", …" } else { "" };
        analysis.unknown(format!(
            "lost is unknown: no last dequeue found the queue of {} empty ({}{more})",
            counted(undrained.len() as u64, "key"),
            names.join(", ")
        ));
    }
    // A linearization takes out what is missing by dequeues that are undecided, so nothing is left to be explained.
    if excusable > 0 && analysis.measures.linearizable != Some(Validity::Valid) {
        analysis.unknown(format!(
            "lost is unknown: {} acknowledged and never dequeued may have been taken by undecided dequeues",
            counted(excusable, "value")
        ));
    }
    analysis.measures.lost = Some(lost).filter(|_| is_exact);
}

fn report(history: &History, kind: FindingKind, cases: &[Case<'_>], at_least: &str, analysis: &mut Analysis) {
    if !cases.is_empty() {
        report_counted(history, kind, cases, cases.len() as u64, at_least, analysis);
    }
}

fn report_counted(
    history: &History,
    kind: FindingKind,
    cases: &[Case<'_>],
    count: u64,
    at_least: &str,
    analysis: &mut Analysis,
) {
    let Some(first) = cases.first() else { return };
    let what = match kind {
        FindingKind::Lost => "acknowledged and never dequeued, though the queue was drained",
        FindingKind::Duplicate => "dequeued more often than enqueued",
        FindingKind::Recovered => "undecided and dequeued",
        _ => "dequeued, though nobody had enqueued it",
    };
    let shown = describe(history, &first.item.operation);
    let value = short(history, first.item.value);
    let other = first.other.map(|other| describe(history, &other));
    let story = match (kind, other) {
        (FindingKind::Lost, Some(empty)) => format!("{shown}; then {empty} found the queue empty"),
        (FindingKind::Duplicate, Some(before)) => format!("{value} came from {before} and again from {shown}"),
        (FindingKind::Recovered, Some(taken)) => format!("{shown}; {value} came from {taken}"),
        (_, Some(enqueue)) => format!("{value} came from {shown}, but {enqueue} had not begun"),
        (_, None) => format!("{value} came from {shown}, but no operation that may have happened enqueued it"),
    };
    let operations: Vec<Operation<'_>> = [Some(first.item.operation), first.other].into_iter().flatten().collect();
    let text = format!(
        "Values {what}: {at_least}{}. The first: {story}; {}.",
        counted(cases.len() as u64, "value"),
        faults_around(history, &operations)
    );
    analysis.find(kind, count, None, witness(text, &operations));
}

#[cfg(test)]
#[path = "total_queue_test.rs"]
mod tests;
