//! `schism synth` from outside: help, refusals, what it writes and where, and that `schism check` says what was planted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::{Command, Output, Stdio};

fn schism(directory: &std::path::Path, arguments: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("schism"))
        .args(arguments)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn made(arguments: &[&str]) -> String {
    let place = tempfile::tempdir().unwrap();
    let output = schism(place.path(), &[&["synth", "--seed", "7"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "seed 7\n");
    text(&output.stdout)
}

#[test]
fn help_of_synth() {
    let place = tempfile::tempdir().unwrap();
    let help = text(&schism(place.path(), &["synth", "--help"]).stdout);
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    insta::assert_snapshot!(help);
}

#[test]
fn small_histories() {
    let shapes: &[&[&str]] = &[
        &["--operations", "4"],
        &["--operations", "4", "--keys", "9", "--values", "5", "--undecided", "1", "--format", "edn"],
        &["--operations", "5", "--clients", "2", "--violation", "stale-read"],
        &["--operations", "4", "--model", "queue", "--violation", "double-dequeue"],
        &["--operations", "4", "--model", "mutex", "--clients", "2", "--violation", "two-holders"],
        &["--operations", "3", "--model", "list-append"],
        &["--operations", "3", "--model", "rw-register", "--format", "edn", "--isolation", "read-uncommitted"],
    ];
    let told: String =
        shapes.iter().map(|shape| format!("$ schism synth --seed 7 {}\n{}\n", shape.join(" "), made(shape))).collect();
    insta::assert_snapshot!(told);
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("there.jsonl"), "kept").unwrap();
    let cases: &[&[&str]] = &[
        &["--model", "registr"],
        &["--operations", "0"],
        &["--values", "1"],
        &["--values", "few"],
        &["--mix", "1/1"],
        &["--mix", "0/0/0"],
        &["--model", "set", "--mix", "1/1/1"],
        &["--violation", "stale"],
        &["--violation", "two-holders"],
        &["--violation", "alternating-reads"],
        &["--violation", "stale-read", "--at", "101"],
        &["--violation", "stale-read", "--values", "5", "--undecided", "1"],
        &["--model", "mutex", "--clients", "1", "--violation", "two-holders"],
        &["--model", "list-append", "--values", "5"],
        &["--model", "list-append", "--isolation", "serialisable"],
        &["--isolation", "prefix"],
        &["--at", "50"],
        &["--undecided", "1001"],
        &["--out", "there.jsonl"],
    ];
    let told: String = cases
        .iter()
        .map(|arguments| {
            let out: &[&str] = if arguments[0] == "--out" { &[] } else { &["--out", "never.jsonl"] };
            let output = schism(place.path(), &[&["synth"], *arguments, out].concat());
            assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", text(&output.stderr));
            assert!(output.stdout.is_empty());
            format!("$ schism synth {}\n{}\n", arguments.join(" "), text(&output.stderr))
        })
        .collect();
    insta::assert_snapshot!(told);
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(std::fs::read_to_string(place.path().join("there.jsonl")).unwrap(), "kept");
}

#[test]
fn a_file_that_cannot_be_written_ends_in_74() {
    let place = tempfile::tempdir().unwrap();
    let output = schism(place.path(), &["synth", "--out", "no/such/directory.jsonl"]);
    assert_eq!(output.status.code(), Some(74), "{}", text(&output.stderr));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("schism"));
    let output = command.arg("synth").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("schism"))
        .args(["synth", "--operations", "1000000000", "--seed", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), "seed 1\n"));
}

#[test]
fn a_random_seed_is_printed_and_makes_the_same_history_again() {
    let place = tempfile::tempdir().unwrap();
    let first = schism(place.path(), &["synth", "--operations", "50"]);
    let stderr = text(&first.stderr);
    let seed = stderr.trim().strip_prefix("seed ").unwrap();
    let again = schism(place.path(), &["synth", "--operations", "50", "--seed", seed]);
    assert_eq!(first.stdout, again.stdout);
}

#[test]
fn check_says_what_was_planted_whatever_the_format() {
    let place = tempfile::tempdir().unwrap();
    for (violation, code) in [(None, 0), (Some("stale-read"), 1)] {
        for file in ["history.jsonl", "history.jsonl.gz", "history.edn", "history.edn.gz"] {
            let name = format!("{code}-{file}");
            let format = if file.contains("edn") { "edn" } else { "jsonl" };
            let planted: &[&str] = violation.as_ref().map_or(&[], |_| &["--violation", "stale-read"]);
            let make = ["synth", "--seed", "3", "--keys", "4", "--format", format, "--out", &name];
            let output = schism(place.path(), &[&make, planted].concat());
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            assert!(text(&output.stderr).contains(&format!("schism check --model register {name}")));
            let judged = schism(place.path(), &["check", "--model", "register", &name]);
            assert_eq!(judged.status.code(), Some(code), "{name}: {}", text(&judged.stderr));
        }
    }
    let packed = std::fs::read(place.path().join("0-history.jsonl.gz")).unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b]);
}
