//! Writes a history of transactions as a simulated database answers them:
//! `cargo run --release -p schism-checkers --example transactions_synthetic MODEL LEVEL TRANSACTIONS > FILE`.
//!
//! `MODEL` is `list-append` or `rw-register`; `LEVEL` for instance `strict-serializable` (a history without anomalies) or
//! `strong-snapshot-isolation` (with write skew).

use std::error::Error;
use std::io::{BufWriter, Write, stdout};

use schism_checkers::history::Outcome;
use schism_checkers::transactions::{Action, Transactions};

#[path = "../tests/transactions/database.rs"]
mod database;

use database::{Level, Workload, simulate};

const SEED: u64 = 69;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let lists = match arguments.next().as_deref() {
        Some("list-append") => true,
        Some("rw-register") => false,
        _ => return Err("list-append or rw-register?".into()),
    };
    let level = arguments.next().ok_or("which level?")?;
    let level = Level::ALL.into_iter().find(|known| known.model() == level).ok_or("an unknown level")?;
    let transactions = arguments.next().ok_or("how many transactions?")?.parse()?;
    let workload = Workload {
        level,
        lists,
        transactions,
        clients: 10,
        keys: 10,
        writes_per_key: 32,
        operations_max: 4,
        aborts: 0,
        undecided: 0,
    };
    write(&simulate(workload, SEED), if lists { "append" } else { "w" }, &mut BufWriter::new(stdout().lock()))?;
    Ok(())
}

fn write(transactions: &Transactions, name: &str, out: &mut impl Write) -> std::io::Result<()> {
    // Lines in order of time; of equal times the invocations first.
    let mut lines: Vec<(u64, bool, u32)> = Vec::new();
    for id in transactions.ids() {
        let transaction = transactions.get(id);
        lines.push((transaction.invoked, false, id));
        lines.extend(transaction.completed.map(|completed| (completed, true, id)));
    }
    lines.sort_unstable();
    for (index, (time, is_completion, id)) in lines.into_iter().enumerate() {
        let transaction = transactions.get(id);
        let how = match (is_completion, transaction.outcome) {
            (false, _) => "invoke",
            (true, Outcome::Ok) => "ok",
            (true, _) => "fail",
        };
        let process = transaction.process;
        write!(out, r#"{{"index":{index},"time":{time},"type":"{how}","process":{process},"f":"txn","value":["#)?;
        for (place, operation) in transactions.micro_operations(id).iter().enumerate() {
            let (separator, key) = (if place == 0 { "" } else { "," }, operation.key);
            match operation.action {
                Action::Write(value) => write!(out, r#"{separator}["{name}",{key},{value}]"#)?,
                Action::Value(Some(value)) if is_completion => write!(out, r#"{separator}["r",{key},{value}]"#)?,
                Action::List { start, length } if is_completion => {
                    let elements = transactions.elements(start, length);
                    write!(out, r#"{separator}["r",{key},{elements:?}]"#)?;
                }
                _ => write!(out, r#"{separator}["r",{key},null]"#)?,
            }
        }
        writeln!(out, "]}}")?;
    }
    Ok(())
}
