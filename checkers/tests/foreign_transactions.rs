//! Histories of transactions that Elle's project recorded or generated, with Elle's verdicts.
//!
//! They are no part of this repository. They are looked for in the folder that `SCHISM_HISTORIES_DIR` names, or in
//! `shared/histories` beside the repository; without them the tests are skipped, and say so. Where the answers differ,
//! `docs/transactions.md` says why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs::File;
use std::path::{Path, PathBuf};

use schism_checkers::format::ReadOptions;
use schism_checkers::history::History;
use schism_checkers::transactions::{ConsistencyModel, TransactionCheck, TransactionModel, check};
use schism_checkers::{Limits, Validity};

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SCHISM_HISTORIES_DIR").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/histories");
    let found = named.or_else(|| beside.is_dir().then_some(beside)).map(|folder| folder.join("list-append"));
    if found.is_none() {
        eprintln!("skipped: no histories of other projects here");
    }
    found
}

fn judge(folder: &Path, file: &str, model: &str) -> TransactionCheck {
    let history = History::read(File::open(folder.join(file)).unwrap(), &ReadOptions::default()).unwrap();
    let model = ConsistencyModel::by_name(model).unwrap();
    check(&history, TransactionModel::ListAppend, model, &Limits::NONE)
}

fn counts(found: &TransactionCheck) -> Vec<(&'static str, u64)> {
    found.anomalies.iter().map(|anomaly| (anomaly.name, anomaly.count)).collect()
}

fn cycle_length(found: &TransactionCheck, name: &str) -> usize {
    found.anomalies.iter().find(|anomaly| anomaly.name == name).unwrap().cycle.len()
}

#[test]
fn serializable_snapshots_are_valid() {
    let Some(folder) = folder() else { return };
    let found = judge(&folder, "elle_ssi_10000.jsonl.gz", "strict-serializable");
    assert_eq!((found.valid, counts(&found)), (Validity::Valid, Vec::new()));
    assert_eq!(found.strongest_held, ["strict-serializable"]);
}

#[test]
fn snapshots_have_write_skew() {
    let Some(folder) = folder() else { return };
    // Elle: 162 G2-item and 40 G2-item-realtime; it does not tell sessions from real time.
    let found = judge(&folder, "elle_si_10000.jsonl.gz", "strict-serializable");
    assert_eq!(counts(&found), [("G2-item", 162), ("G2-item-process", 19), ("G2-item-realtime", 21)]);
    assert_eq!((found.valid, found.not.as_slice()), (Validity::Invalid, &["repeatable-read"][..]));
    assert_eq!(judge(&folder, "elle_si_10000.jsonl.gz", "snapshot-isolation").valid, Validity::Valid);
    // Elle: 1,597 and 396.
    let found = judge(&folder, "elle_si_100000.jsonl.gz", "strict-serializable");
    assert_eq!(counts(&found), [("G2-item", 1597), ("G2-item-process", 182), ("G2-item-realtime", 214)]);
}

#[test]
fn prefixes_that_are_overwritten_have_the_gravest_anomalies() {
    let Some(folder) = folder() else { return };
    // Elle: the same, but G-single-item-realtime for G-single-item, and a search that timed out.
    let found = judge(&folder, "elle_prefix_10000.jsonl.gz", "strict-serializable");
    let expected = [("G-single-item", 1), ("G0", 1), ("incompatible-order", 372), ("lost-update", 195)];
    assert_eq!(counts(&found), expected);
    assert_eq!((found.valid, found.not.as_slice()), (Validity::Invalid, &["read-uncommitted"][..]));
}

#[test]
fn a_large_component_gets_a_shortest_cycle() {
    let Some(folder) = folder() else { return };
    // Elle: G2-item-realtime without a cycle, after its search timed out. The graver kind implies it.
    let found = judge(&folder, "huge-scc.edn", "strict-serializable");
    assert_eq!(counts(&found), [("G-single-item-realtime", 1)]);
    assert_eq!(found.valid, Validity::Invalid);
    assert_eq!(cycle_length(&found, "G-single-item-realtime"), 2);
    assert_eq!(judge(&folder, "huge-scc.edn", "strong-session-serializable").valid, Validity::Valid);
}

#[test]
fn examples_of_papers_and_issues() {
    let Some(folder) = folder() else { return };
    let found = judge(&folder, "paper-example.edn", "strict-serializable");
    assert_eq!(counts(&found), [("G-single-item", 1)]);
    assert_eq!(found.valid, Validity::Invalid);
    // Its lines are in order of time, so that real time adds a stale read; under models without time it is write skew only.
    let found = judge(&folder, "si-without-g-single.edn", "snapshot-isolation");
    assert_eq!(counts(&found), [("G-single-item-realtime", 1), ("G2-item", 1)]);
    assert_eq!(found.valid, Validity::Valid);
    assert_eq!(judge(&folder, "si-without-g-single.edn", "repeatable-read").valid, Validity::Invalid);
}
