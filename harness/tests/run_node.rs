//! Whole runs of the built program over real nodes: processes of their own on a private network, as a user has them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use schism::run::Verdict;
use schism_checkers::verdict::Validity;

/// Clusters of several tests at once would fight for the machine's cores, and look like slow ones.
static ONE_CLUSTER: Mutex<()> = Mutex::new(());

/// A directory for one run, and the right to have a cluster.
struct Place {
    parent: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Place {
    fn new() -> Self {
        let turn = ONE_CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
        Self { parent: tempfile::tempdir().unwrap(), _turn: turn }
    }

    fn run(&self) -> PathBuf {
        self.parent.path().join("run")
    }

    /// `schism run` of so many words, with a seed that is told and a directory of its own.
    fn start(&self, words: &str) -> Command {
        let mut command = schism(&format!("run --system node --workload set --seed 7 {words}"));
        command.arg("--out").arg(self.run());
        command
    }

    fn verdict(&self) -> Verdict {
        serde_json::from_slice(&std::fs::read(self.run().join("verdict.json")).unwrap()).unwrap()
    }
}

fn schism(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schism"));
    command.args(words.split_whitespace()).stdin(Stdio::null());
    command
}

/// Expects an exit code; tells everything that was printed if it was another.
fn expect_code(output: &Output, code: i32) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
}

fn wait_for(what: &str, path: &Path, holds: impl Fn(&str) -> bool) {
    let begin = Instant::now();
    while !std::fs::read_to_string(path).is_ok_and(|text| holds(&text)) {
        assert!(begin.elapsed() < Duration::from_secs(60), "still not so after a minute: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_healthy_cluster_is_valid_and_leaves_everything_that_is_known() {
    let place = Place::new();
    expect_code(&place.start("--nodes 3 --time 2s").output().unwrap(), 0);
    let verdict = place.verdict();
    assert_eq!(verdict.valid, Validity::Valid);
    assert_eq!(verdict.measures.lost, Some(0));
    assert!(verdict.measures.acknowledged > 100, "{}", verdict.measures.acknowledged);
    for file in ["plan.json", "history.jsonl", "verdict.json", "command.txt", "nodes/n3/stderr.log"] {
        assert!(place.run().join(file).exists(), "{file} is missing");
    }
}

#[test]
fn a_leader_that_is_cut_off_loses_what_it_acknowledged_alone_and_says_so_itself() {
    let place = Place::new();
    let words = "--nodes 3 --set replication=async --fault partition-leader --time 6s";
    expect_code(&place.start(words).output().unwrap(), 1);
    let verdict = place.verdict();
    assert!(verdict.measures.lost.unwrap() > 0);
    assert!(verdict.faults[0].is_proved() && verdict.faults[0].proof.effect, "{:?}", verdict.faults);
    let run = place.run();
    expect_code(&schism("report --truth").arg(&run).output().unwrap(), 0);
    expect_code(&schism("check").arg(&run).output().unwrap(), 1);
}

#[test]
fn an_interrupted_run_is_torn_down_and_judged() {
    let place = Place::new();
    let mut child = place.start("--nodes 3 --time 60s").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_acknowledged = |text: &str| text.contains(r#""type":"ok""#);
    wait_for("an operation is acknowledged", &place.run().join("history.jsonl"), is_acknowledged);
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let verdict = place.verdict();
    assert!(verdict.interrupted);
    assert_eq!(verdict.valid, Validity::Unknown, "{:?}", verdict.reasons);
}

#[test]
fn a_node_that_does_not_start_is_an_error_with_its_last_words() {
    let place = Place::new();
    let printed = place.start("--nodes 3 --time 2s --dry-run --format json").output().unwrap();
    expect_code(&printed, 0);
    // Settings are refused when a plan is made, so only a plan that was changed afterwards can have this one.
    let mut plan: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    plan["settings"]["replication"] = "now-and-then".into();
    let file = place.parent.path().join("plan.json");
    std::fs::write(&file, plan.to_string()).unwrap();
    let output = schism("run --plan").arg(&file).arg("--out").arg(place.run()).output().unwrap();
    expect_code(&output, 70);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("invalid value `now-and-then` for setting `replication`"), "{told}");
    assert!(!place.run().join("verdict.json").exists());
}

#[test]
fn fail_fast_ends_the_load_within_a_second_of_the_first_violation() {
    let place = Place::new();
    let words =
        "--nodes 3 --set replication=async --set failover=timeout --fault partition-leader --time 20s --fail-fast";
    let output = place.start(words).output().unwrap();
    expect_code(&output, 1);
    let verdict = place.verdict();
    assert_eq!((verdict.valid, verdict.interrupted), (Validity::Invalid, false));
    let stop = verdict.stopped_at.unwrap();
    let history = std::fs::read_to_string(place.run().join("history.jsonl")).unwrap();
    let lines = history.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let heal = lines.into_iter().find(|line| line["f"] == "phase" && line["value"] == "heal").unwrap();
    let delay = heal["time"].as_u64().unwrap() as f64 / 1e9 - stop.seconds;
    assert!((0.0..1.0).contains(&delay), "{delay} s after {stop:?}");
    assert!(verdict.faults[0].healed_ns.is_some(), "{:?}", verdict.faults);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("violation at "), "{told}");
    expect_code(&schism("check").arg(place.run()).output().unwrap(), 1);
}
