//! Tests of causal reversal.

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

fn add(text: &mut HistoryText, span: (u64, u64), value: u64) -> &mut HistoryText {
    text.ok(span, 100 + value, "add", json!(value), json!(value))
}

fn read(text: &mut HistoryText, time: u64, values: Value) -> &mut HistoryText {
    text.ok((time, time + 1), time, "read", Value::Null, values)
}

#[test]
fn a_later_write_without_an_earlier_one_is_reversed() {
    let mut text = HistoryText::new();
    add(&mut text, (0, 10), 1);
    add(&mut text, (11, 20), 2);
    for shown in [json!([]), json!([1]), json!([1, 2, 2]), json!([2, 1, 99])] {
        assert_eq!(judged(read(&mut text.clone(), 30, shown)).findings.len(), 0);
    }
    let analysis = judged(read(&mut text, 5, json!([1])));
    assert_eq!((analysis.valid, analysis.measures.reversed_reads), (Validity::Valid, Some(0)));
    // Even while the later add is under way.
    read(&mut text, 12, json!([2]));
    read(&mut text, 40, json!([2, 2]));
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.reversed_reads), (Validity::Invalid, Some(2)));
    let finding = &analysis.findings[0];
    assert_eq!((finding.kind, finding.witness.events.len()), (FindingKind::StaleRead, 6));
    assert_eq!(analysis.measures.stale_reads, None);
    assert!(finding.witness.text.contains("shows only the later of the two"), "{}", finding.witness.text);
}

#[test]
fn concurrent_undecided_and_refused_writes_demand_nothing_as_the_earlier_one() {
    let mut text = HistoryText::new();
    add(&mut text, (0, 10), 1);
    text.invoke(0, 50, "add", json!(3)).complete(5, 50, "info", "add", json!(3));
    text.invoke(0, 51, "add", json!(4)).complete(5, 51, "fail", "add", json!(4));
    add(&mut text, (10, 20), 2);
    assert_eq!(judged(read(&mut text, 30, json!([2]))).valid, Validity::Valid);
    // Undecided, but seen: it is the later one.
    text.invoke(11, 52, "add", json!(5));
    assert_eq!(judged(read(&mut text, 40, json!([5, 2]))).valid, Validity::Invalid);
}

#[test]
fn added_twice_the_first_attempt_counts_as_later_and_the_first_acknowledgement_as_earlier() {
    let mut text = HistoryText::new();
    text.invoke(0, 50, "write", json!(2)).complete(1, 50, "info", "write", json!(2));
    text.ok((5, 6), 51, "write", json!(1), json!(1)).ok((10, 11), 52, "write", json!(2), json!(2));
    assert_eq!(judged(read(&mut text, 20, json!([2]))).valid, Validity::Valid);
    text.ok((30, 31), 53, "write", json!(1), json!(1)).ok((12, 13), 54, "write", json!(3), json!(3));
    assert_eq!(judged(read(&mut text, 40, json!([3, 2]))).measures.reversed_reads, Some(1));
}

#[test]
fn local_reads_are_reported_and_reads_marked_final_are_not_looked_at() {
    let mut text = HistoryText::new();
    add(&mut text, (0, 10), 1);
    add(&mut text, (11, 20), 2);
    read(&mut text, 30, json!([2])).with("level", "local");
    read(&mut text, 40, json!([2])).with("final", true);
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.findings[0].kind), (Validity::Valid, FindingKind::StaleLocalRead));
    assert_eq!(analysis.findings[0].count, 1);
}

#[test]
fn groups_of_keys_are_judged_on_the_keys_that_a_read_names() {
    let mut text = HistoryText::new();
    for (time, key) in [(0, "a"), (10, "b"), (20, "c")] {
        text.ok((time, time + 1), time, "txn", json!([["w", key, 1]]), json!([["w", key, 1]]));
    }
    let mut group = |time: u64, result: Value| {
        text.ok((time, time + 1), time, "txn", json!([["r", "a", null]]), result);
        let analysis = judged(&text);
        (analysis.valid, analysis.measures.reversed_reads)
    };
    assert_eq!(group(30, json!([["r", "c", 1], ["r", "b", 1]])), (Validity::Valid, Some(0)));
    assert_eq!(group(40, json!([["r", "a", null], ["r", "c", 1]])), (Validity::Invalid, Some(1)));
    assert_eq!(group(50, json!([["r", "a", 1], ["r", "b", null], ["r", "c", null]])), (Validity::Invalid, Some(1)));
    assert_eq!(group(60, json!([["r", "a", null], ["r", "b", 1], ["r", "c", null]])), (Validity::Invalid, Some(2)));
}

#[test]
fn nothing_shown_and_other_operations_are_unknown() {
    let mut text = HistoryText::new();
    add(&mut text, (0, 10), 1);
    read(&mut text, 20, json!([]));
    assert_eq!(judged(&text).reasons, ["no read showed a write: nothing was tested"]);
    let mut number = text.clone();
    read(&mut number, 30, json!(1));
    assert!(judged(&number).reasons[0].contains("`read` has a list as its result, not 1"));
    text.ok((30, 31), 30, "cas", json!([1, 2]), json!([1, 2]));
    assert!(judged(&text).reasons[0].contains("`cas` is not an operation of a set or group of keys"));
}

#[test]
fn reversals_are_those_of_comparing_every_pair_of_writes() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut reversed = 0;
    for number in 0..20_000 {
        let as_groups = random.random();
        let adds: Vec<(u64, u64, EventType)> = (0..random.random_range(1..5))
            .map(|_| {
                let invoked = random.random_range(0..10);
                let how = [EventType::Ok, EventType::Ok, EventType::Info, EventType::Fail][random.random_range(0..4)];
                (invoked, invoked + random.random_range(0..4), how)
            })
            .collect();
        let reads: Vec<(u64, Vec<bool>)> = (0..random.random_range(1..4))
            .map(|_| (random.random_range(0..16), adds.iter().map(|_| random.random()).collect()))
            .collect();
        let mut made = Vec::new();
        for (place, (invoked, completed, how)) in adds.iter().enumerate() {
            let argument = if as_groups { json!([["w", place, 1]]) } else { json!(place) };
            let f = if as_groups { "txn" } else { "add" };
            let end = Some((*completed, *how, argument.clone()));
            made.push(MadeOperation { process: place as u64, f, key: 0, argument, invoked: *invoked, end });
        }
        for (place, (time, shown)) in reads.iter().enumerate() {
            let micro = |shows: bool| -> Vec<Value> {
                let value = |shown: &bool| if *shown && shows { json!(1) } else { Value::Null };
                shown.iter().enumerate().map(|(key, shown)| json!(["r", key, value(shown)])).collect()
            };
            let listed: Vec<usize> = (0..shown.len()).filter(|add| shown[*add]).collect();
            let (argument, result) =
                if as_groups { (json!(micro(false)), json!(micro(true))) } else { (Value::Null, json!(listed)) };
            let f = if as_groups { "txn" } else { "read" };
            let end = Some((*time, EventType::Ok, result));
            made.push(MadeOperation { process: 50 + place as u64, f, key: 0, argument, invoked: *time, end });
        }
        let is_reversed = |(time, shown): &&(u64, Vec<bool>)| {
            adds.iter().enumerate().any(|(later, (began, _, how))| {
                let is_seen = shown[later] && *how != EventType::Fail && began <= time;
                is_seen
                    && adds
                        .iter()
                        .enumerate()
                        .any(|(earlier, (_, ended, how))| !shown[earlier] && *how == EventType::Ok && ended < began)
            })
        };
        let expected = reads.iter().filter(is_reversed).count() as u64;
        let analysis = judge(&history_of(&made), &Limits::NONE, &[&CHECKER]);
        let found = analysis.measures.reversed_reads.unwrap_or(0);
        assert_eq!(found, expected, "seed 5, history {number}: {made:#?}");
        reversed += u64::from(found > 0);
    }
    assert!((2_000..18_000).contains(&reversed), "{reversed} of 20,000 histories are reversed: the test is blind");
}
