//! What each setting of acknowledgement and of the naive failover changes, and that it survives hostile schedules.

use target_node::{
    core::NodeId,
    simulator::{Fault, Links, Plan, Report, Target, simulate},
};

use crate::{
    scenarios::{cut_one_link, cut_then_kill, every, isolate_leader, most, partition_leader, scenario},
    support::settings,
    sweep::sweep,
};

const N1: Target = Target::Node(NodeId(1));
const N2: Target = Target::Node(NodeId(2));
const N3: Target = Target::Node(NodeId(3));

fn lost(reports: &[Report]) -> usize {
    reports.iter().map(|report| report.lost).sum()
}

fn split_brain(reports: &[Report]) -> usize {
    reports.iter().map(|report| report.split_brain).sum()
}

/// The followers' disks become slow, then every process ends; the followers lead on without the old leader.
fn slow_followers_then_kill_all() -> Vec<(u64, Fault)> {
    let slow = [N2, N3].map(|node| (1_500, Fault::SlowDisk { node, factor: 300 }));
    let kill = [N1, N2, N3].map(|node| (1_600, Fault::Crash { node, after_effects: None }));
    let quick = [N2, N3].map(|node| (1_600, Fault::SlowDisk { node, factor: 1 }));
    let restart = [2, 3].map(|node| (2_000, Fault::Restart { node: NodeId(node) }));
    let promote = [(2_100, Fault::Promote { node: N2 }), (3_000, Fault::RestartAll)];
    slow.into_iter().chain(kill).chain(quick).chain(restart).chain(promote).collect()
}

/// The leader is cut from its followers for a while, then dies for good as far as the operator knows.
fn followers_gone_then_promoted() -> Vec<(u64, Fault)> {
    vec![
        (1_500, isolate_leader(Links::Nodes)),
        (3_000, Fault::Crash { node: N1, after_effects: None }),
        (3_000, Fault::Join),
        (3_100, Fault::Promote { node: N2 }),
        (4_000, Fault::RestartAll),
    ]
}

#[test]
fn what_followers_have_received_is_lost_when_all_processes_end() {
    let test = "what_followers_have_received_is_lost_when_all_processes_end";
    // Of a leader that is killed, what followers had received was on its own disk alone.
    let faults = slow_followers_then_kill_all();
    let base = [("failover", "manual"), ("replication", "sync")];
    let received = scenario(test, 3, &[base[0], base[1], ("ack-point", "received")], faults.clone());
    most(&received, "lost something", |report| report.lost > 0);
    every(&scenario(test, 3, &base, faults), "lost nothing", |report| report.lost == 0);
}

#[test]
fn memory_is_lost_with_its_process() {
    let pairs = [("replication", "memory")];
    let reports = scenario("memory_is_lost_with_its_process", 3, &pairs, cut_then_kill());
    assert!(lost(&reports) > 0, "{reports:?}");
}

#[test]
fn who_degrades_loses_what_it_acknowledged_alone_and_who_waits_or_fails_does_not() {
    let test = "who_degrades_loses_what_it_acknowledged_alone_and_who_waits_or_fails_does_not";
    let base = [("failover", "manual"), ("replication", "sync")];
    for (policy, loses) in [("wait", false), ("fail", false), ("degrade", true)] {
        let mut pairs = base.to_vec();
        if policy != "wait" {
            pairs.extend([("on-ack-timeout", policy), ("ack-timeout", "200")]);
        }
        let reports = scenario(test, 3, &pairs, followers_gone_then_promoted());
        every(&reports, policy, |report| (report.lost > 0) == loses);
    }
}

#[test]
fn epochs_end_split_brain_at_a_shared_follower_and_lose_all_the_same() {
    let test = "epochs_end_split_brain_at_a_shared_follower_and_lose_all_the_same";
    for replication in ["async", "semi-sync:1"] {
        let base = [("failover", "timeout"), ("replication", replication)];
        let none = scenario(test, 3, &base, cut_one_link());
        let epoch = scenario(test, 3, &[base[0], base[1], ("fencing", "epoch")], cut_one_link());
        every(&none, "split and lost", |report| report.split_brain > 0 && report.lost > 0);
        every(&epoch, "lost something all the same", |report| report.lost > 0);
        let (alone, fenced) = (split_brain(&none), split_brain(&epoch));
        assert!(fenced * 2 < alone, "{replication}: {fenced} with epochs, {alone} without");
    }
}

#[test]
fn epochs_do_not_stop_a_leader_that_acknowledges_alone() {
    let pairs = [("failover", "timeout"), ("replication", "async"), ("fencing", "epoch")];
    let test = "epochs_do_not_stop_a_leader_that_acknowledges_alone";
    let reports = scenario(test, 3, &pairs, partition_leader());
    every(&reports, "split and lost", |report| report.split_brain > 0 && report.lost > 0);
}

#[test]
fn a_lease_ends_the_old_reign_before_the_next_begins() {
    let pairs = [("failover", "timeout"), ("replication", "async"), ("fencing", "lease")];
    let test = "a_lease_ends_the_old_reign_before_the_next_begins";
    let reports = scenario(test, 3, &pairs, partition_leader());
    every(&reports, "one leader at a time, and a loss within the lease", |report| {
        report.split_brain == 0 && report.lost > 0 && report.reigns >= 2
    });
}

#[test]
fn timeout_lease() {
    sweep("timeout_lease", 100, 3, &[("failover", "timeout"), ("fencing", "lease")]);
}

#[test]
fn a_full_copy_loses_as_much_and_ends_in_agreement() {
    let pairs = [("failover", "timeout"), ("replication", "async"), ("fencing", "epoch"), ("rejoin", "resync")];
    let test = "a_full_copy_loses_as_much_and_ends_in_agreement";
    every(&scenario(test, 3, &pairs, partition_leader()), "lost something", |report| report.lost > 0);
}

#[test]
fn consensus_memory() {
    sweep("consensus_memory", 100, 3, &[("replication", "memory")]);
}

#[test]
fn consensus_applied() {
    sweep("consensus_applied", 200, 3, &[("ack-point", "applied")]);
}

#[test]
fn consensus_sync_applied_five_nodes() {
    sweep("consensus_sync_applied_five_nodes", 60, 5, &[("ack-point", "applied"), ("replication", "sync")]);
}

#[test]
fn timeout_degrade() {
    let pairs = [("failover", "timeout"), ("on-ack-timeout", "degrade"), ("ack-timeout", "50")];
    sweep("timeout_degrade", 100, 3, &pairs);
}

#[test]
fn consensus_fail() {
    sweep("consensus_fail", 100, 3, &[("on-ack-timeout", "fail"), ("ack-timeout", "50")]);
}

#[test]
fn consensus_on_commit() {
    sweep("consensus_on_commit", 200, 3, &[("visibility", "on-commit")]);
}

#[test]
fn timeout_memory() {
    sweep("timeout_memory", 100, 3, &[("failover", "timeout"), ("replication", "memory")]);
}

#[test]
fn timeout_received() {
    sweep("timeout_received", 100, 3, &[("failover", "timeout"), ("ack-point", "received")]);
}

#[test]
fn timeout_applied() {
    sweep("timeout_applied", 100, 3, &[("failover", "timeout"), ("ack-point", "applied")]);
}

#[test]
fn timeout_epoch() {
    sweep("timeout_epoch", 200, 3, &[("failover", "timeout"), ("fencing", "epoch"), ("replication", "async")]);
}

#[test]
fn timeout_epoch_resync_five_nodes() {
    let pairs = [("failover", "timeout"), ("fencing", "epoch"), ("rejoin", "resync"), ("priority", "n4>n2")];
    sweep("timeout_epoch_resync_five_nodes", 100, 5, &pairs);
}

#[test]
fn timeout_resync() {
    sweep("timeout_resync", 100, 3, &[("failover", "timeout"), ("rejoin", "resync"), ("replication", "async")]);
}

#[test]
fn manual_applied_resync() {
    sweep("manual_applied_resync", 60, 3, &[("failover", "manual"), ("ack-point", "applied"), ("rejoin", "resync")]);
}

#[test]
fn whatever_a_power_loss_leaves_of_a_log_it_does_not_contradict_the_snapshot() {
    let kinds = ["never", "interval:20"];
    for (seed, fsync) in (0..150).flat_map(|seed| kinds.map(|fsync| (seed, fsync))) {
        let pairs = [("fsync", fsync), ("catch-up", "log-keep:3"), ("failover", "timeout"), ("read", "leader")];
        // What else such disks lead to is nobody's promise.
        if let Err(violation) = simulate(Plan::random(seed, 3, settings(3, &pairs))) {
            let what = violation.to_string();
            assert!(!what.contains("nothing of it was lost"), "fsync={fsync}: {what}");
        }
    }
}
