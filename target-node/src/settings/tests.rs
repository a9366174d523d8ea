//! Settings from the outside: what is read, what is refused, and that nothing gets lost on the way through a map.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::core::NodeId;

type Pairs = &'static [(&'static str, &'static str)];
type Holds = fn(&Settings) -> bool;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(pairs: &[(&str, &str)], nodes: u16) -> Result<Settings, String> {
    Settings::from_map(&map(pairs), nodes).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_named_has_its_documented_default() {
    let settings = parse(&[], 3).unwrap();
    assert_eq!(settings, Settings::default());
    let map = settings.to_map();
    assert_eq!(map.len(), DESCRIPTIONS.len());
    for description in DESCRIPTIONS {
        assert!(description.default.starts_with(&map[description.name]), "{} is wrong", description.name);
    }
}

#[test]
fn defaults_follow_the_failover_and_the_timers() {
    let timeout = parse(&[("failover", "timeout")], 3).unwrap();
    assert_eq!((timeout.read, timeout.pre_vote, timeout.check_quorum), (ReadLevel::Leader, false, false));
    let quick = parse(&[("heartbeat", "20"), ("election-timeout", "100-200")], 3).unwrap();
    assert_eq!(quick.lease_ms, 99, "a lease that is not set ends before the election timeout by itself");
    let naive = [("failover", "timeout"), ("heartbeat", "20"), ("election-timeout", "100-200")];
    assert_eq!(parse(&naive, 3).unwrap().lease_ms, 199, "without votes the longest timeout counts");
}

#[test]
fn every_value_that_is_documented_is_read() {
    let cases: &[(Pairs, Holds)] = &[
        (&[("replication", "memory")], |settings| settings.replication == Replication::Memory),
        (&[("replication", "semi-sync:2")], |settings| settings.replication == Replication::SemiSync(2)),
        (&[("ack-point", "received")], |settings| settings.ack_point == AckPoint::Received),
        (&[("ack-point", "applied")], |settings| settings.ack_point == AckPoint::Applied),
        (&[("on-ack-timeout", "fail"), ("ack-timeout", "70")], |settings| {
            settings.on_ack_timeout == OnAckTimeout::Fail && settings.ack_timeout_ms == 70
        }),
        (&[("on-ack-timeout", "degrade")], |settings| settings.on_ack_timeout == OnAckTimeout::Degrade),
        (&[("visibility", "on-commit")], |settings| settings.visibility == Visibility::OnCommit),
        (&[("pre-vote", "off")], |settings| !settings.pre_vote && settings.check_quorum),
        (&[("check-quorum", "off")], |settings| settings.pre_vote && !settings.check_quorum),
        (&[("priority", "n2>n1")], |settings| settings.priority.named() == [NodeId(2), NodeId(1)]),
        (&[("failover", "timeout"), ("fencing", "epoch")], |settings| settings.fencing == Fencing::Epoch),
        (&[("failover", "timeout"), ("fencing", "lease"), ("lease", "590")], |settings| settings.lease_ms == 590),
        (&[("failover", "timeout"), ("rejoin", "keep")], |settings| settings.rejoin == Rejoin::Keep),
        (&[("failover", "manual"), ("rejoin", "resync")], |settings| settings.rejoin == Rejoin::Resync),
        (&[("read", "bounded:50")], |settings| settings.read == ReadLevel::Bounded(50)),
        (&[("read", "session"), ("failover", "manual")], |settings| settings.read == ReadLevel::Session),
        (&[("read", "lease"), ("lease", "299")], |settings| settings.read == ReadLevel::Lease),
        (&[("read", "log")], |settings| settings.read == ReadLevel::Log),
        (&[("fsync", "interval:20")], |settings| settings.fsync == Fsync::IntervalMs(20)),
        (&[("catch-up", "log-keep:5")], |settings| settings.catch_up.log_keep == 5),
        (&[("sessions", "off")], |settings| !settings.sessions),
        (&[("max-entries-per-append", "1"), ("max-inflight", "2")], |settings| {
            settings.max_entries_per_append == 1 && settings.max_inflight == 2
        }),
        (&[("service-rate", "2000")], |settings| settings.service_rate.to_string() == "2000"),
        (&[("max-clock-drift", "0"), ("lease", "300")], |settings| settings.lease_ms == 300),
    ];
    for (pairs, holds) in cases {
        let settings = parse(pairs, 3).unwrap();
        assert!(holds(&settings), "{pairs:?} became {settings:?}");
        assert_eq!(Settings::from_map(&settings.to_map(), 3).unwrap(), settings);
    }
}

#[test]
fn presets_are_expanded_and_what_stands_beside_them_wins() {
    for preset in PRESETS {
        let settings = parse(&[("preset", preset.name)], 3).unwrap();
        assert_eq!(settings, parse(preset.settings, 3).unwrap(), "{}", preset.name);
        assert_eq!(Settings::from_map(&settings.to_map(), 3).unwrap(), settings, "{}", preset.name);
        assert!(PRESET.values.split(" | ").any(|name| name == preset.name), "{} is not documented", preset.name);
    }
    assert_eq!(PRESET.values.split(" | ").count(), PRESETS.len());
    assert_eq!(parse(&[("preset", "raft")], 3).unwrap(), Settings::default());
    let stricter = parse(&[("preset", "lecture-async"), ("replication", "majority")], 3).unwrap();
    assert_eq!((stricter.replication, stricter.failover), (Replication::Majority, Failover::Timeout));
    let elected = parse(&[("preset", "lecture-async"), ("failover", "consensus")], 3).unwrap();
    assert_eq!((elected.read, elected.pre_vote), (ReadLevel::Leader, true));
}

#[test]
fn refusals_say_what_to_do_instead() {
    let cases: &[(Pairs, u16, &str)] = &[
        // Names and values.
        (&[("replicaton", "async")], 3, "did you mean `replication`?"),
        (&[("zzz", "1")], 3, "known settings: preset, replication, ack-point"),
        (&[("replication", "quorum")], 3, "it takes memory | async | semi-sync:K | majority | sync"),
        (&[("replication", "semi-sync:x")], 3, "invalid value `semi-sync:x`"),
        (&[("ack-point", "flushed")], 3, "it takes received | durable | applied"),
        (&[("on-ack-timeout", "ignore")], 3, "it takes wait | degrade | fail"),
        (&[("ack-timeout", "0")], 3, "invalid value `0`"),
        (&[("pre-vote", "yes")], 3, "it takes on | off"),
        (&[("sessions", "1")], 3, "it takes on | off"),
        (&[("priority", "n2,n1")], 3, "it takes an order such as n2>n1>n3"),
        (&[("priority", "")], 3, "invalid value ``"),
        (&[("priority", "n2>n1>n2")], 3, "names n2 twice"),
        (&[("read", "bounded")], 3, "bounded:MS"),
        (&[("read", "bounded:0")], 3, "invalid value `bounded:0`"),
        (&[("fsync", "interval:0")], 3, "invalid value `interval:0`"),
        (&[("catch-up", "log-keep:0")], 3, "it takes log-keep:N"),
        (&[("catch-up", "10000")], 3, "it takes log-keep:N"),
        (&[("heartbeat", "0")], 3, "invalid value `0`"),
        (&[("election-timeout", "600-300")], 3, "invalid value `600-300`"),
        (&[("election-timeout", "500")], 3, "MIN-MAX"),
        (&[("max-clock-drift", "100001")], 3, "parts per million"),
        (&[("max-entries-per-append", "0")], 3, "it takes 1 to 65536"),
        (&[("max-inflight", "5000")], 3, "it takes 1 to 4096"),
        (&[("service-rate", "0")], 3, "operations per second | off"),
        (&[("preset", "fast")], 3, "it takes lecture-async | lecture-sync"),
        // The size of the cluster.
        (&[], 0, "at least one node"),
        (&[("replication", "semi-sync:0")], 3, "use `async`"),
        (&[("replication", "semi-sync:3")], 3, "can never be satisfied by 3 node(s), of which 2 follow"),
        (&[("priority", "n1>n4")], 3, "names n4, which is none of the nodes n1 to n3"),
        // Timers.
        (&[("heartbeat", "200")], 3, "more than half of election-timeout=300-600"),
        (&[("election-timeout", "500-500")], 3, "for example 500-1000"),
        // Acknowledgements that wait for nobody cannot be late.
        (&[("replication", "async"), ("on-ack-timeout", "degrade")], 3, "waits for no follower: leave it out"),
        (&[("replication", "memory"), ("on-ack-timeout", "fail")], 3, "use replication=semi-sync:K, majority or sync"),
        (&[("replication", "async"), ("ack-point", "applied")], 3, "ack-point=applied has no effect"),
        (&[("ack-timeout", "70")], 3, "use on-ack-timeout=degrade or fail"),
        // An acknowledged write is visible.
        (&[("visibility", "on-commit"), ("replication", "async")], 3, "its own writer would not see it"),
        (&[("visibility", "on-commit"), ("replication", "semi-sync:1")], 5, "its own writer would not see it"),
        (&[("visibility", "on-commit"), ("on-ack-timeout", "degrade")], 3, "or on-ack-timeout=fail"),
        (&[("visibility", "on-commit"), ("ack-point", "received")], 3, "or ack-point=durable"),
        // What only consensus can do.
        (&[("failover", "timeout"), ("read", "read-index")], 3, "read=read-index needs failover=consensus"),
        (&[("failover", "manual"), ("read", "lease")], 3, "read=lease needs failover=consensus"),
        (&[("failover", "timeout"), ("read", "log")], 3, "read=log needs failover=consensus"),
        (&[("failover", "timeout"), ("pre-vote", "on")], 3, "pre-vote=on needs failover=consensus"),
        (&[("failover", "manual"), ("check-quorum", "on")], 3, "check-quorum=on needs failover=consensus"),
        // What consensus has no use for.
        (&[("fencing", "epoch")], 3, "under consensus terms and votes fence"),
        (&[("fencing", "lease"), ("failover", "manual")], 3, "under manual followers refuse lower epochs anyway"),
        (&[("rejoin", "resync")], 3, "use rejoin=truncate"),
        (&[("rejoin", "keep")], 3, "use rejoin=truncate"),
        (&[("failover", "manual"), ("priority", "n2")], 3, "where an operator decides"),
        // Leases.
        (&[("read", "lease"), ("check-quorum", "off")], 3, "use check-quorum=on or read=read-index"),
        (&[("lease", "300")], 3, "use lease=299 or less"),
        (&[("lease", "280"), ("max-clock-drift", "100000")], 3, "use lease=270 or less"),
        (&[("read", "lease"), ("lease", "50")], 3, "it would run out between two heartbeats"),
        (&[("failover", "timeout"), ("fencing", "lease"), ("lease", "600")], 3, "use lease=599 or less"),
        (&[("failover", "timeout"), ("fencing", "lease"), ("lease", "40")], 3, "a healthy leader would stop"),
        (&[("failover", "timeout"), ("lease", "100")], 3, "lease=100 has no effect"),
        (&[("failover", "manual"), ("max-clock-drift", "1")], 3, "max-clock-drift=1 has no effect"),
        // Freshness.
        (&[("read", "bounded:49")], 3, "use bounded:50 or more"),
        // A preset does not hide where a contradiction comes from.
        (&[("preset", "sentinel"), ("failover", "consensus")], 3, "(preset=sentinel sets replication=async"),
        (&[("preset", "raft"), ("fencing", "epoch")], 3, "(preset=raft is the defaults)"),
    ];
    for (pairs, nodes, expected) in cases {
        let message = parse(pairs, *nodes).expect_err(expected);
        assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    }
    assert!(!parse(&[("zzz", "1")], 3).unwrap_err().contains("did you mean"));
}

/// What one request may ask, in a cluster that allows something else by itself.
#[test]
fn requests_are_checked_like_settings() {
    let hidden = parse(&[("visibility", "on-commit")], 5).unwrap();
    assert!(hidden.check_replication(Replication::SemiSync(2), 5).is_ok());
    assert!(hidden.check_replication(Replication::SemiSync(1), 5).is_err());
    assert!(hidden.check_replication(Replication::Async, 5).is_err());
    let naive = [("visibility", "on-commit"), ("failover", "timeout"), ("replication", "async")];
    let naive = parse(&naive, 3).unwrap();
    assert!(naive.check_replication(Replication::Sync, 3).is_ok());
    assert!(naive.check_replication(Replication::Memory, 3).is_err());

    let hasty = parse(&[("election-timeout", "100-200")], 3).unwrap();
    assert!(hasty.check_read(ReadLevel::Lease).is_ok());
    assert!(hasty.check_read(ReadLevel::Bounded(49)).is_err());
    let unchecked = parse(&[("check-quorum", "off")], 3).unwrap();
    assert!(unchecked.check_read(ReadLevel::Lease).is_err());
    assert!(unchecked.check_read(ReadLevel::ReadIndex).is_ok());
}

#[test]
fn preference_sorts_the_named_before_the_others() {
    let settings = parse(&[("priority", "n3>n2")], 4).unwrap();
    let mut nodes = [1, 2, 3, 4].map(NodeId);
    nodes.sort_by_key(|node| settings.priority.rank(*node));
    assert_eq!(nodes, [3, 2, 1, 4].map(NodeId));
}

fn any_replication() -> impl Strategy<Value = Replication> {
    prop_oneof![
        Just(Replication::Memory),
        Just(Replication::Async),
        any::<u16>().prop_map(Replication::SemiSync),
        Just(Replication::Majority),
        Just(Replication::Sync),
    ]
}

fn any_read() -> impl Strategy<Value = ReadLevel> {
    prop_oneof![
        Just(ReadLevel::Local),
        Just(ReadLevel::Leader),
        (1..=INTERVAL_MS_MAX).prop_map(ReadLevel::Bounded),
        Just(ReadLevel::Session),
        Just(ReadLevel::Lease),
        Just(ReadLevel::ReadIndex),
        Just(ReadLevel::Log),
    ]
}

fn any_fsync() -> impl Strategy<Value = Fsync> {
    prop_oneof![Just(Fsync::Always), (1..=INTERVAL_MS_MAX).prop_map(Fsync::IntervalMs), Just(Fsync::Never)]
}

fn any_service_rate() -> impl Strategy<Value = ServiceRate> {
    prop_oneof![Just(ServiceRate::Off), any::<NonZeroU32>().prop_map(ServiceRate::PerSecond)]
}

prop_compose! {
    fn any_acknowledgement()(
        replication in any_replication(),
        ack_point in prop::sample::select(vec![AckPoint::Received, AckPoint::Durable, AckPoint::Applied]),
        on_ack_timeout in prop::sample::select(vec![OnAckTimeout::Wait, OnAckTimeout::Degrade, OnAckTimeout::Fail]),
        ack_timeout_ms in 1..=INTERVAL_MS_MAX,
        visibility in prop::sample::select(vec![Visibility::OnAck, Visibility::OnCommit]),
    ) -> Settings {
        Settings { replication, ack_point, on_ack_timeout, ack_timeout_ms, visibility, ..Settings::default() }
    }
}

prop_compose! {
    fn any_succession()(
        settings in any_acknowledgement(),
        failover in prop::sample::select(vec![Failover::Consensus, Failover::Timeout, Failover::Manual]),
        (pre_vote, check_quorum) in any::<(bool, bool)>(),
        order in prop::sample::subsequence(vec!["n1", "n2", "n3", "n4", "n5"], 1..5).prop_shuffle(),
        fencing in prop::sample::select(vec![Fencing::None, Fencing::Epoch, Fencing::Lease]),
        rejoin in prop::sample::select(vec![Rejoin::Truncate, Rejoin::Resync, Rejoin::Keep]),
    ) -> Settings {
        let priority = order.join(">").parse().unwrap();
        Settings { failover, pre_vote, check_quorum, priority, fencing, rejoin, ..settings }
    }
}

prop_compose! {
    fn any_settings()(
        settings in any_succession(),
        (read, fsync, service_rate) in (any_read(), any_fsync(), any_service_rate()),
        log_keep in 1..=1_000_000_000_u64,
        sessions in any::<bool>(),
        (heartbeat_ms, lease_ms, max_clock_drift_ppm) in (1..=INTERVAL_MS_MAX, 1..=INTERVAL_MS_MAX, 0..=100_000_u64),
        (left, right) in (1..=INTERVAL_MS_MAX, 1..=INTERVAL_MS_MAX),
        (max_entries_per_append, max_inflight) in (1..=65_536_usize, 1..=4_096_usize),
    ) -> Settings {
        Settings {
            read,
            fsync,
            catch_up: CatchUp { log_keep },
            sessions,
            heartbeat_ms,
            election_timeout: ElectionTimeout { min_ms: left.min(right), max_ms: left.max(right) },
            lease_ms,
            max_clock_drift_ppm,
            max_entries_per_append,
            max_inflight,
            service_rate,
            ..settings
        }
    }
}

proptest! {
    #[test]
    fn settings_survive_a_round_trip_through_their_map(settings in any_settings(), nodes in 1..9_u16) {
        prop_assert_eq!(Settings::parse(&settings.to_map()), Ok(settings.clone()));
        let checked = settings.check(nodes).map(|()| settings.clone());
        prop_assert_eq!(Settings::from_map(&settings.to_map(), nodes), checked);
    }
}
