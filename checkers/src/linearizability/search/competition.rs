//! The two searches side by side, and their answer.

use std::sync::atomic::{AtomicBool, Ordering};

use super::bits::Bits;
use super::budget::{Budget, Limit};
use super::depth_first::DepthFirst;
use super::just_in_time::{JustInTime, Outcome};
use super::plan::Plan;
use super::problem::Problem;
use super::reductions::Reductions;
use super::replay::replay;
use super::trail::Placement;
use crate::analysis::Limits;
use crate::model::SequentialSpec;

/// The longest beginning of a history that was explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Prefix<S> {
    /// How many decided operations are completed in it.
    pub completed: usize,
    /// Id of the last of them.
    pub last_completed: Option<usize>,
    /// Ids of operations in an order that explains it: all those completed, and some that were open or undecided.
    pub order: Vec<usize>,
    /// The state the order leaves.
    pub state: S,
    /// Ids of decided operations that are open at its end and not in the order, the first to be completed first.
    pub open: Vec<usize>,
    /// Ids of undecided operations invoked in it that are not in the order: each may have happened, or not.
    pub undecided: Vec<usize>,
}

/// What the search found.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<S> {
    /// There is an order.
    Linearizable,
    /// There is none.
    Impossible {
        /// The operation whose completion is the first that no order explains.
        failing: usize,
        /// All that was completed before it, explained.
        prefix: Prefix<S>,
    },
    /// A limit was reached first.
    Unknown {
        /// Which.
        limit: Limit,
        /// What was explained by then.
        prefix: Prefix<S>,
    },
}

/// Work that the search just in time does alone, before the other is begun as well: so much, and so much for each call.
/// Nearly all problems are decided by then.
const WORK_ALONE: usize = 1 << 20;
const WORK_ALONE_PER_CALL: usize = 64;
/// Work of the depth-first search. It is the same with a thread of its own and without, so that the answer is.
const WORK_DEPTH_FIRST: usize = 1 << 22;

/// Decides whether a history of one object is linearizable.
pub fn decide<S: SequentialSpec>(spec: &S, problem: &Problem<S::Action>, limits: &Limits<'_>) -> Answer<S::State> {
    decide_on_threads(spec, problem, limits, 1)
}

/// As [`decide`], with up to so many threads. The answer does not depend on their number.
pub fn decide_on_threads<S: SequentialSpec>(
    spec: &S,
    problem: &Problem<S::Action>,
    limits: &Limits<'_>,
    threads: usize,
) -> Answer<S::State> {
    decide_with(spec, problem, limits, threads, Reductions::ALL).0
}

/// As [`decide_on_threads`], with reductions left out; answers also the order, where there is one.
pub(super) fn decide_with<S: SequentialSpec>(
    spec: &S,
    problem: &Problem<S::Action>,
    limits: &Limits<'_>,
    threads: usize,
    reductions: Reductions,
) -> (Answer<S::State>, Vec<Placement>) {
    let mut budget = Budget::new(limits);
    let plan = match Plan::new(spec, problem, reductions, &mut budget) {
        Ok(plan) => plan,
        Err(limit) => return (Answer::Unknown { limit, prefix: Prefix::nothing(spec.initial()) }, Vec::new()),
    };
    let found = match plan.slot_count.div_ceil(64) {
        0 | 1 => compete::<S, [u64; 1]>(&plan, limits, threads),
        2 => compete::<S, [u64; 2]>(&plan, limits, threads),
        3 | 4 => compete::<S, [u64; 4]>(&plan, limits, threads),
        _ => compete::<S, Box<[u64]>>(&plan, limits, threads),
    };
    match found {
        Found::Outcome(Outcome::Linearizable(way)) => (Answer::Linearizable, way),
        Found::Outcome(Outcome::Stuck { rank, at, way }) => {
            let failing = problem.calls[plan.returns[rank as usize] as usize].operation;
            let prefix = Prefix::new(&plan, problem, &way, at);
            (Answer::Impossible { failing, prefix }, way)
        }
        Found::Limit { limit, rank, way } => {
            let prefix = Prefix::new(&plan, problem, &way, rank);
            (Answer::Unknown { limit, prefix }, way)
        }
    }
}

enum Found {
    Outcome(Outcome),
    Limit { limit: Limit, rank: u32, way: Vec<Placement> },
}

fn compete<S: SequentialSpec, B: Bits>(plan: &Plan<'_, S>, limits: &Limits<'_>, threads: usize) -> Found {
    // The other half is for the search beside it, should it come to that.
    let alone = Limits { should_stop: limits.should_stop, memory_bytes: limits.memory_bytes / 2 };
    let mut budget = Budget::new(&alone);
    budget.set_work(WORK_ALONE + WORK_ALONE_PER_CALL * plan.opens.len());
    let mut just_in_time = JustInTime::<S, B>::new(plan);
    let found = match just_in_time.run(&mut budget) {
        Err(Limit::Work | Limit::Memory) => side_by_side(plan, limits, threads, &mut just_in_time),
        found => found,
    };
    match found {
        Ok(outcome @ Outcome::Stuck { .. }) if just_in_time.was_cut_by_zone() => {
            Found::Outcome(without_zones::<S, B>(plan, limits, outcome))
        }
        Ok(outcome) => Found::Outcome(outcome),
        Err(limit) => match plan.outlook.impossible {
            Some(rank) => Found::Outcome(Outcome::Stuck { rank, at: just_in_time.rank(), way: just_in_time.way() }),
            None => Found::Limit { limit, rank: just_in_time.rank(), way: just_in_time.way() },
        },
    }
}

/// What the search just in time finds where zones, which know the future, do not end it too soon. That there is no order is
/// known; within the limits, where it ends becomes exact.
fn without_zones<S: SequentialSpec, B: Bits>(plan: &Plan<'_, S>, limits: &Limits<'_>, outcome: Outcome) -> Outcome {
    let mut exact = JustInTime::<S, B>::new(plan).without_zones();
    exact.run(&mut Budget::new(limits)).unwrap_or(outcome)
}

/// Both searches at once; the first answer counts. Where there is an order it does not matter which finds it, as it is not
/// part of the answer; where there is none, the answer is always that of the search just in time.
fn side_by_side<S: SequentialSpec, B: Bits>(
    plan: &Plan<'_, S>,
    limits: &Limits<'_>,
    threads: usize,
    just_in_time: &mut JustInTime<'_, '_, S, B>,
) -> Result<Outcome, Limit> {
    let half = limits.memory_bytes / 2;
    let is_decided = AtomicBool::new(false);
    let depth_first = || {
        let mut budget = Budget::new(limits).share(half, &is_decided);
        budget.set_work(WORK_DEPTH_FIRST);
        let found = DepthFirst::<S, B>::new(plan, half / 2).run(&mut budget);
        let found = found.ok().filter(|outcome| matches!(outcome, Outcome::Linearizable(_)));
        if found.is_some() {
            is_decided.store(true, Ordering::Relaxed);
        }
        found
    };
    let mut budget = Budget::new(limits).share(half, &is_decided);
    if threads < 2 {
        return depth_first().map_or_else(|| just_in_time.run(&mut budget), Ok);
    }
    let (own, other) = std::thread::scope(|scope| {
        let other = scope.spawn(depth_first);
        let own = just_in_time.run(&mut budget);
        if own.is_ok() {
            is_decided.store(true, Ordering::Relaxed);
        }
        // A panic of the other search is a defect: it goes on in this thread.
        (own, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    own.or_else(|limit| other.ok_or(limit))
}

impl<S> Prefix<S> {
    fn nothing(state: S) -> Self {
        Self { completed: 0, last_completed: None, order: Vec::new(), state, open: Vec::new(), undecided: Vec::new() }
    }

    fn new<P: SequentialSpec<State = S>>(
        plan: &Plan<'_, P>,
        problem: &Problem<P::Action>,
        way: &[Placement],
        rank: u32,
    ) -> Self {
        let order = replay(plan, way, rank);
        let ids = |calls: Vec<u32>| calls.into_iter().map(|call| problem.calls[call as usize].operation).collect();
        Self {
            completed: rank as usize,
            last_completed: rank
                .checked_sub(1)
                .map(|last| problem.calls[plan.returns[last as usize] as usize].operation),
            order: ids(order.calls),
            state: order.state,
            open: ids(order.open),
            undecided: ids(order.undecided),
        }
    }
}
