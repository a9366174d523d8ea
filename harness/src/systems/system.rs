//! What the harness must know about a system: a description, never a handle.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use schism_workloads::object::Object;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::environment::{BoxFuture, Environment, Launch, NodeId, Place};

/// Settings by name; values as typed.
pub type Settings = BTreeMap<String, String>;

/// A setting of a system, for `list` and for validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingDescription {
    /// Its name.
    pub name: String,
    /// Values it takes, in words.
    pub values: String,
    /// Default, empty where there is none.
    pub default: String,
    /// One line.
    pub description: String,
}

/// A refused combination of settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

/// Whether a system can be run on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// It is there; its version in its own words.
    Available(String),
    /// It is not.
    Missing {
        /// What was looked for.
        why: String,
        /// The command that installs it.
        remedy: String,
    },
}

/// What a node says of its own role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It claims to lead.
    Leader,
    /// It follows.
    Follower,
    /// It stands for election.
    Candidate,
}

/// A node's own account of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its role.
    pub role: Role,
    /// Term or epoch.
    pub term: u64,
    /// Last position in its log.
    pub position: u64,
    /// Position up to which its state is visible; equal on all nodes once converged.
    pub applied: u64,
}

/// Times that follow from a system's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemTiming {
    /// Least silence after which a follower acts.
    pub election_timeout_min: Duration,
    /// Most silence after which a follower acts.
    pub election_timeout_max: Duration,
}

/// What `launch` may know.
pub struct LaunchContext<'a> {
    /// Where it runs.
    pub environment: &'a dyn Environment,
    /// Resolved settings.
    pub settings: &'a Settings,
    /// The run's seed.
    pub seed: u64,
}

/// What a client may know.
pub struct ClientContext {
    /// The client's place on the network.
    pub place: Place,
    /// Addresses of every node's client port as seen from there, by node index.
    pub addresses: Vec<SocketAddr>,
    /// Resolved settings.
    pub settings: Settings,
    /// Bound for every invocation.
    pub timeout: Duration,
}

/// An acknowledged write that a node says it truncated, and that did not come back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GroundTruthLoss {
    /// The object.
    pub key: String,
    /// The operation (`add`, `write`, …).
    pub f: String,
    /// Its argument as JSON text.
    pub value: String,
    /// The node that had acknowledged it.
    pub node: String,
    /// Its log position.
    pub position: u64,
    /// Its term.
    pub term: u64,
}

/// A description of a system: it starts nothing itself.
pub trait System: Send + Sync {
    /// The name on the command line.
    fn name(&self) -> &'static str;
    /// One line for `list`.
    fn description(&self) -> &'static str;
    /// Every setting.
    fn settings(&self) -> Vec<SettingDescription>;
    /// Fills in defaults and refuses what makes no sense, with the reason.
    fn resolve(&self, settings: &Settings, nodes: u16) -> Result<Settings, SettingsError>;
    /// Whether it can be run here.
    fn availability(&self) -> Availability;
    /// The objects that its client knows.
    fn objects(&self) -> &'static [Object];
    /// Whether a node can be told a different address for every peer, as proxies need.
    fn per_peer_addresses(&self) -> bool;
    /// Times that follow from the resolved settings.
    fn timing(&self, settings: &Settings) -> SystemTiming;
    /// The port for clients.
    fn client_port(&self) -> u16;
    /// The port for peers.
    fn peer_port(&self) -> u16;
    /// How to start a node. The same command starts it again after a kill.
    fn launch(&self, node: NodeId, context: &LaunchContext<'_>) -> Launch;
    /// Whether under these settings a read that asks for no level is answered from the state of whichever node is asked:
    /// a worker then puts it to its own node.
    fn reads_are_local(&self, _settings: &Settings) -> bool {
        false
    }
    /// Asks a node for its claim; called every 50 ms by the observer. An error is its absence.
    fn claim<'a>(&'a self, http: &'a reqwest::Client, address: SocketAddr) -> BoxFuture<'a, Result<Claim, String>>;
    /// A client; its connections are opened by the runtime it is used on.
    fn client(&self, context: ClientContext) -> Box<dyn Client>;
    /// What the system itself logged about acknowledged writes it threw away, read from a run's `nodes` directory after
    /// the run; `None` where the system keeps no such log. It is the ground truth for `lost`.
    fn ground_truth(&self, nodes_directory: &Path) -> Option<std::io::Result<Vec<GroundTruthLoss>>>;
    /// The next in line under these settings if that is fixed, for faults that need it (`cut-one-link`).
    fn next_in_line(&self, leader: NodeId, nodes: u16, settings: &Settings) -> NodeId;
}
