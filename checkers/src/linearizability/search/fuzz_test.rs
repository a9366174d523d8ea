//! The search against the plain one, on problems that are drawn from seeds.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::bits::Bits;
use super::budget::Budget;
use super::competition::{Answer, decide_with};
use super::depth_first::DepthFirst;
use super::just_in_time::Outcome;
use super::plan::Plan;
use super::problem::{Call, Problem};
use super::reductions::Reductions;
use super::reference_test::{assert_explains, is_linearizable, until};
use super::replay::replay;
use crate::Limits;
use crate::history::{History, ValueId};
use crate::model::{Effect, Object, RegisterAction, RegisterSpec, SequentialSpec, Step};
use crate::semantics::Semantics;

/// Who draws operations, and answers them rightly or wrongly.
trait Draw: SequentialSpec + Sized {
    /// Something to ask of an object in a state, and its right result there; if it is possible at all.
    fn draw(&self, random: &mut ChaCha8Rng, state: &Self::State) -> Option<Self::Action>;
    /// An action that is anything.
    fn wrong(&self, random: &mut ChaCha8Rng) -> Self::Action;
}

/// How a problem is drawn.
struct Recipe {
    calls: usize,
    /// How many operations overlap, about.
    width: u64,
    undecided_percent: u32,
    wrong_percent: u32,
}

fn recipe(random: &mut ChaCha8Rng, calls_max: usize) -> Recipe {
    Recipe {
        calls: random.random_range(2..=calls_max),
        width: random.random_range(1..12),
        undecided_percent: [0, 10, 40][random.random_range(0..3)],
        wrong_percent: [0, 3, 10, 40][random.random_range(0..4)],
    }
}

fn problem<S: Draw>(spec: &S, seed: u64, calls_max: usize) -> Problem<S::Action> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let recipe = recipe(&mut random, calls_max);
    let mut spans: Vec<(u64, u64, u64)> = (0..recipe.calls as u64)
        .map(|number| {
            let invoked = 2 * number + random.random_range(0..3);
            let effect = invoked + random.random_range(0..=2 * recipe.width);
            (effect, invoked, effect + random.random_range(0..=2 * recipe.width))
        })
        .collect();
    spans.sort_unstable();
    let mut state = spec.initial();
    let mut calls = Vec::new();
    for (_, invoked_ns, completed) in spans {
        let is_undecided = random.random_range(0..100) < recipe.undecided_percent;
        let is_wrong = random.random_range(0..100) < recipe.wrong_percent;
        let drawn = spec.draw(&mut random, &state);
        let Some(action) = (if is_wrong { Some(spec.wrong(&mut random)) } else { drawn }) else { continue };
        let has_effect = !is_undecided || random.random();
        if let (true, Step::Next(next)) = (has_effect, spec.step(&state, action)) {
            state = next;
        }
        calls.push(Call { operation: 0, invoked_ns, completed_ns: (!is_undecided).then_some(completed), action });
    }
    calls.sort_by_key(|call| call.invoked_ns);
    for (number, call) in calls.iter_mut().enumerate() {
        call.operation = 100 + number;
    }
    Problem { calls }
}

/// Compares verdict, order, first failing completion and the order up to it.
fn compare<S: Draw>(spec: &S, problem: &Problem<S::Action>, reductions: Reductions, told: &str) -> Option<bool> {
    let expected = is_linearizable(spec, problem)?;
    let (answer, way) = decide_with(spec, problem, &Limits::NONE, 1, reductions);
    let plan = Plan::new(spec, problem, reductions, &mut Budget::new(&Limits::NONE)).expect("no limits");
    match &answer {
        Answer::Linearizable => {
            assert!(expected, "{told} {reductions:?}: an order where there is none\n{problem:?}");
            let order = replay(&plan, &way, plan.returns.len() as u32);
            let ids: Vec<usize> = order.calls.iter().map(|call| problem.calls[*call as usize].operation).collect();
            assert_explains(spec, problem, &ids, &order.state, u64::MAX);
        }
        Answer::Impossible { failing, prefix } => {
            assert!(!expected, "{told} {reductions:?}: no order where there is one\n{problem:?}");
            let place = problem.calls.iter().position(|call| call.operation == *failing).expect("an operation");
            let with = is_linearizable(spec, &until(problem, place, true));
            assert_ne!(with, Some(true), "{told}: {failing} is explained\n{problem:?}");
            let without = is_linearizable(spec, &until(problem, place, false));
            assert_ne!(without, Some(false), "{told}: {failing} is not first\n{problem:?}");
            assert_explains(spec, problem, &prefix.order, &prefix.state, problem.calls[place].completed_ns.unwrap());
        }
        Answer::Unknown { .. } => panic!("{told}: there are no limits"),
    }
    let depth_first = match plan.slot_count {
        0..=64 => depth_first::<S, [u64; 1]>(&plan),
        _ => depth_first::<S, Box<[u64]>>(&plan),
    };
    assert_eq!(
        matches!(depth_first, Outcome::Linearizable(_)),
        expected,
        "{told} depth first {reductions:?}\n{problem:?}"
    );
    if let (Outcome::Stuck { rank, .. }, Answer::Impossible { failing, .. }) = (depth_first, &answer) {
        assert_eq!(problem.calls[plan.returns[rank as usize] as usize].operation, *failing, "{told} {reductions:?}");
    }
    Some(expected)
}

fn depth_first<S: SequentialSpec, B: Bits>(plan: &Plan<'_, S>) -> Outcome {
    DepthFirst::<S, B>::new(plan, 1 << 24).run(&mut Budget::new(&Limits::NONE)).expect("no limits")
}

/// All, none, each alone, all but each.
fn variants() -> Vec<Reductions> {
    let mut variants = vec![Reductions::ALL, Reductions::NONE];
    for number in 0..Reductions::COUNT {
        variants.push(Reductions::NONE.with(number, true));
        variants.push(Reductions::ALL.with(number, false));
    }
    variants
}

fn fuzz<S: Draw>(spec: &S, name: &str, seeds: std::ops::Range<u64>, calls_max: usize, variants: &[Reductions]) {
    let (mut linearizable, mut total) = (0, 0);
    for seed in seeds {
        let problem = problem(spec, seed, calls_max);
        for variant in variants {
            let found = compare(spec, &problem, *variant, &format!("{name} seed {seed}"));
            linearizable += u32::from(found == Some(true));
            total += u32::from(found.is_some());
        }
    }
    let share = f64::from(linearizable) / f64::from(total);
    assert!((0.1..0.9).contains(&share), "{name}: {share} are linearizable");
}

fn register() -> RegisterSpec {
    RegisterSpec::new(&History::default(), &Semantics::default())
}

fn small(value: i64) -> ValueId {
    ValueId::small(value).expect("a small number")
}

/// Numbers of values from a few; now and then one that is rare.
fn value(random: &mut ChaCha8Rng) -> ValueId {
    if random.random_range(0..10) == 0 { small(random.random_range(10..30)) } else { small(random.random_range(0..4)) }
}

impl Draw for RegisterSpec {
    fn draw(&self, random: &mut ChaCha8Rng, state: &Option<ValueId>) -> Option<RegisterAction> {
        match random.random_range(0..6) {
            0..2 => state.map(RegisterAction::Read),
            2..4 => Some(RegisterAction::Write(value(random))),
            4 => state.map(|old| RegisterAction::CompareAndSet { old, new: value(random) }),
            _ => Some(value(random)).filter(|value| *state != Some(*value)).map(RegisterAction::Differs),
        }
    }

    fn wrong(&self, random: &mut ChaCha8Rng) -> RegisterAction {
        match random.random_range(0..4) {
            0 => RegisterAction::Differs(value(random)),
            1 => RegisterAction::CompareAndSet { old: value(random), new: value(random) },
            _ => RegisterAction::Read(value(random)),
        }
    }
}

/// Texts that are put and appended to: what hides, what commutes, what is possible always, in one object.
struct Texts;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum TextAction {
    Get(u32),
    Put(u32),
    Append(u32),
    /// Removes the last letter if it is this one.
    Cut(u32),
}

impl SequentialSpec for Texts {
    type Action = TextAction;
    /// Its letters are the digits to the base of 4.
    type State = u32;

    fn initial(&self) -> u32 {
        0
    }

    fn step(&self, state: &u32, action: TextAction) -> Step<u32> {
        match action {
            TextAction::Get(text) if text == *state => Step::Same,
            TextAction::Cut(letter) if *state % 4 == letter => Step::Next(*state / 4),
            TextAction::Get(_) | TextAction::Cut(_) => Step::Illegal,
            TextAction::Put(text) if text == *state => Step::Same,
            TextAction::Put(text) => Step::Next(text),
            // A full text stays as it is.
            TextAction::Append(_) if *state >= 64 => Step::Same,
            TextAction::Append(letter) => Step::Next(*state * 4 + letter),
        }
    }

    fn effect(&self, action: TextAction) -> Effect {
        match action {
            TextAction::Get(_) => Effect::Pure,
            TextAction::Put(_) => Effect::Overwrite,
            TextAction::Append(_) => Effect::Update,
            TextAction::Cut(_) => Effect::Conditional,
        }
    }
}

impl Draw for Texts {
    fn draw(&self, random: &mut ChaCha8Rng, state: &u32) -> Option<TextAction> {
        match random.random_range(0..8) {
            0..3 => Some(TextAction::Get(*state)),
            3..5 => Some(TextAction::Put(random.random_range(1..4))),
            5..7 => Some(TextAction::Append(random.random_range(1..4))),
            _ => (!state.is_multiple_of(4)).then_some(TextAction::Cut(*state % 4)),
        }
    }

    fn wrong(&self, random: &mut ChaCha8Rng) -> TextAction {
        match random.random_range(0..3) {
            0 => TextAction::Cut(random.random_range(1..4)),
            1 => TextAction::Get(random.random_range(0..4)),
            _ => TextAction::Get(random.random_range(4..16)),
        }
    }
}

/// How many seeds: `SCHISM_HISTORIES`, or this many.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    0..std::env::var("SCHISM_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

#[test]
fn registers_of_a_few_calls_with_reductions_alone_and_together() {
    fuzz(&register(), "register", seeds(1000), 8, &variants());
}

#[test]
fn texts_of_a_few_calls_with_reductions_alone_and_together() {
    fuzz(&Texts, "texts", seeds(1000), 8, &variants());
}

#[test]
fn registers_of_forty_calls() {
    fuzz(&register(), "register", seeds(500), 40, &[Reductions::ALL]);
}

#[test]
fn texts_of_forty_calls() {
    fuzz(&Texts, "texts", seeds(500), 40, &[Reductions::ALL]);
}

/// So many calls that stay open and are never possible push the others across the borders of words.
#[test]
fn windows_of_more_than_a_word() {
    let spec = register();
    let mut linearizable = 0;
    let seeds = seeds(150);
    for seed in seeds.clone() {
        let drawn = problem(&spec, seed, 40);
        let Some(expected) = is_linearizable(&spec, &drawn) else { continue };
        linearizable += u32::from(expected);
        for idle in [50, 60, 100, 180, 300] {
            let mut calls: Vec<Call<RegisterAction>> = (0..idle)
                .map(|number| Call {
                    operation: 1000 + number,
                    invoked_ns: 0,
                    completed_ns: None,
                    action: RegisterAction::CompareAndSet {
                        old: small(1000 + number as i64),
                        new: small(2000 + number as i64),
                    },
                })
                .collect();
            calls.extend(drawn.calls.iter().copied());
            calls.sort_by_key(|call| call.invoked_ns);
            let (answer, _) = decide_with(&spec, &Problem { calls }, &Limits::NONE, 1, Reductions::ALL);
            assert_eq!(
                matches!(answer, Answer::Linearizable),
                expected,
                "seed {seed} idle {idle}: {answer:?}\n{drawn:?}"
            );
        }
    }
    assert!(linearizable > 10, "{linearizable} of {seeds:?} are linearizable");
}
