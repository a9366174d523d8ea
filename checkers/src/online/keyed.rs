//! Linearizability key by key: one monitor a key, and what of an operation a monitor gets to see.
//!
//! *What takes part* is what takes part when the whole history is judged: not reads marked `final`, and not reads at levels
//! that promise nothing. A history in which every read of the load is at such a level is not judged for linearizability at
//! all. So, of an object that has reads, a violation is reported only once a read of the load at another level has ended ok;
//! that cannot be taken back either.

use super::check::{Completion, OnlineChecker, OnlineOperation, Violation};
use super::configurations::Configurations;
use super::datum::Datum;
use super::objects::{CounterObject, MutexObject, Object, QueueObject, RegisterObject, SetObject, StackObject};
use super::register::RegisterMonitor;
use super::set::SetMonitor;
use crate::history::Outcome;
use crate::linearizability::{COUNTER_CHECKER, QUEUE_CHECKER, REGISTER_CHECKER, SET_CHECKER};

/// How an operation ended, as far as it is judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum End<'a> {
    /// It happened, and this came back.
    Ok(&'a Datum),
    /// It did not happen.
    Fail,
    /// It may have happened; or it is a read that is not judged.
    Undecided,
}

/// Why a monitor says nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// There is no linearization, whatever follows: a sentence, when the event came that completed it, and the events that
    /// show it.
    Violation { text: String, time_ns: u64, events: Vec<u64> },
    /// It cannot tell any more; why.
    GaveUp(String),
}

/// Watches one object.
pub(super) trait KeyMonitor: Default + Send {
    /// Whether the object has reads, whose level may promise nothing.
    const HAS_READS: bool;

    /// An operation began.
    fn invoked(&mut self, operation: &OnlineOperation) -> Result<(), Stop>;

    /// An operation ended.
    fn ended(&mut self, operation: &OnlineOperation, end: End<'_>, completion: &Completion) -> Result<(), Stop>;

    /// Whatever ends from now on was invoked at this time or after it: what cannot matter any more may go.
    fn settle(&mut self, watermark_ns: u64);

    /// What has not ended is undecided.
    fn finish(&mut self) -> Result<(), Stop>;

    /// How many things it remembers.
    fn entries(&self) -> usize;
}

/// Registers whose values are written once each, or written again only long after they were overwritten.
#[must_use]
pub fn linearizable_register() -> Box<dyn OnlineChecker> {
    Box::new(Keyed::<RegisterMonitor>::new(REGISTER_CHECKER.name))
}

/// Grow-only sets. The caller vouches for it that every element is added at most once.
#[must_use]
pub fn linearizable_set() -> Box<dyn OnlineChecker> {
    Box::new(Keyed::<SetMonitor>::new(SET_CHECKER.name))
}

/// Any object by the name of its model: `register`, `set`, `counter`, `queue`, `stack` or `mutex`; `None` for another name. A
/// key that takes more configurations than the budget is left to the end.
#[must_use]
pub fn linearizable_object(model: &str) -> Option<Box<dyn OnlineChecker>> {
    fn keyed<O: Object>(name: &'static str) -> Option<Box<dyn OnlineChecker>> {
        Some(Box::new(Keyed::<Configurations<O>>::new(name)))
    }
    match model {
        "register" => keyed::<RegisterObject>(REGISTER_CHECKER.name),
        "set" => keyed::<SetObject>(SET_CHECKER.name),
        "counter" => keyed::<CounterObject>(COUNTER_CHECKER.name),
        "queue" => keyed::<QueueObject>(QUEUE_CHECKER.name),
        "stack" => keyed::<StackObject>("linearizable-stack"),
        "mutex" => keyed::<MutexObject>("linearizable-mutex"),
        _ => None,
    }
}

/// One monitor a key; `None`: left to the end.
struct Keyed<M> {
    name: &'static str,
    monitors: Vec<Option<M>>,
    given_up: u64,
    why: Option<String>,
    is_promised: bool,
    /// Found, but not yet to be told.
    held: Option<Violation>,
}

impl<M: KeyMonitor> Keyed<M> {
    fn new(name: &'static str) -> Self {
        Self { name, monitors: Vec::new(), given_up: 0, why: None, is_promised: !M::HAS_READS, held: None }
    }

    fn act(&mut self, key: usize, act: impl FnOnce(&mut M) -> Result<(), Stop>) {
        if self.held.is_some() {
            return;
        }
        let Some(monitor) = &mut self.monitors[key] else { return };
        match act(monitor) {
            Ok(()) => {}
            Err(Stop::GaveUp(why)) => {
                self.monitors[key] = None;
                self.given_up += 1;
                self.why.get_or_insert(why);
            }
            Err(Stop::Violation { text, time_ns, mut events }) => {
                events.sort_unstable();
                events.dedup();
                self.held = Some(Violation { checker: self.name, text, time_ns, events });
            }
        }
    }

    fn told(&mut self) -> Option<Violation> {
        if self.is_promised { self.held.take() } else { None }
    }
}

impl<M: KeyMonitor> OnlineChecker for Keyed<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoked(&mut self, operation: &OnlineOperation) {
        if self.monitors.len() <= operation.key {
            self.monitors.resize_with(operation.key + 1, || Some(M::default()));
        }
        self.act(operation.key, |monitor| monitor.invoked(operation));
    }

    fn completed(
        &mut self,
        operation: &OnlineOperation,
        completion: &Completion,
        watermark_ns: u64,
    ) -> Option<Violation> {
        let is_read = operation.is_read();
        let is_judged = !operation.is_final && (!is_read || completion.promises_recency);
        let end = match completion.outcome {
            Outcome::Ok if is_judged => End::Ok(&completion.result),
            Outcome::Fail => End::Fail,
            _ if is_read || !operation.is_final => End::Undecided,
            _ => {
                let why = format!("index {}: an operation that is not a read is marked final", completion.index);
                self.act(operation.key, |_| Err(Stop::GaveUp(why)));
                return None;
            }
        };
        self.is_promised |= is_read && matches!(end, End::Ok(_));
        self.act(operation.key, |monitor| {
            monitor.ended(operation, end, completion)?;
            monitor.settle(watermark_ns);
            Ok(())
        });
        self.told()
    }

    fn finish(&mut self) -> Option<Violation> {
        for key in 0..self.monitors.len() {
            self.act(key, M::finish);
        }
        self.told()
    }

    fn left_to_the_end(&self) -> Option<(u64, &str)> {
        Some((self.given_up, self.why.as_deref()?))
    }

    fn entries(&self) -> usize {
        self.monitors.iter().flatten().map(KeyMonitor::entries).sum::<usize>() + self.monitors.len()
    }
}
