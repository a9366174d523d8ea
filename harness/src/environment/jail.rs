//! The jail: the private namespaces of one run, and the processes that make sure nothing outlives it.
//!
//! [`Jail::enter`] turns the calling process into three:
//! ```text
//! outer     the process the user started; waits, hands signals in and the exit status out
//! └ guardian   PID 1 of the namespaces; reaps orphans; ends when outer, lifeline or harness do
//!   └ harness  the only one that returns from `enter`; may start threads and nodes
//! ```
//! When the guardian ends the kernel kills everything in its pid namespace, and with the last process go network
//! namespaces, devices, firewall rules and mounts. Because the guardian is nobody else's parent but the harness's, the
//! harness never adopts an orphan, so waiting for a node by its pid cannot race with reaping.
//!
//! Behind proxies there are no namespaces; the same three processes exist, and the guardian is a *subreaper*: what nodes
//! leave behind is handed to it, and it kills it before it ends.
//!
//! As an ordinary user the jail has a user namespace with an identity map: the harness has every right over the
//! namespaces until it executes another program, and nodes are ordinary processes of the same user.

use std::fs;
use std::io::Read;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getegid, geteuid, pipe2};

use super::os::Doing;
use super::{BackEnd, EnvironmentError, guardian, remedy};

/// How to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JailOptions {
    /// The network that will be built; [`BackEnd::Proxy`] needs no namespaces.
    pub back_end: BackEnd,
    /// Standard input is a pipe whose end of file ends the run.
    pub lifeline: bool,
}

/// Proof that this process is the harness inside a jail.
#[derive(Debug)]
pub struct Jail(());

static ENTERED: OnceLock<BackEnd> = OnceLock::new();

impl Jail {
    /// Enters the jail. Returns only in the harness process, or with an error; the outer process exits with the
    /// harness's status.
    ///
    /// # Errors
    /// If a thread exists already, or the machine refuses a namespace ([`EnvironmentError::FacilityMissing`]).
    pub fn enter(options: JailOptions) -> Result<Self, EnvironmentError> {
        refuse_threads()?;
        raise_descriptor_limit();
        let private = options.back_end != BackEnd::Proxy;
        if private {
            unshare_namespaces()?;
        }
        let (lifeline_of_outer, held_by_outer) =
            pipe2(nix::fcntl::OFlag::O_CLOEXEC).doing("make the pipe to the outer process")?;
        let signals = SigSet::from_iter([Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM]);
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), Some(&mut before)).doing("block signals")?;
        if let ForkResult::Parent { child } = fork_single_threaded()? {
            drop(lifeline_of_outer);
            // Held until this process ends, in whatever way.
            let _held_by_outer = held_by_outer;
            wait_as_outer(child, &signals);
        }
        drop(held_by_outer);
        become_guardian(private)?;
        if let ForkResult::Parent { child } = fork_single_threaded()? {
            guardian::watch(&guardian::Watch {
                harness: child,
                outer: lifeline_of_outer,
                lifeline: options.lifeline,
                private,
                signals,
            });
        }
        drop(lifeline_of_outer);
        become_harness(private, &before)?;
        ENTERED.get_or_init(|| options.back_end);
        Ok(Self(()))
    }

    /// For which network this process has entered the jail, if it has.
    #[must_use]
    pub fn entered() -> Option<BackEnd> {
        ENTERED.get().copied()
    }
}

/// Namespaces that only the calling process and its future children see. Fails with EINVAL once threads exist.
pub(super) fn unshare_namespaces() -> Result<(), EnvironmentError> {
    let (user, group) = (geteuid(), getegid());
    let mut flags = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if !user.is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    let refused = |step: &str, error: std::io::Error| EnvironmentError::FacilityMissing {
        what: "a private set of namespaces".to_owned(),
        why: format!("{step}: {error}"),
        remedy: remedy::namespaces(),
    };
    unshare(flags).map_err(|errno| refused("unshare", errno.into()))?;
    if !user.is_root() {
        // The order is the kernel's: a group map needs setgroups to be denied first.
        let maps = [("setgroups", "deny".to_owned()), ("uid_map", identity(user)), ("gid_map", identity(group))];
        for (name, content) in maps {
            let path = format!("/proc/self/{name}");
            fs::write(&path, content).map_err(|error| refused(&format!("write {path}"), error))?;
        }
    }
    Ok(())
}

fn identity(id: impl std::fmt::Display) -> String {
    format!("{id} {id} 1\n")
}

/// Mounts that only the jail sees: its own process list, and an empty `/run` for mount points and lock files.
pub(super) fn mount_private_directories() -> Result<(), EnvironmentError> {
    const NONE: Option<&str> = None;
    let refused = |step: &'static str| {
        move |errno: Errno| EnvironmentError::FacilityMissing {
            what: "a private view of mounts".to_owned(),
            why: format!("{step}: {}", errno.desc()),
            remedy: remedy::mounts(),
        }
    };
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).map_err(refused("make / private"))?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), NONE).map_err(refused("mount /proc"))?;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
        .map_err(refused("mount a tmpfs on /run"))
}

fn refuse_threads() -> Result<(), EnvironmentError> {
    let threads = fs::read_dir("/proc/self/task").doing("count threads in /proc/self/task")?.count();
    if threads == 1 {
        return Ok(());
    }
    Err(EnvironmentError::Os {
        context: format!("enter the jail with {threads} threads (it must come before any thread is started)"),
        source: Errno::EINVAL.into(),
    })
}

/// Each namespace, socket and log is a descriptor; the default soft limit of 1024 is low. Failing is not fatal.
fn raise_descriptor_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn fork_single_threaded() -> Result<ForkResult, EnvironmentError> {
    #[expect(unsafe_code, reason = "fork; sound because this process has a single thread (refuse_threads)")]
    let result = unsafe { fork() };
    result.doing("fork")
}

fn become_guardian(private: bool) -> Result<(), EnvironmentError> {
    // A group of its own: Ctrl-C reaches the outer process alone, which hands it in exactly once.
    nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0)).doing("make a process group")?;
    if private {
        // The parent is single-threaded, so the death of its thread is the death of the process. Should it have died
        // before this line, the pipe tells.
        prctl::set_pdeathsig(Signal::SIGKILL).doing("ask for SIGKILL at the parent's death")?;
        mount_private_directories()
    } else {
        prctl::set_child_subreaper(true).doing("become a subreaper")
    }
}

fn become_harness(private: bool, mask: &SigSet) -> Result<(), EnvironmentError> {
    if !private {
        prctl::set_pdeathsig(Signal::SIGKILL).doing("ask for SIGKILL at the parent's death")?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(mask), None).doing("restore signals")
}

fn wait_as_outer(guardian: Pid, signals: &SigSet) -> ! {
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) => match waitpid(guardian, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, code)) => std::process::exit(code),
                Ok(WaitStatus::Signaled(_, signal, _)) => std::process::exit(128 + signal as i32),
                _ => {}
            },
            Ok(signal) => {
                // It may have ended by now; then SIGCHLD is on its way.
                let _ = kill(guardian, signal);
            }
            Err(_) => {}
        }
    }
}

/// Reads standard input until its end; what it carries is ignored.
pub(super) fn lifeline_ended() -> bool {
    let mut ignored = [0; 64];
    match std::io::stdin().read(&mut ignored) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != std::io::ErrorKind::Interrupted,
    }
}
