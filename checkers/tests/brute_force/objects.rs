//! Objects that only the general search judges, and what sources mean differently, against every order tried.
//!
//! One function says what an object may answer in a state; it draws the histories, sometimes wrongly, and it judges them.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::{Event, EventType, History, Outcome, Process};
use schism_checkers::linearizability::{Approach, CheckOptions, check_model_with};
use schism_checkers::semantics::{FailedCas, Literal, NullRead, Semantics};
use schism_checkers::{Limits, Validity, model};
use serde_json::{Value, json};

use super::{seeds, text};

/// As in the module above; less, as a read that says nothing hides much.
const SHARE_MIN: f64 = 0.05;

/// An object, and what is meant by what it leaves unsaid.
struct Kind {
    model: &'static str,
    initial: Value,
    semantics: Semantics,
}

fn kind(model: &'static str, initial: Value) -> Kind {
    Kind { model, initial, semantics: Semantics::default() }
}

/// What an object may answer and what it then holds. No answer: it refuses.
fn outcomes(model: &str, state: &Value, f: &str, argument: &Value, process: u64) -> Vec<(Option<Value>, Value)> {
    let list = state.as_array().cloned().unwrap_or_default();
    let with = |value: &Value| Value::Array(list.iter().chain([value]).cloned().collect());
    let done = |next: Value| vec![(Some(argument.clone()), next)];
    match (model, f) {
        ("register", "read") | ("kv", "get") => vec![(Some(state.clone()), state.clone())],
        ("register", "write") | ("kv", "put") => done(argument.clone()),
        ("register", "cas") if *state == argument[0] => done(argument[1].clone()),
        ("kv", "append") => done(json!(format!("{}{}", state.as_str().unwrap(), argument.as_str().unwrap()))),
        ("stack", "push") | ("bag", "enqueue") => done(with(argument)),
        ("stack", "pop") => match list.split_last() {
            None => vec![(Some(Value::Null), state.clone())],
            Some((top, rest)) => vec![(Some(top.clone()), json!(rest))],
        },
        ("bag", "dequeue") if list.is_empty() => vec![(Some(Value::Null), state.clone())],
        ("bag", "dequeue") => (0..list.len())
            .map(|place| {
                let mut rest = list.clone();
                (Some(rest.remove(place)), json!(rest))
            })
            .collect(),
        ("owner-mutex", "acquire") if state.is_null() => done(json!(process)),
        ("owner-mutex", "release") if *state == json!(process) => done(Value::Null),
        ("multi-register", "txn") => {
            let mut next = state.clone();
            let parts = argument.as_array().unwrap().iter().map(|part| {
                let register = part[1].as_str().unwrap();
                if part[0] == "w" {
                    next[register] = part[2].clone();
                }
                json!([part[0], part[1], next[register]])
            });
            let result = parts.collect();
            vec![(Some(Value::Array(result)), next)]
        }
        _ => vec![(None, state.clone())],
    }
}

fn draw(model: &str, random: &mut ChaCha8Rng) -> (&'static str, Value) {
    let value = json!(random.random_range(1..4));
    let letter = json!(["a", "b", ""][random.random_range(0..3)]);
    let coin = random.random::<bool>();
    match model {
        "register" => match random.random_range(0..4) {
            0 => ("write", value),
            1 => ("cas", json!([random.random_range(0..4), value])),
            _ => ("read", Value::Null),
        },
        "kv" => match random.random_range(0..4) {
            0 => ("put", letter),
            1 => ("append", letter),
            _ => ("get", Value::Null),
        },
        "stack" if coin => ("push", value),
        "stack" => ("pop", Value::Null),
        "bag" if coin => ("enqueue", value),
        "bag" => ("dequeue", Value::Null),
        "owner-mutex" => (if coin { "acquire" } else { "release" }, Value::Null),
        _ => {
            let parts = (0..random.random_range(1..3)).map(|_| {
                let register = ["x", "y"][random.random_range(0..2)];
                if random.random() {
                    json!(["w", register, random.random_range(0..3)])
                } else {
                    json!(["r", register, null])
                }
            });
            ("txn", parts.collect())
        }
    }
}

/// A client and what it is about.
struct Client {
    process: u64,
    open: Option<(&'static str, Value, Option<Option<Value>>)>,
}

fn generate(kind: &Kind, seed: u64) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mistakes = [10, 40, 70][random.random_range(0..3)];
    let undecided = [0, 10, 25][random.random_range(0..3)];
    let mut left = random.random_range(2..=7);
    let mut clients: Vec<Client> =
        (0..random.random_range(1..5)).map(|process| Client { process, open: None }).collect();
    let (mut time, mut events) = (0, Vec::new());
    let mut states = vec![kind.initial.clone()];
    while left > 0 || clients.iter().any(|client| client.open.is_some()) {
        time += u64::from(random.random_range(0..3) > 0);
        let place = random.random_range(0..clients.len());
        let client = &mut clients[place];
        let mut record = |event_type, process, f: &str, value| {
            events.push(Event { time, ..Event::new(event_type, Process::Client(process), f, value) });
        };
        match client.open.take() {
            None if left == 0 => {}
            None => {
                left -= 1;
                let (f, argument) = draw(kind.model, &mut random);
                record(EventType::Invoke, client.process, f, argument.clone());
                client.open = Some((f, argument, None));
            }
            Some((f, argument, None)) => {
                let state = states.last().unwrap().clone();
                let is_wrong = random.random_range(0..100) < mistakes;
                let mut believed = if is_wrong { states[random.random_range(0..states.len())].clone() } else { state };
                if is_wrong && random.random() {
                    let (other, argument) = draw(kind.model, &mut random);
                    believed = outcomes(kind.model, &believed, other, &argument, client.process).swap_remove(0).1;
                }
                let mut possible = outcomes(kind.model, &believed, f, &argument, client.process);
                let (answer, next) = possible.swap_remove(random.random_range(0..possible.len()));
                if !is_wrong || random.random() {
                    states.push(next);
                }
                client.open = Some((f, argument, Some(answer)));
            }
            Some((f, _, Some(_))) if random.random_range(0..100) < undecided => {
                record(EventType::Info, client.process, f, Value::Null);
                client.process += 10;
            }
            Some((f, argument, Some(None))) => record(EventType::Fail, client.process, f, argument),
            Some((f, _, Some(Some(answer)))) => {
                // What was read may get lost on the way.
                let is_silent =
                    kind.semantics.null_read == NullRead::Unknown && f == "read" && random.random_range(0..4) == 0;
                record(EventType::Ok, client.process, f, if is_silent { Value::Null } else { answer });
            }
        }
    }
    events
}

/// An operation of a history.
#[derive(Clone)]
struct Call {
    f: String,
    argument: Value,
    answer: Option<Value>,
    process: u64,
    outcome: Outcome,
    span: (u64, Option<u64>),
}

fn calls(kind: &Kind, events: &[Event]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for event in events {
        let Process::Client(process) = event.process else { continue };
        let open = calls.iter_mut().rev().find(|call| call.process == process);
        match (event.event_type, open) {
            (EventType::Invoke, _) => calls.push(Call {
                f: event.f.clone(),
                argument: event.value.clone(),
                answer: None,
                process,
                outcome: Outcome::Info,
                span: (event.time, None),
            }),
            (EventType::Info, _) | (_, None) => {}
            (ended, Some(call)) => {
                call.outcome = if ended == EventType::Ok { Outcome::Ok } else { Outcome::Fail };
                call.answer = Some(event.value.clone());
                call.span.1 = Some(event.time);
            }
        }
    }
    let says_something = |call: &Call| match call.outcome {
        Outcome::Fail => kind.semantics.failed_cas == FailedCas::Observation && call.f == "cas",
        _ => true,
    };
    calls.retain(says_something);
    calls
}

fn agrees(kind: &Kind, answer: &Value, told: &Value) -> bool {
    let is_unknown = |told: &Value| kind.semantics.null_read == NullRead::Unknown && told.is_null();
    match (answer, told) {
        (_, told) if is_unknown(told) && kind.model == "register" => true,
        (Value::Array(answer), Value::Array(told)) if kind.model == "multi-register" => {
            answer.iter().zip(told).all(|(answer, told)| answer == told || is_unknown(&told[2]))
        }
        (answer, told) => answer == told,
    }
}

/// Tries every order.
fn is_linearizable(kind: &Kind, state: &Value, left: &[Call]) -> bool {
    if left.iter().all(|call| call.outcome == Outcome::Info) {
        return true;
    }
    (0..left.len()).any(|place| {
        let call = &left[place];
        if left.iter().any(|other| other.span.1.is_some_and(|end| end < call.span.0)) {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(place);
        outcomes(kind.model, state, &call.f, &call.argument, call.process).into_iter().any(|(answer, next)| {
            let is_right = match (call.outcome, &answer) {
                (Outcome::Fail, answer) => answer.is_none(),
                (Outcome::Info, answer) => answer.is_some(),
                (Outcome::Ok, answer) => {
                    answer.as_ref().zip(call.answer.as_ref()).is_some_and(|(answer, told)| agrees(kind, answer, told))
                }
            };
            is_right && is_linearizable(kind, &next, &rest)
        })
    })
}

fn compare(kind: &Kind) {
    let model = model::by_name(kind.model).unwrap();
    let seeds = seeds();
    let (mut total, mut linearizable, mut unknown) = (0, 0, 0);
    println!("{} {:?}: seeds {seeds:?}", kind.model, kind.semantics);
    for seed in seeds {
        let events = generate(kind, seed);
        let history = History::from_events(events.clone()).unwrap();
        let expected = is_linearizable(kind, &kind.initial, &calls(kind, &events));
        for approach in [Approach::Auto, Approach::Search] {
            let options = CheckOptions { semantics: Some(kind.semantics.clone()), approach, threads: 1 };
            let check = check_model_with(&history, model, &Limits::NONE, &options);
            let told = || format!("SCHISM_SEED={seed} {} {approach:?}: {check:?}\n{}", kind.model, text(&events));
            match check.valid {
                // A bag that was found empty, with an undecided dequeue.
                Validity::Unknown if kind.model == "bag" => unknown += 1,
                Validity::Unknown => panic!("{}", told()),
                valid => assert_eq!(valid == Validity::Valid, expected, "{}", told()),
            }
            if approach == Approach::Search {
                assert_eq!(check.prefix.is_some(), check.valid == Validity::Invalid, "{}", told());
            }
        }
        total += 1;
        linearizable += u32::from(expected);
    }
    println!("{}: {linearizable} of {total} are linearizable, {unknown} unknown", kind.model);
    let share = f64::from(linearizable) / f64::from(total);
    assert!(total == 1 || (SHARE_MIN..=1.0 - SHARE_MIN).contains(&share), "{}: {share} are linearizable", kind.model);
    assert!(f64::from(unknown) < 0.2 * f64::from(total), "{}: {unknown} are unknown", kind.model);
}

#[test]
fn stacks_with_few_values() {
    compare(&kind("stack", json!([])));
}

#[test]
fn bags_with_few_values() {
    compare(&kind("bag", json!([])));
}

#[test]
fn texts_of_few_pieces() {
    compare(&kind("kv", json!("")));
}

#[test]
fn locks_with_owners() {
    compare(&kind("owner-mutex", Value::Null));
}

#[test]
fn registers_written_together() {
    compare(&kind("multi-register", json!({"x": null, "y": null})));
    let semantics =
        Semantics { initial: Literal::Integer(0), null_read: NullRead::Unknown, failed_cas: FailedCas::Dropped };
    compare(&Kind { model: "multi-register", initial: json!({"x": 0, "y": 0}), semantics });
}

#[test]
fn registers_as_sources_mean_them() {
    for failed_cas in [FailedCas::Dropped, FailedCas::Observation] {
        for null_read in [NullRead::Value, NullRead::Unknown] {
            for (initial, held) in [(Literal::Null, Value::Null), (Literal::Integer(0), json!(0))] {
                let semantics = Semantics { initial, null_read, failed_cas };
                compare(&Kind { model: "register", initial: held, semantics });
            }
        }
    }
}
