//! Small histories with known verdicts: the folder is the verdict, the file's name starts with the model and goes on with what
//! is found, or with why it is fine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use schism_checkers::history::History;
use schism_checkers::{Analysis, Checker, Limits, Validity, checker, registry};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// What checkers and files are named after.
const OBJECTS: [&str; 11] = [
    "set",
    "register",
    "counter",
    "queue",
    "lock",
    "bank",
    "long-fork",
    "causal-reverse",
    "unique-ids",
    "list-append",
    "rw-register",
];

/// Every checker of the object that a file's name begins with, and every one that is for all.
fn judge(file: &Path) -> (String, Analysis) {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let is_of_another = |checker: &Checker| {
        let is_of =
            |object: &str| checker.name.contains(object) || (checker.name, object) == ("sequential", "register");
        OBJECTS.iter().any(|object| is_of(object) && !name.starts_with(object))
    };
    let checkers: Vec<&Checker> = registry::list().iter().copied().filter(|checker| !is_of_another(checker)).collect();
    let history = History::read_jsonl(std::fs::read(file).unwrap().as_slice()).unwrap();
    (name, checker::judge(&history, &Limits::NONE, &checkers))
}

#[test]
fn valid_histories_are_not_accused() {
    for file in files("valid") {
        let (name, analysis) = judge(&file);
        assert_eq!(analysis.valid, Validity::Valid, "{name}: {analysis:#?}");
        assert!(analysis.findings.iter().all(|finding| !finding.kind.makes_invalid()), "{name}: {analysis:#?}");
    }
}

#[test]
fn invalid_histories_are_caught_by_name_and_with_a_witness() {
    for file in files("invalid") {
        let (name, analysis) = judge(&file);
        assert_eq!(analysis.valid, Validity::Invalid, "{name}: {analysis:#?}");
        let found = analysis.findings.iter().find(|finding| name.contains(finding.kind.name()));
        let found = found.unwrap_or_else(|| panic!("{name} is not found: {analysis:#?}"));
        assert!(found.count > 0 && !found.witness.text.is_empty(), "{name}: {found:?}");
        assert!((2..=12).contains(&found.witness.events.len()), "{name}: {found:?}");
    }
}

#[test]
fn missing_evidence_is_unknown_with_its_reason() {
    for file in files("unknown") {
        let (name, analysis) = judge(&file);
        assert_eq!(analysis.valid, Validity::Unknown, "{name}: {analysis:#?}");
        assert!(!analysis.reasons.is_empty(), "{name}");
        assert_eq!(analysis.measures.lost, None, "{name}");
    }
}

#[test]
fn findings_come_the_gravest_first() {
    for file in files("invalid") {
        let (name, analysis) = judge(&file);
        assert!(analysis.findings.is_sorted_by_key(|finding| finding.kind), "{name}");
    }
}

#[test]
fn an_analysis_survives_being_stored() {
    for file in files("invalid") {
        let (name, analysis) = judge(&file);
        let text = serde_json::to_string(&analysis).unwrap();
        assert_eq!(serde_json::from_str::<Analysis>(&text).unwrap(), analysis, "{name}");
    }
}
