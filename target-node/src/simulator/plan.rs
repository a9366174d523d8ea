//! What is simulated: everything that decides a run, as data.

use serde::{Deserialize, Serialize};

use crate::{
    core::NodeId,
    settings::{Fsync, Settings},
};

/// A node, by name or by what it is when a fault fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// This node.
    Node(NodeId),
    /// The node that leads by the highest claim; n1 if none does.
    Leader,
    /// The node after the leader, in the order of node ids and round.
    NextInLine,
}

/// Which links a cut takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Links {
    /// Those between nodes.
    Nodes,
    /// Those between nodes, and those of the clients that live with the nodes on each side.
    NodesAndClients,
}

/// Which messages of a node a cut takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To it and from it.
    Both,
    /// Those to it: it cannot hear.
    In,
    /// Those from it: it cannot speak.
    Out,
}

/// Something that goes wrong, or is put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The process ends; of what it is writing a random prefix is left.
    Crash {
        /// Which node.
        node: Target,
        /// In its next step, after this many effects; at once if none.
        after_effects: Option<usize>,
    },
    /// The machines of these nodes lose power at once: what their disks were not forced to keep is lost.
    PowerLoss {
        /// Which nodes; all if empty.
        nodes: Vec<Target>,
    },
    /// A node that stopped starts again with what its disk holds.
    Restart {
        /// Which node.
        node: NodeId,
    },
    /// Every node that stopped starts again.
    RestartAll,
    /// The node does nothing until it resumes; what reaches it waits.
    Pause {
        /// Which node.
        node: Target,
    },
    /// The node does nothing until it resumes, and its clock stands still: a virtual machine that is suspended.
    Suspend {
        /// Which node.
        node: Target,
    },
    /// The node's clock is set forward, or back.
    ClockJump {
        /// Which node.
        node: Target,
        /// By how much, in microseconds.
        by_us: i64,
    },
    /// Every paused or suspended node resumes and takes all that waited at once.
    ResumeAll,
    /// The node and these others cannot reach each other.
    Isolate {
        /// The node.
        node: Target,
        /// Whom it cannot reach; everybody if empty.
        from: Vec<Target>,
        /// Which way.
        direction: Direction,
        /// Whether clients are cut, too.
        links: Links,
    },
    /// The nodes of one side cannot reach the others.
    Split {
        /// One side.
        side: Vec<NodeId>,
        /// Whether clients are cut, too.
        links: Links,
    },
    /// All links are up again.
    Join,
    /// The node's disk takes this many times as long from now on.
    SlowDisk {
        /// Which node.
        node: Target,
        /// How many times; 1 is normal.
        factor: u64,
    },
    /// An operator asks the leader to hand over; consensus only.
    Transfer {
        /// To whom; to the most advanced follower if none.
        to: Option<Target>,
    },
    /// An operator adds the node to the cluster; consensus only.
    AddMember {
        /// Which node.
        node: Target,
    },
    /// An operator removes the node from the cluster; consensus only.
    RemoveMember {
        /// Which node.
        node: Target,
    },
    /// An operator has the node take a snapshot and compact its log.
    Snapshot {
        /// Which node.
        node: Target,
    },
    /// An operator promotes the node; manual failover only.
    Promote {
        /// Which node.
        node: Target,
    },
}

impl Fault {
    /// The nodes that it names.
    pub(super) fn nodes(&self) -> Vec<NodeId> {
        let named = |target: &Target| match target {
            Target::Node(node) => Some(*node),
            Target::Leader | Target::NextInLine => None,
        };
        match self {
            Fault::Restart { node } => vec![*node],
            Fault::Split { side, .. } => side.clone(),
            Fault::PowerLoss { nodes } => nodes.iter().filter_map(named).collect(),
            Fault::Isolate { node, from, .. } => [node].into_iter().chain(from).filter_map(named).collect(),
            Fault::Transfer { to } => to.iter().filter_map(named).collect(),
            Fault::Crash { node, .. }
            | Fault::Pause { node }
            | Fault::Suspend { node }
            | Fault::ClockJump { node, .. }
            | Fault::SlowDisk { node, .. }
            | Fault::AddMember { node }
            | Fault::RemoveMember { node }
            | Fault::Snapshot { node }
            | Fault::Promote { node } => named(node).into_iter().collect(),
            Fault::RestartAll | Fault::ResumeAll | Fault::Join => Vec::new(),
        }
    }
}

/// A fault and when it fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Microseconds after the start.
    pub at_us: u64,
    /// What happens.
    pub fault: Fault,
}

/// How messages travel. Shares are out of 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkProfile {
    /// The shortest way, in microseconds.
    pub delay_us_min: u64,
    /// The usual longest way, in microseconds; messages overtake each other within the range.
    pub delay_us_max: u64,
    /// The share of messages that are lost.
    pub dropped_per_mille: u32,
    /// The share of messages that arrive twice.
    pub repeated_per_mille: u32,
    /// The share of messages that take up to a hundred times as long.
    pub late_per_mille: u32,
}

impl NetworkProfile {
    /// Loopback: quick, in order, without loss.
    pub const QUICK: NetworkProfile = NetworkProfile {
        delay_us_min: 100,
        delay_us_max: 100,
        dropped_per_mille: 0,
        repeated_per_mille: 0,
        late_per_mille: 0,
    };
}

/// How one node's clock differs from the time of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockProfile {
    /// What it shows when the run begins, in microseconds.
    pub offset_us: u64,
    /// How many microseconds it gains in a second; loses, if negative.
    pub drift_ppm: i32,
}

/// A run to be simulated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "super::plan_file::PlanFile", try_from = "super::plan_file::PlanFile")]
pub struct Plan {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many nodes.
    pub nodes: u16,
    /// How many of them found the cluster; those after them wait until they are added.
    pub founders: u16,
    /// Their settings.
    pub settings: Settings,
    /// Their network.
    pub network: NetworkProfile,
    /// Their clocks, by node; those of nodes beyond the list are right.
    pub clocks: Vec<ClockProfile>,
    /// How many clients; client i lives with node i mod n.
    pub clients: u16,
    /// Whether all reads are at the cluster's own level; else some are at every level there is.
    pub plain_reads: bool,
    /// How long a client thinks before its next operation, at most, in microseconds.
    pub think_us_max: u64,
    /// When clients stop and everything is healed, in microseconds after the start.
    pub end_us: u64,
    /// What goes wrong until then, by time.
    pub faults: Vec<Timed>,
    /// Whether to keep a line for every step.
    pub traced: bool,
}

impl Plan {
    /// A run without faults: three seconds, two clients a node.
    #[must_use]
    pub fn quiet(seed: u64, nodes: u16, settings: Settings) -> Self {
        Self {
            seed,
            nodes,
            founders: nodes,
            settings,
            network: NetworkProfile::QUICK,
            clocks: Vec::new(),
            clients: nodes * 2,
            plain_reads: false,
            think_us_max: 10_000,
            end_us: 3_000_000,
            faults: Vec::new(),
            traced: false,
        }
    }

    /// The same run with these faults, at milliseconds after the start.
    #[must_use]
    pub fn with_faults(mut self, faults: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        self.faults.extend(faults.into_iter().map(|(at_ms, fault)| Timed { at_us: at_ms * 1_000, fault }));
        self.faults.sort_by_key(|timed| timed.at_us);
        self
    }

    /// Whether disks keep what a node relies on: `fsync = always`, or the power never fails.
    #[must_use]
    pub fn keeps_disks(&self) -> bool {
        let fails = |timed: &Timed| matches!(timed.fault, Fault::PowerLoss { .. });
        self.settings.fsync == Fsync::Always || !self.faults.iter().any(fails)
    }

    /// Whether clocks keep what a node relies on: none jumps or stands still.
    #[must_use]
    pub fn keeps_clocks(&self) -> bool {
        let breaks = |timed: &Timed| matches!(timed.fault, Fault::ClockJump { .. } | Fault::Suspend { .. });
        !self.faults.iter().any(breaks)
    }
}
