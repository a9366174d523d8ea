//! Every method that decides linearizability against the slow, obvious answer, on histories of at most seven operations.
//!
//! The histories come from a simulated object that is sometimes wrong, so that a good part of them is not linearizable.
//! Undecided operations, open operations and equal times are among them. A failure prints the seed and the history;
//! `SCHISM_SEED=N cargo test -p schism-checkers --test brute_force` repeats it alone, `SCHISM_HISTORIES=N` sets how many of
//! each kind are tried.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and prints its seeds")]

mod generate;
mod obvious;

use schism_checkers::history::{Event, History};
use schism_checkers::{Limits, Validity, check_model, model};

use generate::{Kind, generate};

/// Histories of each kind, where nothing else is asked for.
const HISTORIES: u64 = 20_000;
/// Of every kind at least this share must be linearizable, and at least this share must not be: else the test is blind.
const SHARE_MIN: f64 = 0.1;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    match number("SCHISM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHISM_HISTORIES").unwrap_or(HISTORIES),
    }
}

fn text(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
}

/// Compares on many histories of a kind. `algorithm` must be what decided every one of them, where one is named.
fn compare(kind: Kind, algorithm: Option<&str>) {
    let model = model::by_name(kind.model()).unwrap();
    let seeds = seeds();
    println!("{kind:?}: seeds {seeds:?}");
    let total = seeds.end - seeds.start;
    let mut linearizable = 0;
    for seed in seeds {
        let events = generate(kind, seed);
        let history = History::from_events(events.clone()).unwrap();
        if history.operations().len() == 0 {
            continue;
        }
        let expected = obvious::is_linearizable(kind.model(), &history);
        let check = check_model(&history, model, &Limits::NONE);
        let found = check.valid == Validity::Valid;
        assert_eq!(
            found,
            expected,
            "SCHISM_SEED={seed} {kind:?} by {}: {:?}\n{}",
            check.algorithm,
            check.witness,
            text(&events)
        );
        assert_ne!(check.valid, Validity::Unknown, "SCHISM_SEED={seed}: {:?}", check.reasons);
        if let Some(witness) = &check.witness {
            assert!(!found, "SCHISM_SEED={seed}: a witness of nothing");
            assert!(!witness.events.is_empty() && witness.events.len() <= 12, "SCHISM_SEED={seed}: {witness:?}");
        } else {
            assert!(found, "SCHISM_SEED={seed}: no witness");
        }
        if let Some(algorithm) = algorithm {
            assert_eq!(check.algorithm, algorithm, "SCHISM_SEED={seed}\n{}", text(&events));
        }
        linearizable += u64::from(expected);
    }
    let share = linearizable as f64 / total as f64;
    println!("{kind:?}: {linearizable} of {total} are linearizable");
    assert!(total == 1 || (SHARE_MIN..=1.0 - SHARE_MIN).contains(&share), "{kind:?}: {share} are linearizable");
}

#[test]
fn registers_with_unique_values() {
    compare(Kind::UniqueRegister, Some("zones"));
}

#[test]
fn registers_with_few_values() {
    compare(Kind::Register, None);
}

#[test]
fn sets_with_unique_elements() {
    compare(Kind::UniqueSet, Some("grow-only"));
}

#[test]
fn sets_with_few_elements() {
    compare(Kind::Set, None);
}

#[test]
fn counters() {
    compare(Kind::Counter, Some("search"));
}

#[test]
fn queues() {
    compare(Kind::Queue, Some("search"));
}

#[test]
fn mutexes() {
    compare(Kind::Mutex, Some("search"));
}
