//! The plain search that the real one is compared with: Wing & Gong with Lowe's memo and nothing else. Also checks orders.

use std::collections::HashSet;

use super::problem::Problem;
use crate::model::{SequentialSpec, Step};

/// Configurations after which it gives up.
const SEEN_MAX: usize = 50_000;

/// Whether a problem of at most 64 calls has an order; `None` where that is too much work.
pub(super) fn is_linearizable<S: SequentialSpec>(spec: &S, problem: &Problem<S::Action>) -> Option<bool> {
    assert!(problem.calls.len() <= 64);
    let mut seen = HashSet::new();
    let found = place(spec, problem, &spec.initial(), 0, &mut seen);
    (found || seen.len() < SEEN_MAX).then_some(found)
}

fn place<S: SequentialSpec>(
    spec: &S,
    problem: &Problem<S::Action>,
    state: &S::State,
    placed: u64,
    seen: &mut HashSet<(u64, S::State)>,
) -> bool {
    let left = || problem.calls.iter().enumerate().filter(|(place, _)| placed & (1 << place) == 0);
    if left().all(|(_, call)| call.completed_ns.is_none()) {
        return true;
    }
    if seen.len() == SEEN_MAX || !seen.insert((placed, state.clone())) {
        return false;
    }
    let first_completed = left().filter_map(|(_, call)| call.completed_ns).min().unwrap_or(u64::MAX);
    left().filter(|(_, call)| call.invoked_ns <= first_completed).any(|(number, call)| {
        let next = match spec.step(state, call.action) {
            Step::Illegal => return false,
            Step::Same => state.clone(),
            Step::Next(next) => next,
        };
        place(spec, problem, &next, placed | 1 << number, seen)
    })
}

/// The problem as it was known when the call at `place` was completed, that completion included or not. Of calls that were
/// completed at one time the first invoked comes first.
pub(super) fn until<A: Copy>(problem: &Problem<A>, place: usize, is_included: bool) -> Problem<A> {
    let end = problem.calls[place].completed_ns.expect("a decided call");
    let mut calls = problem.calls.clone();
    calls.retain(|call| call.invoked_ns <= end);
    for (number, call) in calls.iter_mut().enumerate() {
        call.completed_ns = call.completed_ns.filter(|completed| (*completed, number) < (end, place));
    }
    if is_included {
        calls[place].completed_ns = Some(end);
    }
    Problem { calls }
}

/// That an order explains the calls completed before a time, every one of them, and respects times; and the state it leaves.
pub(super) fn assert_explains<S: SequentialSpec>(
    spec: &S,
    problem: &Problem<S::Action>,
    order: &[usize],
    state: &S::State,
    completed_before: u64,
) {
    let call_of =
        |id: &usize| problem.calls.iter().find(|call| call.operation == *id).expect("an operation of the problem");
    let mut at = spec.initial();
    for (number, id) in order.iter().enumerate() {
        let call = call_of(id);
        match spec.step(&at, call.action) {
            Step::Illegal => panic!("{call:?} is not possible in {at:?}: {order:?}"),
            Step::Same => {}
            Step::Next(next) => at = next,
        }
        for later in &order[number + 1..] {
            assert_ne!(later, id, "twice in {order:?}");
            let later = call_of(later);
            assert!(
                later.completed_ns.is_none_or(|end| end >= call.invoked_ns),
                "{later:?} ended before {call:?} began"
            );
        }
    }
    assert_eq!(at, *state);
    for call in &problem.calls {
        if call.completed_ns.is_some_and(|completed| completed < completed_before) {
            assert!(order.contains(&call.operation), "{call:?} is missing in {order:?}");
        }
        assert!(
            call.invoked_ns <= completed_before || !order.contains(&call.operation),
            "{call:?} was not invoked yet"
        );
    }
}
