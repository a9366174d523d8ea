//! Correct histories have a linearization and planted violations have none, by an obvious search that shares nothing with
//! the checkers; and by the checkers themselves.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::*;
use crate::format::ReadOptions;
use crate::history::EventType;
use crate::linearizability::check_model;
use crate::transactions::{self, ConsistencyModel, TransactionModel};
use crate::{Limits, Validity, model};

/// Seeds of each test against the obvious search.
const SEEDS: u64 = 50;

/// What everything holds, by key; where there is one object its key is 0.
type State = BTreeMap<u32, Vec<i64>>;

/// An operation as the obvious search sees it.
#[derive(Debug)]
struct Tried {
    f: &'static str,
    argument: Value,
    /// `None`: undecided.
    result: Option<Value>,
    invoked: u64,
    completed: u64,
}

fn tried(events: &[Event], key: Option<u32>) -> Vec<Tried> {
    let mut all = Vec::new();
    for (place, event) in events.iter().enumerate() {
        if event.event_type != EventType::Invoke || event.key != key {
            continue;
        }
        let end = events[place + 1..].iter().find(|other| other.process == event.process);
        let (result, completed) = match end.map(|end| (end.event_type, end)) {
            Some((EventType::Fail, _)) => continue,
            Some((EventType::Ok, end)) => (Some(end.value.clone()), end.time_ns),
            _ => (None, u64::MAX),
        };
        let (f, argument) = (event.f, event.value.clone());
        all.push(Tried { f, argument, result, invoked: event.time_ns, completed });
    }
    all
}

fn numbers(value: &Value) -> Vec<i64> {
    match value {
        Value::Integer(number) => vec![*number],
        Value::List(elements) => elements.clone(),
        Value::Text(text) => text.split_terminator(';').filter_map(|piece| piece.parse().ok()).collect(),
        Value::Pair(old, new) => vec![*old, *new],
        Value::Null | Value::Transaction(_) => Vec::new(),
    }
}

/// The state after an operation; `None` if it cannot happen here with this result.
fn after(state: &State, operation: &Tried, object: ObjectKind) -> Option<State> {
    let mut state = state.clone();
    match (&operation.argument, &operation.result) {
        (Value::Transaction(parts), None) => parts.iter().try_for_each(|part| part_after(&mut state, part, false))?,
        (_, Some(Value::Transaction(parts))) => parts.iter().try_for_each(|part| part_after(&mut state, part, true))?,
        _ => {
            let value = value_after(state.remove(&0).unwrap_or_default(), operation, object)?;
            state.insert(0, value);
        }
    }
    Some(state)
}

fn part_after(state: &mut State, part: &MicroOperation, is_decided: bool) -> Option<()> {
    match part {
        MicroOperation::Append { key, element } => state.entry(*key).or_default().push(*element),
        MicroOperation::Write { key, value } => drop(state.insert(*key, vec![*value])),
        MicroOperation::ReadList { key, elements } if is_decided && state.get(key) != elements.as_ref() => return None,
        MicroOperation::ReadRegister { key, value }
            if is_decided && state.get(key).map_or(&[][..], Vec::as_slice) != value.as_slice() =>
        {
            return None;
        }
        _ => {}
    }
    Some(())
}

fn value_after(mut state: Vec<i64>, operation: &Tried, object: ObjectKind) -> Option<Vec<i64>> {
    let argument = numbers(&operation.argument);
    let answers = |value: &[i64]| operation.result.as_ref().is_none_or(|result| numbers(result) == value);
    match operation.f {
        "read" | "get" if object == ObjectKind::Counter => {
            let count = state.first().copied().unwrap_or(0);
            return answers(&[count]).then_some(state);
        }
        "read" | "get" => return answers(&state).then_some(state),
        "write" | "put" => state = argument,
        "cas" => {
            let Value::Pair(old, new) = operation.argument else { return None };
            if state.first() != Some(&old) {
                return None;
            }
            state = vec![new];
        }
        "add" if object == ObjectKind::Counter => state = vec![state.first().unwrap_or(&0) + argument[0]],
        "add" if state.contains(&argument[0]) => {}
        "add" | "enqueue" | "push" | "append" => state.extend(argument),
        "dequeue" | "pop" => {
            let taken = match operation.f {
                _ if state.is_empty() => None,
                "pop" => state.pop(),
                _ => Some(state.remove(0)),
            };
            return answers(taken.as_slice()).then_some(state);
        }
        "acquire" if state.is_empty() => state.push(1),
        "release" if !state.is_empty() => state.clear(),
        _ => return None,
    }
    Some(state)
}

/// Puts operations one after the other in every way until all that are decided are in.
fn has_linearization(operations: &[Tried], object: ObjectKind) -> bool {
    let mut seen: FxHashSet<(u128, State)> = FxHashSet::default();
    let mut stack = vec![(0_u128, State::new())];
    while let Some((done, state)) = stack.pop() {
        let left = || operations.iter().enumerate().filter(|(place, _)| done >> place & 1 == 0);
        let Some(first_end) = left().map(|(_, operation)| operation.completed).min() else { return true };
        if first_end == u64::MAX {
            return true;
        }
        for (place, operation) in left().filter(|(_, operation)| operation.invoked < first_end) {
            if let Some(next) = after(&state, operation, object) {
                let next = (done | 1 << place, next);
                if seen.insert(next.clone()) {
                    stack.push(next);
                }
            }
        }
    }
    false
}

/// Small shapes of every kind, with and without every violation that can be planted.
fn shapes(seed: u64) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for object in ObjectKind::ALL {
        let kinds = ViolationKind::ALL.into_iter().filter(|kind| kind.applies_to(object)).map(Some);
        for kind in kinds.chain([None]) {
            for (values, at_percent) in [(Values::Unique, 100), (Values::Below(3), 100), (Values::Unique, 50)] {
                let shape = Shape {
                    operations: 10 + seed % 7,
                    clients: 2 + (seed % 3) as u32,
                    keys: if object.is_transactional() { 3 } else { 1 + (seed % 2) as u32 },
                    values,
                    undecided: seed / 3 % 3,
                    violation: kind.map(|kind| Violation { kind, at_percent }),
                    ..Shape::new(object)
                };
                if shape.validate().is_ok() {
                    shapes.push(shape);
                }
            }
        }
    }
    shapes
}

#[test]
fn correct_histories_are_linearizable_and_planted_violations_are_not() {
    let mut judged = 0;
    for seed in 0..SEEDS {
        for shape in &shapes(seed) {
            let all: Vec<Event> = events(shape, seed).unwrap().collect();
            let keys: FxHashSet<Option<u32>> = all.iter().map(|event| event.key).collect();
            let holds = keys.iter().all(|key| has_linearization(&tried(&all, *key), shape.object));
            assert_eq!(holds, shape.violation.is_none(), "seed {seed}: {shape:?}\n{}", text(&all));
            judged += 1;
        }
    }
    assert!(judged > 2_000, "{judged}");
}

fn text(events: &[Event]) -> String {
    let mut bytes = Vec::new();
    events.iter().for_each(|event| event.append_jsonl(&mut bytes));
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_checkers_say_the_same() {
    let mut decided = 0;
    for seed in 0..60 {
        for shape in shapes(seed).iter().filter(|shape| !shape.object.is_transactional()) {
            let Some(model) = model::by_name(shape.object.name()) else { continue };
            let check = check_model(&history(shape, seed).unwrap(), model, &Limits::NONE);
            let expected = if shape.violation.is_none() { Validity::Valid } else { Validity::Invalid };
            assert_eq!(check.valid, expected, "seed {seed}: {shape:?}: {:?}", check.reasons);
            decided += 1;
        }
    }
    assert!(decided > 2_000, "{decided}");
}

#[test]
fn the_checkers_of_transactions_say_the_same() {
    let strict = ConsistencyModel::by_name("strict-serializable").unwrap();
    for seed in 0..60 {
        for shape in shapes(seed).iter().filter(|shape| shape.object.is_transactional()) {
            let model = TransactionModel::by_name(shape.object.name()).unwrap();
            let check = transactions::check(&history(shape, seed).unwrap(), model, strict, &Limits::NONE);
            let found: Vec<&str> = check.anomalies.iter().map(|anomaly| anomaly.name).collect();
            let is_right = match (shape.violation, shape.object) {
                (None, _) => check.valid == Validity::Valid,
                (Some(_), ObjectKind::ListAppend) => check.valid == Validity::Invalid,
                // The order of a register's versions is not always known, and without it neither is what is stale.
                (Some(violation), _) => {
                    check.valid == Validity::Invalid
                        || matches!(violation.kind, ViolationKind::StaleRead | ViolationKind::LostWrite)
                }
            };
            assert!(is_right, "seed {seed}: {shape:?}: {:?} {found:?} {:?}", check.valid, check.reasons);
        }
    }
}

#[test]
fn a_history_has_the_shape_that_was_asked_for() {
    for seed in 0..40 {
        for shape in shapes(seed) {
            let all: Vec<Event> = events(&shape, seed).unwrap().collect();
            let count = |event_type| all.iter().filter(|event| event.event_type == event_type).count() as u64;
            let is_planted = shape.violation.is_some();
            let operations = count(EventType::Invoke);
            assert!(operations == shape.operations || is_planted && operations > shape.operations, "{shape:?}");
            let script_is_short = shape.undecided < 2 || !is_planted;
            assert!(count(EventType::Info) == shape.undecided || !script_is_short, "seed {seed}: {shape:?}");
            assert_eq!(all.len() as u64, 2 * operations, "every operation is completed: {shape:?}");
            assert!(all.windows(2).all(|pair| pair[0].time_ns < pair[1].time_ns && pair[0].index + 1 == pair[1].index));
        }
    }
}

#[test]
fn weaker_isolation_shows() {
    for object in [ObjectKind::ListAppend, ObjectKind::RwRegister] {
        for isolation in Isolation::ALL {
            let shape = Shape { isolation, operations: 25, clients: 4, keys: 2, ..Shape::new(object) };
            let serializable = (0..SEEDS)
                .filter(|seed| {
                    let all: Vec<Event> = events(&shape, *seed).unwrap().collect();
                    has_linearization(&tried(&all, None), object)
                })
                .count() as u64;
            let expected = isolation == Isolation::StrictSerializable;
            assert_eq!(serializable == SEEDS, expected, "{object:?} {isolation:?}: {serializable}");
        }
    }
}

const REGISTER_OF_SEED_1: &str = r#"{"index":0,"time":661532,"type":"invoke","process":0,"f":"write","value":1}
{"index":1,"time":865520,"type":"invoke","process":1,"f":"read","value":null}
{"index":2,"time":1801559,"type":"info","process":0,"f":"write","value":1}
{"index":3,"time":3126967,"type":"invoke","process":2,"f":"read","value":null}
{"index":4,"time":4521024,"type":"ok","process":1,"f":"read","value":null}
{"index":5,"time":4606952,"type":"invoke","process":1,"f":"read","value":null}
{"index":6,"time":6205174,"type":"ok","process":1,"f":"read","value":null}
{"index":7,"time":6454321,"type":"ok","process":2,"f":"read","value":null}
"#;

const LIST_APPEND_OF_SEED_1: &str = r#"{"index":0,"time":661532,"type":"invoke","process":0,"f":"txn","value":[["append",9,1],["append",8,1],["append",5,1],["r",9,null]]}
{"index":1,"time":865520,"type":"invoke","process":1,"f":"txn","value":[["append",5,2],["append",9,2]]}
{"index":2,"time":1046338,"type":"ok","process":0,"f":"txn","value":[["append",9,1],["append",8,1],["append",5,1],["r",9,[1]]]}
{"index":3,"time":1621015,"type":"ok","process":1,"f":"txn","value":[["append",5,2],["append",9,2]]}
{"index":4,"time":1637321,"type":"invoke","process":1,"f":"txn","value":[["r",9,null],["r",6,null],["append",4,1],["r",9,null]]}
{"index":5,"time":4023769,"type":"ok","process":1,"f":"txn","value":[["r",9,[1,2]],["r",6,null],["append",4,1],["r",9,[1,2]]]}
"#;

#[test]
fn one_seed_is_one_history_byte_for_byte() {
    let of = |shape: &Shape, seed| text(&events(shape, seed).unwrap().collect::<Vec<_>>());
    let shape = Shape { operations: 4, clients: 2, undecided: 1, ..Shape::new(ObjectKind::Register) };
    assert_eq!(of(&shape, 1), REGISTER_OF_SEED_1);
    let shape = Shape { operations: 3, clients: 2, ..Shape::new(ObjectKind::ListAppend) };
    assert_eq!(of(&shape, 1), LIST_APPEND_OF_SEED_1);
    for shape in shapes(7) {
        assert_eq!(of(&shape, 7), of(&shape, 7));
        assert_ne!(of(&shape, 7), of(&shape, 8));
    }
}

#[test]
fn a_history_is_the_same_from_memory_and_from_its_text() {
    for shape in shapes(5) {
        let text = text(&events(&shape, 5).unwrap().collect::<Vec<_>>());
        let read = History::read_jsonl(text.as_bytes()).unwrap();
        let told = |history: &History| -> Vec<String> {
            let values = history.values();
            let one = |operation: crate::history::Operation<'_>| {
                let (argument, result) = (values.display(operation.argument()), operation.result());
                let key = history.key_name(operation.key());
                let result = result.map(|result| values.display(result).to_string());
                format!("{key} {} {argument} {result:?} {:?}", operation.f(), operation.completed_ns())
            };
            history.operations().map(one).collect()
        };
        assert_eq!(told(&history(&shape, 5).unwrap()), told(&read), "{shape:?}");
        let mut edn = Vec::new();
        events(&shape, 5).unwrap().for_each(|event| event.append_edn(&mut edn));
        let read = History::read(edn.as_slice(), &ReadOptions::default()).unwrap();
        assert_eq!(told(&history(&shape, 5).unwrap()), told(&read), "{shape:?}");
    }
}

#[test]
fn two_clients_in_three_are_inside_an_operation() {
    let shape = Shape { operations: 20_000, clients: 30, ..Shape::new(ObjectKind::Register) };
    let (mut open, mut open_ns, mut last_ns) = (0_u64, 0_u64, 0_u64);
    for event in events(&shape, 1).unwrap() {
        open_ns += open * (event.time_ns - last_ns);
        last_ns = event.time_ns;
        if event.event_type == EventType::Invoke { open += 1 } else { open -= 1 }
    }
    let mean = open_ns as f64 / last_ns as f64;
    assert!((19.0..21.0).contains(&mean), "{mean}");
}
