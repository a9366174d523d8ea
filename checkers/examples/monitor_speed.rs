//! Measures the fast methods of linearizability, on histories made on the spot from seed 1.
//!
//! `cargo run --release -p schism-checkers --example monitor_speed [NAME]` judges each history (whose names contain NAME)
//! from memory; all checkers of one object follow where ALL is given instead of NAME. `… --write FILE NAME` writes the
//! first history of that name to a file, and `… --file FILE MODEL` reads it and judges it: the time from file to verdict,
//! and the most memory that took.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Instant;

use schism_checkers::format::ReadOptions;
use schism_checkers::history::History;
use schism_checkers::synth::{self, ObjectKind, Shape, Violation, ViolationKind};
use schism_checkers::{Checker, Limits, check_model, checker, model, registry};

/// A history by name.
struct Case {
    name: String,
    model: &'static str,
    shape: Shape,
}

fn case(name: impl Into<String>, model: &'static str, shape: Shape) -> Case {
    Case { name: name.into(), model, shape }
}

fn stale_at_end(shape: Shape) -> Shape {
    Shape { violation: Some(Violation { kind: ViolationKind::StaleRead, at_percent: 100 }), ..shape }
}

fn cases() -> Vec<Case> {
    const MILLION: u64 = 1_000_000;
    let new = |object| Shape { operations: MILLION, clients: 30, ..Shape::new(object) };
    let one_key = Shape { clients: 100, undecided: 100, ..new(ObjectKind::Register) };
    let mut cases = vec![
        case("register, one key, 100 clients, 100 undecided, good", "register", one_key.clone()),
        case("register, one key, 100 clients, 100 undecided, stale at the end", "register", stale_at_end(one_key)),
        case("register, 1000 keys, 30 clients", "register", Shape { keys: 1000, ..new(ObjectKind::Register) }),
        case("register, 100000 keys, 30 clients", "register", Shape { keys: 100_000, ..new(ObjectKind::Register) }),
    ];
    for undecided in [10, 20, 40] {
        let shape = Shape { operations: 1000, undecided, ..Shape::new(ObjectKind::Register) };
        let name = format!("register, 1000 operations, {undecided} undecided, stale at the end");
        cases.push(case(name, "register", stale_at_end(shape)));
    }
    let some_keys = |object, keys| Shape { keys, undecided: 100, ..new(object) };
    cases.extend([
        case("set, 1000 keys", "set", some_keys(ObjectKind::Set, 1000)),
        case("counter, one key", "counter", some_keys(ObjectKind::Counter, 1)),
        case("queue, one key", "queue", some_keys(ObjectKind::Queue, 1)),
        case("queue as a bag, one key", "bag", some_keys(ObjectKind::Queue, 1)),
        case("stack, one key", "stack", some_keys(ObjectKind::Stack, 1)),
        case("mutex, one key", "mutex", some_keys(ObjectKind::Mutex, 1)),
        case("kv, 10000 keys", "kv", some_keys(ObjectKind::Kv, 10_000)),
    ]);
    cases
}

/// The most memory this process ever had, in bytes; 0 where the system does not say.
fn peak_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() * 1024.0
}

/// Seconds for which this thread had a processor, which other programs on the machine do not lengthen; 0 where the system
/// does not say.
fn processor_seconds() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    times.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

fn judge(name: &str, model_name: &str, history: &History) -> Result<(), Box<dyn Error>> {
    const ROUNDS: usize = 3;
    let Some(model) = model::by_name(model_name) else {
        println!("{name}: there is no model {model_name}");
        return Ok(());
    };
    let (mut best, mut best_of_processor) = (f64::INFINITY, f64::INFINITY);
    let mut verdict = None;
    for _ in 0..ROUNDS {
        let (started, processor) = (Instant::now(), processor_seconds());
        verdict = Some(check_model(history, model, &Limits::NONE));
        best = best.min(started.elapsed().as_secs_f64());
        best_of_processor = best_of_processor.min(processor_seconds() - processor);
    }
    let verdict = verdict.ok_or("nothing was judged")?;
    println!(
        "{name}: {:?} by {} in {best:.4} s, {best_of_processor:.4} s of a processor, the best of {ROUNDS}",
        verdict.valid, verdict.algorithm,
    );
    Ok(())
}

/// Every checker that fits a model, each by itself; not sequential consistency, which is a search of all keys together.
fn judge_all(name: &str, model_name: &str, history: &History) {
    let others = ["register", "set", "counter", "queue"].into_iter().filter(|other| *other != model_name);
    let others: Vec<&str> = others.collect();
    let is_search = |checker: &Checker| checker.name == "sequential";
    let fits = |checker: &&Checker| !is_search(checker) && !others.iter().any(|other| checker.name.contains(other));
    for checker in registry::list().iter().copied().filter(fits) {
        let processor = processor_seconds();
        let analysis = checker::judge(history, &Limits::NONE, &[checker]);
        let seconds = processor_seconds() - processor;
        println!("{name}: {} {:?} in {seconds:.3} s of a processor", checker.name, analysis.valid);
    }
}

fn write(file: &str, shape: &Shape) -> Result<(), Box<dyn Error>> {
    let mut writer = BufWriter::new(File::create(file)?);
    let mut line = Vec::new();
    for event in synth::events(shape, 1)? {
        line.clear();
        event.append_jsonl(&mut line);
        writer.write_all(&line)?;
    }
    Ok(writer.flush()?)
}

fn from_file(file: &str, model_name: &str) -> Result<(), Box<dyn Error>> {
    let model = model::by_name(model_name).ok_or("no such model")?;
    let started = Instant::now();
    let history = History::read(File::open(file)?, &ReadOptions::default())?;
    let (read_s, read_processor_s) = (started.elapsed().as_secs_f64(), processor_seconds());
    let verdict = check_model(&history, model, &Limits::NONE);
    let all_s = started.elapsed().as_secs_f64();
    println!(
        "{file}: {} operations, {:?} by {}; read {read_s:.3} s + check {:.3} s = {all_s:.3} s, of a processor {read_processor_s:.3} s + \
         {:.3} s; {:.0} bytes an operation at most",
        verdict.ops,
        verdict.valid,
        verdict.algorithm,
        all_s - read_s,
        processor_seconds() - read_processor_s,
        peak_bytes() / verdict.ops as f64,
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--write", file, name] => {
            let case = cases().into_iter().find(|case| case.name.contains(name)).ok_or("no such history")?;
            write(file, &case.shape)
        }
        ["--file", file, model] => from_file(file, model),
        names => {
            let wanted =
                |case: &&Case| names.is_empty() || names.iter().any(|name| *name == "ALL" || case.name.contains(name));
            for case in cases().iter().filter(wanted) {
                let history = synth::history(&case.shape, 1)?;
                judge(&case.name, case.model, &history)?;
                if names.contains(&"ALL") {
                    judge_all(&case.name, case.model, &history);
                }
            }
            Ok(())
        }
    }
}
