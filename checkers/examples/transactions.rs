//! Checks histories of transactions and says how long it took:
//! `cargo run --release -p schism-checkers --example transactions MODEL CONSISTENCY-MODEL FILE…`.
//!
//! `MODEL` is `list-append` or `rw-register`, `CONSISTENCY-MODEL` for instance `strict-serializable`.

#![expect(clippy::print_stdout, reason = "an example that prints what it found")]

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use schism_checkers::Limits;
use schism_checkers::format::ReadOptions;
use schism_checkers::history::History;
use schism_checkers::transactions::{ConsistencyModel, TransactionModel, check};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model =
        arguments.next().and_then(|name| TransactionModel::by_name(&name)).ok_or("list-append or rw-register?")?;
    let consistency =
        arguments.next().and_then(|name| ConsistencyModel::by_name(&name)).ok_or("which consistency model?")?;
    for file in arguments {
        let started = Instant::now();
        let history = History::read(File::open(&file)?, &ReadOptions::default())?;
        let read = started.elapsed();
        let started = Instant::now();
        let found = check(&history, model, consistency, &Limits::NONE);
        let checked = started.elapsed();
        println!("{file}: {:?}, read {:.3} s, checked {:.3} s", found.valid, read.as_secs_f64(), checked.as_secs_f64());
        for anomaly in &found.anomalies {
            println!("  {} × {}: {}", anomaly.name, anomaly.count, anomaly.witness.text);
        }
        println!("  not {:?}, may hold {:?} {:?}", found.not, found.strongest_held, found.reasons);
    }
    Ok(())
}
