//! Measures how long reading takes: `cargo run --release -p schism-checkers --example read_speed [FILE…]`.
//!
//! Without files: a million operations on a thousand keys by thirty clients, made on the spot.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use schism_checkers::format::ReadOptions;
use schism_checkers::history::History;

const ROUNDS: usize = 5;

/// Seconds this thread has been on a processor; on a busy machine they say more than the clock on the wall.
fn cpu_seconds() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e9)
}

fn measure(name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut best = Duration::MAX;
    let mut best_cpu_s = f64::INFINITY;
    let mut history = None;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let cpu_started_s = cpu_seconds();
        history = Some(History::read(bytes, &ReadOptions::default())?);
        best = best.min(started.elapsed());
        if let (Some(from), Some(to)) = (cpu_started_s, cpu_seconds()) {
            best_cpu_s = best_cpu_s.min(to - from);
        }
    }
    let history = history.ok_or("nothing was read")?;
    let operations = history.operations().len();
    println!(
        "{name}: {operations} operations, {:.1} MB · read {:.3} s ({best_cpu_s:.3} s on a processor), the best of {ROUNDS} · {:.1} bytes an operation",
        bytes.len() as f64 / 1e6,
        best.as_secs_f64(),
        history.bytes() as f64 / operations as f64,
    );
    Ok(())
}

fn synthetic() -> Result<String, std::fmt::Error> {
    const OPERATIONS: u64 = 1_000_000;
    const CLIENTS: u64 = 30;
    let mut text = String::new();
    // Every client invokes, then every client is answered.
    for round in 0..OPERATIONS / CLIENTS {
        for (half, event_type) in ["invoke", "ok"].iter().enumerate() {
            for process in 0..CLIENTS {
                let operation = round * CLIENTS + process;
                let index = (2 * round + half as u64) * CLIENTS + process;
                let (time, key) = (1_204_113 + index * 417, operation.wrapping_mul(7919) % 1000);
                let (f, value) = match operation % 2 {
                    0 => ("write", operation.to_string()),
                    _ if half == 0 => ("read", "null".to_owned()),
                    _ => ("read", (operation - 1).to_string()),
                };
                writeln!(
                    text,
                    r#"{{"index":{index},"time":{time},"type":"{event_type}","process":{process},"f":"{f}","key":"k{key}","value":{value}}}"#
                )?;
            }
        }
    }
    Ok(text)
}

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        return measure("synthetic", synthetic()?.as_bytes());
    }
    for file in files {
        measure(&file, &std::fs::read(&file)?)?;
    }
    Ok(())
}
