//! The trait behind which namespaces, packets and processes hide.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use super::{Link, NodeId, Place};

/// A boxed future, so that traits stay dyn-compatible.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How the nodes are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackEnd {
    /// A TUN device per place; the harness forwards every packet.
    Switch,
    /// veth pairs on a bridge; the kernel forwards, iptables cuts.
    Iptables,
    /// TCP proxies on loopback; reduced.
    Proxy,
    /// No network at all: an in-process system for tests.
    Scripted,
}

/// What a node's process executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// This very executable.
    SelfExe,
    /// A program by its path.
    Path(PathBuf),
}

/// How to start a node. The environment adds the network namespace, the account and the log files
/// (`nodes/n1/stdout.log`, `nodes/n1/stderr.log`, appended to on restarts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// What to execute.
    pub program: Program,
    /// Its arguments, without the program's name.
    pub arguments: Vec<String>,
    /// Additional environment variables; nothing else is inherited but PATH.
    pub variables: Vec<(String, String)>,
}

/// Signals to every process of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeSignal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
}

/// What the kernel says about a node's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessState {
    /// Never started.
    Absent,
    /// Running or stopped.
    Alive {
        /// Process id inside the run's pid namespace.
        pid: i32,
        /// Every thread is in state T.
        all_threads_stopped: bool,
        /// User and system time used so far, in nanoseconds or the kernel's clock ticks turned into them.
        cpu_time_ns: u64,
    },
    /// Ended; the text tells how (`exit code 3`, `signal 9`), and whether the harness killed it.
    Ended {
        /// How it ended.
        how: String,
        /// The harness sent the signal that ended it.
        by_harness: bool,
    },
}

/// Probes over one link whose sending fell into a window of the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProbeCount {
    /// How many were sent.
    pub sent: u32,
    /// How many of those have arrived by now.
    pub arrived: u32,
}

/// What can go wrong outside the system under test.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The machine does not allow what is needed.
    #[error("{what} is not possible here: {why}\n  {remedy}")]
    FacilityMissing {
        /// The facility.
        what: String,
        /// What the kernel said.
        why: String,
        /// What to do about it.
        remedy: String,
    },
    /// A node could not be started.
    #[error("failed to start {node}: {why}")]
    Start {
        /// The node.
        node: NodeId,
        /// What happened.
        why: String,
    },
    /// Any other failure of the operating system.
    #[error("{context}: {source}")]
    Os {
        /// What was being done.
        context: String,
        /// The error.
        source: std::io::Error,
    },
}

/// The world of one run. Dropping it, or the end of its process, removes everything it made.
pub trait Environment: Send + Sync {
    /// Which network this is.
    fn back_end(&self) -> BackEnd;

    /// How many nodes there are.
    fn nodes(&self) -> u16;

    /// What this environment cannot do, one sentence each, for the output (empty for the full ones).
    fn reductions(&self) -> Vec<String>;

    /// The address at which `from` reaches port `port` of node `to`. In the switch and iptables networks it is the same
    /// for every `from`; behind proxies it is not.
    fn address(&self, from: Place, to: NodeId, port: u16) -> SocketAddr;

    /// The address on which node `node` itself listens for port `port`.
    fn listen_address(&self, node: NodeId, port: u16) -> SocketAddr;

    /// The directory, as the node sees it, in which it keeps its data; it exists and the node may write there.
    fn data_directory(&self, node: NodeId) -> PathBuf;

    /// Starts (or starts again) the process of a node.
    fn start(&self, node: NodeId, launch: &Launch) -> Result<(), EnvironmentError>;

    /// Sends a signal to every process of a node. Sending to a process that has ended is not an error.
    fn signal(&self, node: NodeId, signal: NodeSignal) -> Result<(), EnvironmentError>;

    /// What the kernel says about a node's process now.
    fn process(&self, node: NodeId) -> ProcessState;

    /// The last lines of a node's log, for error messages.
    fn log_tail(&self, node: NodeId, lines: usize) -> String;

    /// Makes exactly these directed links cut, atomically where the network can; all others are up.
    fn set_cuts(&self, cut: &BTreeSet<Link>) -> Result<(), EnvironmentError>;

    /// Whether a directed link is up now.
    fn is_up(&self, link: Link) -> bool;

    /// Packets (behind proxies: chunks of a stream) of the system or of clients that cuts have dropped on a link since
    /// the start. Probes do not count.
    fn dropped(&self, link: Link) -> u64;

    /// Probes that were *sent* over a link within a window of the run's clock. Probes go over every directed link
    /// between two nodes, and between a node and every group of clients, every 20 ms.
    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount;

    /// Longest gap, in nanoseconds, in which the harness itself did not get to run although it was due, within a
    /// window of the run's clock.
    fn longest_stall_ns(&self, window_ns: Range<u64>) -> u64;

    /// The runtime whose sockets live at this place: spawn a worker's task on it and its connections come from there.
    fn runtime(&self, place: Place) -> tokio::runtime::Handle;
}
