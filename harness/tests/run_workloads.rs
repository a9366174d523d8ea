//! Every workload on a real cluster of the bundled node: valid where the settings promise it, and what it finds where they do
//! not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use schism::run::Verdict;
use schism_checkers::verdict::{FindingKind, Validity};
use schism_workloads::registry::registry;

/// Clusters of several tests at once would fight for the machine's cores, and look like slow ones.
static ONE_CLUSTER: Mutex<()> = Mutex::new(());

/// The verdict of a run of so many words.
fn run(workload: &str, words: &str) -> Verdict {
    let _turn = ONE_CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_schism"))
        .args(format!("run --system node --seed 7 --workload {workload} {words}").split_whitespace())
        .arg("--out")
        .arg(&directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let verdict = std::fs::read(directory.join("verdict.json")).unwrap_or_else(|error| panic!("{error}: {told}"));
    serde_json::from_slice(&verdict).unwrap()
}

/// The findings that make a run invalid.
fn violations(verdict: &Verdict) -> Vec<FindingKind> {
    let kinds = verdict.findings.iter().map(|finding| finding.kind);
    kinds.filter(|kind| kind.makes_invalid()).collect()
}

#[test]
fn every_workload_is_valid_on_a_healthy_cluster() {
    for workload in registry() {
        let verdict = run(workload.name(), "--time 3s");
        assert_eq!(verdict.valid, Validity::Valid, "{}: {:?} {:?}", workload.name(), verdict.reasons, verdict.findings);
        assert!(verdict.measures.acknowledged > 30, "{}: {}", workload.name(), verdict.measures.acknowledged);
    }
}

#[test]
fn every_workload_is_valid_while_the_leader_is_killed() {
    for workload in registry() {
        let verdict = run(workload.name(), "--time 6s --fault kill-leader");
        assert_eq!(verdict.valid, Validity::Valid, "{}: {:?} {:?}", workload.name(), verdict.reasons, verdict.findings);
    }
}

#[test]
fn a_queue_counter_and_lists_show_what_a_cut_off_leader_acknowledged_alone() {
    for (workload, expected) in [
        ("queue", FindingKind::Lost),
        ("counter", FindingKind::OutOfBounds),
        ("list-append", FindingKind::Anomaly),
        ("lock", FindingKind::LockOverlap),
    ] {
        let verdict = run(workload, "--time 6s --set replication=async --fault partition-leader");
        assert!(violations(&verdict).contains(&expected), "{workload}: {:?} {:?}", verdict.reasons, verdict.findings);
    }
}

#[test]
fn local_reads_break_what_a_session_relies_on() {
    let verdict = run("session", "--time 4s --set read=local --fault pause-isolate");
    assert!(violations(&verdict).contains(&FindingKind::ReadYourWrites), "{:?}", verdict.findings);
    let verdict = run("session-roaming", "--time 4s --set read=local --fault pause-isolate");
    assert!(violations(&verdict).contains(&FindingKind::MonotonicReads), "{:?}", verdict.findings);
}
