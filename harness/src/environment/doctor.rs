//! What this machine allows, tried step by step, and what to do about the rest.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;

use nix::sched::{CloneFlags, setns};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::geteuid;
use serde::Serialize;

use super::account::Account;
use super::attempt::attempt;
use super::choose::{attempt_in_jail, attempt_in_namespaces, in_place, make_filter, make_tun, make_veth_pair};
use super::os::Doing;
use super::{EnvironmentError, remedy};

/// Descriptors that a run of five nodes uses at most.
const DESCRIPTORS_MIN: u64 = 2048;

const NAMESPACES: &[&str] = &["switch", "iptables"];
const ALL: &[&str] = &["switch", "iptables", "proxy"];

/// One thing a machine may or may not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facility {
    /// What it is.
    pub name: &'static str,
    /// Whether it works.
    pub ok: bool,
    /// What the kernel said; empty if it works.
    pub why: String,
    /// What to do about it, a line each; empty if it works.
    pub remedy: String,
    /// The networks that need it.
    pub needed_for: &'static [&'static str],
}

/// Tries everything, each in a child process that ends afterwards. Leaves nothing behind.
#[must_use]
pub fn examine() -> Vec<Facility> {
    let namespaces =
        facility("private namespaces (user, network, mount, pid)", NAMESPACES, attempt_in_namespaces(|| Ok(())));
    // One missing foundation makes everything on it noise.
    let inside = |name, needed_for, work: fn() -> Result<(), EnvironmentError>| {
        if namespaces.ok {
            return facility(name, needed_for, attempt_in_jail(work));
        }
        let why = "needs private namespaces, see there".to_owned();
        Facility { name, ok: false, why, remedy: String::new(), needed_for }
    };
    let mut facilities = vec![
        inside("private mounts (/proc, /run)", NAMESPACES, || Ok(())),
        inside("a network namespace per node", NAMESPACES, enter_a_place),
        inside("TUN devices", &["switch"], make_tun),
        inside("veth pairs and a bridge", &["iptables"], make_veth_pair),
        inside("iptables", &["iptables"], make_filter),
        facility("loopback addresses (127.0.0.0/8)", &["proxy"], bind_loopback()),
        facility("file descriptors", ALL, enough_descriptors()),
    ];
    facilities.insert(0, namespaces);
    if geteuid().is_root() {
        facilities.push(facility("an unprivileged account for nodes", ALL, attempt(change_account)));
    }
    facilities
}

fn facility(name: &'static str, needed_for: &'static [&'static str], result: Result<(), EnvironmentError>) -> Facility {
    let (why, remedy) = match result {
        Ok(()) => return Facility { name, ok: true, why: String::new(), remedy: String::new(), needed_for },
        // This is the doctor already.
        Err(EnvironmentError::FacilityMissing { why, remedy, .. }) if remedy == remedy::doctor() => {
            (why, String::new())
        }
        Err(EnvironmentError::FacilityMissing { why, remedy, .. }) => (why, remedy),
        Err(other) => (other.to_string(), String::new()),
    };
    Facility { name, ok: false, why, remedy, needed_for }
}

fn enter_a_place() -> Result<(), EnvironmentError> {
    let place = in_place(|| Ok(()))?;
    let namespace = place.namespace().ok_or_else(|| std::io::Error::other("the place has no namespace"));
    setns(namespace.doing("make a network namespace")?.as_fd(), CloneFlags::CLONE_NEWNET)
        .doing("enter a network namespace")
}

fn bind_loopback() -> Result<(), EnvironmentError> {
    TcpListener::bind((Ipv4Addr::new(127, 77, 255, 253), 0)).map(drop).doing("listen on 127.77.255.253")
}

fn enough_descriptors() -> Result<(), EnvironmentError> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).doing("read the limit of open files")?;
    if hard >= DESCRIPTORS_MIN {
        return Ok(());
    }
    Err(EnvironmentError::FacilityMissing {
        what: "file descriptors".to_owned(),
        why: format!("at most {hard} files may be open; {DESCRIPTORS_MIN} are wanted"),
        remedy: format!("sudo prlimit --pid $$ --nofile={DESCRIPTORS_MIN}:{DESCRIPTORS_MIN}"),
    })
}

fn change_account() -> Result<(), EnvironmentError> {
    let Some(account) = Account::for_nodes() else { return Ok(()) };
    account.assume().map_err(|errno| EnvironmentError::FacilityMissing {
        what: "an unprivileged account".to_owned(),
        why: format!("change to user {} and group {}: {}", account.user, account.group, errno.desc()),
        remedy: remedy::account(),
    })
}
