//! The smallest part of a history that still has no linearization.
//!
//! Delta debugging (Zeller & Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*, 2002) with the steps of
//! [`super::reduce`], each of which keeps linearizable histories linearizable: first everything long ago, then whole groups
//! of operations on one value, then single operations. The result is *locally minimal*: no single operation can be left out,
//! with what may depend on it, so that the rest still has no linearization. It need not be the smallest of all.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashMap;

use super::reduce::{Part, Reducible};
use crate::analysis::Limits;
use crate::history::ValueId;
use crate::linearizability::search::{Answer, Call, Problem, decide};
use crate::model::{Effect, SequentialSpec};

/// Work for a history of any size, and for each of its calls. A unit is about one step of the object.
const WORK: usize = 1 << 18;
const WORK_PER_CALL: usize = 24;
/// Units of work that the search does between two questions to its caller.
const WORK_PER_QUESTION: usize = 2048;
/// The first guess of how many operations suffice, counted back from the contradiction.
const WINDOW: usize = 8;

/// A part of a history that has no linearization, and what is known of it.
pub(crate) struct Evidence<S: SequentialSpec> {
    pub(crate) part: Part<S>,
    /// The id of the operation whose completion is the first that no order explains.
    pub(crate) failing: usize,
    /// Whether it is known to be locally minimal; otherwise a limit was reached first.
    pub(crate) is_minimal: bool,
}

/// Makes a history without linearization smaller. `failing` is the operation whose completion is the first that no order
/// explains.
pub(crate) fn minimise<S: Reducible>(
    object: S,
    problem: Problem<S::Action>,
    failing: usize,
    limits: &Limits<'_>,
) -> Evidence<S> {
    let work = WORK + WORK_PER_CALL * problem.calls.len();
    let part = Part { object, calls: problem.calls };
    let evidence = Evidence { part, failing, is_minimal: false };
    let mut reduction = Reduction { evidence, meter: Meter { limits, work, was_limited: false } };
    reduction.cut_off_the_future();
    reduction.forget_the_past();
    let groups = reduction.groups();
    reduction.leave_out(groups);
    reduction.leave_out_calls();
    reduction.evidence.is_minimal = !reduction.meter.was_limited;
    reduction.evidence
}

/// What had happened when an operation was completed; of other completions at the same time `at_once` says whether they had.
fn until<S: SequentialSpec>(
    object: &S,
    calls: &[Call<S::Action>],
    failing: usize,
    at_once: bool,
) -> Vec<Call<S::Action>> {
    let end =
        calls.iter().find(|call| call.operation == failing).and_then(|call| call.completed_ns).unwrap_or(u64::MAX);
    let seen = |call: &Call<S::Action>, completed: &u64| {
        *completed < end || (*completed == end && (at_once || call.operation == failing))
    };
    let begun = calls.iter().filter(|call| call.invoked_ns <= end);
    let cut =
        begun.map(|call| Call { completed_ns: call.completed_ns.filter(|completed| seen(call, completed)), ..*call });
    // Undecided and without effect: nothing follows from it.
    cut.filter(|call| call.completed_ns.is_some() || object.effect(call.action) != Effect::Pure).collect()
}

struct Reduction<'l, S: SequentialSpec> {
    evidence: Evidence<S>,
    meter: Meter<'l>,
}

impl<S: Reducible> Reduction<'_, S> {
    fn calls(&self) -> &[Call<S::Action>] {
        &self.evidence.part.calls
    }

    /// Leaves out what came after the completion that nothing explains. A search that reached a limit may have named a later
    /// or an earlier one, so that the rest is asked again.
    fn cut_off_the_future(&mut self) {
        for at_once in [false, true] {
            let part = &self.evidence.part;
            let calls = until(&part.object, &part.calls, self.evidence.failing, at_once);
            if calls == part.calls {
                return;
            }
            let problem = Problem { calls };
            if let Some(failing) = self.meter.first_impossible(&self.evidence.part.object, &problem) {
                self.evidence.part.calls = problem.calls;
                self.evidence.failing = failing;
                return;
            }
        }
    }

    /// Leaves out all but the operations invoked last, as few as possible, but not counted one by one.
    fn forget_the_past(&mut self) {
        let mut window = WINDOW;
        while window < self.calls().len() {
            let past = self.calls().len() - window;
            let is_left_out: Vec<bool> = (0..self.calls().len()).map(|place| place < past).collect();
            if self.try_without(&is_left_out) {
                return;
            }
            window *= 4;
        }
    }

    /// Ids of the operations on each value, those invoked first in front.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut number: FxHashMap<ValueId, usize> = FxHashMap::default();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for call in self.calls() {
            let Some(value) = self.evidence.part.object.value(call.action) else { continue };
            let next = groups.len();
            let place = *number.entry(value).or_insert(next);
            if place == next {
                groups.push(Vec::new());
            }
            groups[place].push(call.operation);
        }
        groups
    }

    /// Single calls, until none of those that are left can go.
    fn leave_out_calls(&mut self) {
        loop {
            let before = self.calls().len();
            let calls = self.calls().iter().map(|call| vec![call.operation]).collect();
            self.leave_out(calls);
            if self.calls().len() == before || self.meter.was_limited {
                return;
            }
        }
    }

    /// Leaves out as many of these as it can: half of them at once, a quarter, and so on.
    fn leave_out(&mut self, mut units: Vec<Vec<usize>>) {
        let mut size = units.len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < units.len() && !self.meter.was_limited {
                let end = (start + size).min(units.len());
                if self.try_without_operations(&units[start..end]) {
                    let left: Vec<usize> = self.calls().iter().map(|call| call.operation).collect();
                    units.iter_mut().for_each(|unit| unit.retain(|id| left.binary_search(id).is_ok()));
                    units.retain(|unit| !unit.is_empty());
                } else {
                    // Stretches overlap, for what belongs together may lie across their ends.
                    start += size.div_ceil(2);
                }
            }
            size /= 2;
        }
    }

    fn try_without_operations(&mut self, units: &[Vec<usize>]) -> bool {
        let mut ids: Vec<usize> = units.concat();
        ids.sort_unstable();
        let is_left_out: Vec<bool> =
            self.calls().iter().map(|call| ids.binary_search(&call.operation).is_ok()).collect();
        self.try_without(&is_left_out)
    }

    /// Goes on with what is left if that has no linearization.
    fn try_without(&mut self, is_left_out: &[bool]) -> bool {
        self.meter.spend(self.evidence.part.calls.len());
        let Some(part) = self.evidence.part.object.without(self.calls(), is_left_out) else { return false };
        if part.calls.len() >= self.calls().len() || !part.calls.iter().any(|call| call.completed_ns.is_some()) {
            return false;
        }
        let problem = Problem { calls: part.calls };
        let Some(failing) = self.meter.first_impossible(&part.object, &problem) else { return false };
        self.evidence.part = Part { object: part.object, calls: problem.calls };
        self.evidence.failing = failing;
        self.cut_off_the_future();
        true
    }
}

/// The limits of all searches together.
struct Meter<'l> {
    limits: &'l Limits<'l>,
    /// Units of work left.
    work: usize,
    was_limited: bool,
}

impl Meter<'_> {
    /// The first completion that no order explains; `None` where there is an order, or a limit was reached.
    fn first_impossible<S: SequentialSpec>(&mut self, object: &S, problem: &Problem<S::Action>) -> Option<usize> {
        let asked = AtomicUsize::new(0);
        let asked_max = self.work / WORK_PER_QUESTION;
        let should_stop = || asked.fetch_add(1, Ordering::Relaxed) >= asked_max || (self.limits.should_stop)();
        let limits = Limits { should_stop: &should_stop, memory_bytes: self.limits.memory_bytes };
        let answer = decide(object, problem, &limits);
        self.spend(problem.calls.len() + asked.load(Ordering::Relaxed) * WORK_PER_QUESTION);
        match answer {
            Answer::Impossible { failing, .. } => Some(failing),
            Answer::Linearizable => None,
            Answer::Unknown { .. } => {
                self.was_limited = true;
                None
            }
        }
    }

    fn spend(&mut self, work: usize) {
        self.work = self.work.saturating_sub(work);
        self.was_limited |= self.work == 0 || (self.limits.should_stop)();
    }
}
