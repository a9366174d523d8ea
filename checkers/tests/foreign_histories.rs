//! Histories that other projects recorded, with known verdicts, read in their own formats.
//!
//! They are no part of this repository. They are looked for in the folder that `SCHISM_HISTORIES_DIR` names, or in
//! `shared/histories` beside the repository; without them the tests are skipped, and say so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs::File;
use std::path::{Path, PathBuf};

use schism_checkers::format::{ReadOptions, write_edn, write_jsonl};
use schism_checkers::history::{History, Source};
use schism_checkers::{Limits, Validity, check_model, model};

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SCHISM_HISTORIES_DIR").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/histories");
    let found = named.or_else(|| beside.is_dir().then_some(beside));
    if found.is_none() {
        eprintln!("skipped: no histories of other projects here");
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn read(file: &Path) -> History {
    History::read(File::open(file).unwrap(), &ReadOptions::default())
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Files and operations of a folder whose histories all come from one source.
fn count(folder: &Path, source: Source) -> (usize, usize) {
    let files = files(folder);
    let operations = files.iter().map(|file| {
        let history = read(file);
        assert_eq!(history.source(), source, "{}", file.display());
        history.operations().len()
    });
    (files.len(), operations.sum())
}

#[test]
fn every_operation_is_read() {
    let Some(folder) = folder() else { return };
    assert_eq!(count(&folder.join("etcd-logs"), Source::JepsenLog), (50, 4_177));
    assert_eq!(count(&folder.join("kv"), Source::PorcupineKv), (4, 838));
    assert_eq!(count(&folder.join("cas-register/good"), Source::Edn), (55, 10_464));
    assert_eq!(count(&folder.join("cas-register/bad"), Source::Edn), (3, 297));
    assert_eq!(count(&folder.join("multi-register"), Source::Edn), (1, 123));
    for (file, operations) in [
        ("paper-example.edn", 4),
        ("si-without-g-single.edn", 4),
        ("huge-scc.edn", 10_254),
        ("elle_ssi_10000.jsonl.gz", 10_000),
        ("elle_si_10000.jsonl.gz", 10_000),
        ("elle_prefix_10000.jsonl.gz", 10_000),
        ("elle_si_100000.jsonl.gz", 100_000),
    ] {
        let history = read(&folder.join("list-append").join(file));
        assert_eq!(history.operations().len(), operations, "{file}");
        assert!(history.operations().all(|operation| operation.f() == "txn"), "{file}");
        assert!(!history.has_clock(), "{file}: the order of the lines is the order of events");
    }
}

#[test]
fn registers_get_the_known_verdicts() {
    const LINEARIZABLE: [&str; 10] = ["002", "005", "007", "018", "025", "031", "038", "045", "048", "049"];
    let Some(folder) = folder() else { return };
    let mut cases: Vec<(PathBuf, Validity)> = Vec::new();
    for file in files(&folder.join("etcd-logs")) {
        let name = file.file_stem().unwrap().to_str().unwrap().replace("etcd_", "");
        let is_valid = LINEARIZABLE.contains(&name.as_str());
        cases.push((file, if is_valid { Validity::Valid } else { Validity::Invalid }));
    }
    for (name, verdict) in [("good", Validity::Valid), ("bad", Validity::Invalid)] {
        cases.extend(files(&folder.join("cas-register").join(name)).into_iter().map(|file| (file, verdict)));
    }
    for (file, verdict) in cases {
        let check = check_model(&read(&file), model::by_name("register").unwrap(), &Limits::NONE);
        assert_eq!(check.valid, verdict, "{}: {check:?}", file.display());
    }
}

#[test]
fn both_formats_that_are_written_say_the_same() {
    let Some(folder) = folder() else { return };
    for name in ["etcd-logs", "kv", "cas-register/good", "cas-register/bad", "multi-register", "list-append"] {
        // The largest takes too long in a debug build, and has nothing that the others have not.
        for file in files(&folder.join(name)).iter().filter(|file| !file.ends_with("elle_si_100000.jsonl.gz")) {
            let original = read(file);
            let mut json = Vec::new();
            write_jsonl(&original, &mut json).unwrap();
            let mut edn = Vec::new();
            write_edn(&original, &mut edn).unwrap();
            for text in [&json, &edn] {
                let again = History::read(text.as_slice(), &ReadOptions::default()).unwrap();
                let mut json_again = Vec::new();
                write_jsonl(&again, &mut json_again).unwrap();
                assert!(json == json_again, "{}", file.display());
            }
        }
    }
}
