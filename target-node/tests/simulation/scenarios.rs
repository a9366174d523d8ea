//! What each setting loses under which fault, and what it does not: the demonstrations, with the default timers.

use target_node::{
    core::NodeId,
    simulator::{Direction, Fault, Links, NetworkProfile, Plan, Report, Target},
};

use crate::support::{run, settings};

/// Seeds a scenario: what must show must show in each of them.
const SEEDS: u64 = 10;

pub(crate) fn isolate_leader(links: Links) -> Fault {
    Fault::Isolate { node: Target::Leader, from: Vec::new(), direction: Direction::Both, links }
}

pub(crate) fn scenario(
    test: &str,
    nodes: u16,
    pairs: &[(&str, &str)],
    faults: impl IntoIterator<Item = (u64, Fault)> + Clone,
) -> Vec<Report> {
    let settings = settings(nodes, pairs);
    let network = NetworkProfile { delay_us_max: 300, ..NetworkProfile::QUICK };
    let (end_us, think_us_max) = (5_000_000, 30_000);
    run(test, SEEDS, |seed| Plan {
        network,
        end_us,
        think_us_max,
        // A client that asks a cut-off leader to confirm a read waits, and writes nothing that could be lost.
        plain_reads: true,
        ..Plan::quiet(seed, nodes, settings.clone()).with_faults(faults.clone())
    })
}

/// The leader is cut from the followers for less than an election timeout, then killed, and started again later.
pub(crate) fn cut_then_kill() -> [(u64, Fault); 4] {
    [
        (1_500, isolate_leader(Links::Nodes)),
        (1_650, Fault::Crash { node: Target::Leader, after_effects: None }),
        (1_650, Fault::Join),
        (4_000, Fault::RestartAll),
    ]
}

pub(crate) fn partition_leader() -> [(u64, Fault); 2] {
    [(1_500, isolate_leader(Links::NodesAndClients)), (4_000, Fault::Join)]
}

pub(crate) fn cut_one_link() -> [(u64, Fault); 2] {
    let cut = Fault::Isolate {
        node: Target::Leader,
        from: vec![Target::NextInLine],
        direction: Direction::Both,
        links: Links::Nodes,
    };
    [(1_500, cut), (4_000, Fault::Join)]
}

pub(crate) fn every(reports: &[Report], what: &str, holds: impl Fn(&Report) -> bool) {
    for (index, report) in reports.iter().enumerate() {
        let Report { acknowledged, lost, split_brain, stale_leader_reads, .. } = report;
        assert!(
            holds(report),
            "run {index} should have {what}: {acknowledged} acknowledged, {lost} lost, {split_brain} split brain, \
             {stale_leader_reads} stale"
        );
    }
}

/// As [`every`], where chance decides and seldom decides otherwise.
pub(crate) fn most(reports: &[Report], what: &str, holds: impl Fn(&Report) -> bool) {
    let count = reports.iter().filter(|report| holds(report)).count();
    assert!(count * 10 >= reports.len() * 7, "of {} runs {count} have {what}: {reports:?}", reports.len());
}

const NO_LOSS: (&str, fn(&Report) -> bool) =
    ("lost nothing and had one leader", |report| report.lost == 0 && report.split_brain == 0);
const LOSS: (&str, fn(&Report) -> bool) = ("lost something", |report| report.lost > 0);

#[test]
fn a_run_without_faults_is_clean_in_every_mode() {
    for failover in ["consensus", "timeout", "manual"] {
        for replication in ["async", "semi-sync:1", "majority", "sync"] {
            let pairs = [("failover", failover), ("replication", replication)];
            let reports = scenario("a_run_without_faults_is_clean_in_every_mode", 3, &pairs, []);
            every(&reports, "stayed calm", |report| {
                let calm = report.reigns == 1 && report.lost == 0 && report.split_brain == 0;
                calm && report.stale_leader_reads == 0 && report.acknowledged > 500
            });
        }
    }
}

#[test]
fn async_loses_what_the_killed_leader_could_not_send() {
    let test = "async_loses_what_the_killed_leader_could_not_send";
    every(&scenario(test, 3, &[("replication", "async")], cut_then_kill()), LOSS.0, LOSS.1);
    let naive = [("replication", "async"), ("failover", "timeout")];
    every(&scenario(test, 3, &naive, cut_then_kill()), LOSS.0, LOSS.1);
    every(&scenario(test, 5, &[("replication", "semi-sync:1")], partition_leader()), NO_LOSS.0, NO_LOSS.1);
}

#[test]
fn majority_and_sync_under_consensus_lose_nothing() {
    let test = "majority_and_sync_under_consensus_lose_nothing";
    for replication in ["majority", "sync"] {
        for faults in [cut_then_kill().to_vec(), partition_leader().to_vec(), cut_one_link().to_vec()] {
            every(&scenario(test, 3, &[("replication", replication)], faults), NO_LOSS.0, NO_LOSS.1);
        }
    }
}

#[test]
fn async_under_consensus_loses_what_a_partitioned_leader_acknowledged() {
    let test = "async_under_consensus_loses_what_a_partitioned_leader_acknowledged";
    let pairs = [("replication", "async"), ("read", "leader")];
    every(&scenario(test, 3, &pairs, partition_leader()), LOSS.0, LOSS.1);
}

#[test]
fn async_under_timeout_splits_and_loses() {
    let pairs = [("replication", "async"), ("failover", "timeout")];
    let reports = scenario("async_under_timeout_splits_and_loses", 3, &pairs, partition_leader());
    every(&reports, "split and lost", |report| report.split_brain > 0 && report.lost > 0);
}

#[test]
fn a_majority_does_not_rescue_a_naive_failover_from_one_cut_link() {
    let test = "a_majority_does_not_rescue_a_naive_failover_from_one_cut_link";
    let reports = scenario(test, 3, &[("failover", "timeout")], cut_one_link());
    every(&reports, "split and lost", |report| report.split_brain > 0 && report.lost > 0);
}

#[test]
fn a_majority_under_timeout_keeps_writes_in_a_partition_but_shows_stale_state() {
    let test = "a_majority_under_timeout_keeps_writes_in_a_partition_but_shows_stale_state";
    let reports = scenario(test, 3, &[("failover", "timeout")], partition_leader());
    every(&reports, "stale reads only", |report| report.split_brain == 0 && report.lost == 0);
    // A client must write on one side and read the same key on the other: not every run has that.
    assert!(reports.iter().any(|report| report.stale_leader_reads > 0), "{reports:?}");
}

#[test]
fn an_operator_who_waits_for_the_old_leader_to_be_dead_loses_nothing_that_followers_have() {
    let test = "an_operator_who_waits_for_the_old_leader_to_be_dead_loses_nothing_that_followers_have";
    let faults = [
        (1_500, Fault::Crash { node: Target::Node(NodeId(1)), after_effects: None }),
        (2_000, Fault::Promote { node: Target::Node(NodeId(3)) }),
        (3_000, Fault::Restart { node: NodeId(1) }),
    ];
    let pairs = [("failover", "manual"), ("replication", "sync")];
    every(&scenario(test, 3, &pairs, faults), "two reigns and no loss", |report| {
        report.reigns >= 2 && report.lost == 0 && report.split_brain == 0
    });
}
