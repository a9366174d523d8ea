//! The benchmark: `cargo run --release -p schism-checkers --example speed` prints one table.
//!
//! Every row runs in a process of its own, so that peaks of memory are of that row alone. A history is written to a file
//! and read back, because that is what people wait for. Without arguments all rows; else the rows named, such as `4 5`;
//! `--curve` prints how time grows with length instead. `--rounds N` (3): a figure is the median of so many rounds.
//!
//! Histories of other projects are looked for in the folder that `SCHISM_HISTORIES_DIR` names, or in `shared/histories`
//! beside the repository; rows about them are left out, and say so, where there are none.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example that prints what it measured")]

mod case;
mod cases;
mod curve;
mod foreign;
mod measure;
mod table;

use std::error::Error;
use std::process::Command;

use measure::Figures;

/// Rounds of a row, unless asked otherwise.
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut rows = Vec::new();
    let mut rounds = ROUNDS;
    let mut is_curve = false;
    let mut child = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--curve" => is_curve = true,
            "--rounds" => rounds = arguments.next().ok_or("--rounds N")?.parse()?,
            "--child" => child = Some(arguments.next().ok_or("--child ROW")?),
            row if !row.starts_with('-') => rows.push(row.to_owned()),
            other => return Err(format!("{other}: give rows, --rounds N or --curve").into()),
        }
    }
    if let Some(name) = child {
        let cases = cases::all().into_iter().chain(curve::cases());
        let case = cases.into_iter().find(|case| case.name() == name).ok_or("no such row")?;
        println!("{}", serde_json::to_string(&case.run(rounds)?)?);
        return Ok(());
    }
    if is_curve {
        return curve::print(rounds);
    }
    println!("{}", table::HEADER);
    for case in cases::all().iter().filter(|case| rows.is_empty() || rows.iter().any(|row| row == case.row)) {
        println!("{}", table::line(case, &in_child(&case.name(), rounds)));
    }
    Ok(())
}

/// Runs a row in a process of its own; the error says why there are no figures.
fn in_child(name: &str, rounds: usize) -> Result<Figures, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["--child", name, "--rounds", &rounds.to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr);
    let why = || told.trim().trim_start_matches("Error: ").trim_matches('"').to_owned();
    if output.status.success() {
        if !told.is_empty() {
            eprintln!("{name}: {}", told.trim());
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    } else {
        Err(why())
    }
}
