//! Longer histories than brute force can judge: fast methods against the search, real runs, and limits.

#![expect(clippy::print_stdout, reason = "says how much was compared")]

use std::sync::atomic::{AtomicU32, Ordering};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::counter::CounterSpec;
use super::key_value::KeyValueSpec;
use super::mutex::MutexSpec;
use super::queue::QueueSpec;
use super::register::RegisterSpec;
use super::set::SetSpec;
use super::stack::StackSpec;
use super::{QUEUE, REGISTER, SET};
use crate::checker::Context;
use crate::history::{EventType, History, HistoryBuilder, KeyId, Source};
use crate::linearizability::{KeyVerdict, container, counter, grow_only, key_value, mutex, search_key, unique};
use crate::synth::{self, ObjectKind, Shape};
use crate::testing::HistoryText;
use crate::verdict::Validity;
use crate::{Limits, check_model};

/// Who does what when; the result follows from the order of effects.
struct Draft {
    span_ms: (u64, u64),
    effect_ms: u64,
    f: &'static str,
    argument: Value,
    how: &'static str,
}

/// Operations of an object, each with an effect between its ends; some undecided, of which half never take effect.
fn drafts(random: &mut ChaCha8Rng, count: u64, write: &'static str, width: u64) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = (0..count)
        .map(|number| {
            let invoked = number * 4 + random.random_range(0..4);
            let effect = invoked + random.random_range(0..width);
            let is_read = random.random_range(0..3) == 0;
            let (f, argument) = match random.random_range(0..3) {
                _ if is_read => ("read", Value::Null),
                0 if write == "write" && number > 0 => ("cas", json!([random.random_range(0..number), number])),
                _ => (write, json!(number)),
            };
            let how = if !is_read && random.random_range(0..12) == 0 { "info" } else { "ok" };
            Draft { span_ms: (invoked, effect + random.random_range(0..width)), effect_ms: effect, f, argument, how }
        })
        .collect();
    drafts.sort_by_key(|draft| draft.effect_ms);
    drafts
}

/// What a right object answers; with `mistakes`, one read in ten answers from an older state.
fn history(seed: u64, count: u64, write: &'static str, width: u64, mistakes: bool) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut states = vec![if write == "add" { json!([]) } else { Value::Null }];
    let mut text = HistoryText::new();
    for (process, draft) in drafts(&mut random, count, write, width).into_iter().enumerate() {
        let state = states[states.len() - 1].clone();
        let is_mistaken = mistakes && random.random_range(0..10) == 0;
        let never = draft.how == "info" && random.random();
        let (mut how, mut result) = (draft.how, draft.argument.clone());
        match draft.f {
            "read" if is_mistaken => result = states[random.random_range(0..states.len())].clone(),
            "read" => result = state,
            "cas" if state != draft.argument[0] => how = "fail",
            _ if never => {}
            "cas" => states.push(draft.argument[1].clone()),
            "add" => {
                let elements = state.as_array().into_iter().flatten().chain([&draft.argument]);
                states.push(elements.cloned().collect());
            }
            _ => states.push(draft.argument.clone()),
        }
        let process = process as u64;
        text.invoke(draft.span_ms.0, process, draft.f, draft.argument);
        text.complete(draft.span_ms.1, process, how, draft.f, result);
    }
    text.history()
}

fn is_linearizable(verdict: &KeyVerdict) -> bool {
    verdict.result.as_ref().expect("without limits everything is decided").is_none()
}

#[test]
fn fast_methods_agree_with_the_search_on_longer_histories() {
    let mut invalid = 0;
    for seed in 0..1500 {
        let registers = history(seed, 25, "write", 10, seed % 2 == 0);
        let context = Context::new(&registers, &Limits::NONE);
        let key = registers.key_ids().next().expect("one key");
        let zones = unique::check_key(&context, key).expect("values are unique");
        let searched = search_key::<RegisterSpec>(&context, key);
        assert_eq!(is_linearizable(&zones), is_linearizable(&searched), "seed {seed}: {zones:?}\n{registers:?}");

        let sets = history(seed, 25, "add", 10, seed % 2 == 0);
        let context = Context::new(&sets, &Limits::NONE);
        let grown = grow_only::check_key(&context, key).expect("elements are unique");
        let searched = search_key::<SetSpec>(&context, key);
        assert_eq!(is_linearizable(&grown), is_linearizable(&searched), "seed {seed}: {grown:?}\n{sets:?}");
        invalid += u32::from(!is_linearizable(&zones)) + u32::from(!is_linearizable(&grown));
    }
    assert!(invalid > 300, "only {invalid} of 3000 are not linearizable");
}

/// Ten to forty operations of an object; in most histories two answers of one kind change places, or an answer becomes a failure.
fn disturbed(object: ObjectKind, seed: u64) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let shape = Shape { operations: 10 + seed % 31, clients: 4, undecided: seed % 5, ..Shape::new(object) };
    let mut events: Vec<synth::Event> = synth::events(&shape, seed).expect("a shape that makes sense").collect();
    let answers: Vec<usize> = (0..events.len()).filter(|place| events[*place].event_type == EventType::Ok).collect();
    let one = answers[random.random_range(0..answers.len())];
    let alike: Vec<usize> = answers.into_iter().filter(|place| events[*place].f == events[one].f).collect();
    let other = alike[random.random_range(0..alike.len())];
    match seed % 3 {
        0 => {}
        1 => events[one].event_type = EventType::Fail,
        _ => {
            let value = events[one].value.clone();
            events[one].value = std::mem::replace(&mut events[other].value, value);
        }
    }
    let mut builder = HistoryBuilder::new(Source::Built);
    events.iter().for_each(|event| event.push_to(&mut builder).expect("a history"));
    builder.finish(false)
}

/// Histories of each object.
const HISTORIES: u64 = 100;

type CheckKey = fn(&Context<'_>, KeyId) -> Option<KeyVerdict>;
type SearchKey = fn(&Context<'_>, KeyId) -> KeyVerdict;

#[test]
fn fast_methods_agree_with_the_search_on_disturbed_histories() {
    let objects: [(ObjectKind, CheckKey, SearchKey); 5] = [
        (ObjectKind::Queue, container::check_queue, |context, key| search_key::<QueueSpec>(context, key)),
        (ObjectKind::Stack, container::check_stack, |context, key| search_key::<StackSpec>(context, key)),
        (ObjectKind::Kv, key_value::check_key, |context, key| search_key::<KeyValueSpec<'_>>(context, key)),
        (ObjectKind::Mutex, mutex::check_key, |context, key| search_key::<MutexSpec>(context, key)),
        (ObjectKind::Counter, counter::check_key, |context, key| search_key::<CounterSpec>(context, key)),
    ];
    for (object, fast, search) in objects {
        let (mut decided, mut invalid) = (0, 0);
        for seed in 0..HISTORIES {
            let history = disturbed(object, seed);
            let asked = AtomicU32::new(0);
            let should_stop = || asked.fetch_add(1, Ordering::Relaxed) >= 20;
            let limits = Limits { should_stop: &should_stop, memory_bytes: 4 << 20 };
            let context = Context::new(&history, &limits);
            let key = history.key_ids().next().expect("one key");
            let (Some(found), searched) = (fast(&context, key), search(&context, key)) else { continue };
            // The search may take too long.
            let Ok(searched) = searched.result else { continue };
            let is_valid = searched.is_none();
            assert_eq!(is_linearizable(&found), is_valid, "{object:?} seed {seed}: {found:?}\n{history:?}");
            decided += 1;
            invalid += u32::from(!is_valid);
        }
        println!("{object:?}: {decided} of {HISTORIES} decided by both, {invalid} of them not linearizable");
        assert!(decided >= 15 && invalid >= 5, "{object:?}: {decided} decided, {invalid} invalid");
    }
}

#[test]
fn what_a_right_object_did_is_linearizable_however_long() {
    for seed in 0..20 {
        for (write, model) in [("write", &REGISTER), ("add", &SET)] {
            let check = check_model(&history(seed, 400, write, 40, false), model, &Limits::NONE);
            assert_eq!(check.valid, Validity::Valid, "seed {seed} {write}: {:?}", check.witness);
        }
    }
}

/// Thirty enqueues at once, two of one value, and a dequeue of what was never there: every order has to be tried.
fn hopeless() -> History {
    let mut text = HistoryText::new();
    for process in 0..30 {
        text.ok((0, 10), process, "enqueue", json!(process.max(1)), Value::Null);
    }
    text.ok((20, 21), 0, "dequeue", Value::Null, json!(99));
    text.history()
}

#[test]
fn the_search_stops_when_it_is_told_to() {
    let asked = AtomicU32::new(0);
    let should_stop = || asked.fetch_add(1, Ordering::Relaxed) >= 10;
    let check = check_model(&hopeless(), &QUEUE, &Limits { should_stop: &should_stop, memory_bytes: usize::MAX });
    assert_eq!(check.valid, Validity::Unknown);
    assert!(check.reasons[0].contains("time limit"), "{:?}", check.reasons);
    assert_eq!(asked.into_inner(), 11);
}

#[test]
fn the_search_ends_at_its_memory_limit() {
    let check = check_model(&hopeless(), &QUEUE, &Limits { should_stop: &|| false, memory_bytes: 1 << 20 });
    assert_eq!(check.valid, Validity::Unknown);
    assert!(check.reasons[0].contains("memory limit"), "{:?}", check.reasons);
}

#[test]
fn local_reads_are_not_judged_and_alone_promise_nothing() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 0, "write", json!(1), json!(1));
    text.ok((2, 3), 0, "read", Value::Null, Value::Null).with("level", "local");
    let check = check_model(&text.history(), &REGISTER, &Limits::NONE);
    assert_eq!(check.valid, Validity::Unknown);
    text.ok((4, 5), 0, "read", Value::Null, json!(1)).with("level", "leader");
    assert_eq!(check_model(&text.history(), &REGISTER, &Limits::NONE).valid, Validity::Valid);
    text.ok((6, 7), 0, "read", Value::Null, Value::Null).with("level", "leader");
    let check = check_model(&text.history(), &REGISTER, &Limits::NONE);
    assert_eq!(check.valid, Validity::Invalid);
    assert_eq!(check.algorithm, "zones");
    assert!(check.witness.expect("a witness").text.starts_with("The history of the object has no linearization"));
}

#[test]
fn an_operation_of_another_object_is_unknown() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 0, "jump", json!(1), json!(1));
    for model in super::list() {
        let check = check_model(&text.history(), model, &Limits::NONE);
        assert_eq!(check.valid, Validity::Unknown, "{}", model.name);
        assert!(check.reasons[0].contains("`jump` is not an operation of a"), "{:?}", check.reasons);
    }
}
