//! How time grows with length.

use std::error::Error;

use schism_checkers::synth::{ObjectKind, Shape};

use super::case::{Case, Goal, Work};
use super::in_child;
use super::measure::both;

const LENGTHS: [u64; 6] = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000];

/// What grows.
fn shapes(operations: u64) -> [(&'static str, Shape); 3] {
    let register = Shape { operations, ..Shape::new(ObjectKind::Register) };
    [
        ("register, one key, 100 clients, 100 undecided", Shape { clients: 100, undecided: 100, ..register.clone() }),
        ("register, 1000 keys, 30 clients", Shape { clients: 30, keys: 1000, ..register }),
        ("list-append, strict-serializable, 10 clients", Shape { operations, ..Shape::new(ObjectKind::ListAppend) }),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let of_length = |operations| {
        shapes(operations).map(|(title, shape)| Case {
            row: "curve",
            title: format!("{title}: {operations}"),
            work: Work::Synthetic(shape),
            expected: None,
            goal: Goal::default(),
            others: "",
        })
    };
    LENGTHS.into_iter().flat_map(of_length).collect()
}

/// Prints the curve of each shape: if the last column stays where it is, time grows as n log n.
pub(crate) fn print(rounds: usize) -> Result<(), Box<dyn Error>> {
    let cases = cases();
    for place in 0..shapes(0).len() {
        println!("\n{}\n", shapes(0)[place].0);
        println!("| n | read | check | peak | CPU of both / (n log₂ n) |\n|---|---|---|---|---|");
        for (operations, case) in LENGTHS.iter().zip(cases.iter().skip(place).step_by(shapes(0).len())) {
            match in_child(&case.name(), rounds) {
                Err(why) => println!("| {operations} | {why} | | | |"),
                Ok(figures) => {
                    let steps = *operations as f64 * (*operations as f64).log2();
                    println!(
                        "| {operations} | {} | {} | {:.0} MiB | {:.1} ns |",
                        both(figures.read_s, figures.read_cpu_s),
                        both(figures.check_s, figures.check_cpu_s),
                        figures.peak_mib,
                        (figures.read_cpu_s + figures.check_cpu_s) / steps * 1e9,
                    );
                }
            }
        }
    }
    Ok(())
}
