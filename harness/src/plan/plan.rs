//! The plan of one run (`plan.json`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::systems::Settings;

/// Version of a run's directory.
pub const FORMAT_VERSION: u32 = 1;

/// A fault as typed: `NAME[:key=value,…]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FaultSpec {
    /// A name of the registry.
    pub name: String,
    /// Its options, defaults filled in once the plan is resolved.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// One entry of the schedule: decided when the plan is made; the target stays a role until the fault fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledFault {
    /// Counted from 1 within the run.
    pub id: u64,
    /// What to do.
    pub fault: FaultSpec,
    /// When it fires, after the start of the load, milliseconds.
    pub at_ms: u64,
    /// How long it holds before it is healed, milliseconds.
    pub duration_ms: u64,
    /// Seeds every choice the fault makes when it fires.
    pub seed: u64,
}

/// Which network was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NetChoice {
    /// The best that is possible here.
    Auto,
    /// TUN devices and the userspace switch.
    Switch,
    /// veth pairs, a bridge and iptables.
    Iptables,
    /// TCP proxies on loopback; reduced.
    Proxy,
}

/// Everything one run needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of the program that made it.
    pub schism_version: String,
    /// Name of the system.
    pub system: String,
    /// How many nodes.
    pub nodes: u16,
    /// Resolved settings.
    pub settings: Settings,
    /// Name of the workload.
    pub workload: String,
    /// Faults as asked for; the schedule was made from them.
    #[serde(default)]
    pub faults: Vec<FaultSpec>,
    /// Fixes operations and schedule.
    pub seed: u64,
    /// How many workers.
    pub workers: usize,
    /// Operations a second of all workers together.
    pub rate: f64,
    /// Milliseconds over which the rate rises from 0.
    pub ramp_ms: u64,
    /// Length of the load, milliseconds.
    pub time_ms: u64,
    /// Bound of every client call, milliseconds; at most a third of a fault's length.
    pub client_timeout_ms: u64,
    /// Least rate of ok operations a second before the first fault; below it the verdict is unknown.
    pub min_rate: f64,
    /// Bound of the convergence phase, milliseconds.
    pub converge_ms: u64,
    /// The network.
    pub net: NetChoice,
    /// Whether the load ends at the first violation that can be told before the end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fail_fast: bool,
    /// The decided schedule; empty for a run without faults.
    pub schedule: Vec<ScheduledFault>,
}
