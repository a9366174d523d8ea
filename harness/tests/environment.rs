//! Black-box tests of the environment: networks, cuts and their proofs, processes, by every back end.
//!
//! Each test starts this executable again in a *role*, because the harness of a run must enter its jail before any
//! thread exists, and a test runner has threads.

#![expect(clippy::unwrap_used, reason = "a test, only without the standard test runner")]

mod environment_support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use environment_support::shapes::{NODES, SHAPES, cuts};
use environment_support::{PORTS, ROLE, WAIT_MAX, again, back_end, enter_and_build, is_possible, shell, wait_until};
use libtest_mimic::{Arguments, Failed, Measurement, Trial};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::geteuid;
use schism::environment::{
    Environment, JailOptions, Launch, Link, NodeId, NodeSignal, Place, ProbeCount, ProcessState, Program,
};
use schism::record::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A user without rights; it need not have an account.
const ORDINARY: u32 = 23_456;

/// A connection that is not answered within this time counts as blocked.
const BLOCKED_AFTER: Duration = Duration::from_millis(400);

/// Probes that must have been sent on a link before it is judged.
const PROBES_MIN: u32 = 5;

/// Within this time five nodes must be up, by the bench.
const BRING_UP_MAX: Duration = Duration::from_secs(1);

const BRING_UPS: usize = 10;

/// Three percent of one processor.
const IDLE_MAX: Duration = Duration::from_millis(30);

const BACK_ENDS: [&str; 3] = ["switch", "iptables", "proxy"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize| arguments[index].as_str();
    match std::env::var(ROLE).as_deref() {
        Err(_) => return libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
        Ok("partition") => partition(argument(0), argument(1), Path::new(argument(2))),
        Ok("bring-up") => bring_up(argument(0), Path::new(argument(1))),
        Ok("idle") => idle(argument(0), Path::new(argument(1))),
        Ok("processes") => processes(argument(0), Path::new(argument(1))),
        Ok("echo-server") => echo_server(argument(0).parse().unwrap()),
        Ok(other) => panic!("no role {other}"),
    }
    ExitCode::SUCCESS
}

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for back_end in BACK_ENDS {
        let skipped = !is_possible(back_end);
        for shape in SHAPES {
            let name = format!("{back_end}::{shape}_is_cut_and_healed");
            trials.push(trial(name, "partition", &[back_end, shape]).with_ignored_flag(skipped));
        }
        let name = format!("{back_end}::a_node_is_started_stopped_killed_and_started_again");
        trials.push(trial(name, "processes", &[back_end]).with_ignored_flag(skipped));
        let name = format!("{back_end}::an_ordinary_user_cuts_and_heals");
        trials.push(rootless_trial(name, "partition", &[back_end, "halves"]));
        let name = format!("{back_end}::an_ordinary_user_starts_and_kills_nodes");
        trials.push(rootless_trial(name, "processes", &[back_end]));
        trials.push(bring_up_bench(back_end).with_ignored_flag(skipped));
        trials.push(idle_bench(back_end).with_ignored_flag(skipped));
    }
    trials
}

/// A trial that plays a role in a fresh directory.
fn trial(name: String, role: &'static str, arguments: &[&'static str]) -> Trial {
    let arguments = arguments.to_vec();
    Trial::test(name, move || {
        let directory = tempfile::tempdir().unwrap();
        succeeds(again(role, &arguments).arg(directory.path()))
    })
}

/// The same as [`trial`], but by an ordinary user, whom only root can become. The device node is made as a distribution's
/// own is: for everybody.
fn rootless_trial(name: String, role: &'static str, arguments: &[&'static str]) -> Trial {
    let arguments = arguments.to_vec();
    let trial = Trial::test(name, move || {
        let directory = tempfile::tempdir().unwrap();
        for_everybody(directory.path(), 0o755);
        let run = directory.path().join("run");
        std::fs::create_dir(&run).unwrap();
        for_everybody(&run, 0o777);
        let tun = directory.path().join("tun");
        mknod(&tun, SFlag::S_IFCHR, Mode::empty(), makedev(10, 200)).unwrap();
        for_everybody(&tun, 0o666);
        // A directory on the way to the original may be closed to others.
        let program = directory.path().join("environment");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        for_everybody(&program, 0o755);
        let mut command = std::process::Command::new(program);
        command.env(ROLE, role).args(&arguments).arg(&run).env("SCHISM_TUN_DEVICE", tun).stdin(Stdio::null());
        succeeds(command.uid(ORDINARY).gid(ORDINARY))
    });
    trial.with_ignored_flag(!geteuid().is_root())
}

/// How long it takes from before the jail until five nodes answer, each run in a process of its own. Not a timed test,
/// because those that run beside others lie: `cargo test --release -p schism --test environment -- --bench`.
fn bring_up_bench(network: &'static str) -> Trial {
    bench(format!("{network}::five_nodes_are_up"), "bring-up", network, BRING_UPS, BRING_UP_MAX)
}

/// How much processor time the harness uses in a second in which nothing happens but probes between three nodes.
fn idle_bench(network: &'static str) -> Trial {
    bench(format!("{network}::processor_time_of_an_idle_second"), "idle", network, 1, IDLE_MAX)
}

/// Plays a role that writes nanoseconds; the median and the spread, unless one is beyond the bound.
fn bench(name: String, role: &'static str, network: &'static str, times: usize, bound: Duration) -> Trial {
    Trial::bench(name, move |test_mode| {
        if test_mode {
            return Ok(None);
        }
        let mut measured_ns = Vec::new();
        for _ in 0..times {
            let directory = tempfile::tempdir()?;
            let output = again(role, &[network]).arg(directory.path()).output()?;
            measured_ns.push(String::from_utf8(output.stdout)?.trim().parse::<u64>()?);
        }
        measured_ns.sort_unstable();
        let (median, longest) = (measured_ns[times / 2], measured_ns[times - 1]);
        if u128::from(longest) > bound.as_nanos() {
            return Err(format!("one of {times} took {longest} ns").into());
        }
        Ok(Some(Measurement { avg: median, variance: longest - measured_ns[0] }))
    })
}

fn idle(network: &str, directory: &Path) {
    const SECONDS: u32 = 5;
    let options = JailOptions { back_end: back_end(network), lifeline: false };
    let (_environment, _clock) = enter_and_build(options, 3, directory);
    let used = || -> Duration { clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap().into() };
    let before = used();
    std::thread::sleep(Duration::from_secs(u64::from(SECONDS)));
    let used_ns = ((used() - before) / SECONDS).as_nanos().to_string();
    std::io::stdout().write_all(used_ns.as_bytes()).unwrap();
}

fn bring_up(network: &str, directory: &Path) {
    let begin = Instant::now();
    let options = JailOptions { back_end: back_end(network), lifeline: false };
    let (environment, _clock) = enter_and_build(options, NODES, directory);
    start_echo_servers(&*environment);
    for node in NodeId::all(NODES) {
        let address = environment.address(Place::Observer, node, PORTS[0]);
        let answer = environment.runtime(Place::Observer).spawn(async move {
            while echo(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer).unwrap();
    }
    let elapsed_ns = begin.elapsed().as_nanos().to_string();
    std::io::stdout().write_all(elapsed_ns.as_bytes()).unwrap();
}

fn for_everybody(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn succeeds(command: &mut std::process::Command) -> Result<(), Failed> {
    let output = command.output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&text)).into())
}

/// A node of these tests: gives back what it gets.
fn echo_server(address: SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
        });
    }
}

fn start_echo_servers(environment: &dyn Environment) {
    for node in NodeId::all(environment.nodes()) {
        let address = environment.listen_address(node, PORTS[0]);
        let launch = Launch {
            program: Program::SelfExe,
            arguments: vec![address.to_string()],
            variables: vec![(ROLE.to_owned(), "echo-server".to_owned())],
        };
        environment.start(node, &launch).unwrap();
    }
}

/// Connections are opened by nodes and by their clients, to nodes.
fn connections() -> Vec<(Place, NodeId)> {
    NodeId::all(NODES)
        .flat_map(|to| {
            let nodes = NodeId::all(NODES).filter(move |from| *from != to).map(Place::Node);
            nodes.chain(NodeId::all(NODES).map(Place::Clients)).map(move |from| (from, to))
        })
        .collect()
}

/// Which of the connections are answered, each over a socket of its own, all at once. Those that are `expected` get all
/// the time they need.
fn answered(environment: &dyn Environment, expected: &BTreeSet<(Place, NodeId)>) -> BTreeSet<(Place, NodeId)> {
    let attempts: Vec<_> = connections()
        .into_iter()
        .map(|(from, to)| {
            let wait = if expected.contains(&(from, to)) { WAIT_MAX } else { BLOCKED_AFTER };
            let address = environment.address(from, to, PORTS[0]);
            let attempt =
                environment.runtime(from).spawn(async move { tokio::time::timeout(wait, echo(address)).await });
            ((from, to), attempt)
        })
        .collect();
    let waiting = tokio::runtime::Builder::new_current_thread().build().unwrap();
    attempts
        .into_iter()
        .filter_map(|(pair, attempt)| matches!(waiting.block_on(attempt).unwrap(), Ok(Ok(()))).then_some(pair))
        .collect()
}

async fn echo(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"hello").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    if answer == *b"hello" { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

fn probed_links() -> Vec<Link> {
    let nodes = NodeId::all(NODES).map(Place::Node);
    let places: Vec<Place> = nodes.clone().chain(NodeId::all(NODES).map(Place::Clients)).collect();
    let is_node = |place: &Place| matches!(place, Place::Node(_));
    let pairs = places.iter().flat_map(|from| places.iter().map(move |to| (from, to)));
    pairs
        .filter(|(from, to)| from != to && (is_node(from) || is_node(to)))
        .map(|(from, to)| Link { from: *from, to: *to })
        .collect()
}

/// Waits until something is sent and has arrived on every link since `from_ns`.
fn wait_for_arrivals(environment: &dyn Environment, clock: Clock, from_ns: u64) {
    for link in probed_links() {
        wait_until(&format!("probes arrive on {link}"), || {
            environment.probes(link, from_ns..clock.now_ns()).arrived >= PROBES_MIN
        });
    }
}

fn partition(network: &str, shape: &str, directory: &Path) {
    let options = JailOptions { back_end: back_end(network), lifeline: false };
    let (environment, clock) = enter_and_build(options, NODES, directory);
    let environment = &*environment;
    assert_eq!(environment.back_end(), options.back_end);
    start_echo_servers(environment);
    let all: BTreeSet<_> = connections().into_iter().collect();
    wait_until("every connection is answered", || answered(environment, &all) == all);
    wait_for_arrivals(environment, clock, 0);
    let cut = cuts(shape);
    let dropped: u64 = probed_links().iter().map(|link| environment.dropped(*link)).sum();
    assert_eq!(dropped, 0, "nothing was cut so far");

    environment.set_cuts(&cut).unwrap();
    let begin_ns = clock.now_ns();
    let is_cut = |from: Place, to: Place| cut.contains(&Link { from, to });
    assert!(probed_links().iter().all(|link| environment.is_up(*link) != cut.contains(link)));
    let up = all.iter().filter(|(from, to)| !is_cut(*from, Place::Node(*to)) && !is_cut(Place::Node(*to), *from));
    let up: BTreeSet<_> = up.copied().collect();
    assert_eq!(answered(environment, &up), up, "exactly the connections over links that are up are answered");
    for link in probed_links() {
        wait_until(&format!("probes are sent on {link}"), || {
            environment.probes(link, begin_ns..clock.now_ns()).sent >= PROBES_MIN
        });
    }
    let end_ns = clock.now_ns();
    for (from, to) in all.difference(&up) {
        let (forth, back) = (Link { from: *from, to: Place::Node(*to) }, Link { from: Place::Node(*to), to: *from });
        let blocking = if cut.contains(&forth) { forth } else { back };
        assert!(environment.dropped(blocking) > 0, "{blocking} is cut and was used, but dropped nothing");
    }

    environment.set_cuts(&BTreeSet::new()).unwrap();
    let healed_ns = clock.now_ns();
    wait_for_arrivals(environment, clock, healed_ns);
    wait_until("every connection is answered again", || answered(environment, &all) == all);
    for link in probed_links() {
        let during: ProbeCount = environment.probes(link, begin_ns..end_ns);
        assert!(during.sent >= PROBES_MIN, "{link}: {during:?}");
        let expected = if cut.contains(&link) { 0 } else { during.sent };
        assert_eq!(during.arrived, expected, "{link}: {during:?}");
        assert!(cut.contains(&link) || environment.dropped(link) == 0, "{link} was up, but dropped something");
    }
}

fn processes(network: &str, directory: &Path) {
    let options = JailOptions { back_end: back_end(network), lifeline: false };
    let (environment, _clock) = enter_and_build(options, 2, directory);
    let node = NodeId(1);
    assert_eq!(environment.process(node), ProcessState::Absent);
    environment.signal(node, NodeSignal::Kill).unwrap();

    // A node that has a child, and one that left its session: both belong to it.
    let sleep = format!("sleep 1000.{}", std::process::id());
    let script = format!("echo ready >> data; setsid {sleep} & {sleep} & wait");
    environment.start(node, &shell(&script)).unwrap();
    let data = directory.join("nodes/n1/data/data");
    wait_until("the node writes", || std::fs::read_to_string(&data).is_ok_and(|text| text == "ready\n"));
    let ProcessState::Alive { pid, all_threads_stopped: false, .. } = environment.process(node) else {
        panic!("{:?}", environment.process(node))
    };
    wait_until("its children run", || sleepers(&sleep) == 2);
    environment.start(node, &shell(&script)).unwrap_err();

    environment.signal(node, NodeSignal::Stop).unwrap();
    let stopped = |state: &ProcessState| matches!(state, ProcessState::Alive { all_threads_stopped: true, .. });
    wait_until("all threads are stopped", || stopped(&environment.process(node)));
    environment.signal(node, NodeSignal::Continue).unwrap();
    wait_until("threads go on", || !stopped(&environment.process(node)));

    environment.signal(node, NodeSignal::Kill).unwrap();
    let killed = ProcessState::Ended { how: "signal 9".to_owned(), by_harness: true };
    assert_eq!(environment.process(node), killed);
    assert_eq!(sleepers(&sleep), 0, "children die with their node");

    environment.start(node, &shell("echo again >> data; echo told; echo bad >&2; exit 3")).unwrap();
    let ended = ProcessState::Ended { how: "exit code 3".to_owned(), by_harness: false };
    wait_until("the node ends", || environment.process(node) == ended);
    assert_eq!(std::fs::read_to_string(&data).unwrap(), "ready\nagain\n");
    assert_eq!(environment.log_tail(node, 5), "told\nbad");

    environment.start(node, &shell("sleep 1000")).unwrap();
    let ProcessState::Alive { pid: next, .. } = environment.process(node) else { panic!("it does not run") };
    assert_ne!(next, pid);
    environment.signal(node, NodeSignal::Terminate).unwrap();
    let terminated = ProcessState::Ended { how: "signal 15".to_owned(), by_harness: true };
    wait_until("the node ends", || environment.process(node) == terminated);

    let missing = Launch { program: Program::Path("/nonexistent".into()), ..shell("") };
    let error = environment.start(NodeId(2), &missing).unwrap_err().to_string();
    assert!(error.contains("n2") && error.contains("/nonexistent"), "{error}");
}

/// Processes with this command line that have not ended.
fn sleepers(command: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap();
    let lines = entries.filter_map(|entry| std::fs::read(entry.unwrap().path().join("cmdline")).ok());
    // A zombie's is empty.
    lines.filter(|line| String::from_utf8_lossy(line).trim_end_matches('\0').replace('\0', " ") == command).count()
}
