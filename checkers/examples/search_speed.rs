//! Measures the general search: `cargo run --release -p schism-checkers --example search_speed [CASE…]`.
//!
//! Without arguments every case is run; an argument runs those whose name contains it. The histories are made on the spot
//! from seeds; recorded ones are read where `SCHISM_HISTORIES_DIR` names their folder. A case ends after 60 seconds.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use schism_checkers::format::ReadOptions;
use schism_checkers::history::History;
use schism_checkers::synth::{self, ObjectKind, Shape, Values, Violation, ViolationKind};
use schism_checkers::{Limits, Validity, check_model, model};

const TIME_MAX: Duration = Duration::from_secs(60);
const MEMORY_MAX: usize = 4 << 30;

/// A history of one kind.
struct Case {
    name: String,
    shape: Shape,
    expected: Validity,
}

fn d5(operations: u64, clients: u32, keys: u32) -> Shape {
    Shape { operations, clients, keys, values: Values::Below(5), ..Shape::new(ObjectKind::Register) }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, shape: Shape| {
        let expected = if shape.violation.is_some() { Validity::Invalid } else { Validity::Valid };
        cases.push(Case { name: name.to_owned(), shape, expected });
    };
    add("1k-30-d5", d5(1000, 30, 1));
    add("10k-30-d5", d5(10_000, 30, 1));
    add("1k-100-d5", d5(1000, 100, 1));
    for undecided in [10, 20, 40] {
        let violation = Some(Violation { kind: ViolationKind::AlternatingReads, at_percent: 100 });
        add(&format!("illegal-{undecided}"), Shape { undecided, violation, ..d5(1000, 5, 1) });
    }
    for undecided in [10, 40, 100] {
        add(&format!("10k-5-d5-{undecided}-undecided"), Shape { undecided, ..d5(10_000, 5, 1) });
    }
    add("1M-1000-keys-30-d5", d5(1_000_000, 30, 1000));
    add("1M-5-d5", d5(1_000_000, 5, 1));
    cases
}

/// Peak of memory held, in bytes, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

fn measure(name: &str, history: &History, expected: Validity) {
    let operations = history.operations().len();
    let before = peak_bytes();
    let started = Instant::now();
    let should_stop = || started.elapsed() > TIME_MAX;
    let check = check_model(history, &model::REGISTER, &Limits { should_stop: &should_stop, memory_bytes: MEMORY_MAX });
    let seconds = started.elapsed().as_secs_f64();
    let grown = peak_bytes().zip(before).map_or(0, |(after, before)| after - before);
    println!(
        "{name}: {operations} operations · {:?} by {} · {seconds:.4} s · at most {:.0} more bytes an operation",
        check.valid,
        check.algorithm,
        grown as f64 / operations as f64
    );
    if check.valid != expected {
        println!("  expected {expected:?}: {:?}", check.reasons);
    }
}

fn recorded(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut files: Vec<_> = folder.join("etcd-logs").read_dir()?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut histories = Vec::new();
    for file in &files {
        histories.push(History::read(std::fs::read(file)?.as_slice(), &ReadOptions::default())?);
    }
    for _ in 0..3 {
        let mut worst = (Duration::ZERO, String::new());
        let mut valid = Vec::new();
        let all = Instant::now();
        for (file, history) in files.iter().zip(&histories) {
            let started = Instant::now();
            let check = check_model(history, &model::REGISTER, &Limits::NONE);
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if check.valid == Validity::Valid {
                valid.push(name.trim_start_matches("etcd_").to_owned());
            }
            worst = worst.max((started.elapsed(), name));
        }
        println!(
            "etcd-logs: {} files in {:?}, worst {worst:?}; linearizable: {}",
            files.len(),
            all.elapsed(),
            valid.join(" ")
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|part| name.contains(part.as_str()));
    if let Some(folder) = std::env::var_os("SCHISM_HISTORIES_DIR").filter(|_| is_asked("etcd-logs")) {
        recorded(Path::new(&folder))?;
    }
    for case in cases().into_iter().filter(|case| is_asked(&case.name)) {
        measure(&case.name, &synth::history(&case.shape, 1)?, case.expected);
    }
    Ok(())
}
