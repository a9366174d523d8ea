//! Thousands of hostile schedules in every mode. What each run asserts is in the simulator: the five safety properties
//! after every step, convergence with equal logs and states, and that the nodes' own reports of lost writes are exact.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use target_node::{
    core::NodeId,
    simulator::{Direction, Fault, Links, Plan, Report, Target, Timed, simulate},
};

use crate::support::{run, say, settings};

pub(crate) fn sweep(test: &str, count: u64, nodes: u16, pairs: &[(&str, &str)]) -> Vec<Report> {
    let settings = settings(nodes, pairs);
    let reports = run(test, count, |seed| Plan::random(seed, nodes, settings.clone()));
    summarise(test, &reports);
    reports
}

fn summarise(test: &str, reports: &[Report]) {
    let sum = |value: fn(&Report) -> usize| reports.iter().map(value).sum::<usize>();
    let acknowledged = sum(|report| report.acknowledged);
    say(&format!(
        "{test}: {} runs, {acknowledged} acknowledged, {} lost, {} restored, {} installed, members changed {}, {} reigns, split brain {}, stale {}, {} \
         steps, slowest convergence {} ms",
        reports.len(),
        sum(|report| report.lost),
        sum(|report| report.restored),
        sum(|report| report.installed),
        sum(|report| report.members_changed),
        sum(|report| report.reigns),
        sum(|report| report.split_brain),
        sum(|report| report.stale_leader_reads),
        reports.iter().map(|report| report.steps).sum::<u64>(),
        reports.iter().map(|report| report.converged_us / 1_000).max().unwrap_or(0),
    ));
    assert!(acknowledged > 10 * reports.len(), "the schedules leave no room for writes: {acknowledged}");
}

/// Two candidates that are cut from each other and stand at nearly the same time, and a voter between them that is killed
/// and started again every few milliseconds: a vote that it forgets makes two leaders in one term.
fn swing_voter(seed: u64) -> Plan {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (first, second, voter) = (Target::Node(NodeId(1)), Target::Node(NodeId(2)), NodeId(3));
    let mut plan = Plan::quiet(seed, 3, settings(3, &[("heartbeat", "20"), ("election-timeout", "60-64")]));
    plan.network.delay_us_max = 8_000;
    plan.end_us = 1_500_000;
    let links = Links::Nodes;
    plan.faults = vec![Timed {
        at_us: 1_000,
        fault: Fault::Isolate { node: first, from: vec![second], direction: Direction::Both, links },
    }];
    let mut at_us = 50_000;
    while at_us < plan.end_us {
        let after_effects = rng.random_bool(0.5).then_some(2);
        plan.faults.push(Timed { at_us, fault: Fault::Crash { node: Target::Node(voter), after_effects } });
        at_us += rng.random_range(100..=3_000);
        plan.faults.push(Timed { at_us, fault: Fault::Restart { node: voter } });
        at_us += rng.random_range(1_000..=90_000);
    }
    plan
}

#[test]
fn consensus_swing_voter() {
    let test = "consensus_swing_voter";
    summarise(test, &run(test, 300, swing_voter));
}

#[test]
fn consensus_majority_three_nodes() {
    sweep("consensus_majority_three_nodes", 1200, 3, &[]);
}

#[test]
fn consensus_majority_five_nodes() {
    let reports = sweep("consensus_majority_five_nodes", 500, 5, &[]);
    let changing = reports.iter().filter(|report| report.members_changed > 0).count();
    assert!(changing * 2 > reports.len(), "members changed in {changing} of {} runs only", reports.len());
}

#[test]
fn consensus_sync() {
    sweep("consensus_sync", 300, 3, &[("replication", "sync")]);
}

#[test]
fn consensus_async() {
    sweep("consensus_async", 300, 3, &[("replication", "async")]);
}

#[test]
fn consensus_semi_sync_below_a_majority() {
    sweep("consensus_semi_sync_below_a_majority", 150, 5, &[("replication", "semi-sync:1")]);
}

#[test]
fn timeout_async() {
    sweep("timeout_async", 300, 3, &[("failover", "timeout"), ("replication", "async")]);
}

#[test]
fn timeout_majority() {
    sweep("timeout_majority", 300, 3, &[("failover", "timeout")]);
}

#[test]
fn timeout_majority_five_nodes() {
    sweep("timeout_majority_five_nodes", 150, 5, &[("failover", "timeout")]);
}

#[test]
fn manual_async() {
    sweep("manual_async", 200, 3, &[("failover", "manual"), ("replication", "async")]);
}

#[test]
fn manual_sync_five_nodes() {
    sweep("manual_sync_five_nodes", 100, 5, &[("failover", "manual"), ("replication", "sync")]);
}

#[test]
fn one_node_alone() {
    sweep("one_node_alone", 50, 1, &[]);
}

#[test]
fn equal_seeds_give_equal_traces() {
    for (nodes, pairs) in [(3, &[] as &[_]), (5, &[("failover", "timeout"), ("replication", "async")])] {
        for seed in 0..5 {
            let plan = Plan { traced: true, ..Plan::random(seed, nodes, settings(nodes, pairs)) };
            let on_another_thread = std::thread::spawn({
                let plan = plan.clone();
                move || simulate(plan)
            });
            let (first, second) = (simulate(plan).unwrap(), on_another_thread.join().unwrap().unwrap());
            assert!(first.trace.len() > 300, "a trace of {} lines shows nothing", first.trace.len());
            assert_eq!(first, second, "seed {seed}");
        }
    }
}
