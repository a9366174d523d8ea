//! Tests of locks.

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

fn acquire(text: &mut HistoryText, span: (u64, u64), process: u64) -> &mut HistoryText {
    text.ok(span, process, "acquire", Value::Null, Value::Null)
}

fn release(text: &mut HistoryText, span: (u64, u64), process: u64) -> &mut HistoryText {
    text.ok(span, process, "release", Value::Null, Value::Null)
}

/// Overlaps: how many, seconds in all, the longest.
fn overlap(text: &HistoryText) -> (u64, Option<f64>, Option<f64>) {
    let analysis = judged(text);
    let count = analysis.finding(FindingKind::LockOverlap).map_or(0, |overlap| overlap.count);
    (count, analysis.measures.lock_overlap_seconds, analysis.measures.lock_overlap_longest_seconds)
}

#[test]
fn one_holder_after_another_is_in_order_even_at_equal_times() {
    let mut text = HistoryText::new();
    acquire(&mut text, (0, 10), 0);
    release(&mut text, (20, 25), 0);
    // Completed at the very time when the release was invoked.
    acquire(&mut text, (15, 20), 1);
    release(&mut text, (30, 31), 1);
    assert_eq!(judged(&text).valid, Validity::Valid);
    assert_eq!(overlap(&text), (0, Some(0.0), Some(0.0)));
}

#[test]
fn two_certain_holds_overlap_and_are_measured() {
    let mut text = HistoryText::new();
    acquire(&mut text, (0, 10), 0);
    acquire(&mut text, (20, 100), 1);
    release(&mut text, (150, 155), 1);
    acquire(&mut text, (140, 180), 2);
    release(&mut text, (190, 195), 2);
    release(&mut text, (200, 210), 0);
    assert_eq!(overlap(&text), (2, Some(0.06), Some(0.05)));
    let analysis = judged(&text);
    let finding = &analysis.findings[0];
    assert_eq!(
        (analysis.valid, finding.kind, finding.seconds),
        (Validity::Invalid, FindingKind::LockOverlap, Some(0.06))
    );
    assert_eq!(finding.witness.events.len(), 8);
    let told = &finding.witness.text;
    assert!(
        told.starts_with("2 acquires were granted while another process certainly held the lock, 0.060 s"),
        "{told}"
    );
    assert!(told.contains("for 0.050 s from 0.100 s on"), "{told}");
}

#[test]
fn undecided_and_refused_acquires_hold_nothing_and_false_is_none() {
    let mut text = HistoryText::new();
    acquire(&mut text, (0, 10), 0);
    text.invoke(12, 1, "acquire", Value::Null).complete(13, 1, "info", "acquire", Value::Null);
    text.invoke(12, 2, "acquire", Value::Null).complete(13, 2, "fail", "acquire", Value::Null);
    text.invoke(12, 3, "acquire", Value::Null);
    text.ok((12, 13), 4, "acquire", Value::Null, json!(false));
    release(&mut text, (20, 25), 0);
    assert_eq!(overlap(&text), (0, Some(0.0), Some(0.0)));
}

#[test]
fn a_release_of_any_outcome_ends_certainty_when_it_is_invoked() {
    for how in ["ok", "fail", "info"] {
        let mut text = HistoryText::new();
        acquire(&mut text, (0, 10), 0);
        text.invoke(20, 0, "release", Value::Null).complete(25, 0, how, "release", Value::Null);
        acquire(&mut text, (30, 40), 1);
        assert_eq!(overlap(&text).0, 0, "{how}");
        acquire(&mut text, (12, 15), 2);
        assert_eq!(overlap(&text).0, 1, "{how}");
    }
}

#[test]
fn a_hold_that_is_never_given_up_lasts_as_long_as_its_process_acts() {
    let mut text = HistoryText::new();
    acquire(&mut text, (0, 10), 0);
    acquire(&mut text, (5, 15), 1);
    release(&mut text, (30, 31), 1);
    // Process 0 may have died at 10: nothing shows that it held on.
    assert_eq!(overlap(&text).0, 0);
    text.ok((20, 25), 0, "write", json!(7), json!(7));
    assert_eq!(overlap(&text), (1, Some(0.01), Some(0.01)));
}

#[test]
fn a_hold_may_be_too_short_to_measure_and_still_overlap() {
    let mut text = HistoryText::new();
    acquire(&mut text, (0, 10), 0);
    acquire(&mut text, (15, 20), 1);
    release(&mut text, (20, 22), 1);
    release(&mut text, (30, 31), 0);
    assert_eq!(overlap(&text), (1, Some(0.0), Some(0.0)));
    assert_eq!(judged(&text).valid, Validity::Invalid);
}

#[test]
fn a_release_by_another_makes_the_hold_doubtful_and_is_reported() {
    let mut text = HistoryText::new();
    acquire(&mut text, (0, 10), 0);
    release(&mut text, (20, 25), 5);
    acquire(&mut text, (30, 40), 1);
    release(&mut text, (50, 51), 0);
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.findings[0].kind), (Validity::Valid, FindingKind::ClientSuspect));
    // Up to that release the hold is certain; and one that was over before the acquire began casts no doubt.
    acquire(&mut text, (12, 15), 2);
    assert_eq!(overlap(&text).0, 1);
    let mut text = HistoryText::new();
    release(&mut text, (0, 5), 5);
    acquire(&mut text, (6, 10), 0);
    acquire(&mut text, (12, 15), 1);
    release(&mut text, (20, 21), 0);
    release(&mut text, (22, 23), 1);
    assert_eq!(overlap(&text).0, 1);
    // Undecided, it may come at any time from then on; refused, it does nothing.
    let undecided = |how: &str| {
        let mut text = text.clone();
        text.invoke(3, 6, "release", Value::Null).complete(4, 6, how, "release", Value::Null);
        overlap(&text).0
    };
    assert_eq!((undecided("info"), undecided("fail")), (0, 1));
}

#[test]
fn who_may_hold_it_may_release_it() {
    let mut text = HistoryText::new();
    text.invoke(0, 0, "acquire", Value::Null).complete(1, 0, "info", "acquire", Value::Null);
    release(&mut text, (2, 3), 0);
    acquire(&mut text, (10, 11), 1);
    text.invoke(12, 1, "release", Value::Null).complete(13, 1, "info", "release", Value::Null);
    release(&mut text, (14, 15), 1);
    assert!(judged(&text).findings.is_empty(), "{:?}", judged(&text));
    release(&mut text, (16, 17), 1);
    assert_eq!(judged(&text).findings[0].kind, FindingKind::ClientSuspect);
}

fn token(text: &mut HistoryText, span: (u64, u64), process: u64, token: Value) -> &mut HistoryText {
    text.ok(span, process, "acquire", Value::Null, token);
    text.ok((span.1 + 1, span.1 + 2), process, "release", Value::Null, Value::Null)
}

fn fencing(text: &HistoryText) -> Option<u64> {
    judged(text).measures.fencing_violations
}

#[test]
fn tokens_grow_with_real_time() {
    let mut text = HistoryText::new();
    token(&mut text, (0, 1), 0, json!(5));
    token(&mut text, (10, 11), 1, json!({"token": 7}));
    assert_eq!(fencing(&text), Some(0));
    // Concurrent acquires may have any order, but not one token.
    token(&mut text, (10, 20), 2, json!(6));
    token(&mut text, (10, 21), 3, json!(7));
    assert_eq!(fencing(&text), Some(1));
    token(&mut text, (30, 31), 4, json!(7));
    token(&mut text, (40, 41), 5, json!(1));
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.fencing_violations), (Validity::Invalid, Some(3)));
}

#[test]
fn a_repeated_argument_is_no_token_and_a_renewal_no_new_one() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 0, "acquire", json!(5), json!(5)).ok((2, 3), 0, "release", json!(5), json!(5));
    text.ok((4, 5), 0, "acquire", json!(5), json!(5));
    assert_eq!(fencing(&text), None);
    let mut text = HistoryText::new();
    text.ok((0, 1), 0, "acquire", Value::Null, json!(5)).ok((2, 3), 0, "acquire", Value::Null, json!(5));
    assert_eq!(fencing(&text), Some(0));
    text.ok((4, 5), 0, "release", Value::Null, Value::Null).ok((6, 7), 0, "acquire", Value::Null, json!(5));
    assert_eq!(fencing(&text), Some(1));
}

#[test]
fn an_older_token_accepted_after_a_newer_one_is_a_violation() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 0, "write", json!([2, "a"]), json!([2, "a"]));
    text.ok((1, 5), 1, "write", json!([1, "b"]), json!([1, "b"]));
    text.ok((6, 7), 0, "write", json!({"token": 2, "value": 1}), Value::Null);
    text.invoke(8, 2, "write", json!([1, "c"])).complete(9, 2, "fail", "write", json!([1, "c"]));
    text.invoke(8, 3, "write", json!([1, "d"])).complete(9, 3, "info", "write", json!([1, "d"]));
    text.ok((10, 11), 4, "write", json!("no token"), Value::Null).ok((10, 11), 5, "read", Value::Null, json!("b"));
    assert_eq!((judged(&text).valid, fencing(&text)), (Validity::Valid, Some(0)));
    text.ok((8, 12), 6, "write", json!([1, "e"]), json!([1, "e"]));
    let analysis = judged(&text);
    assert_eq!((analysis.valid, fencing(&text)), (Validity::Invalid, Some(1)));
    assert!(analysis.findings[0].witness.text.contains("1 fencing token accepted after a greater one"));
}

#[test]
fn nothing_acquired_and_other_operations_are_unknown() {
    let mut text = HistoryText::new();
    text.invoke(0, 0, "acquire", Value::Null);
    assert_eq!(judged(&text).reasons, ["no acquire ended ok: no lock was tested"]);
    text.ok((0, 1), 1, "add", json!(1), json!(1));
    assert_eq!(judged(&text).reasons, ["index 1: `add` is not an operation of a lock"]);
}

/// A hold as the slow answer sees it: times in half units, so that "after the last line" has a number.
struct Span {
    acquire: (u64, u64),
    release: (u64, u64),
}

/// The holds of a key by their definition; every process's operations stand in order.
fn spans(made: &[MadeOperation], key: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    for (place, acquire) in made.iter().enumerate() {
        let Some((completed, EventType::Ok, _)) = &acquire.end else { continue };
        if acquire.f != "acquire" || acquire.key != key {
            continue;
        }
        let rest: Vec<&MadeOperation> =
            made[place + 1..].iter().filter(|other| other.process == acquire.process).collect();
        let end = rest.iter().find(|other| other.key == key).map(|other| 2 * other.invoked);
        let last = rest.last().map_or(*completed, |last| last.end.as_ref().map_or(last.invoked, |end| end.0));
        let release = (end.unwrap_or(2 * last + 1), 200);
        spans.push(Span { acquire: (2 * acquire.invoked, 2 * completed), release });
    }
    spans
}

/// Whether some moments for the four operations put one hold before the other.
fn may_follow(one: &Span, other: &Span) -> bool {
    (one.release.0..=one.release.1).any(|end| (other.acquire.0..=other.acquire.1).any(|begin| end <= begin))
}

#[test]
fn overlaps_are_those_of_trying_every_moment() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut bad = 0;
    for number in 0..20_000 {
        let mut made = Vec::new();
        for process in 0..random.random_range(1..4) {
            let (mut time, mut holding) = (random.random_range(0..6), [false; 2]);
            for _ in 0..random.random_range(1..5) {
                let key = random.random_range(0..2);
                // Nobody releases what he cannot hold: another test has that.
                let f = if holding[key] && random.random_bool(0.6) { "release" } else { "acquire" };
                let how = [EventType::Ok, EventType::Ok, EventType::Info, EventType::Fail][random.random_range(0..4)];
                let end = time + random.random_range(0..3);
                let is_open = how == EventType::Info && random.random_bool(0.5);
                let completion = (!is_open).then_some((end, how, Value::Null));
                made.push(MadeOperation {
                    process,
                    f,
                    key: key as u64,
                    argument: Value::Null,
                    invoked: time,
                    end: completion,
                });
                match (f, how) {
                    ("acquire", EventType::Ok | EventType::Info) => holding[key] = true,
                    ("release", EventType::Ok) => holding[key] = false,
                    _ => {}
                }
                if is_open {
                    break;
                }
                time = end + random.random_range(0..3);
            }
        }
        let analysis = judge(&history_of(&made), &Limits::NONE, &[&CHECKER]);
        let (mut expected, mut total_ns) = (false, 0);
        for key in 0..2 {
            let of_key = spans(&made, key);
            for (place, one) in of_key.iter().enumerate() {
                expected |= of_key[..place].iter().any(|other| !may_follow(one, other) && !may_follow(other, one));
            }
            for slot in 0..100 {
                let holders =
                    of_key.iter().filter(|span| span.acquire.1 <= 2 * slot && 2 * (slot + 1) <= span.release.0);
                total_ns += u64::from(holders.count() > 1);
            }
        }
        let found = analysis.finding(FindingKind::LockOverlap).is_some();
        assert_eq!(found, expected, "seed 3, history {number}: {made:#?}");
        let measured = analysis.measures.lock_overlap_seconds.unwrap_or(0.0);
        assert_eq!((measured * 1e9).round() as u64, total_ns, "seed 3, history {number}: {made:#?}");
        bad += u64::from(found);
    }
    assert!((2_000..18_000).contains(&bad), "{bad} of 20,000 histories overlap: the test is blind");
}

#[test]
fn fencing_violations_are_those_of_comparing_every_pair() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut bad = 0;
    for number in 0..20_000 {
        let is_acquire = random.random();
        let made: Vec<MadeOperation> = (0..random.random_range(1..6))
            .map(|process| {
                let token = random.random_range(1..6);
                let invoked = random.random_range(0..12);
                let how = [EventType::Ok, EventType::Ok, EventType::Info, EventType::Fail][random.random_range(0..4)];
                let (f, argument, result) = if is_acquire {
                    ("acquire", Value::Null, json!(token))
                } else {
                    ("write", json!([token, "value"]), json!(token))
                };
                let end = Some((invoked + random.random_range(0..4), how, result));
                MadeOperation { process, f, key: random.random_range(0..2), argument, invoked, end }
            })
            .collect();
        let token = |made: &MadeOperation| match &made.end {
            Some((completed, EventType::Ok, token)) => Some((*completed, token.as_i64().unwrap())),
            _ => None,
        };
        let is_violation = |earlier: &MadeOperation, later: &MadeOperation| {
            let Some(((ended, first), (_, second))) = token(earlier).zip(token(later)) else { return false };
            let is_other = earlier.key == later.key && earlier.process != later.process;
            let is_out_of_order = ended < later.invoked && (first > second || (is_acquire && first == second));
            is_other && (is_out_of_order || (is_acquire && first == second))
        };
        let expected = made.iter().any(|later| made.iter().any(|earlier| is_violation(earlier, later)));
        let analysis = judge(&history_of(&made), &Limits::NONE, &[&CHECKER]);
        let found = analysis.finding(FindingKind::FencingViolation).is_some();
        assert_eq!(found, expected, "seed 7, history {number}: {made:#?}");
        bad += u64::from(found);
    }
    assert!((2_000..18_000).contains(&bad), "{bad} of 20,000 histories violate fencing: the test is blind");
}
