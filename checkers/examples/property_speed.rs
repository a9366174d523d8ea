//! Measures how long the checkers of properties take: `cargo run --release -p schism-checkers --example property_speed
//! [OPERATIONS]`.
//!
//! Each history is made on the spot: thirty operations are always under way, and each takes effect when it is invoked.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::collections::VecDeque;
use std::error::Error;
use std::time::Instant;

use schism_checkers::history::{EventType, History, HistoryBuilder, Line, ProcessName, Source, ValueId, Values};
use schism_checkers::{Limits, checker, registry};

/// Operations under way at any time.
const CLIENTS: u64 = 30;

/// What a client does.
struct Operation {
    f: &'static str,
    key: u64,
    argument: ValueId,
    result: ValueId,
}

fn line<'a>(time: u64, event_type: EventType, process: u64, operation: &Operation, key: ValueId) -> Line<'a> {
    Line {
        index: None,
        time: Some(time as i64 * 1000),
        event_type,
        process: ProcessName::Client(process),
        f: operation.f,
        key: Some(key),
        value: if event_type == EventType::Invoke { operation.argument } else { operation.result },
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

/// A history of so many operations, made one after the other.
fn history(operations: u64, mut make: impl FnMut(&mut Values, u64) -> Operation) -> Result<History, String> {
    let mut builder = HistoryBuilder::new(Source::Built);
    let mut under_way: VecDeque<(u64, Operation)> = VecDeque::new();
    for (time, number) in (0..operations + CLIENTS).enumerate() {
        if number >= CLIENTS
            && let Some((process, operation)) = under_way.pop_front()
        {
            let key = builder.values_mut().integer(operation.key as i64);
            builder.push(line(2 * time as u64, EventType::Ok, process, &operation, key))?;
        }
        if number < operations {
            let operation = make(builder.values_mut(), number);
            let key = builder.values_mut().integer(operation.key as i64);
            builder.push(line(2 * time as u64 + 1, EventType::Invoke, number % CLIENTS, &operation, key))?;
            under_way.push_back((number % CLIENTS, operation));
        }
    }
    Ok(builder.finish(false))
}

fn measure(name: &str, operations: u64, make: impl FnMut(&mut Values, u64) -> Operation) -> Result<(), Box<dyn Error>> {
    let history = history(operations, make)?;
    let checker = registry::by_name(name).ok_or("no such checker")?;
    let started = Instant::now();
    let analysis = checker::judge(&history, &Limits::NONE, &[checker]);
    println!("{name}: {operations} operations, {:?} in {:.3} s", analysis.valid, started.elapsed().as_secs_f64());
    Ok(())
}

/// Every second operation adds, on sets of a thousand operations each.
fn set_operation(values: &mut Values, number: u64, present: &mut Vec<ValueId>) -> Operation {
    const PER_KEY: u64 = 1000;
    if number.is_multiple_of(PER_KEY) {
        present.clear();
    }
    let (key, element) = (number / PER_KEY, values.integer(number as i64));
    if number.is_multiple_of(2) {
        present.push(element);
        return Operation { f: "add", key, argument: element, result: element };
    }
    Operation { f: "read", key, argument: ValueId::NULL, result: values.list(present) }
}

/// Ten writes of one key each, then ten reads of all ten.
fn group_operation(values: &mut Values, number: u64) -> Operation {
    const KEYS: u64 = 10;
    let (group, place) = (number / (2 * KEYS), number % (2 * KEYS));
    let micro = |values: &mut Values, what: &str, key: u64, value: ValueId| {
        let items = [values.text(what), values.integer((group * KEYS + key) as i64), value];
        values.list(&items)
    };
    let one = values.integer(1);
    // A write every other time.
    if place.is_multiple_of(2) {
        let write = micro(values, "w", place / 2, one);
        let argument = values.list(&[write]);
        return Operation { f: "txn", key: 0, argument, result: argument };
    }
    let mut reads = |shows: bool| {
        let seen = |key: u64| shows && 2 * key <= place;
        let items: Vec<ValueId> =
            (0..KEYS).map(|key| micro(values, "r", key, if seen(key) { one } else { ValueId::NULL })).collect();
        values.list(&items)
    };
    Operation { f: "txn", key: 0, argument: reads(false), result: reads(true) }
}

fn main() -> Result<(), Box<dyn Error>> {
    let operations = std::env::args().nth(1).map_or(Ok(1_000_000), |argument| argument.parse())?;
    let mut count = 0;
    measure("counter-bounds", operations, |values, number| {
        if number.is_multiple_of(2) {
            let amount = number as i64 % 7 - 2;
            count += amount;
            let argument = values.integer(amount);
            return Operation { f: "add", key: 0, argument, result: argument };
        }
        Operation { f: "read", key: 0, argument: ValueId::NULL, result: values.integer(count) }
    })?;
    measure("total-queue", operations, |values, number| {
        let value = values.integer(number as i64 / 2);
        if number.is_multiple_of(2) {
            return Operation { f: "enqueue", key: 0, argument: value, result: value };
        }
        Operation { f: "dequeue", key: 0, argument: ValueId::NULL, result: value }
    })?;
    measure("unique-ids", operations, |values, number| {
        let id = values.integer((number * 0x9E37_79B9 % (1 << 40)) as i64);
        Operation { f: "generate", key: 0, argument: ValueId::NULL, result: id }
    })?;
    let mut balances = [100_i64; 10];
    measure("bank", operations, |values, number| {
        let (from, to) = (number as usize % 10, number as usize * 7 % 10);
        if number.is_multiple_of(2) {
            let amount = (number as i64 % 5).min(balances[from]);
            balances[from] -= amount;
            balances[to] += amount;
            return Operation { f: "transfer", key: 0, argument: ValueId::NULL, result: ValueId::NULL };
        }
        let items: Vec<ValueId> = balances.iter().map(|balance| values.integer(*balance)).collect();
        Operation { f: "read", key: 0, argument: ValueId::NULL, result: values.list(&items) }
    })?;
    measure("lock", operations, |values, number| {
        // As many locks as clients, so that each waits for nobody.
        let (key, round) = (number % CLIENTS, number / CLIENTS);
        if round.is_multiple_of(2) {
            let token = values.integer(round as i64);
            return Operation { f: "acquire", key, argument: ValueId::NULL, result: token };
        }
        Operation { f: "release", key, argument: ValueId::NULL, result: ValueId::NULL }
    })?;
    measure("long-fork", operations, group_operation)?;
    measure("causal-reverse", operations, group_operation)?;
    let set_operations = operations / 10;
    let mut present = Vec::new();
    measure("causal-reverse", set_operations, |values, number| set_operation(values, number, &mut present))?;
    present.clear();
    measure("set-full", set_operations, |values, number| set_operation(values, number, &mut present))
}
