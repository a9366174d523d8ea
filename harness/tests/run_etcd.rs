//! Whole runs of the built program over real etcd members. Where etcd is not installed, the tests say that they were
//! skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use schism::run::Verdict;
use schism::systems::{Availability, Etcd, System};
use schism_checkers::verdict::Validity;

/// Clusters of several tests at once would fight for the machine's cores, and look like slow ones.
static ONE_CLUSTER: Mutex<()> = Mutex::new(());

fn is_installed() -> bool {
    match Etcd.availability() {
        Availability::Available(_) => true,
        Availability::Missing { why, remedy } => {
            eprintln!("skipped: {why}; {remedy}");
            false
        }
    }
}

/// A run with one fault is valid, and the fault is proved.
fn check(fault: &str) {
    if !is_installed() {
        return;
    }
    let _turn = ONE_CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    let words = "run --system etcd --workload register --time 10s --seed 7 --fault";
    let output = Command::new(env!("CARGO_BIN_EXE_schism"))
        .args(words.split_whitespace())
        .arg(fault)
        .arg("--out")
        .arg(&run)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    let verdict: Verdict = serde_json::from_slice(&std::fs::read(run.join("verdict.json")).unwrap()).unwrap();
    assert_eq!(verdict.valid, Validity::Valid);
    assert_eq!(verdict.measures.linearizable, Some(Validity::Valid));
    assert_eq!(verdict.measures.split_brain_seconds, None, "any member answers for the leader: it cannot be measured");
    assert!(verdict.faults[0].is_proved() && verdict.faults[0].proof.effect, "{:?}", verdict.faults);
}

#[test]
fn etcd_is_linearizable_while_its_leader_is_cut_off() {
    check("partition-leader");
}

#[test]
fn etcd_is_linearizable_while_its_leader_is_killed() {
    check("kill-leader");
}
