//! Measures how long judging takes: `cargo run --release -p schism-checkers --example speed [OPERATIONS]`.
//!
//! The histories are made on the spot from a seed: one register key with many clients, some writes undecided; and sets.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::time::Instant;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::{Event, EventType, History, Process};
use schism_checkers::{Limits, check_model, checker, model};
use serde_json::{Value, json};

const CLIENTS: u64 = 100;

fn event(time: u64, event_type: EventType, process: u64, f: &str, value: Value) -> Event {
    Event {
        index: time,
        time,
        event_type,
        process: Process::Client(process),
        f: f.to_owned(),
        key: Some(json!("k0")),
        value,
        node: None,
        term: None,
        position: None,
        ack: None,
        level: None,
        error: None,
        is_final: false,
        id: None,
        step: None,
    }
}

/// A correct object that takes effect somewhere between invocation and completion; one write in 5,000 stays undecided.
fn history(operations: u64, clients: u64, write: &str) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut events = Vec::new();
    let mut state: Vec<u64> = Vec::new();
    // By client: the operation under way, and what it returned once it took effect.
    let mut busy: Vec<Option<(u64, bool, Option<Value>)>> = vec![None; clients as usize];
    let mut processes: Vec<u64> = (0..clients).collect();
    let (mut invoked, mut next_process) = (0, clients);
    let mut time = 0;
    while invoked < operations || busy.iter().any(Option::is_some) {
        let client = random.random_range(0..clients as usize);
        let mut record = |event_type, process, f: &str, value| {
            events.push(event(time, event_type, process, f, value));
            time += 1;
        };
        match &mut busy[client] {
            None if invoked < operations => {
                let is_read = random.random_range(0..4) == 0 || (write == "write" && random.random());
                let value = if is_read { Value::Null } else { json!(invoked) };
                record(EventType::Invoke, processes[client], if is_read { "read" } else { write }, value);
                busy[client] = Some((invoked, is_read, None));
                invoked += 1;
            }
            None => {}
            Some((value, is_read, result @ None)) => {
                if !*is_read && write == "write" {
                    state.clear();
                }
                if !*is_read {
                    state.push(*value);
                }
                *result = Some(match (*is_read, write) {
                    (false, _) => json!(*value),
                    (true, "write") => json!(state.first()),
                    (true, _) => json!(state),
                });
            }
            Some((value, is_read, result)) => {
                let f = if *is_read { "read" } else { write };
                let is_undecided = !*is_read && *value % 5000 == 7;
                let event_type = if is_undecided { EventType::Info } else { EventType::Ok };
                record(event_type, processes[client], f, result.take().unwrap_or_default());
                if is_undecided {
                    processes[client] = next_process;
                    next_process += 1;
                }
                busy[client] = None;
            }
        }
    }
    events
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
    let all: Vec<_> = checker::list()
        .iter()
        .copied()
        .filter(|checker| !checker.name.contains("linearizable") || checker.name.ends_with(model.name))
        .filter(|checker| !(model.name == "set" && checker.name.contains("register")))
        .filter(|checker| !(model.name == "register" && checker.name.contains("set")))
        .collect();
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
    measure("register, one key, 100 clients", "register", history(operations, CLIENTS, "write"))?;
    // Three operations in four are adds.
    measure("set, one key of 5,000 adds, 10 clients", "set", history(5000 * 4 / 3, 10, "add"))
}
