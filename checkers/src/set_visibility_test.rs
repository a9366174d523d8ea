//! Tests of visibility, through the checker.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::*;
use crate::checker::judge;
use crate::history::EventType;
use crate::set_full;
use crate::testing::{HistoryText, MadeOperation, history_of};
use crate::{Analysis, FindingKind, Limits, Validity};

fn judged(text: &HistoryText) -> Analysis {
    judge(&text.history(), &Limits::NONE, &[&set_full::CHECKER])
}

fn elements(text: &HistoryText) -> SetElements {
    judged(text).measures.set_elements.unwrap()
}

fn add(text: &mut HistoryText, span: (u64, u64), element: u64) -> &mut HistoryText {
    text.ok(span, 100 + element, "add", json!(element), json!(element))
}

fn read(text: &mut HistoryText, span: (u64, u64), elements: Value) -> &mut HistoryText {
    text.ok(span, span.0, "read", Value::Null, elements)
}

/// One value as all quantiles.
fn all(ms: f64) -> Option<Quantiles> {
    Some(Quantiles { min: ms, p50: ms, p95: ms, p99: ms, max: ms })
}

#[test]
fn an_element_is_stable_from_the_last_read_without_it() {
    let mut text = HistoryText::new();
    add(&mut text, (0, 10), 1);
    read(&mut text, (10, 11), json!([]));
    read(&mut text, (30, 31), json!([1]));
    // Not returned at the very time when it became known: at no time after.
    assert_eq!(elements(&text).stable_latency_ms, all(0.0));
    assert_eq!((elements(&text).stable, elements(&text).stale), (1, 0));
    read(&mut text, (20, 21), json!([1]));
    read(&mut text, (25, 27), json!([]));
    let found = elements(&text);
    assert_eq!((found.stable, found.stale, found.stable_latency_ms), (1, 1, all(15.0)));
    let worst = StaleElement { key: "the object".to_owned(), element: "1".to_owned(), latency_ms: 15.0 };
    assert_eq!(found.worst_stale, [worst]);
}

#[test]
fn an_undecided_element_is_known_once_a_read_returned_it() {
    let mut text = HistoryText::new();
    text.invoke(0, 50, "add", json!(1));
    read(&mut text, (5, 8), json!([1]));
    read(&mut text, (20, 21), json!([]));
    read(&mut text, (30, 31), json!([1]));
    let found = elements(&text);
    assert_eq!((found.stable, found.stable_latency_ms), (1, all(12.0)));
}

#[test]
fn lost_elements_were_there_from_known_to_last_seen() {
    let mut text = HistoryText::new();
    add(&mut text, (0, 10), 1);
    add(&mut text, (0, 10), 2);
    read(&mut text, (25, 26), json!([1]));
    read(&mut text, (40, 41), json!([]));
    let analysis = judged(&text);
    assert_eq!(analysis.measures.lost, Some(2));
    let lost = analysis.measures.set_elements.unwrap().lost_latency_ms.unwrap();
    assert_eq!((lost.min, lost.p50, lost.max), (0.0, 0.0, 15.0));
}

#[test]
fn without_a_closing_read_some_were_never_read() {
    let mut text = HistoryText::new();
    text.nemesis(0, "phase", json!("load"));
    for element in 1..=3 {
        add(&mut text, (0, 10), element);
    }
    read(&mut text, (20, 21), json!([1, 2]));
    read(&mut text, (30, 31), json!([1]));
    let found = elements(&text);
    assert_eq!((found.stable, found.never_read, found.lost_latency_ms), (1, 1, None));
}

#[test]
fn an_element_twice_in_one_read_is_a_duplicate() {
    let mut text = HistoryText::new();
    add(&mut text, (0, 10), 1);
    add(&mut text, (0, 10), 2);
    read(&mut text, (20, 21), json!([1, 2, 1]));
    read(&mut text, (30, 31), json!([1, 2]));
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.duplicates), (Validity::Invalid, Some(1)));
    let finding = analysis.finding(FindingKind::Duplicate).unwrap();
    assert_eq!(finding.witness.events.len(), 4);
    assert!(finding.witness.text.contains("1 of the object stands more than once in"), "{}", finding.witness.text);
}

#[test]
fn nothing_read_or_nothing_known_is_unknown() {
    let mut text = HistoryText::new();
    text.invoke(0, 0, "add", json!(1)).complete(1, 0, "fail", "add", json!(1));
    assert_eq!(judged(&text).reasons, ["no read of a set ended ok: nothing was tested"]);
    assert_eq!((judged(&text).valid, judged(&text).measures.set_elements), (Validity::Unknown, None));
    read(&mut text, (5, 6), json!([]));
    assert_eq!(judged(&text).reasons, ["no element was acknowledged or returned by a read: nothing was tested"]);
}

#[test]
fn maelstrom_s_broadcasts_are_adds() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 0, "broadcast", json!(1), json!(1)).ok((0, 1), 1, "broadcast", json!(2), json!(2));
    read(&mut text, (20, 21), json!([1]));
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.lost), (Validity::Invalid, Some(1)));
}

#[test]
fn latencies_are_those_of_looking_at_every_read_for_every_element() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let (mut stale, mut lost) = (0, 0);
    for number in 0..20_000 {
        let count = random.random_range(1..4_u64);
        let mut made: Vec<MadeOperation> = (0..count)
            .map(|element| {
                let how = [EventType::Ok, EventType::Ok, EventType::Info][random.random_range(0..3)];
                let invoked = random.random_range(0..6);
                let end = Some((invoked + random.random_range(0..4), how, json!(element)));
                MadeOperation { process: element, f: "add", key: 0, argument: json!(element), invoked, end }
            })
            .collect();
        let mut reads: Vec<(u64, u64, Vec<u64>)> = (0..random.random_range(0..6))
            .map(|_| {
                let invoked = random.random_range(0..12);
                let shown = (0..count).filter(|_| random.random_bool(0.6)).collect();
                (invoked, invoked + random.random_range(0..3), shown)
            })
            .collect();
        // Always a closing read, and no two at one time, so that their order is plain.
        reads.push((20, 21, (0..count).filter(|_| random.random_bool(0.7)).collect()));
        reads.sort();
        reads.dedup_by_key(|read| read.0);
        for (place, (invoked, completed, shown)) in reads.iter().enumerate() {
            let end = Some((*completed, EventType::Ok, json!(shown)));
            let process = 100 + place as u64;
            made.push(MadeOperation { process, f: "read", key: 0, argument: Value::Null, invoked: *invoked, end });
        }
        let (mut stable_ns, mut lost_ns) = (Vec::new(), Vec::new());
        for element in 0..count {
            let shows = |read: &&(u64, u64, Vec<u64>)| read.2.contains(&element);
            let acknowledged = match made[element as usize].end {
                Some((completed, EventType::Ok, _)) => Some(completed),
                _ => None,
            };
            let known = reads.iter().filter(shows).map(|read| read.1).chain(acknowledged).min();
            let Some(known) = known else { continue };
            let last_with = reads.iter().filter(shows).map(|read| read.0).max();
            let last_without = reads.iter().filter(|read| !shows(read)).map(|read| read.0).max();
            if last_with == Some(20) {
                stable_ns.push(last_without.unwrap_or(0).saturating_sub(known));
            } else if acknowledged.is_some() {
                lost_ns.push(last_with.unwrap_or(0).saturating_sub(known));
            }
        }
        let analysis = judge(&history_of(&made), &Limits::NONE, &[&set_full::CHECKER]);
        let found = analysis.measures.set_elements.unwrap();
        stale += u64::from(found.stale > 0);
        lost += u64::from(!lost_ns.is_empty());
        assert_eq!(found.stable, stable_ns.len() as u64, "seed 6, history {number}: {made:#?}");
        assert_eq!(
            found.stale,
            stable_ns.iter().filter(|latency| **latency > 0).count() as u64,
            "seed 6, history {number}"
        );
        assert_eq!(found.stable_latency_ms, quantiles(stable_ns), "seed 6, history {number}: {made:#?}");
        assert_eq!(found.lost_latency_ms, quantiles(lost_ns), "seed 6, history {number}: {made:#?}");
    }
    assert!(stale > 2_000 && lost > 2_000, "{stale} histories with a stale element, {lost} with a lost one");
}
