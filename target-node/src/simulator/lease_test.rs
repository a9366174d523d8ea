//! Fresh reads where they are in most danger: leaders that are paused, cut off, deposed and handing over, voters that start
//! again, clocks at the edge of the drift that is allowed. Nothing is stale; and every [`Bug`] is found.
//!
//! `SCHISM_SIM_SEED=SEED cargo test -p schism-node --lib lease_test` looks at one seed, `SCHISM_SIM_RUNS=COUNT` at so many.

use std::ops::Range;

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{
    Violation,
    named_faults::{Script, cut_between, cut_leader, kill},
    plan::{ClockProfile, Direction, Fault, Links, Plan, Target},
    run::Run,
    world::World,
};
use crate::{
    core::{Bug, NodeId},
    settings::{ElectionTimeout, Settings},
};

/// How many seeds are looked at where nothing is wrong.
const SEEDS: u64 = 400;
/// How many seeds a bug may take to be found: each shows in more than a quarter of them.
const SEEDS_PER_BUG: u64 = 60;

/// What a leader's certainty has to survive.
#[derive(Debug, Clone, Copy)]
struct Danger {
    /// How long clients think at most. Who waits for a leader that is cut off asks it nothing more, so they take their time.
    think_ms: u64,
    /// What happens again and again.
    schedule: fn(&mut Script<'_>),
}

const ISOLATION: Danger = Danger { think_ms: 400, schedule: isolation };
const PAUSE: Danger = Danger { think_ms: 400, schedule: pause };
const TRANSFER: Danger = Danger { think_ms: 200, schedule: transfer };
const SLOW_BEGINNINGS: Danger = Danger { think_ms: 100, schedule: slow_beginnings };
const RESTARTS_OF_VOTERS: Danger = Danger { think_ms: 1_000, schedule: restarts_of_voters };
const DANGERS: [Danger; 5] = [ISOLATION, PAUSE, TRANSFER, SLOW_BEGINNINGS, RESTARTS_OF_VOTERS];

/// Each bug, and where it shows.
const BUGS: [(Bug, Danger); 4] = [
    (Bug::LeaseIsTooLong, ISOLATION),
    (Bug::LeaseBeginsWhenAnswered, PAUSE),
    (Bug::LeaseOutlivesTransfer, TRANSFER),
    (Bug::ReadsBeforeFirstCommit, SLOW_BEGINNINGS),
];

/// The leader is cut off, so that another is elected as soon as that may be.
fn isolation(script: &mut Script<'_>) {
    let alone_us = script.rng.random_range(script.min_us..=3 * script.min_us);
    script.now(cut_leader(Direction::Both, Links::Nodes)).wait(alone_us).now(Fault::Join);
}

/// The leader is paused with answers on their way to it, and resumed when nobody follows it any more.
fn pause(script: &mut Script<'_>) {
    script.plan.network.delay_us_min = 1_000;
    script.plan.network.delay_us_max = 3_000;
    let (paused_us, alone_us) = (3 * script.min_us / 2, script.min_us);
    script.now(Fault::Pause { node: Target::Leader }).wait(5_000).now(cut_leader(Direction::Both, Links::Nodes));
    script.wait(paused_us).now(Fault::ResumeAll).wait(alone_us).now(Fault::Join);
}

/// The leader asks another node to stand, and does not hear what comes of it.
fn transfer(script: &mut Script<'_>) {
    let until_cut_us = script.rng.random_range(0..=2_000);
    let alone_us = script.min_us;
    script.now(Fault::Transfer { to: None }).wait(until_cut_us).now(cut_leader(Direction::In, Links::Nodes));
    script.wait(alone_us).now(Fault::Join);
}

/// Leaders are killed again and again, and disks take so long that the next ones follow long before they have committed.
fn slow_beginnings(script: &mut Script<'_>) {
    let elected_us = 2 * script.min_us;
    for node in (1..=script.plan.nodes).map(NodeId) {
        script.now(Fault::SlowDisk { node: Target::Node(node), factor: 50 });
    }
    script.now(kill(Target::Leader)).wait(elected_us).now(Fault::RestartAll);
}

/// The next in line misses the leader longer than the others do, and the others start again when it wants to be elected.
fn restarts_of_voters(script: &mut Script<'_>) {
    let head_start_us = script.rng.random_range(script.min_us / 4..=script.min_us);
    let alone_us = script.min_us;
    script.now(cut_between(Target::Leader, Target::NextInLine)).wait(head_start_us);
    script.now(cut_leader(Direction::Both, Links::Nodes));
    let node = NodeId(script.rng.random_range(1..=script.plan.nodes));
    script.now(kill(Target::Node(node)));
    script.now(Fault::RestartAll).wait(alone_us).now(Fault::Join);
}

/// A cluster with leases as long as its clocks allow, election timeouts that end soon after them, and many clients.
fn plan(seed: u64, danger: Danger) -> Plan {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let nodes = if rng.random_bool(0.8) { 3 } else { 5 };
    let settings = settings(nodes, &mut rng);
    let drift_ppm = (settings.max_clock_drift_ppm / 2) as i32;
    let mut plan = Plan::random(seed, nodes, settings);
    if rng.random_bool(0.8) {
        plan.faults.clear();
    }
    plan.network.delay_us_min = rng.random_range(50..=200);
    plan.network.delay_us_max = plan.network.delay_us_min * rng.random_range(1..=3);
    plan.clients = 10 * nodes;
    plan.plain_reads = rng.random_bool(0.8);
    plan.think_us_max = danger.think_ms * 1_000;
    plan.clocks = (0..nodes)
        .map(|_| ClockProfile {
            offset_us: rng.random_range(0..=1_000_000),
            drift_ppm: if rng.random_bool(0.5) { drift_ppm } else { -drift_ppm },
        })
        .collect();
    let mut at_us = 200_000;
    while at_us < plan.end_us {
        let mut script = Script::new(&mut plan, &mut rng, at_us);
        (danger.schedule)(&mut script);
        at_us = script.at_us + rng.random_range(50_000..=150_000);
    }
    plan.faults.sort_by_key(|timed| timed.at_us);
    plan
}

fn settings(nodes: u16, rng: &mut impl Rng) -> Settings {
    let min_ms = rng.random_range(60..=100);
    let max_ms = [min_ms + 4, 3 * min_ms / 2, 2 * min_ms][rng.random_range(0..3)];
    let drift_ppm = if rng.random_bool(0.5) { 100_000 } else { rng.random_range(0..=100_000) };
    let pairs = [
        ("read", "lease".to_owned()),
        ("pre-vote", if rng.random_bool(0.5) { "on" } else { "off" }.to_owned()),
        ("max-clock-drift", drift_ppm.to_string()),
        ("heartbeat", [5, 10, 20][rng.random_range(0..3)].to_string()),
        ("election-timeout", ElectionTimeout { min_ms, max_ms }.to_string()),
        ("lease", (min_ms * (1_000_000 - drift_ppm) / 1_000_000).to_string()),
    ];
    let map = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Settings::from_map(&map, nodes).expect("the settings of a test are valid")
}

fn simulate(plan: Plan, bug: Option<Bug>) -> Result<Run, Violation> {
    let mut world = World::new(plan);
    world.bug = bug;
    world.simulate()
}

/// The seeds to look at: `count`, if the environment does not ask for others.
fn seeds(count: u64) -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match number("SCHISM_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHISM_SIM_RUNS").unwrap_or(count),
    }
}

#[expect(clippy::print_stdout, reason = "what a test has looked at is told")]
fn say(line: &str) {
    println!("{line}");
}

#[test]
fn no_fresh_read_is_stale() {
    let (mut operations, mut reigns) = (0, 0);
    for seed in seeds(SEEDS) {
        let plan = plan(seed, DANGERS[seed as usize % DANGERS.len()]);
        match simulate(plan.clone(), None) {
            Ok(run) => {
                operations += run.report.operations;
                reigns += run.report.reigns;
            }
            Err(violation) => panic!("{violation}\n{plan}"),
        }
    }
    say(&format!("{operations} operations, {reigns} reigns"));
}

#[test]
fn every_bug_is_found() {
    for (bug, danger) in BUGS {
        let found = seeds(SEEDS_PER_BUG).find_map(|seed| simulate(plan(seed, danger), Some(bug)).err());
        let Some(violation) = found else { panic!("{bug:?} is not found") };
        assert_eq!(violation.promise(), "recency", "{bug:?} leads to: {violation}");
        say(&format!("{bug:?}: found with seed {}", violation.seed));
    }
}
