//! How a seed becomes a plan: which faults, when, for how long.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{
    named_faults::NamedFault,
    plan::{ClockProfile, Direction, Fault, Links, NetworkProfile, Plan, Target, Timed},
};
use crate::{
    core::NodeId,
    settings::{ElectionTimeout, Failover, Settings},
};

/// The longest pause between two faults, and the longest that one lasts, in milliseconds.
const FAULT_MS_MAX: u64 = 500;

/// How far a clock's rate is off at most, in microseconds a second.
const DRIFT_PPM: i32 = 100;

impl Plan {
    /// A hostile run: short election timeouts, a poor network, and a fault every few hundred milliseconds at most.
    #[must_use]
    pub fn random(seed: u64, nodes: u16, settings: Settings) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut plan = Self::surroundings(seed, nodes, settings, &mut rng);
        plan.end_us = rng.random_range(800_000..=2_000_000);
        plan.faults = random_faults(&mut rng, &plan);
        plan.let_some_join(&mut rng);
        plan
    }

    /// In some runs a few nodes are added to those that found the cluster.
    fn let_some_join(&mut self, rng: &mut impl Rng) {
        let founders = rng.random_range(self.nodes / 2 + 1..=self.nodes);
        let elects = self.settings.failover == Failover::Consensus && self.settings.check(founders).is_ok();
        if !elects || rng.random_bool(0.6) {
            return;
        }
        self.founders = founders;
        for node in (founders + 1..=self.nodes).map(NodeId) {
            for _ in 0..2 {
                let at_us = rng.random_range(200_000..=self.end_us);
                self.faults.push(Timed { at_us, fault: Fault::AddMember { node: Target::Node(node) } });
            }
        }
        self.faults.sort_by_key(|timed| timed.at_us);
    }

    /// The surroundings of a hostile run, and one named fault in them.
    #[must_use]
    pub fn with_named_fault(seed: u64, nodes: u16, settings: Settings, fault: &NamedFault) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut plan = Self::surroundings(seed, nodes, settings, &mut rng);
        let begins_us = rng.random_range(300_000..=600_000);
        plan.end_us = 2 * begins_us;
        fault.add_to(&mut plan, begins_us, &mut rng);
        plan
    }

    /// A long run with the usual timers on a quiet network, to show what settings do under one fault.
    #[must_use]
    pub fn demonstration(seed: u64, nodes: u16, settings: Settings, fault: &NamedFault) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut plan = Self::quiet(seed, nodes, settings);
        plan.network = NetworkProfile { delay_us_max: 300, ..NetworkProfile::QUICK };
        plan.clients = 6;
        plan.plain_reads = true;
        plan.think_us_max = 30_000;
        plan.end_us = 9_000_000;
        let begins_us = rng.random_range(3_000_000..=3_300_000);
        fault.add_to(&mut plan, begins_us, &mut rng);
        plan
    }

    /// Timers that are not set are short, and the log is, so that much happens in little time.
    fn surroundings(seed: u64, nodes: u16, settings: Settings, rng: &mut ChaCha8Rng) -> Self {
        let min_ms = rng.random_range(60..=100);
        // Nearly equal timeouts make elections collide.
        let max_ms = if rng.random_bool(0.2) { min_ms * 5 / 4 } else { min_ms * 2 };
        let mut plan = Self::quiet(seed, nodes, settings);
        let usual = Settings::default();
        if plan.settings.election_timeout == usual.election_timeout && plan.settings.heartbeat_ms == usual.heartbeat_ms
        {
            plan.settings = plan.settings.with_timers(20, ElectionTimeout { min_ms, max_ms });
        }
        if plan.settings.catch_up == usual.catch_up && rng.random_bool(0.7) {
            // Snapshots all the time.
            plan.settings.catch_up.log_keep = rng.random_range(1..=20);
        }
        if plan.settings.max_entries_per_append == usual.max_entries_per_append && rng.random_bool(0.2) {
            // What one message does not carry can be lost on its way apart.
            plan.settings.max_entries_per_append = 1;
        }
        plan.network = random_network(rng);
        plan.clocks = (0..nodes).map(|_| random_clock(rng)).collect();
        plan.clients = rng.random_range(2..=nodes + 2);
        plan.think_us_max = rng.random_range(2_000..=30_000);
        plan
    }
}

/// Any origin, and a rate as far off as a poor crystal's.
fn random_clock(rng: &mut impl Rng) -> ClockProfile {
    ClockProfile { offset_us: rng.random_range(0..=10_000_000), drift_ppm: rng.random_range(-DRIFT_PPM..=DRIFT_PPM) }
}

fn random_network(rng: &mut impl Rng) -> NetworkProfile {
    let delay_us_min = rng.random_range(50..=500);
    NetworkProfile {
        delay_us_min,
        delay_us_max: delay_us_min * rng.random_range(1..=8),
        dropped_per_mille: if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=60) },
        repeated_per_mille: if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=60) },
        late_per_mille: if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=20) },
    }
}

fn random_faults(rng: &mut impl Rng, plan: &Plan) -> Vec<Timed> {
    let mut faults = Vec::new();
    let mut at_us = rng.random_range(50_000..=300_000);
    while at_us < plan.end_us {
        let (fault, remedy) = random_fault(rng, plan);
        faults.push(Timed { at_us, fault });
        if let Some(remedy) = remedy {
            let lasts_us = rng.random_range(1..=FAULT_MS_MAX * 1_000);
            faults.push(Timed { at_us: at_us + lasts_us, fault: remedy });
        }
        at_us += rng.random_range(1_000..=FAULT_MS_MAX * 1_000 / 2);
    }
    faults.sort_by_key(|timed| timed.at_us);
    faults
}

/// A fault, and what puts it right where something must.
pub(super) fn random_fault(rng: &mut impl Rng, plan: &Plan) -> (Fault, Option<Fault>) {
    let node = random_target(rng, plan.nodes);
    let links = if rng.random_bool(0.5) { Links::Nodes } else { Links::NodesAndClients };
    if plan.settings.failover == Failover::Consensus && rng.random_bool(0.2) {
        return random_operation(rng, node, plan.nodes);
    }
    match rng.random_range(0..10) {
        0 | 1 => {
            let after_effects = rng.random_bool(0.7).then(|| rng.random_range(0..=5));
            (Fault::Crash { node, after_effects }, Some(Fault::RestartAll))
        }
        2 => (Fault::Pause { node }, Some(Fault::ResumeAll)),
        3 | 4 => {
            (Fault::Isolate { node, from: Vec::new(), direction: random_direction(rng), links }, Some(Fault::Join))
        }
        5 => {
            let from = vec![random_target(rng, plan.nodes)];
            (Fault::Isolate { node, from, direction: random_direction(rng), links: Links::Nodes }, Some(Fault::Join))
        }
        6 => {
            let side = (1..=plan.nodes).map(NodeId).filter(|_| rng.random_bool(0.5)).collect();
            (Fault::Split { side, links }, Some(Fault::Join))
        }
        7 if rng.random_bool(0.3) => {
            let nodes = (0..rng.random_range(0..3)).map(|_| random_target(rng, plan.nodes)).collect();
            (Fault::PowerLoss { nodes }, Some(Fault::RestartAll))
        }
        7 => {
            let factor = rng.random_range(10..=100);
            (Fault::SlowDisk { node, factor }, Some(Fault::SlowDisk { node, factor: 1 }))
        }
        _ if plan.settings.failover == Failover::Manual => (Fault::Promote { node }, None),
        8 => (
            Fault::Isolate { node: Target::Leader, from: Vec::new(), direction: Direction::Both, links },
            Some(Fault::Join),
        ),
        _ => {
            let (leader, after_effects) = (Target::Leader, Some(rng.random_range(0..=3)));
            (Fault::Crash { node: leader, after_effects }, Some(Fault::RestartAll))
        }
    }
}

/// What operators of a cluster with elections do, which may go wrong as well.
fn random_operation(rng: &mut impl Rng, node: Target, nodes: u16) -> (Fault, Option<Fault>) {
    match rng.random_range(0..5) {
        0 => (Fault::Transfer { to: rng.random_bool(0.5).then_some(node) }, None),
        1 | 2 => {
            let added = Target::Node(NodeId(rng.random_range(1..=nodes)));
            let removed = if rng.random_bool(0.5) { added } else { node };
            (Fault::RemoveMember { node: removed }, Some(Fault::AddMember { node: added }))
        }
        3 => (Fault::AddMember { node }, None),
        _ => (Fault::Snapshot { node }, None),
    }
}

fn random_direction(rng: &mut impl Rng) -> Direction {
    match rng.random_range(0..5) {
        0 => Direction::In,
        1 => Direction::Out,
        _ => Direction::Both,
    }
}

fn random_target(rng: &mut impl Rng, nodes: u16) -> Target {
    match rng.random_range(0..4) {
        0 | 1 => Target::Leader,
        2 => Target::NextInLine,
        _ => Target::Node(NodeId(rng.random_range(1..=nodes))),
    }
}
