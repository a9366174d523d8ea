//! Parts of histories against brute force: legal ones stay legal, illegal ones stay illegal and cannot be made smaller.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::minimise::{Evidence, minimise};
use super::reduce::Reducible;
use crate::Limits;
use crate::history::{History, ValueId};
use crate::linearizability::search::{Answer, Call, Problem, decide};
use crate::model::{
    BagAction, BagSpec, CounterAction, CounterSpec, Effect, MutexAction, MutexSpec, Object, QueueAction, QueueSpec,
    RegisterAction, RegisterSpec, SetAction, SetSpec, StackAction, StackSpec, Step,
};
use crate::semantics::{Literal, Semantics};

/// Illegal histories of each object that are made smaller.
const ILLEGAL: u32 = 6000;

/// An object that answers at random.
trait Sample: Reducible {
    /// An action, whose result is right in this state, or any.
    fn draw(&mut self, random: &mut ChaCha8Rng, state: &Self::State, is_right: bool) -> Self::Action;

    /// What is known of an action that was not decided.
    fn undecided(&self, action: Self::Action) -> Self::Action {
        action
    }
}

fn value(random: &mut ChaCha8Rng) -> ValueId {
    ValueId::small(random.random_range(1..4)).unwrap()
}

impl Sample for RegisterSpec {
    fn draw(&mut self, random: &mut ChaCha8Rng, state: &Option<ValueId>, is_right: bool) -> RegisterAction {
        let seen = state.filter(|_| is_right).unwrap_or_else(|| value(random));
        match random.random_range(0..10) {
            0..4 => RegisterAction::Read(seen),
            4..7 => RegisterAction::Write(value(random)),
            7 if *state != Some(seen) || !is_right => RegisterAction::Differs(seen),
            _ => RegisterAction::CompareAndSet { old: seen, new: value(random) },
        }
    }
}

impl Sample for SetSpec {
    fn draw(&mut self, random: &mut ChaCha8Rng, state: &Box<[ValueId]>, is_right: bool) -> SetAction {
        if random.random() {
            return SetAction::Add(value(random));
        }
        let mut elements = state.to_vec();
        if !is_right {
            match elements.pop() {
                Some(_) if random.random() => {}
                _ => elements.push(value(random)),
            }
        }
        self.read(elements)
    }
}

impl Sample for CounterSpec {
    fn draw(&mut self, random: &mut ChaCha8Rng, state: &i64, is_right: bool) -> CounterAction {
        match random.random_range(0..2) {
            0 => CounterAction::Add(random.random_range(-1..3)),
            _ if is_right => CounterAction::Read(*state),
            _ => CounterAction::Read(random.random_range(-1..4)),
        }
    }
}

impl Sample for QueueSpec {
    fn draw(&mut self, random: &mut ChaCha8Rng, state: &Box<[ValueId]>, is_right: bool) -> QueueAction {
        match random.random_range(0..10) {
            0..5 => QueueAction::Enqueue(value(random)),
            5 if !is_right => QueueAction::DequeueEmpty,
            _ if !is_right => QueueAction::Dequeue(value(random)),
            _ => state.first().map_or(QueueAction::DequeueEmpty, |head| QueueAction::Dequeue(*head)),
        }
    }

    fn undecided(&self, action: QueueAction) -> QueueAction {
        match action {
            QueueAction::Dequeue(_) => QueueAction::DequeueAny,
            action => action,
        }
    }
}

impl Sample for StackSpec {
    fn draw(&mut self, random: &mut ChaCha8Rng, state: &Box<[ValueId]>, is_right: bool) -> StackAction {
        match random.random_range(0..10) {
            0..5 => StackAction::Push(value(random)),
            5 if !is_right => StackAction::PopEmpty,
            _ if !is_right => StackAction::Pop(value(random)),
            _ => state.last().map_or(StackAction::PopEmpty, |top| StackAction::Pop(*top)),
        }
    }

    fn undecided(&self, action: StackAction) -> StackAction {
        match action {
            StackAction::Pop(_) => StackAction::PopAny,
            action => action,
        }
    }
}

impl Sample for BagSpec {
    fn draw(&mut self, random: &mut ChaCha8Rng, state: &Box<[ValueId]>, is_right: bool) -> BagAction {
        match random.random_range(0..10) {
            0..5 => BagAction::Enqueue(value(random)),
            5 if !is_right => BagAction::DequeueEmpty,
            _ if !is_right => BagAction::Dequeue(value(random)),
            _ if state.is_empty() => BagAction::DequeueEmpty,
            _ => BagAction::Dequeue(state[random.random_range(0..state.len())]),
        }
    }
}

impl Sample for MutexSpec {
    fn draw(&mut self, _: &mut ChaCha8Rng, is_held: &bool, is_right: bool) -> MutexAction {
        if *is_held == is_right { MutexAction::Release } else { MutexAction::Acquire }
    }
}

/// What an object did to which operations came; with `mistakes`, it is wrong now and then.
fn history<S: Sample>(object: &mut S, seed: u64, count: u64, width: u64, mistakes: bool) -> Problem<S::Action> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut state = object.initial();
    let mut calls: Vec<Call<S::Action>> = Vec::new();
    for number in 0..count {
        let is_right = !mistakes || random.random_range(0..4) > 0;
        let mut action = object.draw(&mut random, &state, is_right);
        let takes_effect = random.random_range(0..10) > 0;
        let is_undecided = !takes_effect || random.random_range(0..10) == 0;
        if takes_effect && let Step::Next(next) = object.step(&state, action) {
            state = next;
        }
        if is_undecided && random.random() {
            action = object.undecided(action);
        }
        let effect_ns = 2 * number + width;
        let invoked_ns = effect_ns - random.random_range(0..=width);
        let completed_ns = (!is_undecided).then(|| effect_ns + random.random_range(0..=width));
        calls.push(Call { operation: 0, invoked_ns, completed_ns, action });
    }
    calls.sort_by_key(|call| call.invoked_ns);
    calls.iter_mut().enumerate().for_each(|(place, call)| call.operation = 3 * place);
    calls.retain(|call| call.completed_ns.is_some() || object.effect(call.action) != Effect::Pure);
    Problem { calls }
}

/// The slow, obvious answer.
fn is_legal<S: Reducible>(object: &S, state: &S::State, left: &[Call<S::Action>]) -> bool {
    left.iter().all(|call| call.completed_ns.is_none())
        || (0..left.len()).any(|place| {
            let next = left[place];
            let must_wait = left.iter().any(|other| other.completed_ns.is_some_and(|end| end < next.invoked_ns));
            let rest = [&left[..place], &left[place + 1..]].concat();
            !must_wait
                && match object.step(state, next.action) {
                    Step::Illegal => false,
                    Step::Same => is_legal(object, state, &rest),
                    Step::Next(state) => is_legal(object, &state, &rest),
                }
        })
}

fn legal<S: Reducible>(object: &S, calls: &[Call<S::Action>]) -> bool {
    is_legal(object, &object.initial(), calls)
}

fn decided<S: Reducible>(object: &S, calls: &[Call<S::Action>]) -> bool {
    match decide(object, &Problem { calls: calls.to_vec() }, &Limits::NONE) {
        Answer::Linearizable => true,
        Answer::Impossible { .. } => false,
        Answer::Unknown { .. } => panic!("there is no limit"),
    }
}

/// Evidence is illegal, its failing completion is what makes it so, and no call can go.
fn assert_minimal<S: Reducible>(evidence: &Evidence<S>, is_legal: fn(&S, &[Call<S::Action>]) -> bool, seed: u64) {
    let (object, calls) = (&evidence.part.object, &evidence.part.calls);
    assert!(evidence.is_minimal, "seed {seed}");
    assert!(!is_legal(object, calls), "seed {seed}: {calls:?}");
    let end = calls.iter().find(|call| call.operation == evidence.failing).unwrap().completed_ns;
    let undecided =
        |call: &Call<S::Action>| Call { completed_ns: call.completed_ns.filter(|own| Some(*own) < end), ..*call };
    let before: Vec<Call<S::Action>> = calls.iter().map(undecided).collect();
    assert!(is_legal(object, &before), "seed {seed}: {calls:?} failing {}", evidence.failing);
    for left_out in 0..calls.len() {
        let is_left_out: Vec<bool> = (0..calls.len()).map(|place| place == left_out).collect();
        let Some(part) = object.without(calls, &is_left_out).filter(|part| part.calls.len() < calls.len()) else {
            continue;
        };
        assert!(is_legal(&part.object, &part.calls), "seed {seed}: {calls:?} without {left_out}: {:?}", part.calls);
    }
}

fn check<S: Sample>(new: fn(u64) -> S) {
    let mut illegal = 0;
    let mut legal_count = 0;
    let mut seed = 0;
    while illegal < ILLEGAL || legal_count < ILLEGAL {
        seed += 1;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut object = new(seed);
        let problem = history(&mut object, seed, 3 + seed % 5, 1 + seed % 6, seed % 2 == 0);
        if legal(&object, &problem.calls) {
            legal_count += 1;
            let is_left_out: Vec<bool> = problem.calls.iter().map(|_| random.random_range(0..3) == 0).collect();
            if let Some(part) = object.without(&problem.calls, &is_left_out) {
                let (calls, left) = (&problem.calls, &part.calls);
                assert!(legal(&part.object, left), "seed {seed}: {calls:?} without {is_left_out:?}: {left:?}");
            }
        } else if illegal < ILLEGAL {
            illegal += 1;
            let failing = failing(&object, &problem);
            assert_minimal(&minimise(object, problem, failing, &Limits::NONE), legal, seed);
        }
    }
    // Longer ones, by the search.
    for seed in 0..300 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut object = new(seed);
        let problem = history(&mut object, seed, 10 + seed % 15, 1 + seed % 7, seed % 3 == 0);
        if decided(&object, &problem.calls) {
            let share = random.random_range(2..20);
            let is_left_out: Vec<bool> = problem.calls.iter().map(|_| random.random_range(0..share) == 0).collect();
            if let Some(part) = object.without(&problem.calls, &is_left_out) {
                assert!(decided(&part.object, &part.calls), "seed {seed}: {problem:?} without {is_left_out:?}");
            }
        } else {
            let failing = failing(&object, &problem);
            assert_minimal(&minimise(object, problem, failing, &Limits::NONE), decided, seed);
        }
    }
}

fn failing<S: Reducible>(object: &S, problem: &Problem<S::Action>) -> usize {
    match decide(object, problem, &Limits::NONE) {
        Answer::Impossible { failing, .. } => failing,
        answer => panic!("{problem:?} has no linearization, but {answer:?}"),
    }
}

#[test]
fn registers() {
    check(|seed| {
        let initial = if seed % 3 == 0 { Literal::Integer(1) } else { Literal::Null };
        RegisterSpec::new(&History::default(), &Semantics { initial, ..Semantics::default() })
    });
}

#[test]
fn sets() {
    check(|_| SetSpec::default());
}

#[test]
fn counters() {
    check(|_| CounterSpec);
}

#[test]
fn queues() {
    check(|_| QueueSpec);
}

#[test]
fn stacks() {
    check(|_| StackSpec);
}

#[test]
fn bags() {
    check(|_| BagSpec::default());
}

#[test]
fn mutexes() {
    check(|_| MutexSpec);
}

#[test]
fn past_the_limits_what_is_left_still_has_no_linearization() {
    let mut unfinished = 0;
    for seed in 0..40 {
        let mut object = RegisterSpec::new(&History::default(), &Semantics::default());
        let problem = history(&mut object, 2 * seed, 400, 5, true);
        if decided(&object, &problem.calls) {
            continue;
        }
        let failing = failing(&object, &problem);
        for answers in [0, 1, 10] {
            let asked = AtomicUsize::new(0);
            let should_stop = || asked.fetch_add(1, Ordering::Relaxed) >= answers;
            let limits = Limits { should_stop: &should_stop, memory_bytes: usize::MAX };
            let evidence = minimise(object.clone(), problem.clone(), failing, &limits);
            unfinished += u32::from(!evidence.is_minimal);
            assert!(!decided(&evidence.part.object, &evidence.part.calls), "seed {seed}");
        }
    }
    assert!(unfinished > 0, "no limit was reached");
}
