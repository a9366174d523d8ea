//! What the tests of the environment share: starting this very executable again as the harness of a run.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod shapes;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use schism::environment::{BackEnd, BuildOptions, Environment, Jail, JailOptions, Launch, Program, build, choose};
use schism::plan::NetChoice;
use schism::record::Clock;

/// Names what a started-again executable is to do; absent in the test runner.
pub(crate) const ROLE: &str = "SCHISM_TEST_ROLE";

/// Bound of every wait in these tests.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);

/// Ports on which the tests' nodes listen.
pub(crate) const PORTS: [u16; 2] = [7001, 7002];

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < WAIT_MAX, "still not so after {WAIT_MAX:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// This executable in another role.
pub(crate) fn again(role: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, role).args(arguments).stdin(Stdio::null());
    command
}

/// A back end by the name used in arguments.
pub(crate) fn back_end(name: &str) -> BackEnd {
    match name {
        "switch" => BackEnd::Switch,
        "iptables" => BackEnd::Iptables,
        "proxy" => BackEnd::Proxy,
        other => panic!("no back end {other}"),
    }
}

/// Whether a back end is possible here; where it is not, says why.
pub(crate) fn is_possible(name: &str) -> bool {
    let net = match name {
        "switch" => NetChoice::Switch,
        "iptables" => NetChoice::Iptables,
        _ => NetChoice::Proxy,
    };
    match choose(net) {
        Ok(_) => true,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "the tests of the network {name} are skipped: {error}");
            false
        }
    }
}

/// Enters the jail and builds the environment in it.
pub(crate) fn enter_and_build(options: JailOptions, nodes: u16, directory: &Path) -> (Arc<dyn Environment>, Clock) {
    Jail::enter(options).unwrap();
    let clock = Clock::start();
    let environment = build(BuildOptions {
        back_end: options.back_end,
        nodes,
        run_directory: directory.to_owned(),
        clock,
        services: PORTS.to_vec(),
    });
    (environment.unwrap(), clock)
}

/// Starts a shell script as a node.
pub(crate) fn shell(script: &str) -> Launch {
    Launch {
        program: Program::Path(PathBuf::from("/bin/sh")),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        variables: Vec::new(),
    }
}
