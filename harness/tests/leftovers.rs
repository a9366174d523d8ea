//! Whatever kills the harness, nothing of a run is left: no process, no namespace, no mount, no device.
//!
//! The nodes are the worst kind: each starts daemons in sessions of their own. Like the tests of the environment, these
//! start themselves again as the harness of a run.

#![expect(clippy::unwrap_used, reason = "a test, only without the standard test runner")]

mod environment_support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use environment_support::{ROLE, again, back_end, enter_and_build, is_possible, shell, wait_until};
use libtest_mimic::{Arguments, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use schism::environment::{JailOptions, NodeId};

const NODES: u16 = 3;

/// Beside the shell: its child, and two daemons in sessions of their own.
const SLEEPERS_PER_NODE: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize| arguments[index].as_str();
    match std::env::var(ROLE).as_deref() {
        Err(_) => return libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
        Ok("run") => run(argument(0), argument(1), argument(2) == "lifeline", Path::new(argument(3))),
        Ok("wait-for-signal") => return wait_for_signal(argument(0)),
        Ok(other) => panic!("no role {other}"),
    }
    ExitCode::SUCCESS
}

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for network in ["switch", "iptables", "proxy"] {
        let possible = is_possible(network);
        for (victim, name) in [
            (Victim::Outer, "the_outer_process_is_killed"),
            (Victim::Guardian, "the_guardian_is_killed"),
            (Victim::Harness, "the_harness_is_killed"),
            (Victim::Lifeline, "the_lifeline_ends"),
        ] {
            let trial = Trial::test(format!("{network}::nothing_is_left_when_{name}"), move || {
                nothing_is_left(network, victim);
                Ok(())
            });
            trials.push(trial.with_ignored_flag(!possible));
        }
        let program =
            Trial::test(format!("{network}::nothing_is_left_when_the_program_is_killed_in_mid_run"), move || {
                nothing_of_the_program_is_left(Program::Run(network));
                Ok(())
            });
        trials.push(program.with_ignored_flag(!possible));
        let signals =
            Trial::test(format!("{network}::a_signal_reaches_the_harness_once_and_its_status_gets_out"), move || {
                signals_and_status(network);
                Ok(())
            });
        trials.push(signals.with_ignored_flag(!possible));
    }
    trials.push(Trial::test("nothing_is_left_when_a_campaign_is_killed", || {
        nothing_of_the_program_is_left(Program::Campaign);
        Ok(())
    }));
    trials
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Outer,
    Guardian,
    Harness,
    Lifeline,
}

/// A run that says so when its nodes are up and then goes on for ever.
fn run(network: &str, token: &str, lifeline: bool, directory: &Path) {
    let options = JailOptions { back_end: back_end(network), lifeline };
    let (environment, _clock) = enter_and_build(options, NODES, directory);
    for node in NodeId::all(NODES) {
        // The outer parentheses end at once, so that what is inside has lost its parent.
        let script =
            format!("(setsid sleep {token} & setsid sleep {token} &) ; sleep {token} & echo up; wait; true {token}");
        environment.start(node, &shell(&script)).unwrap();
    }
    let sleepers = usize::from(NODES) * SLEEPERS_PER_NODE;
    wait_until("every node has all its processes", || {
        with_token(token).into_iter().filter(|pid| command_line(*pid).starts_with("sleep")).count() == sleepers
    });
    // The test runner reads this line.
    let mut stdout = std::io::stdout();
    std::io::Write::write_all(&mut stdout, b"ready\n").unwrap();
    std::io::Write::flush(&mut stdout).unwrap();
    loop {
        std::thread::park();
    }
}

fn nothing_is_left(network: &str, victim: Victim) {
    let directory = tempfile::tempdir().unwrap();
    // A number of seconds that nobody else sleeps, to know our processes by.
    let token = format!("77{}.{}", std::process::id(), fresh_number());
    let lifeline = if victim == Victim::Lifeline { "lifeline" } else { "none" };
    let devices = network_devices();
    let mut command = again("run", &[network, &token, lifeline]);
    command.arg(directory.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut outer = command.spawn().map(Outer).unwrap();
    let mut line = String::new();
    BufReader::new(outer.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");

    let nodes = with_token(&token);
    let guardian = only_child(outer.0.id().cast_signed(), &nodes);
    // The nodes' daemons are the guardian's children by now.
    let harness = only_child(guardian, &nodes);
    assert!(nodes.len() > usize::from(NODES) * SLEEPERS_PER_NODE, "{nodes:?}");
    let ours: Vec<i32> = nodes.iter().copied().chain([guardian, harness]).collect();
    let own = namespaces(std::process::id().cast_signed());
    let private: BTreeSet<String> = ours.iter().flat_map(|pid| namespaces(*pid)).collect();
    let private: BTreeSet<String> = private.difference(&own).cloned().collect();
    // A pid, a mount, an IPC and a UTS namespace, and the networks of nodes and of the run.
    let expected = if network == "proxy" { 0 } else { 4 + usize::from(NODES) + 1 };
    assert!(private.len() >= expected, "{private:?}");

    match victim {
        Victim::Outer => outer.0.kill().unwrap(),
        Victim::Guardian => kill(Pid::from_raw(guardian), Signal::SIGKILL).unwrap(),
        Victim::Harness => kill(Pid::from_raw(harness), Signal::SIGKILL).unwrap(),
        Victim::Lifeline => drop(outer.0.stdin.take()),
    }
    let status = outer.0.wait().unwrap();
    assert!(!status.success(), "{status}");

    if (network, victim) == ("proxy", Victim::Guardian) {
        // The reduction that the documentation names: without a pid namespace, who kills the guardian leaves daemons.
        wait_until("direct children are gone", || with_token(&token).len() <= SLEEPERS_PER_NODE * usize::from(NODES));
        for pid in with_token(&token) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    wait_until("no process is left", || with_token(&token).is_empty() && ours.iter().all(|pid| is_gone(*pid)));
    wait_until("no namespace is left", || all_namespaces().is_disjoint(&private));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(directory.path().to_str().unwrap()), "{mounts}");
    assert_eq!(network_devices(), devices);
}

/// What of the real program is killed.
enum Program {
    /// `schism run` over a network.
    Run(&'static str),
    /// `schism campaign`, whose runs only the lifeline ties to it.
    Campaign,
}

fn nothing_of_the_program_is_left(program: Program) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_schism"));
    match program {
        Program::Run(network) => {
            command.args(["run", "--time", "60s", "--fault", "partition-leader", "--net", network])
        }
        Program::Campaign => command.args(["campaign", "quickstart", "--jobs", "2"]),
    };
    command.arg("--out").arg(directory.path().join("out"));
    let devices = network_devices();
    let mut outer =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Outer).unwrap();
    wait_until("operations are acknowledged", || histories(directory.path()).contains("\"type\":\"ok\""));
    let ours = descendants(outer.0.id().cast_signed());
    // Guardian, harness and three nodes.
    assert!(ours.len() >= 5, "{ours:?}");
    let private: BTreeSet<String> = ours.iter().flat_map(|pid| namespaces(*pid)).collect();
    let private: BTreeSet<String> =
        private.difference(&namespaces(std::process::id().cast_signed())).cloned().collect();

    outer.0.kill().unwrap();
    outer.0.wait().unwrap();
    wait_until("no process is left", || ours.iter().all(|pid| is_gone(*pid)));
    wait_until("no namespace is left", || all_namespaces().is_disjoint(&private));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(directory.path().to_str().unwrap()), "{mounts}");
    assert_eq!(network_devices(), devices);
}

/// The text of every history below a directory.
fn histories(directory: &Path) -> String {
    let Ok(entries) = fs::read_dir(directory) else { return String::new() };
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { histories(&path) } else { text_of_history(&path) }
        })
        .collect()
}

fn text_of_history(path: &Path) -> String {
    if path.ends_with("history.jsonl") { fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

fn descendants(ancestor: i32) -> BTreeSet<i32> {
    let mut family = BTreeSet::from([ancestor]);
    loop {
        let is_child = |pid: &i32| state_and_parent(*pid).is_some_and(|(_, parent)| family.contains(&parent));
        let fresh: Vec<i32> = pids().into_iter().filter(|pid| !family.contains(pid)).filter(is_child).collect();
        if fresh.is_empty() {
            family.remove(&ancestor);
            return family;
        }
        family.extend(fresh);
    }
}

/// Counts how often a signal arrives within a while after the first, by its exit status: 40 + times.
fn wait_for_signal(network: &str) -> ExitCode {
    schism::environment::Jail::enter(JailOptions { back_end: back_end(network), lifeline: false }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let times: u8 = runtime.block_on(async {
        let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap();
        let mut stdout = std::io::stdout();
        std::io::Write::write_all(&mut stdout, b"ready\n").unwrap();
        std::io::Write::flush(&mut stdout).unwrap();
        interrupts.recv().await;
        let while_waiting = std::time::Duration::from_millis(200);
        if tokio::time::timeout(while_waiting, interrupts.recv()).await.is_ok() { 2 } else { 1 }
    });
    ExitCode::from(40 + times)
}

fn signals_and_status(network: &str) {
    let start = || -> Outer {
        let mut outer = again("wait-for-signal", &[network]).stdout(Stdio::piped()).spawn().map(Outer).unwrap();
        let mut line = String::new();
        BufReader::new(outer.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        outer
    };
    let mut outer = start();
    kill(Pid::from_raw(outer.0.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(outer.0.wait().unwrap().code(), Some(41));
    // It has no handler for this one.
    let mut outer = start();
    kill(Pid::from_raw(outer.0.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(outer.0.wait().unwrap().code(), Some(128 + Signal::SIGTERM as i32));
}

fn fresh_number() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).collect()
}

/// State and parent of a process.
fn state_and_parent(pid: i32) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn is_gone(pid: i32) -> bool {
    state_and_parent(pid).is_none_or(|(state, _)| state == 'Z')
}

fn only_child(parent: i32, but: &[i32]) -> i32 {
    let is_child = |pid: &i32| !but.contains(pid) && state_and_parent(*pid).is_some_and(|(_, of)| of == parent);
    let children: Vec<i32> = pids().into_iter().filter(is_child).collect();
    assert_eq!(children.len(), 1, "children of {parent}: {children:?}");
    children[0]
}

/// The outer process of a run, which ends with the test, however that ends.
struct Outer(Child);

impl Drop for Outer {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// Living processes of nodes whose command line has the token. The run's own command line has it too.
fn with_token(token: &str) -> Vec<i32> {
    let is_ours = |pid: &i32| {
        let line = command_line(*pid);
        line.contains(token) && (line.starts_with("sleep") || line.starts_with("/bin/sh")) && !is_gone(*pid)
    };
    pids().into_iter().filter(is_ours).collect()
}

/// Its parts are ended by zeros.
fn command_line(pid: i32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

fn namespaces(pid: i32) -> BTreeSet<String> {
    let Ok(links) = fs::read_dir(format!("/proc/{pid}/ns")) else { return BTreeSet::new() };
    links.filter_map(|link| Some(fs::read_link(link.ok()?.path()).ok()?.to_string_lossy().into_owned())).collect()
}

fn all_namespaces() -> BTreeSet<String> {
    pids().into_iter().flat_map(namespaces).collect()
}

fn network_devices() -> BTreeSet<String> {
    let entries = fs::read_dir("/sys/class/net").unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
