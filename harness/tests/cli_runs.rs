//! The command line with real runs: the bundled node in a private network. Where the machine allows no network at all the
//! tests say that they were skipped.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics, and one that is skipped says so"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A directory that every account may enter.
fn place() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    directory
}

fn schism(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("schism"));
    command.args(arguments).current_dir(place).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether runs are possible here.
fn possible() -> bool {
    let doctor = schism(Path::new("/"), &["doctor", "--format", "json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let possible = found["networks"]["switch"] == true || found["networks"]["iptables"] == true;
    if !possible {
        eprintln!("skipped: this machine allows no private network; see schism doctor");
    }
    possible
}

#[track_caller]
fn ended(output: &Output, code: i32) -> String {
    let told = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Waits until something is there; panics if it never comes.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes that have a text in their command lines.
fn processes_with(text: &str) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
    .map(Pid::from_raw)
    .collect()
}

fn interrupt(child: &Child) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
}

/// The directories of a campaign's runs.
fn runs(campaign: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(campaign.join("runs"))
        .map_or_else(|_| Vec::new(), |runs| runs.flatten().map(|run| run.path()).collect())
}

#[test]
fn a_run_without_faults_is_valid_and_its_plan_runs_again() {
    if !possible() {
        return;
    }
    let place = place();
    let output = schism(place.path(), &["run", "--time", "3s", "--seed", "5", "--out", "first"]).output().unwrap();
    let told = ended(&output, 0);
    assert!(told.contains("verdict   valid") && !told.contains("Repeat with"), "{told}");
    assert_eq!(json(&place.path().join("first/verdict.json"))["valid"], true);
    let again = ["run", "--plan", "first/plan.json", "--out", "second", "--format", "json"];
    let output = schism(place.path(), &again).output().unwrap();
    ended(&output, 0);
    assert_eq!(json(&place.path().join("first/plan.json")), json(&place.path().join("second/plan.json")));
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        json(&place.path().join("second/verdict.json"))
    );
    ended(&schism(place.path(), &["check", "first", "second"]).output().unwrap(), 0);
    let refused = schism(place.path(), &["run", "--out", "first"]).output().unwrap();
    assert!(ended(&refused, 64).contains("first is not empty"));
}

#[test]
fn a_violation_ends_in_1_with_its_witness_and_the_command_that_repeats_it_last() {
    if !possible() {
        return;
    }
    let place = place();
    let arguments = [
        "run",
        "--set",
        "replication=async",
        "--fault",
        "partition-leader",
        "--time",
        "6s",
        "--workers",
        "24",
        "--seed",
        "7",
    ];
    let output = schism(place.path(), &arguments).output().unwrap();
    ended(&output, 1);
    let printed = text(&output.stdout);
    assert!(printed.contains("absent from the closing reads"), "{printed}");
    let last = printed.lines().last().unwrap();
    assert!(
        last.contains("schism run") && last.contains("--set replication=async") && last.ends_with("--seed 7"),
        "{last}"
    );
    let latest = place.path().join("results/runs/latest");
    assert_eq!(json(&latest.join("verdict.json"))["valid"], false);
}

/// So many workers that never all of those beside a cut-off leader wait for a read before one of them has written.
const TWO_CELLS: &str = "\
workers = 24
workloads = \"set\"
faults = [\"none\", \"partition-leader\"]
time = \"6s\"
[[settings]]
replication = \"async\"
[[expect]]
fault = \"partition-leader\"
lost = \"required\"
dirty = \"possible\"
split-brain = \"possible\"
stale-read = \"possible\"
not-linearizable = \"possible\"
";

#[test]
fn a_campaign_is_stored_reported_again_and_agrees_with_the_truth() {
    if !possible() {
        return;
    }
    let place = place();
    std::fs::write(place.path().join("two.toml"), TWO_CELLS).unwrap();
    let output = schism(place.path(), &["campaign", "./two.toml", "--out", "two"]).output().unwrap();
    let told = ended(&output, 0);
    assert!(told.contains("All 2 cells are as expected."), "{told}");
    let summary = json(&place.path().join("two/summary.json"));
    let rows = summary["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["fault"], &rows[0]["lost"]), (2, &Value::from("none"), &Value::from(0)));
    assert!(rows[1]["lost"].as_u64().unwrap() > 0 && rows[1]["lost_per_1000_interval"].is_null());
    for name in ["summary.md", "summary.csv", "campaign.json"] {
        assert!(place.path().join("two").join(name).exists(), "{name}");
    }
    let again = schism(place.path(), &["report", "two"]).output().unwrap();
    assert_eq!(text(&again.stdout), text(&output.stdout));
    let truth = schism(place.path(), &["report", "two", "--truth"]).output().unwrap();
    assert!(ended(&truth, 0).contains("2 of 2 compared runs agree"));
}

#[test]
fn an_expected_loss_that_does_not_come_ends_in_3() {
    if !possible() {
        return;
    }
    let place = place();
    let file = "workloads = \"set\"\nfaults = \"none\"\ntime = \"2s\"\n[[expect]]\nlost = \"required\"\n";
    std::fs::write(place.path().join("three.toml"), file).unwrap();
    let output = schism(place.path(), &["campaign", "./three.toml", "--out", "three"]).output().unwrap();
    assert!(ended(&output, 3).contains("lost is required and appeared in none of 1 runs"));
}

#[test]
fn an_interrupted_run_heals_judges_and_ends_in_130() {
    if !possible() {
        return;
    }
    let place = place();
    let arguments = ["run", "--fault", "partition-leader", "--time", "60s", "--seed", "1", "--out", "run"];
    let child = schism(place.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let history = place.path().join("run/history.jsonl");
    wait_for("the load", || std::fs::read_to_string(&history).ok()?.contains("\"load\"").then_some(()));
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    ended(&output, 130);
    assert_eq!(json(&place.path().join("run/verdict.json"))["interrupted"], true);
}

#[test]
fn an_interrupted_campaign_prints_what_there_is_and_leaves_no_process() {
    if !possible() {
        return;
    }
    let place = place();
    let file = TWO_CELLS.replace("time = \"6s\"", "time = \"60s\"");
    std::fs::write(place.path().join("long.toml"), file).unwrap();
    let directory = place.path().join("long");
    let arguments = ["campaign", "./long.toml", "--out", directory.to_str().unwrap()];
    let child = schism(place.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("a run", || {
        let run = runs(&directory).into_iter().next()?;
        std::fs::read_to_string(run.join("history.jsonl")).ok()?.contains("\"load\"").then_some(())
    });
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let told = ended(&output, 130);
    assert!(told.contains("No run has ended."), "{told}");
    let name = directory.to_str().unwrap();
    wait_for("the end of every process", || processes_with(name).is_empty().then_some(()));
}

#[test]
fn a_run_that_is_killed_fails_its_cell_and_the_others_go_on() {
    if !possible() {
        return;
    }
    let place = place();
    std::fs::write(place.path().join("two.toml"), TWO_CELLS).unwrap();
    let directory = place.path().join("two");
    let arguments = ["campaign", "./two.toml", "--out", directory.to_str().unwrap()];
    let child = schism(place.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let plan = directory.join("runs").to_str().unwrap().to_owned();
    // The first run is the one without faults; all of its processes are this test's own descendants.
    let victims = wait_for("the first run", || Some(processes_with(&plan)).filter(|pids| !pids.is_empty()));
    for pid in victims {
        // It may be gone with its parent.
        let _ = kill(pid, Signal::SIGKILL);
    }
    let output = child.wait_with_output().unwrap();
    let told = ended(&output, 70);
    assert!(told.contains("a run failed: signal 9"), "{told}");
    let rows = json(&directory.join("summary.json"))["rows"].clone();
    assert_eq!((&rows[0]["failed"], &rows[1]["runs"]), (&Value::from(1), &Value::from(1)), "{told}");
    assert_eq!(rows[1]["as_expected"], true, "{told}");
}

#[test]
fn a_node_that_does_not_start_ends_in_70_with_its_last_log_lines() {
    if !possible() {
        return;
    }
    let place = place();
    let program = place.path().join("etcd");
    let script = "#!/bin/sh\ncase \"$1\" in --version) echo 'etcd Version: 3.4.99';; *) echo 'no luck today' >&2; exit 3;; esac\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.path().display(), std::env::var("PATH").unwrap());
    let arguments = ["run", "--system", "etcd", "--workload", "register", "--time", "3s", "--out", "run"];
    let output = schism(place.path(), &arguments).env("PATH", path).output().unwrap();
    let told = ended(&output, 70);
    assert!(told.contains("no luck today"), "{told}");
}

#[test]
fn a_full_disk_for_results_ends_in_74_and_accuses_nobody() {
    if !possible() {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: a small disk can only be mounted by root");
        return;
    }
    let place = place();
    std::fs::create_dir(place.path().join("disk")).unwrap();
    // The first does not hold the nodes' logs, the second does not hold the history.
    for size in ["300k", "3400k"] {
        let script = format!(
            "mount -t tmpfs -o size={size},mode=755 tmpfs disk && exec {} run --time 30s --seed 1 --out disk/run",
            assert_cmd::cargo::cargo_bin!("schism").display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).current_dir(place.path()).stdin(Stdio::null());
        let told = ended(&command.output().unwrap(), 74);
        assert!(told.contains("--out"), "{told}");
    }
}
