//! Measures how long judging takes: `cargo run --release -p schism-checkers --example speed [OPERATIONS]`.
//!
//! The histories are made on the spot from a seed: one register key with many clients, some writes undecided; and sets.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::time::Instant;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::{Event, EventType, History, Process};
use schism_checkers::{Limits, check_model, checker, model, registry};
use serde_json::{Value, json};

/// What checkers of one kind of object are named after.
const OBJECTS: [&str; 9] =
    ["set", "register", "counter", "queue", "lock", "bank", "long-fork", "causal-reverse", "unique-ids"];

fn event(time: u64, event_type: EventType, operation: &Busy, f: &str, value: Value) -> Event {
    let key = Some(json!(format!("k{}", operation.key)));
    Event { index: time, time, key, ..Event::new(event_type, Process::Client(operation.process), f, value) }
}

/// An operation under way.
struct Busy {
    number: u64,
    key: usize,
    process: u64,
    is_read: bool,
    /// Set once it took effect.
    result: Option<Value>,
}

/// What a history is like.
struct Shape {
    operations: u64,
    operations_per_key: u64,
    clients: u64,
    write: &'static str,
}

/// A correct object that takes effect somewhere between invocation and completion; one write in 5,000 stays undecided.
fn history(shape: &Shape) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut events: Vec<Event> = Vec::new();
    let keys = shape.operations.div_ceil(shape.operations_per_key) as usize;
    let mut states: Vec<Vec<u64>> = vec![Vec::new(); keys];
    let mut busy: Vec<Option<Busy>> = (0..shape.clients).map(|_| None).collect();
    let mut invoked = 0;
    while invoked < shape.operations || busy.iter().any(Option::is_some) {
        let client = &mut busy[random.random_range(0..shape.clients as usize)];
        let time = events.len() as u64;
        match client {
            None if invoked < shape.operations => {
                let is_read = random.random_range(0..4) == 0 || (shape.write == "write" && random.random());
                let key = (invoked / shape.operations_per_key) as usize;
                let operation = Busy { number: invoked, key, process: invoked, is_read, result: None };
                let argument = if is_read { Value::Null } else { json!(invoked) };
                events.push(event(
                    time,
                    EventType::Invoke,
                    &operation,
                    if is_read { "read" } else { shape.write },
                    argument,
                ));
                *client = Some(operation);
                invoked += 1;
            }
            None => {}
            Some(operation) if operation.result.is_none() => {
                operation.result = Some(take_effect(&mut states[operation.key], operation, shape.write));
            }
            Some(operation) => {
                let f = if operation.is_read { "read" } else { shape.write };
                let is_undecided = !operation.is_read && operation.number % 5000 == 7;
                let event_type = if is_undecided { EventType::Info } else { EventType::Ok };
                let result = operation.result.take().unwrap_or_default();
                events.push(event(time, event_type, operation, f, result));
                *client = None;
            }
        }
    }
    events
}

fn take_effect(state: &mut Vec<u64>, operation: &Busy, write: &str) -> Value {
    match (operation.is_read, write) {
        (true, "write") => json!(state.first()),
        (true, _) => json!(state),
        (false, "write") => {
            *state = vec![operation.number];
            json!(operation.number)
        }
        (false, _) => {
            state.push(operation.number);
            json!(operation.number)
        }
    }
}

fn measure(name: &str, model: &str, events: Vec<Event>) -> Result<(), Box<dyn Error>> {
    let text: String =
        events.iter().map(|event| serde_json::to_string(event).map(|line| line + "\n")).collect::<Result<_, _>>()?;
    drop(events);
    let started = Instant::now();
    let history = History::read_jsonl(text.as_bytes())?;
    let read_s = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let model = model::by_name(model).ok_or("no such model")?;
    let check = check_model(&history, model, &Limits::NONE);
    let check_s = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let is_of_another = |name: &str| OBJECTS.iter().any(|object| name.contains(object) && *object != model.name);
    let all: Vec<_> = registry::list().iter().copied().filter(|checker| !is_of_another(checker.name)).collect();
    let analysis = checker::judge(&history, &Limits::NONE, &all);
    let all_s = started.elapsed().as_secs_f64();
    println!(
        "{name}: {} operations, {:.1} MB · read {read_s:.3} s · {} {:?} {check_s:.3} s · all checkers {:?} {all_s:.3} s",
        check.ops,
        text.len() as f64 / 1e6,
        check.algorithm,
        check.valid,
        analysis.valid,
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let operations = std::env::args().nth(1).map_or(Ok(1_000_000), |argument| argument.parse())?;
    let one_register = Shape { operations, operations_per_key: operations, clients: 100, write: "write" };
    measure("register, one key, 100 clients", "register", history(&one_register))?;
    // Three operations in four are adds.
    let one_set = Shape { operations: 6_667, operations_per_key: 6_667, clients: 10, write: "add" };
    measure("set, one key of 5,000 adds, 10 clients", "set", history(&one_set))?;
    let many_sets = Shape { operations: 100_000, operations_per_key: 133, clients: 10, write: "add" };
    measure("set, keys of 100 adds, 10 clients", "set", history(&many_sets))
}
