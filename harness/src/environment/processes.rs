//! The processes of the nodes: start, signal, look at, end.
//!
//! One thread spawns them all and lives as long as the run, because a parent-death signal follows the parent *thread*.
//! Every node leads a session of its own, inside its network namespace and under an unprivileged account. What belongs
//! to a node is decided by [`Membership`], so that a daemon's children are signalled with it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};

use super::account::Account;
use super::directories::Directories;
use super::os::Doing;
use super::process_table::{self, Membership};
use super::{EnvironmentError, Launch, NodeId, NodeSignal, ProcessState, Program};

/// Where nodes look for programs; an ordinary user's PATH often lacks the directories of system programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long killed processes may take to be gone.
const KILL_WAIT_MAX: Duration = Duration::from_secs(2);

/// Rounds of signalling after which a node that keeps forking is given up.
const SIGNAL_ROUNDS_MAX: usize = 100;

/// What every node's process is started with.
pub(super) struct NodeIsolation {
    /// Its network namespace; `None` behind proxies.
    pub(super) network_namespace: Option<Arc<OwnedFd>>,
}

/// All processes of all nodes.
pub(super) struct Processes {
    nodes: Vec<Node>,
    directories: Directories,
    account: Option<Account>,
    spawner: Sender<SpawnRequest>,
}

struct SpawnRequest {
    command: Command,
    reply: SyncSender<std::io::Result<Child>>,
}

struct Node {
    namespace: Option<Arc<OwnedFd>>,
    namespace_inode: Option<u64>,
    state: Mutex<NodeState>,
}

#[derive(Default)]
enum NodeState {
    #[default]
    Absent,
    Alive {
        child: Child,
        /// The last ending signal that the harness sent while the process was alive.
        sent: Option<NodeSignal>,
    },
    Ended {
        leader: i32,
        how: String,
        by_harness: bool,
    },
}

impl Processes {
    /// No process yet; the spawning thread is started.
    pub(super) fn new(
        isolations: Vec<NodeIsolation>,
        directories: Directories,
        account: Option<Account>,
    ) -> Result<Self, EnvironmentError> {
        let nodes = isolations
            .into_iter()
            .map(|isolation| {
                let namespace = isolation.network_namespace;
                let namespace_inode = namespace.as_ref().map(|fd| inode(fd)).transpose()?;
                Ok(Node { namespace, namespace_inode, state: Mutex::default() })
            })
            .collect::<Result<_, EnvironmentError>>()?;
        let (spawner, requests) = channel();
        std::thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || spawn_all(&requests))
            .doing("start the thread that starts nodes")?;
        Ok(Self { nodes, directories, account, spawner })
    }

    /// Starts a node whose process is absent or has ended.
    pub(super) fn start(&self, node: NodeId, launch: &Launch) -> Result<(), EnvironmentError> {
        let refused = |why: String| EnvironmentError::Start { node, why };
        let mut state = self.state(node);
        state.refresh();
        match &*state {
            NodeState::Alive { child, .. } => return Err(refused(format!("it already runs as pid {}", child.id()))),
            // What a node that ended by itself left behind would hold its ports.
            NodeState::Ended { leader, .. } => signal_until_none(self.membership(node, *leader), Signal::SIGKILL),
            NodeState::Absent => {}
        }
        let command = self.command(node, launch).map_err(|error| refused(error.to_string()))?;
        let (reply, answer) = sync_channel(1);
        self.spawner
            .send(SpawnRequest { command, reply })
            .map_err(|_| refused("the thread that starts nodes has ended".to_owned()))?;
        let child = answer
            .recv()
            .map_err(|_| refused("the thread that starts nodes has ended".to_owned()))?
            .map_err(|error| refused(format!("{}: {error}", program_name(&launch.program))))?;
        *state = NodeState::Alive { child, sent: None };
        Ok(())
    }

    /// Signals every process of a node; after SIGKILL they are gone when this returns (or cannot die: state D).
    pub(super) fn signal(&self, node: NodeId, signal: NodeSignal) -> Result<(), EnvironmentError> {
        let mut state = self.state(node);
        state.refresh();
        let leader = match &mut *state {
            NodeState::Absent => return Ok(()),
            NodeState::Alive { child, sent } => {
                if matches!(signal, NodeSignal::Kill | NodeSignal::Terminate) {
                    *sent = Some(signal);
                }
                i32::try_from(child.id()).unwrap_or_default()
            }
            NodeState::Ended { leader, .. } => *leader,
        };
        let membership = self.membership(node, leader);
        match signal {
            NodeSignal::Kill => {
                signal_until_none(membership, Signal::SIGKILL);
                state.wait_for_end();
            }
            NodeSignal::Stop => signal_each_once(membership, Signal::SIGSTOP),
            NodeSignal::Continue => signal_each_once(membership, Signal::SIGCONT),
            NodeSignal::Terminate => signal_each_once(membership, Signal::SIGTERM),
        }
        Ok(())
    }

    /// What the kernel says now.
    pub(super) fn process(&self, node: NodeId) -> ProcessState {
        let mut state = self.state(node);
        state.refresh();
        match &*state {
            NodeState::Absent => ProcessState::Absent,
            NodeState::Alive { child, .. } => {
                let pid = i32::try_from(child.id()).unwrap_or_default();
                let members = process_table::members(self.membership(node, pid));
                ProcessState::Alive {
                    pid,
                    all_threads_stopped: !members.is_empty()
                        && members.iter().all(|pid| process_table::all_threads_stopped(*pid).unwrap_or(true)),
                    cpu_time_ns: members.iter().filter_map(|pid| cpu_time_ns(*pid)).sum(),
                }
            }
            NodeState::Ended { how, by_harness, .. } => {
                ProcessState::Ended { how: how.clone(), by_harness: *by_harness }
            }
        }
    }

    fn state(&self, node: NodeId) -> MutexGuard<'_, NodeState> {
        self.nodes[node.index()].state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn membership(&self, node: NodeId, leader: i32) -> Membership {
        Membership { leader, network_namespace: self.nodes[node.index()].namespace_inode }
    }

    fn command(&self, node: NodeId, launch: &Launch) -> Result<Command, EnvironmentError> {
        let mut command = Command::new(match &launch.program {
            Program::SelfExe => Path::new("/proc/self/exe"),
            Program::Path(path) => path,
        });
        command
            .args(&launch.arguments)
            .env_clear()
            .env("PATH", PATH)
            .envs(launch.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directories.data_as_seen(node))
            .stdin(Stdio::null())
            .stdout(append(&self.directories.stdout(node))?)
            .stderr(append(&self.directories.stderr(node))?);
        let namespace = self.nodes[node.index()].namespace.clone();
        let account = self.account;
        let entry = move || {
            setsid()?;
            if let Some(namespace) = &namespace {
                setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)?;
            }
            if let Some(account) = account {
                account.assume()?;
            }
            if namespace.is_none() {
                // Without a pid namespace this is what ends a node with the harness; changing the account clears it.
                prctl::set_pdeathsig(Signal::SIGKILL)?;
            }
            Ok(())
        };
        #[expect(unsafe_code, reason = "runs between fork and exec: system calls only, nothing is allocated")]
        unsafe {
            command.pre_exec(entry);
        }
        Ok(command)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for node in NodeId::all(u16::try_from(self.nodes.len()).unwrap_or(u16::MAX)) {
            // Killing cannot fail; the result serves callers of the trait.
            let _ = self.signal(node, NodeSignal::Kill);
        }
    }
}

impl NodeState {
    /// Takes note of an end that has happened.
    fn refresh(&mut self) {
        if let Self::Alive { child, sent } = self
            && let Ok(Some(status)) = child.try_wait()
        {
            let by_harness = match sent {
                Some(NodeSignal::Kill) => status.signal() == Some(Signal::SIGKILL as i32),
                Some(_) => true,
                None => false,
            };
            let leader = i32::try_from(child.id()).unwrap_or_default();
            *self = Self::Ended { leader, how: how(status), by_harness };
        }
    }

    fn wait_for_end(&mut self) {
        let begin = Instant::now();
        self.refresh();
        while matches!(self, Self::Alive { .. }) && begin.elapsed() < KILL_WAIT_MAX {
            std::thread::sleep(Duration::from_micros(200));
            self.refresh();
        }
    }
}

fn spawn_all(requests: &Receiver<SpawnRequest>) {
    for SpawnRequest { mut command, reply } in requests {
        // Who asked is waiting; it cannot have gone.
        let _ = reply.send(command.spawn());
    }
}

/// Signals until no process is left, because one may have forked while the others were being signalled. A process that
/// lost its parent to a signal may no longer be known as a member, but is waited for all the same.
fn signal_until_none(membership: Membership, signal: Signal) {
    let begin = Instant::now();
    let mut dying = BTreeSet::new();
    while begin.elapsed() < KILL_WAIT_MAX {
        let members = process_table::members(membership);
        for pid in &members {
            let _ = kill(Pid::from_raw(*pid), signal);
        }
        dying.extend(members);
        dying.retain(|pid| process_table::is_living(*pid));
        if dying.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Signals every process once, those included that are forked meanwhile.
fn signal_each_once(membership: Membership, signal: Signal) {
    let mut signalled = BTreeSet::new();
    for _ in 0..SIGNAL_ROUNDS_MAX {
        let fresh: Vec<i32> =
            process_table::members(membership).into_iter().filter(|pid| signalled.insert(*pid)).collect();
        if fresh.is_empty() {
            return;
        }
        for pid in fresh {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn cpu_time_ns(pid: i32) -> Option<u64> {
    let clock = nix::time::clock_getcpuclockid(Pid::from_raw(pid)).ok()?;
    let time: Duration = nix::time::clock_gettime(clock).ok()?.into();
    u64::try_from(time.as_nanos()).ok()
}

fn inode(fd: &OwnedFd) -> Result<u64, EnvironmentError> {
    let file = File::from(fd.try_clone().doing("duplicate a namespace's descriptor")?);
    Ok(file.metadata().doing("read a namespace's inode")?.ino())
}

fn append(path: &Path) -> Result<File, EnvironmentError> {
    OpenOptions::new().create(true).append(true).open(path).doing(format!("open {}", path.display()))
}

fn program_name(program: &Program) -> String {
    match program {
        Program::SelfExe => fs::read_link("/proc/self/exe").unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
        Program::Path(path) => path.clone(),
    }
    .display()
    .to_string()
}
