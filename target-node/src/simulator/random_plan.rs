//! How a seed becomes a plan: which faults, when, for how long.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::plan::{ClockProfile, Fault, Links, NetworkProfile, Plan, Target, Timed};
use crate::{
    core::NodeId,
    settings::{CatchUp, ElectionTimeout, Failover, Settings},
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
        let min_ms = rng.random_range(60..=100);
        // Nearly equal timeouts make elections collide.
        let max_ms = if rng.random_bool(0.2) { min_ms * 5 / 4 } else { min_ms * 2 };
        let election_timeout = ElectionTimeout { min_ms, max_ms };
        let mut plan = Self::quiet(seed, nodes, settings.with_timers(20, election_timeout));
        plan.network = random_network(&mut rng);
        plan.clocks = (0..nodes).map(|_| random_clock(&mut rng)).collect();
        plan.clients = rng.random_range(2..=nodes + 2);
        plan.think_us_max = rng.random_range(2_000..=30_000);
        plan.end_us = rng.random_range(800_000..=2_000_000);
        if rng.random_bool(0.7) {
            // Snapshots all the time, and logs too short to catch up from.
            plan.settings.catch_up = CatchUp { log_keep: rng.random_range(1..=20) };
        }
        plan.faults = random_faults(&mut rng, &plan);
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
fn random_fault(rng: &mut impl Rng, plan: &Plan) -> (Fault, Option<Fault>) {
    let node = random_target(rng, plan.nodes);
    let links = if rng.random_bool(0.5) { Links::Nodes } else { Links::NodesAndClients };
    match rng.random_range(0..10) {
        0 | 1 => {
            let after_effects = rng.random_bool(0.7).then(|| rng.random_range(0..=5));
            (Fault::Crash { node, after_effects }, Some(Fault::RestartAll))
        }
        2 => (Fault::Pause { node }, Some(Fault::ResumeAll)),
        3 | 4 => (Fault::Isolate { node, from: Vec::new(), one_way: rng.random_bool(0.4), links }, Some(Fault::Join)),
        5 => {
            let from = vec![random_target(rng, plan.nodes)];
            (Fault::Isolate { node, from, one_way: rng.random_bool(0.3), links: Links::Nodes }, Some(Fault::Join))
        }
        6 => {
            let side = (1..=plan.nodes).map(NodeId).filter(|_| rng.random_bool(0.5)).collect();
            (Fault::Split { side, links }, Some(Fault::Join))
        }
        7 => {
            let factor = rng.random_range(10..=100);
            (Fault::SlowDisk { node, factor }, Some(Fault::SlowDisk { node, factor: 1 }))
        }
        _ if plan.settings.failover == Failover::Manual => (Fault::Promote { node }, None),
        8 => (Fault::Isolate { node: Target::Leader, from: Vec::new(), one_way: false, links }, Some(Fault::Join)),
        _ => {
            let (leader, after_effects) = (Target::Leader, Some(rng.random_range(0..=3)));
            (Fault::Crash { node: leader, after_effects }, Some(Fault::RestartAll))
        }
    }
}

fn random_target(rng: &mut impl Rng, nodes: u16) -> Target {
    match rng.random_range(0..4) {
        0 | 1 => Target::Leader,
        2 => Target::NextInLine,
        _ => Target::Node(NodeId(rng.random_range(1..=nodes))),
    }
}
