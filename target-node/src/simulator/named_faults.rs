//! Faults by name: one after the other, each a schedule of steps that fits the timers of the cluster.

use rand::{RngExt, rngs::ChaCha8Rng};

use super::{
    plan::{Direction, Fault, Links, Plan, Target, Timed},
    random_plan,
};
use crate::{core::NodeId, settings::ElectionTimeout};

/// A fault by name.
#[derive(Debug, Clone, Copy)]
pub struct NamedFault {
    /// The name.
    pub name: &'static str,
    /// What happens, in one line.
    pub summary: &'static str,
    schedule: fn(&mut Script<'_>),
}

/// Every named fault.
pub const NAMED_FAULTS: &[NamedFault] = &[
    NamedFault { name: "none", summary: "nothing", schedule: |_| {} },
    NamedFault { name: "kill-leader", summary: "the leader is killed and starts again later", schedule: kill_leader },
    NamedFault {
        name: "kill-follower",
        summary: "a follower is killed and starts again later",
        schedule: kill_follower,
    },
    NamedFault { name: "kill-all", summary: "all nodes are killed at once and start again", schedule: kill_all },
    NamedFault {
        name: "staggered-restart",
        summary: "one node after the other is killed and started again",
        schedule: staggered_restart,
    },
    NamedFault {
        name: "cut-then-kill",
        summary: "the leader is cut off for less than an election timeout, then killed",
        schedule: cut_then_kill,
    },
    NamedFault { name: "pause-leader", summary: "the leader stands still for a while", schedule: pause_leader },
    NamedFault {
        name: "pause-isolate",
        summary: "the leader is paused, cut off while paused, resumed while cut off",
        schedule: |script| stop_isolate(script, Fault::Pause { node: Target::Leader }),
    },
    NamedFault {
        name: "suspend-isolate",
        summary: "as pause-isolate, and the leader's clock stands still: a suspended virtual machine",
        schedule: |script| stop_isolate(script, Fault::Suspend { node: Target::Leader }),
    },
    NamedFault {
        name: "partition-leader",
        summary: "the leader and its clients against the rest",
        schedule: |script| hold_cut(script, Direction::Both, Links::NodesAndClients),
    },
    NamedFault {
        name: "partition-leader-alone",
        summary: "the leader without its clients against the rest",
        schedule: |script| hold_cut(script, Direction::Both, Links::Nodes),
    },
    NamedFault {
        name: "one-way-out",
        summary: "nothing from the leader reaches the other nodes",
        schedule: |script| hold_cut(script, Direction::Out, Links::Nodes),
    },
    NamedFault {
        name: "one-way-in",
        summary: "nothing from the other nodes reaches the leader",
        schedule: |script| hold_cut(script, Direction::In, Links::Nodes),
    },
    NamedFault {
        name: "cut-one-link",
        summary: "the leader and the next in line cannot reach each other",
        schedule: cut_one_link,
    },
    NamedFault { name: "partition-halves", summary: "two halves with their clients", schedule: partition_halves },
    NamedFault {
        name: "partition-ring",
        summary: "every node sees its neighbours in a ring, and nobody else",
        schedule: partition_ring,
    },
    NamedFault { name: "partition-bridge", summary: "two halves and one node that sees both", schedule: bridge },
    NamedFault {
        name: "power-loss-leader",
        summary: "the leader's machine loses power",
        schedule: |script| power_loss(script, vec![Target::Leader]),
    },
    NamedFault {
        name: "power-loss-two",
        summary: "the machines of the leader and of the next in line lose power at once",
        schedule: |script| power_loss(script, vec![Target::Leader, Target::NextInLine]),
    },
    NamedFault {
        name: "power-loss-all",
        summary: "all machines lose power at once",
        schedule: |script| power_loss(script, Vec::new()),
    },
    NamedFault { name: "slow-disk", summary: "the leader's disk takes very long", schedule: slow_disk },
    NamedFault {
        name: "clock-back",
        summary: "the leader's clock is set back while it is cut off",
        schedule: clock_back,
    },
    NamedFault {
        name: "clock-forward",
        summary: "the clock of the next in line is set forward while the leader is cut off",
        schedule: clock_forward,
    },
    NamedFault {
        name: "swing-voter",
        summary: "two candidates are cut from each other, the voter between them restarts all the time",
        schedule: swing_voter,
    },
    NamedFault {
        name: "old-terms",
        summary: "leaders are cut off, write, and are killed in turn; old entries come back (Raft paper, figure 8)",
        schedule: old_terms,
    },
    NamedFault {
        name: "fuzz",
        summary: "something every 5 to 200 ms; messages late by more than an election timeout, twice, or lost",
        schedule: fuzz,
    },
];

impl NamedFault {
    /// The fault of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static NamedFault> {
        NAMED_FAULTS.iter().find(|fault| fault.name == name)
    }

    /// Adds this fault to a plan, from `at_us` on; the plan ends no sooner than the cluster has had time to go on.
    pub fn add_to(&self, plan: &mut Plan, at_us: u64, rng: &mut ChaCha8Rng) {
        let mut script = Script::new(plan, rng, at_us);
        (self.schedule)(&mut script);
        let ends_us = script.at_us + 2 * script.max_us;
        plan.end_us = plan.end_us.max(ends_us);
        plan.faults.sort_by_key(|timed| timed.at_us);
    }
}

/// A schedule in the making.
pub(super) struct Script<'a> {
    pub(super) plan: &'a mut Plan,
    pub(super) rng: &'a mut ChaCha8Rng,
    /// When the next step happens.
    pub(super) at_us: u64,
    /// The shortest election timeout.
    pub(super) min_us: u64,
    /// The longest election timeout.
    max_us: u64,
}

impl<'a> Script<'a> {
    /// One that adds to a plan from `at_us` on.
    pub(super) fn new(plan: &'a mut Plan, rng: &'a mut ChaCha8Rng, at_us: u64) -> Self {
        let ElectionTimeout { min_ms, max_ms } = plan.settings.election_timeout;
        Self { plan, rng, at_us, min_us: min_ms * 1_000, max_us: max_ms * 1_000 }
    }

    pub(super) fn now(&mut self, fault: Fault) -> &mut Self {
        self.plan.faults.push(Timed { at_us: self.at_us, fault });
        self
    }

    pub(super) fn wait(&mut self, us: u64) -> &mut Self {
        self.at_us += us;
        self
    }

    /// Long enough that a cluster which elects has a new leader.
    fn long(&self) -> u64 {
        4 * self.max_us
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..=self.plan.nodes).map(NodeId)
    }
}

pub(super) fn kill(node: Target) -> Fault {
    Fault::Crash { node, after_effects: None }
}

pub(super) fn cut_leader(direction: Direction, links: Links) -> Fault {
    Fault::Isolate { node: Target::Leader, from: Vec::new(), direction, links }
}

pub(super) fn cut_between(node: Target, other: Target) -> Fault {
    Fault::Isolate { node, from: vec![other], direction: Direction::Both, links: Links::Nodes }
}

fn kill_leader(script: &mut Script<'_>) {
    let long_us = script.long();
    script.now(kill(Target::Leader)).wait(long_us).now(Fault::RestartAll);
}

fn kill_follower(script: &mut Script<'_>) {
    let long_us = script.long();
    script.now(kill(Target::NextInLine)).wait(long_us).now(Fault::RestartAll);
}

fn kill_all(script: &mut Script<'_>) {
    for node in script.nodes() {
        script.now(kill(Target::Node(node)));
    }
    let down_us = script.max_us / 2;
    script.wait(down_us).now(Fault::RestartAll);
}

fn staggered_restart(script: &mut Script<'_>) {
    for node in script.nodes().chain(script.nodes()) {
        let (down_us, up_us) = (script.rng.random_range(1..=script.max_us), script.rng.random_range(1..=script.max_us));
        script.now(kill(Target::Node(node))).wait(down_us).now(Fault::Restart { node }).wait(up_us);
    }
}

fn cut_then_kill(script: &mut Script<'_>) {
    let (cut_us, long_us) = (script.min_us / 2, script.long());
    script.now(cut_leader(Direction::Both, Links::Nodes)).wait(cut_us);
    script.now(kill(Target::Leader)).now(Fault::Join).wait(long_us).now(Fault::RestartAll);
}

fn pause_leader(script: &mut Script<'_>) {
    let paused_us = 3 * script.max_us;
    script.now(Fault::Pause { node: Target::Leader }).wait(paused_us).now(Fault::ResumeAll);
}

fn stop_isolate(script: &mut Script<'_>, stop: Fault) {
    let (stopped_us, alone_us) = (2 * script.max_us, script.max_us / 2);
    script.now(stop).wait(3_000).now(cut_leader(Direction::Both, Links::Nodes));
    script.wait(stopped_us).now(Fault::ResumeAll).wait(alone_us).now(Fault::Join);
}

fn hold_cut(script: &mut Script<'_>, direction: Direction, links: Links) {
    let long_us = script.long();
    script.now(cut_leader(direction, links)).wait(long_us).now(Fault::Join);
}

fn cut_one_link(script: &mut Script<'_>) {
    let long_us = script.long();
    script.now(cut_between(Target::Leader, Target::NextInLine)).wait(long_us).now(Fault::Join);
}

fn partition_halves(script: &mut Script<'_>) {
    let long_us = script.long();
    let first = script.rng.random_range(0..script.plan.nodes);
    let side = (0..script.plan.nodes / 2).map(|step| NodeId((first + step) % script.plan.nodes + 1)).collect();
    script.now(Fault::Split { side, links: Links::NodesAndClients }).wait(long_us).now(Fault::Join);
}

fn partition_ring(script: &mut Script<'_>) {
    let (nodes, long_us) = (script.plan.nodes, script.long());
    for (one, other) in pairs(nodes) {
        let apart = other.0 - one.0;
        if apart.min(nodes - apart) > 1 {
            script.now(cut_between(Target::Node(one), Target::Node(other)));
        }
    }
    if nodes == 3 {
        // All are neighbours: two of them are not, then.
        script.now(cut_between(Target::Leader, Target::NextInLine));
    }
    script.wait(long_us).now(Fault::Join);
}

fn bridge(script: &mut Script<'_>) {
    let (nodes, long_us) = (script.plan.nodes, script.long());
    let middle = nodes / 2 + 1;
    for (one, other) in pairs(nodes).filter(|(one, other)| one.0 < middle && other.0 > middle) {
        script.now(cut_between(Target::Node(one), Target::Node(other)));
    }
    script.wait(long_us).now(Fault::Join);
}

fn pairs(nodes: u16) -> impl Iterator<Item = (NodeId, NodeId)> {
    (1..=nodes).flat_map(move |one| (one + 1..=nodes).map(move |other| (NodeId(one), NodeId(other))))
}

fn power_loss(script: &mut Script<'_>, nodes: Vec<Target>) {
    let down_us = script.max_us / 2;
    script.now(Fault::PowerLoss { nodes }).wait(down_us).now(Fault::RestartAll);
}

fn slow_disk(script: &mut Script<'_>) {
    let (node, long_us) = (Target::Leader, script.long());
    script.now(Fault::SlowDisk { node, factor: 100 }).wait(long_us).now(Fault::SlowDisk { node, factor: 1 });
}

fn clock_back(script: &mut Script<'_>) {
    let (long_us, by_us) = (script.long(), -(5 * script.max_us as i64 / 2));
    script.now(Fault::ClockJump { node: Target::Leader, by_us }).now(cut_leader(Direction::Both, Links::Nodes));
    script.wait(long_us).now(Fault::Join);
}

fn clock_forward(script: &mut Script<'_>) {
    let (long_us, by_us) = (script.long(), 3 * script.max_us as i64);
    script.now(cut_leader(Direction::Both, Links::Nodes)).now(Fault::ClockJump { node: Target::NextInLine, by_us });
    script.wait(long_us).now(Fault::Join);
}

fn swing_voter(script: &mut Script<'_>) {
    let min_ms = script.plan.settings.election_timeout.min_ms;
    script.plan.settings.election_timeout.max_ms = min_ms + min_ms.div_ceil(15);
    script.plan.network.delay_us_max = script.plan.network.delay_us_max.max(8_000);
    let voter = NodeId(script.plan.nodes);
    for (one, other) in pairs(script.plan.nodes).filter(|(_, other)| *other != voter) {
        script.now(cut_between(Target::Node(one), Target::Node(other)));
    }
    for _ in 0..20 {
        let after_effects = script.rng.random_bool(0.5).then_some(2);
        let (down_us, up_us) = (script.rng.random_range(100..=3_000), script.rng.random_range(1_000..=90_000));
        script.now(Fault::Crash { node: Target::Node(voter), after_effects }).wait(down_us);
        script.now(Fault::Restart { node: voter }).wait(up_us);
    }
    script.now(Fault::Join);
}

fn old_terms(script: &mut Script<'_>) {
    let elected_us = 2 * script.max_us;
    for _ in 0..2 {
        let alone_us = script.rng.random_range(script.min_us / 8..=script.min_us / 2);
        script.now(cut_leader(Direction::Both, Links::Nodes)).wait(alone_us);
        script.now(kill(Target::Leader)).now(Fault::Join).wait(elected_us);
    }
    for node in script.nodes() {
        let up_us = script.rng.random_range(script.min_us / 4..=elected_us);
        script.now(Fault::Restart { node }).wait(up_us);
        if script.rng.random_bool(0.5) {
            script.now(kill(Target::Leader));
        }
    }
    script.now(Fault::RestartAll);
}

fn fuzz(script: &mut Script<'_>) {
    let network = &mut script.plan.network;
    network.late_per_mille = script.rng.random_range(1..=20);
    // A late message takes up to a hundred times as long.
    network.delay_us_max = network.delay_us_max.max(script.max_us / 80);
    network.repeated_per_mille = script.rng.random_range(0..=100);
    network.dropped_per_mille = script.rng.random_range(0..=50);
    while script.at_us < script.plan.end_us {
        let (fault, remedy) = random_plan::random_fault(script.rng, script.plan);
        script.now(fault);
        if let Some(fault) = remedy {
            let at_us = script.at_us + script.rng.random_range(1_000..=2 * script.max_us);
            script.plan.faults.push(Timed { at_us, fault });
        }
        let pause_us = script.rng.random_range(5_000..=200_000);
        script.wait(pause_us);
    }
}
