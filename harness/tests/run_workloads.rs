//! Every workload on a real cluster of the bundled node: valid where the settings promise it, and what it finds where they do
//! not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use schism::run::Verdict;
use schism_checkers::verdict::{FindingKind, Validity};
use schism_workloads::registry::registry;

/// Decides operations and schedules; the scheduling of processes is another every time.
const SEED: u64 = 7;

/// So many clusters at once leave each other time, on two cores too.
const CLUSTERS_AT_ONCE: usize = 2;

/// Clusters of several tests at once would be too many, and look like slow ones.
static ONE_TEST: Mutex<()> = Mutex::new(());

/// The verdict of a run of a workload under these words.
fn run(workload: &str, words: &str) -> Verdict {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_schism"))
        .args(format!("run --system node --seed {SEED} --workload {workload} {words}").split_whitespace())
        .arg("--out")
        .arg(&directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let verdict = std::fs::read(directory.join("verdict.json")).unwrap_or_else(|error| panic!("{error}: {told}"));
    serde_json::from_slice(&verdict).unwrap()
}

/// The verdicts of these workloads under the same words.
fn run_each<'a>(workloads: &[&'a str], words: &str) -> Vec<(&'a str, Verdict)> {
    let _turn = ONE_TEST.lock().unwrap_or_else(PoisonError::into_inner);
    let run_some = |some: &[&'a str]| {
        std::thread::scope(|scope| {
            let runs: Vec<_> = some.iter().map(|name| (*name, scope.spawn(move || run(name, words)))).collect();
            runs.into_iter().map(|(name, run)| (name, run.join().unwrap())).collect::<Vec<_>>()
        })
    };
    workloads.chunks(CLUSTERS_AT_ONCE).flat_map(run_some).collect()
}

fn every_workload() -> Vec<&'static str> {
    registry().iter().map(|workload| workload.name()).collect()
}

fn assert_valid(workload: &str, verdict: &Verdict) {
    let Verdict { valid, reasons, findings, .. } = verdict;
    assert_eq!(*valid, Validity::Valid, "{workload}: {reasons:?} {findings:?}");
}

fn assert_found(workload: &str, verdict: &Verdict, kind: FindingKind) {
    let Verdict { reasons, findings, .. } = verdict;
    let is_found = findings.iter().any(|finding| finding.kind == kind && kind.makes_invalid());
    assert!(is_found, "{workload} has no {kind:?}: {reasons:?} {findings:?}");
}

#[test]
fn every_workload_is_valid_on_a_healthy_cluster() {
    for (workload, verdict) in run_each(&every_workload(), "--time 1500ms") {
        assert_valid(workload, &verdict);
        assert!(verdict.measures.acknowledged > 0, "{workload}: nothing was acknowledged");
    }
}

#[test]
fn every_workload_is_valid_while_the_leader_is_killed() {
    for (workload, verdict) in run_each(&every_workload(), "--time 4s --fault kill-leader:restart_ms=1500") {
        assert_valid(workload, &verdict);
        assert!(verdict.faults.iter().all(|fault| fault.is_proved()), "{workload}: {:?}", verdict.faults);
    }
}

#[test]
fn workloads_that_keep_count_show_what_a_cut_off_leader_acknowledged_alone() {
    let expected = [
        ("queue", FindingKind::Lost),
        ("counter", FindingKind::OutOfBounds),
        ("list-append", FindingKind::Anomaly),
        ("lock", FindingKind::LockOverlap),
    ];
    let workloads = expected.map(|(workload, _)| workload);
    // Without votes the old leader goes on for as long as it is cut off; with them only until it misses its majority.
    let words = "--time 6s --set replication=async --set failover=timeout --fault partition-leader:duration_ms=3000";
    let verdicts = run_each(&workloads, words);
    for ((workload, verdict), (_, kind)) in verdicts.iter().zip(expected) {
        assert_found(workload, verdict, kind);
    }
}

#[test]
fn local_reads_at_a_follower_that_hears_no_leader_break_what_sessions_rely_on() {
    // The follower answers, its clients write through the leader as before, and nobody is deposed.
    let verdicts =
        run_each(&["session", "session-roaming"], "--time 4s --set read=local --fault cut-one-link:duration_ms=1500");
    assert_found("session", &verdicts[0].1, FindingKind::ReadYourWrites);
    assert_found("session-roaming", &verdicts[1].1, FindingKind::MonotonicReads);
}
