//! Tests of long forks.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::*;
use crate::checker::judge;
use crate::history::EventType;
use crate::testing::{HistoryText, MadeOperation, history_of};
use crate::{Limits, Validity};

fn judged(text: &HistoryText) -> Analysis {
    judge(&text.history(), &Limits::NONE, &[&CHECKER])
}

fn write(text: &mut HistoryText, time: u64, key: u64) {
    let value = json!([["w", key, 1]]);
    text.ok((time, time + 1), time, "txn", value.clone(), value);
}

/// A read of keys, each with whether it was seen.
fn read<'a>(text: &'a mut HistoryText, time: u64, f: &str, keys: &[(u64, bool)]) -> &'a mut HistoryText {
    let value = |shows: bool| {
        let micro = |(key, seen): &(u64, bool)| json!(["r", key, if shows && *seen { json!(1) } else { Value::Null }]);
        keys.iter().map(micro).collect::<Vec<Value>>()
    };
    text.ok((time, time + 1), time, f, json!(value(false)), json!(value(true)))
}

fn writes(keys: u64) -> HistoryText {
    let mut text = HistoryText::new();
    (0..keys).for_each(|key| write(&mut text, key, key));
    text
}

#[test]
fn reads_that_agree_on_the_order_are_in_order() {
    let mut text = writes(3);
    for (time, seen) in [[false; 3], [true, false, false], [true, false, true], [true; 3]].into_iter().enumerate() {
        let keys: Vec<(u64, bool)> = (0..3).zip(seen).collect();
        read(&mut text, 10 + time as u64, "txn", &keys);
    }
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.long_forks), (Validity::Valid, Some(0)));
}

#[test]
fn opposite_orders_are_a_long_fork_in_txn_and_in_jepsen_s_reads() {
    for f in ["txn", "read"] {
        let mut text = writes(3);
        read(&mut text, 10, f, &[(0, true), (1, false), (2, true)]);
        // The keys may come in any order.
        read(&mut text, 20, f, &[(2, false), (0, true), (1, true)]);
        let analysis = judged(&text);
        assert_eq!((analysis.valid, analysis.measures.long_forks), (Validity::Invalid, Some(1)));
        let finding = &analysis.findings[0];
        assert_eq!((finding.kind, finding.witness.events.len()), (FindingKind::LongFork, 8));
        assert!(finding.witness.text.contains("saw the write of 2 and not that of 1"), "{}", finding.witness.text);
    }
}

#[test]
fn groups_that_overlap_are_compared_on_what_they_share() {
    let mut text = writes(4);
    read(&mut text, 10, "txn", &[(0, true), (1, false), (2, false)]);
    read(&mut text, 20, "txn", &[(1, true), (0, false), (3, false)]);
    assert_eq!(judged(&text).measures.long_forks, Some(1));
    let mut text = writes(4);
    read(&mut text, 10, "txn", &[(0, true), (1, false)]);
    read(&mut text, 20, "txn", &[(1, true), (2, false)]);
    // One shared key shows no order.
    assert_eq!(judged(&text).measures.long_forks, Some(0));
}

#[test]
fn an_undecided_write_counts_once_it_is_seen_and_undecided_reads_show_nothing() {
    let mut text = HistoryText::new();
    write(&mut text, 0, 0);
    text.invoke(1, 50, "txn", json!([["w", 1, 1]])).complete(2, 50, "info", "txn", Value::Null);
    read(&mut text, 10, "txn", &[(0, true), (1, false)]);
    text.invoke(20, 51, "txn", json!([["r", 0, null], ["r", 1, null]]));
    text.complete(21, 51, "info", "txn", json!([["r", 0, null], ["r", 1, 1]]));
    assert_eq!(judged(&text).measures.long_forks, Some(0));
    read(&mut text, 30, "txn", &[(0, false), (1, true)]).with("level", "local");
    assert_eq!(judged(&text).measures.long_forks, Some(0));
    read(&mut text, 40, "txn", &[(0, false), (1, true)]);
    assert_eq!(judged(&text).measures.long_forks, Some(1));
}

#[test]
fn reads_that_tell_nothing_are_unknown() {
    let mut text = writes(2);
    read(&mut text, 10, "txn", &[(0, true), (1, true)]);
    read(&mut text, 20, "txn", &[(0, false), (1, false)]);
    read(&mut text, 30, "txn", &[(0, true)]);
    assert!(judged(&text).reasons[0].contains("no long fork could have shown"), "{:?}", judged(&text));
}

#[test]
fn values_of_nobody_of_refused_and_of_later_writes_are_unexpected() {
    let mut text = HistoryText::new();
    write(&mut text, 0, 0);
    text.invoke(0, 60, "txn", json!([["w", 1, 1]])).complete(1, 60, "fail", "txn", json!([["w", 1, 1]]));
    write(&mut text, 20, 2);
    read(&mut text, 10, "txn", &[(0, true), (1, true), (2, true), (3, true)]);
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.unexpected), (Validity::Invalid, Some(3)));
}

#[test]
fn what_is_no_history_of_groups_is_unknown() {
    let reason = |text: &HistoryText| judged(text).reasons[0].clone();
    let mut text = writes(2);
    write(&mut text, 30, 1);
    assert!(reason(&text).contains("key 1 is written a second time"), "{}", reason(&text));
    let mut text = writes(1);
    text.ok((5, 6), 5, "txn", json!([["w", 5, 1], ["r", 0, null]]), Value::Null);
    assert!(reason(&text).contains("a list of one write or of some reads"), "{}", reason(&text));
    let mut text = writes(1);
    text.ok((5, 6), 5, "add", json!(1), json!(1));
    assert!(reason(&text).contains("`add` is not an operation of a group"), "{}", reason(&text));
    let mut text = writes(1);
    text.ok((5, 6), 5, "txn", json!([["r", 0, null], ["r", 0, null]]), json!([["r", 0, null], ["r", 0, 1]]));
    assert!(reason(&text).contains("key 0 is read in two states"), "{}", reason(&text));
    let mut text = writes(1);
    text.ok((5, 6), 5, "write", json!([["w", 9, null]]), Value::Null);
    assert!(reason(&text).contains("a value other than null"), "{}", reason(&text));
}

#[test]
fn long_forks_are_those_of_comparing_every_pair_of_reads() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let mut forked = 0;
    for number in 0..20_000 {
        let keys = random.random_range(2..5_u64);
        let made_write = |key: u64| {
            let value = json!([["w", key, 1]]);
            let end = Some((1, EventType::Ok, value.clone()));
            MadeOperation { process: key, f: "txn", key: 0, argument: value, invoked: 0, end }
        };
        let mut made: Vec<MadeOperation> = (0..keys).map(made_write).collect();
        // Mostly along one order, so that a good part agrees.
        let along = random.random_range(0..10);
        let reads: Vec<Vec<(u64, bool)>> = (0..random.random_range(1..6))
            .map(|_| {
                let upto = random.random_range(0..=keys);
                let mut seen: Vec<(u64, bool)> = Vec::new();
                for key in 0..keys {
                    if random.random_bool(0.7) {
                        seen.push((key, if random.random_range(0..10) < along { key < upto } else { random.random() }));
                    }
                }
                seen
            })
            .filter(|read: &Vec<(u64, bool)>| !read.is_empty())
            .collect();
        for (place, read) in reads.iter().enumerate() {
            let result: Vec<Value> =
                read.iter().map(|(key, seen)| json!(["r", key, if *seen { json!(1) } else { Value::Null }])).collect();
            let argument: Vec<Value> = read.iter().map(|(key, _)| json!(["r", key, null])).collect();
            let (process, end) = (100 + place as u64, Some((3, EventType::Ok, json!(result))));
            made.push(MadeOperation { process, f: "read", key: 0, argument: json!(argument), invoked: 2, end });
        }
        let sees =
            |read: &[(u64, bool)], one: u64, other: u64| read.contains(&(one, true)) && read.contains(&(other, false));
        let pairs = (0..keys).flat_map(|one| (0..one).map(move |other| (one, other)));
        let expected = pairs.clone().any(|(one, other)| {
            reads.iter().any(|read| sees(read, one, other)) && reads.iter().any(|read| sees(read, other, one))
        });
        let analysis = judge(&history_of(&made), &Limits::NONE, &[&CHECKER]);
        let found = analysis.finding(FindingKind::LongFork).is_some();
        assert_eq!(found, expected, "seed 4, history {number}: {reads:?}");
        forked += u64::from(found);
    }
    assert!((2_000..18_000).contains(&forked), "{forked} of 20,000 histories fork: the test is blind");
}
