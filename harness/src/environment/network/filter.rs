//! The packet filter of one namespace, by the programs `iptables-restore` and `iptables-save`.
//!
//! For every other place there is a chain, made once, that drops everything and counts it; probes have a rule before
//! the counted one. To cut a link is to insert a jump into its chain by source address; to heal it, to remove the jump.
//! So the counters live as long as the run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};

use super::super::os::Doing;
use super::super::probes::PROBE_PORT;
use super::super::{EnvironmentError, Place, remedy};
use super::Layout;

/// Where system programs are when PATH does not have them.
const SYSTEM_DIRECTORIES: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Seconds to wait for the lock that all namespaces share when iptables is the legacy one.
const LOCK_WAIT_SECONDS: &str = "10";

/// The two programs.
#[derive(Debug, Clone)]
pub(in crate::environment) struct Iptables {
    restore: PathBuf,
    save: PathBuf,
}

impl Iptables {
    /// Finds them in PATH or where system programs are.
    pub(in crate::environment) fn find() -> Result<Self, EnvironmentError> {
        Ok(Self { restore: find("iptables-restore")?, save: find("iptables-save")? })
    }

    /// Makes the chains of a namespace; no link is cut yet.
    pub(in crate::environment) fn prepare(
        &self,
        namespace: &Arc<OwnedFd>,
        layout: Layout,
    ) -> Result<Running, EnvironmentError> {
        let mut script = String::from("*filter\n");
        for place in layout.places() {
            let chain = chain(place);
            // Writing to a String cannot fail.
            let _ = writeln!(script, ":{chain} - [0:0]");
            let _ = writeln!(script, "-A {chain} -p udp -m udp --dport {PROBE_PORT} -j DROP\n-A {chain} -j DROP");
        }
        script.push_str("COMMIT\n");
        self.restore(namespace, &script)
    }

    /// Cuts some links to a namespace and heals others, in one atomic change.
    pub(in crate::environment) fn change(
        &self,
        namespace: &Arc<OwnedFd>,
        layout: Layout,
        cut: &[Place],
        healed: &[Place],
    ) -> Result<Running, EnvironmentError> {
        let mut script = String::from("*filter\n");
        let changes = cut.iter().map(|place| ("-A", place)).chain(healed.iter().map(|place| ("-D", place)));
        for (verb, place) in changes {
            let _ = writeln!(script, "{verb} INPUT -s {} -j {}", layout.address(*place), chain(*place));
        }
        script.push_str("COMMIT\n");
        self.restore(namespace, &script)
    }

    /// How many packets each chain of a namespace has dropped, probes left out.
    pub(in crate::environment) fn dropped(
        &self,
        namespace: &Arc<OwnedFd>,
    ) -> Result<BTreeMap<Place, u64>, EnvironmentError> {
        let child = command(&self.save, &["-c", "-t", "filter"], namespace)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| missing(format!("{}: {error}", self.save.display())))?;
        Ok(parse_counters(&Running { child, program: self.save.clone() }.wait()?))
    }

    fn restore(&self, namespace: &Arc<OwnedFd>, script: &str) -> Result<Running, EnvironmentError> {
        let mut child = command(&self.restore, &["-w", LOCK_WAIT_SECONDS, "--noflush"], namespace)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| missing(format!("{}: {error}", self.restore.display())))?;
        if let Some(mut stdin) = child.stdin.take() {
            // If it ended early, its status and its words say more than the broken pipe.
            let _ = stdin.write_all(script.as_bytes());
        }
        Ok(Running { child, program: self.restore.clone() })
    }
}

/// A program at work in a namespace; several may work at once.
#[must_use = "its result is known only when it has been waited for"]
pub(in crate::environment) struct Running {
    child: Child,
    program: PathBuf,
}

impl Running {
    /// Waits for its end; what it wrote.
    pub(in crate::environment) fn wait(self) -> Result<String, EnvironmentError> {
        let output = self.child.wait_with_output().doing(format!("wait for {}", self.program.display()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        Err(missing(format!("{} ended with {}: {}", self.program.display(), output.status, words.trim())))
    }
}

fn missing(why: String) -> EnvironmentError {
    EnvironmentError::FacilityMissing { what: "iptables".to_owned(), why, remedy: remedy::iptables() }
}

fn chain(source: Place) -> String {
    format!("from-{source}")
}

fn find(name: &str) -> Result<PathBuf, EnvironmentError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = SYSTEM_DIRECTORIES.iter().map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| missing(format!("no program {name} in PATH, /usr/sbin or /sbin")))
}

fn command(program: &Path, arguments: &[&str], namespace: &Arc<OwnedFd>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let namespace = Arc::clone(namespace);
    let entry = move || {
        setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)?;
        keep_capabilities()?;
        Ok(())
    };
    #[expect(unsafe_code, reason = "runs between fork and exec: system calls only, nothing is allocated")]
    unsafe {
        command.pre_exec(entry);
    }
    command
}

/// `struct __user_cap_header_struct` of capset(2).
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

/// `struct __user_cap_data_struct` of capset(2).
#[repr(C)]
#[derive(Clone, Copy)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`, which has two words of 32 bits.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;

/// Lets the next program keep the two rights that iptables needs. In a user namespace with an identity map an ordinary
/// user's program would lose them; root's keeps them anyway.
fn keep_capabilities() -> nix::Result<()> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let mut data = [CapabilityData { effective: 0, permitted: 0, inheritable: 0 }; 2];
    #[expect(unsafe_code, reason = "capget with a header and data that live during the call")]
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) })?;
    data[0].inheritable |= (1 << CAP_NET_ADMIN) | (1 << CAP_NET_RAW);
    #[expect(unsafe_code, reason = "capset with a header and data that live during the call")]
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) })?;
    for capability in [CAP_NET_ADMIN, CAP_NET_RAW] {
        #[expect(unsafe_code, reason = "prctl with plain numbers")]
        Errno::result(unsafe {
            libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, libc::c_ulong::from(capability), 0, 0)
        })?;
    }
    Ok(())
}

/// Lines of `iptables-save -c`, such as `[12:720] -A from-n1 -j DROP`. Rules with a match are the probes'.
fn parse_counters(text: &str) -> BTreeMap<Place, u64> {
    text.lines()
        .filter_map(|line| {
            let (packets, rest) = line.strip_prefix('[')?.split_once(':')?;
            let (_, rule) = rest.split_once("] -A from-")?;
            let place = rule.strip_suffix(" -j DROP")?.parse().ok()?;
            Some((place, packets.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::NodeId;
    use super::*;

    #[test]
    fn counters_leave_out_probes_and_jumps() {
        let text = "*filter\n:INPUT ACCEPT [0:0]\n:from-n1 - [0:0]\n[9:62] -A INPUT -s 10.77.0.1/32 -j from-n1\n[7:31] -A \
                    from-n1 -p udp -m udp --dport 65077 -j DROP\n[2:120] -A from-n1 -j DROP\n[0:0] -A from-c2 -j \
                    DROP\nCOMMIT\n";
        let expected = BTreeMap::from([(Place::Node(NodeId(1)), 2), (Place::Clients(NodeId(2)), 0)]);
        assert_eq!(parse_counters(text), expected);
    }

    #[test]
    fn a_chain_is_named_so_that_iptables_takes_it() {
        // iptables takes 28 characters.
        assert!(chain(Place::Clients(NodeId(250))).len() <= 28);
        assert_eq!(chain(Place::Observer), "from-observer");
    }
}
