//! Measures how fast the checkers that speak before the end take events, on one core:
//! `cargo run --release -p schism-checkers --example online_speed [OPERATIONS]`.
//!
//! Events are made on the spot from seed 1, in batches; only feeding them is timed.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::time::{Duration, Instant};

use schism_checkers::history::Event;
use schism_checkers::online::{
    OnlineCheck, OnlineChecker, linearizable_object, linearizable_register, linearizable_set, split_brain,
};
use schism_checkers::synth::{self, ObjectKind, Shape, Values};

/// Events made before they are fed.
const BATCH: usize = 10_000;

fn measure(name: &str, shape: &Shape, checker: Box<dyn OnlineChecker>) -> Result<(), Box<dyn Error>> {
    let mut check = OnlineCheck::new(vec![checker, split_brain()]);
    let mut made = synth::events(shape, 1)?;
    let (mut events, mut spent, mut entries) = (0_usize, Duration::ZERO, 0);
    loop {
        let mut text = Vec::new();
        made.by_ref().take(BATCH).for_each(|event| event.append_jsonl(&mut text));
        let batch: Vec<Event> = serde_json::Deserializer::from_slice(&text).into_iter().collect::<Result<_, _>>()?;
        if batch.is_empty() {
            break;
        }
        let start = Instant::now();
        for event in &batch {
            if let Some(violation) = check.feed(event) {
                return Err(format!("{name}: {violation:?}").into());
            }
        }
        spent += start.elapsed();
        events += batch.len();
        entries = entries.max(check.entries());
    }
    let seconds = spent.as_secs_f64();
    println!(
        "{name}: {events} events in {seconds:.2} s, {:.0} operations/s, at most {entries} entries remembered",
        shape.operations as f64 / seconds
    );
    for left in check.left_to_the_end() {
        println!("  {left}");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let operations = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let of = |object, clients, keys| Shape { operations, clients, keys, ..Shape::new(object) };
    let register = of(ObjectKind::Register, 100, 1);
    measure("register, unique values, one key, 100 clients", &register, linearizable_register())?;
    let undecided = Shape { undecided: 100, ..register };
    measure("the same, 100 of them undecided", &undecided, linearizable_register())?;
    let many = of(ObjectKind::Register, 100, 1000);
    measure("register, unique values, 1000 keys, 100 clients", &many, linearizable_register())?;
    let sets = of(ObjectKind::Set, 100, (operations / 100).max(1) as u32);
    measure("sets, a key for every 100 operations, 100 clients", &sets, linearizable_set())?;
    for (object, name) in [(ObjectKind::Register, "register"), (ObjectKind::Mutex, "mutex")] {
        let few = Shape { values: Values::Below(5), ..of(object, 5, 1) };
        let checker = linearizable_object(name).ok_or("no such object")?;
        measure(&format!("{name} of few values by configurations, one key, 5 clients"), &few, checker)?;
    }
    Ok(())
}
