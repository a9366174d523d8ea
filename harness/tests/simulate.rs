//! `schism simulate` from outside: what it finds, what it does not, and that both repeat.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn simulate(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("schism"));
    command.arg("simulate").args(arguments).current_dir(place).env("NO_COLOR", "1").output().unwrap()
}

#[track_caller]
fn json(place: &Path, code: i32, arguments: &[&str]) -> Value {
    let output = simulate(place, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{errors}\n{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Everything but what a clock measured.
fn lasting(mut result: Value) -> Value {
    for name in ["seconds", "runs_per_second", "cpu_ms_per_run"] {
        result.as_object_mut().unwrap().remove(name).unwrap();
    }
    result
}

#[test]
fn correct_settings_break_no_promise_under_any_fault_and_the_result_does_not_depend_on_threads() {
    let place = tempfile::tempdir().unwrap();
    for preset in ["raft", "raft-lease"] {
        let arguments =
            |threads| ["--preset", preset, "--faults", "all", "--seeds", "81", "--threads", threads, "--json"];
        let alone = json(place.path(), 0, &arguments("1"));
        assert!(alone["acknowledged"].as_u64().unwrap() > 1_000, "{alone}");
        assert_eq!(lasting(alone), lasting(json(place.path(), 0, &arguments("3"))));
    }
}

#[test]
fn what_is_found_is_made_small_and_its_plan_repeats_it() {
    let place = tempfile::tempdir().unwrap();
    let sought = ["--set", "replication=async", "--faults", "cut-then-kill", "--strict", "--seeds", "5"];
    let found = json(place.path(), 1, &[&sought[..], &["--json", "--out", "small.json"]].concat());
    let minimal = &found["minimal"];
    assert!(minimal["plan"]["faults"].as_array().unwrap().len() <= 4, "{minimal}");
    let again = json(place.path(), 1, &["--plan", "small.json", "--strict", "--json"]);
    assert_eq!(again["violation"]["promise"], minimal["promise"]);
    // Nobody promised that it is kept.
    json(place.path(), 0, &["--plan", "small.json", "--json"]);
}

#[test]
fn a_trace_repeats() {
    let place = tempfile::tempdir().unwrap();
    let trace = || simulate(place.path(), &["--seed", "7", "--trace"]);
    let (first, second) = (trace(), trace());
    assert!(first.stdout.len() > 10_000, "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn mistakes_have_their_exit_codes() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("bad.json"), "{\"seed\": 1}").unwrap();
    for (code, arguments, says) in [
        (64, &["--faults", "cut-then-kil"][..], "did you mean \"cut-then-kill\""),
        (64, &["--set", "replication=most"][..], "replication"),
        (64, &["--preset", "random", "--set", "fsync=never"][..], "leave --set fsync away"),
        (64, &["--trace"][..], "--seed"),
        (65, &["--plan", "bad.json"][..], "bad.json: line 1"),
        (65, &["--plan", "none.json"][..], "none.json"),
        (4, &["--seeds", "0"][..], "nothing"),
    ] {
        let output = simulate(place.path(), arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(says), "{arguments:?}: {errors}");
    }
}

/// The cells of a Markdown table: the first column names the row.
fn cells(table: &str) -> Vec<(String, Vec<String>)> {
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let split =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    lines.map(split).map(|mut cells| (cells.remove(0), cells)).collect()
}

#[test]
fn what_the_committed_truth_table_calls_clean_and_settings_promise_stays_clean() {
    let committed = include_str!("../../docs/truth-table.md");
    let (_, rest) = committed.split_once("<!-- begin: schism simulate --truth-table -->").unwrap();
    let committed = cells(rest.split_once("<!-- end -->").unwrap().0);
    let place = tempfile::tempdir().unwrap();
    let fresh = simulate(place.path(), &["--truth-table", "--runs", "2"]);
    let fresh = cells(&String::from_utf8(fresh.stdout).unwrap());
    assert_eq!(committed.len(), fresh.len(), "the table has other rows by now: make it again");
    let mut clean = 0;
    let promises =
        |name: &str| ["read-index", "lease"].iter().any(|read| name.contains(&format!("consensus / {read}")));
    for ((name, before), (_, now)) in committed.iter().zip(&fresh).filter(|((name, _), _)| promises(name)) {
        for (column, (before, now)) in before.iter().zip(now).enumerate() {
            if before.starts_with('-') {
                clean += 1;
                assert!(now.starts_with('-'), "{name}, column {column}: {before} became {now}");
            }
        }
    }
    assert!(clean > 30, "{clean} clean cells say little");
}
