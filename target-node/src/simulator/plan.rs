//! What is simulated: everything that decides a run, as data.

use crate::{core::NodeId, settings::Settings};

/// A node, by name or by what it is when a fault fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This node.
    Node(NodeId),
    /// The node that leads by the highest claim; n1 if none does.
    Leader,
    /// The node after the leader, in the order of node ids and round.
    NextInLine,
}

/// Which links a cut takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Those between nodes.
    Nodes,
    /// Those between nodes, and those of the clients that live with the nodes on each side.
    NodesAndClients,
}

/// Something that goes wrong, or is put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The node stops; what is not persisted is lost, except for a random prefix that the disk happened to finish.
    Crash {
        /// Which node.
        node: Target,
        /// In its next step, after this many effects; at once if none.
        after_effects: Option<usize>,
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
    /// Every paused node resumes and takes all that waited at once.
    ResumeAll,
    /// The node and these others cannot reach each other.
    Isolate {
        /// The node.
        node: Target,
        /// Whom it cannot reach; everybody if empty.
        from: Vec<Target>,
        /// Whether the node's messages still arrive.
        one_way: bool,
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
    /// An operator promotes the node; manual failover only.
    Promote {
        /// Which node.
        node: Target,
    },
}

/// A fault and when it fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// Microseconds after the start.
    pub at_us: u64,
    /// What happens.
    pub fault: Fault,
}

/// How messages travel. Shares are out of 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A run to be simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many nodes.
    pub nodes: u16,
    /// Their settings.
    pub settings: Settings,
    /// Their network.
    pub network: NetworkProfile,
    /// How many clients; client i lives with node i mod n.
    pub clients: u16,
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
            settings,
            network: NetworkProfile::QUICK,
            clients: nodes * 2,
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
}
