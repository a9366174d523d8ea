//! The monitors against the slow, obvious answer on random intervals with random results, most of them nonsense: values
//! that come out unasked, twice, or before they went in; empty removals; many equal times; many undecided operations.
//! `SCHISM_HISTORIES=N` sets how many histories of each kind are tried, `SCHISM_SEED=N` repeats one.

#![expect(clippy::print_stdout, reason = "says how many histories were decided")]

use std::collections::VecDeque;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::container::Container;
use super::counter::Counter;
use super::{Conflict, NEVER, Span, counter, greedy, queue, stack};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Action {
    Put(u32),
    Take(u32),
    TakeNothing,
    /// Undecided: takes anything, or finds nothing.
    TakeAny,
    Acquire,
    Release,
    Add(i64),
    Read(i64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Queue,
    Stack,
    Bag,
    Mutex,
    Units,
    Amounts,
    Signed,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    action: Action,
    span: Span,
}

/// Every state that an action can leave.
fn apply(kind: Kind, state: &VecDeque<i64>, action: Action) -> Vec<VecDeque<i64>> {
    let without = |place: usize| {
        let mut next = state.clone();
        next.remove(place);
        next
    };
    let with = |value: i64| state.iter().copied().chain([value]).collect();
    let places: Vec<usize> = match kind {
        Kind::Queue => (0..state.len().min(1)).collect(),
        Kind::Stack => (state.len().saturating_sub(1)..state.len()).collect(),
        _ => (0..state.len()).collect(),
    };
    let count = state.front().copied().unwrap_or(0);
    match action {
        Action::Put(value) => vec![with(i64::from(value))],
        Action::Take(value) => {
            places.into_iter().filter(|place| state[*place] == i64::from(value)).map(without).collect()
        }
        Action::TakeNothing => {
            if state.is_empty() {
                vec![state.clone()]
            } else {
                Vec::new()
            }
        }
        Action::TakeAny if state.is_empty() => vec![state.clone()],
        Action::TakeAny => places.into_iter().map(without).collect(),
        Action::Acquire => {
            if state.is_empty() {
                vec![with(1)]
            } else {
                Vec::new()
            }
        }
        Action::Release => {
            if state.is_empty() {
                Vec::new()
            } else {
                vec![VecDeque::new()]
            }
        }
        Action::Add(amount) => vec![VecDeque::from([count + amount])],
        Action::Read(read) => {
            if read == count {
                vec![state.clone()]
            } else {
                Vec::new()
            }
        }
    }
}

fn is_linearizable(kind: Kind, state: &VecDeque<i64>, left: &[Call]) -> bool {
    if left.iter().all(|call| !call.span.is_decided()) {
        return true;
    }
    (0..left.len()).any(|place| {
        let next = left[place];
        if left.iter().any(|other| other.span.precedes(&next.span)) {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(place);
        apply(kind, state, next.action).iter().any(|state| is_linearizable(kind, state, &rest))
    })
}

fn generate(kind: Kind, seed: u64) -> Vec<Call> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = random.random_range(1..=7);
    let length = random.random_range(3..=16);
    let undecided = [0, 10, 30][random.random_range(0..3)];
    let mut puts = 0;
    (0..count)
        .map(|operation| {
            let invoked = random.random_range(0..length);
            let is_undecided = random.random_range(0..100) < undecided;
            let width_max = random.random_range(1..=length);
            let width = random.random_range(0..=width_max);
            let completed = if is_undecided { NEVER } else { invoked + width };
            let action = match kind {
                Kind::Queue | Kind::Stack | Kind::Bag => match random.random_range(0..10) {
                    0..5 => {
                        puts += 1;
                        Action::Put(puts - 1)
                    }
                    _ if is_undecided => Action::TakeAny,
                    5..9 => Action::Take(random.random_range(0..4)),
                    _ => Action::TakeNothing,
                },
                Kind::Mutex => [Action::Acquire, Action::Release][random.random_range(0..2)],
                _ if random.random_range(0..5) < 2 => Action::Read(match kind {
                    Kind::Units => 2 * random.random_range(-1..4),
                    _ => random.random_range(-1..6),
                }),
                Kind::Units => Action::Add(2),
                Kind::Amounts => Action::Add(random.random_range(0..4)),
                Kind::Signed => Action::Add(random.random_range(-2..3)),
            };
            Call { action, span: Span { invoked, completed, operation } }
        })
        .filter(|call| !matches!((call.action, call.span.is_decided()), (Action::Read(_), false)))
        .collect()
}

fn decide(kind: Kind, calls: &[Call]) -> Option<Result<(), Conflict>> {
    let mut container = Container::default();
    let (mut acquires, mut releases) = (Vec::new(), Vec::new());
    let mut numbers = Counter::default();
    for Call { action, span } in calls.iter().copied() {
        match action {
            Action::Put(value) => container.put(value, span),
            Action::Take(value) => container.take(value, span),
            Action::TakeNothing => container.empties.push(span),
            Action::TakeAny => container.undecided.push(span),
            Action::Acquire => acquires.push(span),
            Action::Release => releases.push(span),
            Action::Add(amount) => numbers.additions.push((amount, span)),
            Action::Read(number) => numbers.reads.push((number, span)),
        }
    }
    match kind {
        Kind::Queue => queue::check(&container),
        Kind::Stack => stack::check(&container),
        Kind::Bag => container.check_bag(),
        Kind::Mutex => Some(greedy::check_mutex(&acquires, &releases)),
        Kind::Units | Kind::Amounts | Kind::Signed => counter::check(&numbers),
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Compares on many histories; at least `decided` percent of them must not be left to the search.
fn compare(kind: Kind, decided_min: u64) {
    let seeds = match number("SCHISM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHISM_HISTORIES").unwrap_or(20_000),
    };
    let total = seeds.end - seeds.start;
    let (mut linearizable, mut decided) = (0, 0);
    for seed in seeds {
        let calls = generate(kind, seed);
        let expected = is_linearizable(kind, &VecDeque::new(), &calls);
        linearizable += u64::from(expected);
        let Some(found) = decide(kind, &calls) else { continue };
        decided += 1;
        assert_eq!(found.is_ok(), expected, "SCHISM_SEED={seed} {kind:?}: {found:?}\n{calls:#?}");
        if let Err(conflict) = found {
            let count = conflict.operations.len();
            assert!((1..=6).contains(&count), "SCHISM_SEED={seed} {kind:?}: {conflict:?}");
        }
    }
    println!("{kind:?}: {linearizable} of {total} are linearizable, {decided} decided");
    assert!(total == 1 || (linearizable * 20 > total && linearizable * 20 < total * 19), "{linearizable} of {total}");
    assert!(total == 1 || decided * 100 >= total * decided_min, "only {decided} of {total} decided");
}

#[test]
fn queues() {
    compare(Kind::Queue, 95);
}

#[test]
fn stacks() {
    compare(Kind::Stack, 95);
}

#[test]
fn bags() {
    compare(Kind::Bag, 100);
}

#[test]
fn mutexes() {
    compare(Kind::Mutex, 100);
}

#[test]
fn counters_of_one_unit() {
    compare(Kind::Units, 100);
}

#[test]
fn counters_of_positive_amounts() {
    compare(Kind::Amounts, 80);
}

#[test]
fn counters_of_both_signs() {
    compare(Kind::Signed, 50);
}
