//! Why a small part of a history has no linearization, in one paragraph for a reader who knows neither the word nor the
//! theory: what each operation did, which order real time forces on them, and what the last of them should have found.

use rustc_hash::{FxHashMap, FxHashSet};

use super::minimise::Evidence;
use super::reduce::Reducible;
use super::words::{counted, describe, faults_around};
use crate::history::{History, Operation, Outcome};
use crate::linearizability::search::Call;
use crate::model::{Effect, Object, SequentialSpec, Step};

/// Operations that are described.
const DESCRIBED_MAX: usize = 8;
/// Operations of a witness; of more, the last are kept.
const OPERATIONS_MAX: usize = 64;
/// Operations among which every order is tried to say what the last one could have found.
const ORDERED_MAX: usize = 20;
/// Configurations of these.
const CONFIGURATIONS_MAX: usize = 1 << 12;
/// Alternatives that are named.
const ALTERNATIVES_MAX: usize = 3;

/// The whole history of an object, of which evidence is a part.
pub(crate) struct Whole<'h, O: Object<'h>> {
    pub(crate) history: &'h History,
    pub(crate) object: O,
    /// In order of invocation.
    pub(crate) calls: Vec<Call<O::Action>>,
    /// The operation whose completion is the first that no order explains.
    pub(crate) failing: usize,
}

/// A paragraph, after "The history of x has no linearization", and ids of the operations it is about.
pub(crate) fn paragraph<'h, O: Object<'h> + Reducible>(
    whole: &Whole<'h, O>,
    evidence: &Evidence<O>,
) -> (String, Vec<usize>) {
    let part = &evidence.part;
    let operations: Vec<Operation<'_>> =
        part.calls.iter().filter_map(|call| whole.history.operation(call.operation)).collect();
    let mut sentences = vec![introduction(whole, evidence, &operations)];
    if part.calls.len() <= DESCRIBED_MAX {
        sentences.extend(real_time(&part.calls));
    }
    sentences.extend(undecided(&part.calls, &operations));
    sentences.extend(less_said(whole, evidence));
    sentences.extend(last_of_all(whole, evidence));
    sentences.extend(until_then(whole, evidence));
    let first = operations.len().saturating_sub(OPERATIONS_MAX);
    let ids = operations[first..].iter().map(Operation::id).collect();
    let capitalised = sentences.iter().skip(1).map(|sentence| {
        let (first, rest) = sentence.split_at(sentence.chars().next().map_or(0, char::len_utf8));
        format!(". {}{rest}", first.to_uppercase())
    });
    let text: String = std::iter::once(sentences[0].clone()).chain(capitalised).collect();
    (format!("{text}; {}", faults_around(whole.history, &operations)), ids)
}

/// How much of the whole history has an order.
fn until_then<'h, O: Object<'h>>(whole: &Whole<'h, O>, evidence: &Evidence<O>) -> Option<String> {
    let end = whole.calls.iter().find(|call| call.operation == evidence.failing)?.completed_ns?;
    let over = whole.calls.iter().filter(|call| call.completed_ns.is_some_and(|completed| completed < end)).count();
    let is_first = evidence.failing == whole.failing;
    (is_first && over >= evidence.part.calls.len()).then(|| {
        format!("up to then all is well: the {} that were over before have an order", counted(over as u64, "operation"))
    })
}

/// How an operation of the paragraph is called.
fn name(place: usize) -> String {
    format!("({})", place + 1)
}

/// `a`, `a and b`, `a, b and c`.
fn list(parts: &[String], and: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
    }
}

fn introduction<'h, O: Object<'h>>(
    whole: &Whole<'h, O>,
    evidence: &Evidence<O>,
    operations: &[Operation<'_>],
) -> String {
    let count = operations.len();
    let described = count.saturating_sub(DESCRIBED_MAX);
    let told: Vec<String> = operations
        .iter()
        .enumerate()
        .skip(described)
        .map(|(place, operation)| format!("{} {}", name(place), describe(whole.history, operation)))
        .collect();
    let which = match (count, evidence.is_minimal) {
        (1, _) => "one of its operations shows it by itself".to_owned(),
        (_, true) => {
            format!("{count} of its {} operations show it, and none of these can be left out", whole.calls.len())
        }
        (_, false) => format!(
            "{count} of its {} operations show it, perhaps fewer would: a limit was reached before that was known",
            whole.calls.len()
        ),
    };
    let earlier = match described {
        0 => String::new(),
        _ => format!("{} and ", counted(described as u64, "earlier operation")),
    };
    format!("{which}: {earlier}{}", told.join("; "))
}

fn precedes<A>(one: &Call<A>, other: &Call<A>) -> bool {
    one.completed_ns.is_some_and(|end| end < other.invoked_ns)
}

/// The order that real time forces, without what follows from the rest of it.
fn real_time<A>(calls: &[Call<A>]) -> Option<String> {
    let mut pairs = Vec::new();
    for (place, one) in calls.iter().enumerate() {
        for (other_place, other) in calls.iter().enumerate().filter(|(_, other)| precedes(one, other)) {
            if !calls.iter().any(|between| precedes(one, between) && precedes(between, other)) {
                pairs.push(format!("{} before {}", name(place), name(other_place)));
            }
        }
    }
    let order = list(&pairs, "and");
    (calls.len() > 1).then(|| {
        if pairs.is_empty() { "All of them overlap in time".to_owned() } else { format!("Real time puts {order}") }
    })
}

/// What is to be thought of operations that were never decided, or only after the last one was over.
fn undecided<A>(calls: &[Call<A>], operations: &[Operation<'_>]) -> Option<String> {
    if operations.iter().any(|operation| operation.outcome() == Outcome::Info) {
        return Some(
            "What was never decided may have happened, at any time after it was invoked, or not: neither helps"
                .to_owned(),
        );
    }
    let late = |(_, (call, operation)): &(usize, (&Call<A>, &Operation<'_>))| {
        call.completed_ns.is_none() && operation.completed_ns().is_some()
    };
    let late: Vec<String> = calls
        .iter()
        .zip(operations)
        .enumerate()
        .filter(late)
        .map(|(place, _)| name(place))
        .take(DESCRIBED_MAX)
        .collect();
    let were = if late.len() == 1 { "was" } else { "were" };
    (!late.is_empty()).then(|| {
        format!(
            "{} {were} still under way at the end, and may have happened by then or not: neither helps",
            list(&late, "and")
        )
    })
}

/// Operations of which not everything counts.
fn less_said<'h, O: Object<'h> + Reducible>(whole: &Whole<'h, O>, evidence: &Evidence<O>) -> Vec<String> {
    let first = evidence.part.calls.len().saturating_sub(DESCRIBED_MAX);
    let said = |(place, call): (usize, &Call<O::Action>)| {
        let before = whole.calls.binary_search_by_key(&call.operation, |call| call.operation).ok()?;
        let before = (&whole.object, whole.calls[before].action);
        evidence.part.object.less(whole.history, &name(place), before, call.action)
    };
    evidence.part.calls.iter().enumerate().skip(first).filter_map(said).collect()
}

/// What the operation that cannot be explained comes upon in every order of the others.
fn last_of_all<'h, O: Object<'h>>(whole: &Whole<'h, O>, evidence: &Evidence<O>) -> Option<String> {
    let calls = &evidence.part.calls;
    let last = calls.iter().position(|call| call.operation == evidence.failing)?;
    let found = states_found(&evidence.part.object, calls, last)?;
    let object = &evidence.part.object;
    if found.iter().any(|state| object.step(state, calls[last].action) != Step::Illegal) {
        return Some(format!("Wherever {} is put among the others, one of them is no longer possible", name(last)));
    }
    let mut told: Vec<String> = Vec::new();
    for state in &found {
        let state = object.describe(whole.history, state);
        if !told.contains(&state) {
            told.push(state);
        }
    }
    let more = told.len().saturating_sub(ALTERNATIVES_MAX);
    told.truncate(ALTERNATIVES_MAX);
    if more > 0 {
        told.push(format!("one of {more} other states"));
    }
    let comes_upon = list(&told, "or");
    let is_pure = object.effect(calls[last].action) == Effect::Pure;
    let why = if is_pure { "which is not what it saw" } else { "where it is not possible" };
    Some(match calls.len() {
        1 => format!("It comes upon {comes_upon}, {why}, and nothing that was left out can explain it"),
        _ => format!(
            "In every order of the others that is possible at all, {} comes upon {comes_upon}, {why}",
            name(last)
        ),
    })
}

/// The states in which one call can come in the linearizations of the others; `None` where there are too many orders.
fn states_found<S: SequentialSpec>(object: &S, calls: &[Call<S::Action>], last: usize) -> Option<Vec<S::State>> {
    if calls.len() > ORDERED_MAX {
        return None;
    }
    let decided = (0..calls.len()).filter(|place| *place != last && calls[*place].completed_ns.is_some());
    let all_decided = decided.fold(0_u32, |places, place| places | 1 << place);
    let must_come_before = |later: usize| {
        let earlier = (0..calls.len()).filter(|place| *place != last && precedes(&calls[*place], &calls[later]));
        earlier.fold(0_u32, |places, place| places | 1 << place)
    };
    let before: Vec<u32> = (0..calls.len()).map(must_come_before).collect();
    // Every configuration that can be reached, each with those it was reached from.
    let mut configurations = vec![(0_u32, object.initial())];
    let mut numbers: FxHashMap<(u32, S::State), usize> =
        configurations.iter().cloned().map(|first| (first, 0)).collect();
    let mut reached_from: Vec<Vec<usize>> = vec![Vec::new()];
    let mut at = 0;
    while at < configurations.len() {
        let (placed, state) = configurations[at].clone();
        for place in (0..calls.len()).filter(|place| *place != last && placed & (1 << place) == 0) {
            if before[place] & !placed != 0 {
                continue;
            }
            let next = match object.step(&state, calls[place].action) {
                Step::Illegal => continue,
                Step::Same => state.clone(),
                Step::Next(next) => next,
            };
            let next = (placed | 1 << place, next);
            let number = *numbers.entry(next.clone()).or_insert(configurations.len());
            if number == configurations.len() {
                configurations.push(next);
                reached_from.push(Vec::new());
            }
            reached_from[number].push(at);
        }
        at += 1;
        if configurations.len() > CONFIGURATIONS_MAX {
            return None;
        }
    }
    // Those from which all the others can be placed.
    let complete = |at: &usize| configurations[*at].0 & all_decided == all_decided;
    let mut useful: FxHashSet<usize> = FxHashSet::default();
    let mut open: Vec<usize> = (0..configurations.len()).filter(complete).collect();
    while let Some(at) = open.pop() {
        if useful.insert(at) {
            open.extend(&reached_from[at]);
        }
    }
    let mut found: Vec<S::State> = Vec::new();
    for (at, (placed, state)) in configurations.iter().enumerate() {
        if useful.contains(&at) && before[last] & !placed == 0 && !found.contains(state) {
            found.push(state.clone());
        }
    }
    Some(found)
}
