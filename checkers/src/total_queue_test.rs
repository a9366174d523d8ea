//! Tests of queues.

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

/// Times, then the process is the time of invocation.
fn enqueue(text: &mut HistoryText, span: (u64, u64), value: u64) -> &mut HistoryText {
    text.ok(span, span.0, "enqueue", json!(value), json!(value))
}

fn dequeue(text: &mut HistoryText, span: (u64, u64), value: Value) -> &mut HistoryText {
    text.ok(span, span.0, "dequeue", Value::Null, value)
}

/// Lost, recovered, duplicates, unexpected.
fn counts(analysis: &Analysis) -> [Option<u64>; 4] {
    let measures = &analysis.measures;
    [measures.lost, measures.recovered, measures.duplicates, measures.unexpected]
}

#[test]
fn what_goes_in_and_comes_out_once_is_in_order() {
    let mut text = HistoryText::new();
    enqueue(&mut text, (0, 10), 1);
    enqueue(&mut text, (20, 30), 2);
    // Dequeued while its enqueue is under way, and at the very time of its invocation.
    dequeue(&mut text, (19, 20), json!(2));
    dequeue(&mut text, (40, 41), json!(1));
    dequeue(&mut text, (50, 51), Value::Null);
    let analysis = judged(&text);
    assert_eq!((analysis.valid, counts(&analysis)), (Validity::Valid, [Some(0); 4]));
}

#[test]
fn acknowledged_and_never_dequeued_from_a_drained_queue_is_lost() {
    let mut text = HistoryText::new();
    enqueue(&mut text, (0, 10), 1);
    enqueue(&mut text, (2, 12), 2);
    dequeue(&mut text, (15, 16), json!(1));
    // Invoked at the very time of the last acknowledgement: that proves nothing.
    assert_eq!(counts(&judged(dequeue(&mut text.clone(), (12, 20), Value::Null)))[0], None);
    let analysis = judged(dequeue(&mut text.clone(), (30, 31), Value::Null));
    assert_eq!((analysis.valid, counts(&analysis)), (Validity::Invalid, [Some(1), Some(0), Some(0), Some(0)]));
    let told = &analysis.findings[0].witness.text;
    assert!(told.contains("enqueue of 2") && told.contains("found the queue empty"), "{told}");
    let analysis = judged(text.ok((30, 31), 30, "drain", Value::Null, json!([2])));
    assert_eq!((analysis.valid, counts(&analysis)), (Validity::Valid, [Some(0); 4]));
}

#[test]
fn without_a_drained_queue_lost_is_unknown() {
    let mut text = HistoryText::new();
    enqueue(&mut text, (0, 10), 1);
    enqueue(&mut text, (2, 12), 2);
    enqueue(&mut text, (3, 12), 3);
    dequeue(&mut text, (15, 16), json!(1));
    let analysis = judged(&text);
    assert_eq!((analysis.valid, counts(&analysis)), (Validity::Unknown, [None, Some(0), Some(0), Some(0)]));
    // Refused and undecided dequeues show no empty queue.
    text.invoke(20, 20, "dequeue", Value::Null).complete(21, 20, "fail", "dequeue", Value::Null);
    text.invoke(22, 22, "dequeue", Value::Null).complete(23, 22, "info", "dequeue", Value::Null);
    assert_eq!(judged(&text).valid, Validity::Unknown);
    // Something came out after the queue had seemed empty.
    dequeue(&mut text, (30, 31), Value::Null);
    dequeue(&mut text, (32, 33), json!(2));
    assert_eq!(counts(&judged(&text))[0], None);
    // Nothing is missing any more: nothing is lost, drained or not.
    dequeue(&mut text, (34, 35), json!(3));
    assert_eq!(counts(&judged(&text))[0], Some(0));
}

#[test]
fn what_an_undecided_dequeue_may_have_taken_is_not_lost() {
    let mut text = HistoryText::new();
    for value in 1..=3 {
        enqueue(&mut text, (value, 10), value);
    }
    dequeue(&mut text, (30, 31), Value::Null);
    assert_eq!(counts(&judged(&text))[0], Some(3));
    text.invoke(5, 50, "dequeue", Value::Null).complete(6, 50, "info", "dequeue", Value::Null);
    // Begun at the very end of the proof: it may have been first. Begun later: it was not.
    text.invoke(31, 51, "dequeue", Value::Null);
    text.invoke(32, 52, "dequeue", Value::Null);
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.lost), (Validity::Invalid, None));
    let lost = analysis.finding(FindingKind::Lost).unwrap();
    assert_eq!(lost.count, 1);
    assert!(lost.witness.text.contains("at least 1 of the 3 values"), "{}", lost.witness.text);
    text.invoke(8, 53, "drain", Value::Null).complete(9, 53, "info", "drain", Value::Null);
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.findings.len()), (Validity::Unknown, 0));
    assert!(analysis.reasons[0].contains("3 values acknowledged"), "{:?}", analysis.reasons);
}

#[test]
fn dequeued_twice_is_a_duplicate_unless_it_was_enqueued_twice() {
    let mut text = HistoryText::new();
    enqueue(&mut text, (0, 10), 1);
    dequeue(&mut text, (12, 13), json!(1));
    dequeue(&mut text, (20, 21), json!(1));
    let analysis = judged(&text);
    assert_eq!((analysis.valid, analysis.measures.duplicates), (Validity::Invalid, Some(1)));
    assert_eq!(analysis.findings[0].witness.events, [2, 3, 4, 5]);
    // An enqueue of it that may have happened explains it, if it had begun by then; a refused one does not.
    text.invoke(22, 60, "enqueue", json!(1)).complete(23, 60, "info", "enqueue", json!(1));
    text.invoke(1, 61, "enqueue", json!(1)).complete(2, 61, "fail", "enqueue", json!(1));
    assert_eq!(counts(&judged(&text)), [Some(0), Some(0), Some(1), Some(0)]);
    text.invoke(21, 62, "enqueue", json!(1)).complete(23, 62, "info", "enqueue", json!(1));
    assert_eq!(counts(&judged(&text)), [Some(0), Some(1), Some(0), Some(0)]);
}

#[test]
fn of_nobody_of_a_refused_enqueue_and_of_the_future_is_unexpected() {
    let mut text = HistoryText::new();
    text.invoke(0, 70, "enqueue", json!(1)).complete(1, 70, "fail", "enqueue", json!(1));
    enqueue(&mut text, (20, 21), 2);
    dequeue(&mut text, (10, 11), json!(1));
    dequeue(&mut text, (12, 19), json!(2));
    text.ok((14, 15), 14, "drain", Value::Null, json!([3]));
    for checker in [&CHECKER, &BASIC_CHECKER] {
        let analysis = judge(&text.history(), &Limits::NONE, &[checker]);
        assert_eq!((analysis.valid, analysis.measures.unexpected), (Validity::Invalid, Some(3)));
    }
    assert!(judge(&text.history(), &Limits::NONE, &[&BASIC_CHECKER]).reasons.is_empty());
}

#[test]
fn undecided_and_dequeued_is_recovered() {
    let mut text = HistoryText::new();
    text.invoke(0, 80, "enqueue", json!(1)).complete(5, 80, "info", "enqueue", json!(1));
    text.invoke(0, 81, "enqueue", json!(2));
    dequeue(&mut text, (10, 11), json!(1));
    dequeue(&mut text, (12, 13), Value::Null);
    let analysis = judged(&text);
    assert_eq!((analysis.valid, counts(&analysis)), (Validity::Valid, [Some(0), Some(1), Some(0), Some(0)]));
    assert_eq!(analysis.findings[0].kind, FindingKind::Recovered);
}

#[test]
fn phases_and_convergence_decide_which_dequeues_drain() {
    let mut text = HistoryText::new();
    text.nemesis(0, "phase", json!("load"));
    enqueue(&mut text, (1, 10), 1);
    dequeue(&mut text, (15, 16), Value::Null);
    assert!(judged(&text).reasons[0].contains("ends before the final dequeues"));
    text.nemesis(20, "phase", json!("final"));
    assert_eq!(judged(&text).measures.lost, None);
    dequeue(&mut text, (25, 26), Value::Null);
    assert_eq!(judged(&text).measures.lost, Some(1));
    text.nemesis(18, "converged", json!(false));
    assert!(judged(&text).reasons[0].contains("did not converge"));
}

#[test]
fn keys_are_queues_of_their_own() {
    let mut made = Vec::new();
    for (process, f, key, argument, result) in [
        (0, "enqueue", 1, json!(1), json!(1)),
        (1, "dequeue", 2, Value::Null, json!(1)),
        (2, "dequeue", 2, Value::Null, Value::Null),
    ] {
        let end = Some((process * 10 + 1, EventType::Ok, result));
        made.push(MadeOperation { process, f, key, argument, invoked: process * 10, end });
    }
    let analysis = judge(&history_of(&made), &Limits::NONE, &[&CHECKER]);
    assert_eq!(counts(&analysis), [None, Some(0), Some(0), Some(1)]);
    assert!(analysis.reasons[0].contains("1 key empty (1)"), "{:?}", analysis.reasons);
}

#[test]
fn nothing_dequeued_and_other_operations_are_unknown() {
    let mut text = HistoryText::new();
    enqueue(&mut text, (0, 1), 1);
    assert_eq!(judged(&text).reasons, ["no dequeue ended ok: nothing was tested"]);
    let mut other = text.clone();
    other.ok((5, 6), 5, "drain", Value::Null, json!(1));
    assert!(judged(&other).reasons[0].contains("`drain` has a list as its result, not 1"));
    text.ok((5, 6), 5, "push", json!(1), json!(1));
    assert!(judged(&text).reasons[0].contains("`push` is not an operation of a queue"));
}

/// The slow answer: the least number of deliveries that no assignment of enqueues explains, by trying them all.
fn unexplained(deliveries: &[(u64, u64)], enqueues: &mut Vec<(u64, u64, bool)>) -> u64 {
    let Some(((value, completed), rest)) = deliveries.split_first() else { return 0 };
    let mut least = 1 + unexplained(rest, enqueues);
    for place in 0..enqueues.len() {
        let (enqueued, invoked, is_used) = enqueues[place];
        if !is_used && enqueued == *value && invoked <= *completed {
            enqueues[place].2 = true;
            least = least.min(unexplained(rest, enqueues));
            enqueues[place].2 = false;
        }
    }
    least
}

/// The slow answer: the least number of acknowledged enqueues that were lost, over every choice of which enqueues the deliveries
/// and the undecided dequeues took. One key, no drains.
fn least_lost(enqueues: &[(u64, bool)], deliveries: &[u64], unseen: usize) -> usize {
    (0..1_u32 << enqueues.len())
        .filter_map(|taken| {
            let is_taken = |place: usize| taken >> place & 1 == 1;
            // A value that was delivered more often than enqueued takes every enqueue of it.
            let mut seen: Vec<u64> = deliveries.to_vec();
            let mut blind = 0;
            for (_, (value, _)) in enqueues.iter().enumerate().filter(|(place, _)| is_taken(*place)) {
                match seen.iter().position(|delivered| delivered == value) {
                    Some(place) => drop(seen.swap_remove(place)),
                    None => blind += 1,
                }
            }
            let lost = enqueues.iter().enumerate().filter(|(place, (_, is_ok))| *is_ok && !is_taken(*place)).count();
            (blind <= unseen).then_some(lost)
        })
        .min()
        .unwrap_or(0)
}

#[test]
fn the_account_is_that_of_trying_every_assignment() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut bad, mut lost_somewhere) = (0, 0);
    for number in 0..20_000 {
        let values = random.random_range(1..5);
        let mut made: Vec<MadeOperation> = (0..random.random_range(1..8))
            .map(|process| {
                let invoked = random.random_range(0..10);
                let how = [EventType::Ok, EventType::Ok, EventType::Info, EventType::Fail][random.random_range(0..4)];
                let (f, argument) = match random.random_range(0..2) {
                    0 => ("enqueue", json!(random.random_range(0..values))),
                    _ => ("dequeue", Value::Null),
                };
                let result = if f == "dequeue" { json!(random.random_range(0..values)) } else { argument.clone() };
                let end = Some((invoked + random.random_range(0..4), how, result));
                MadeOperation { process, f, key: 0, argument, invoked, end }
            })
            .collect();
        made.push(MadeOperation {
            process: 90,
            f: "dequeue",
            key: 0,
            argument: Value::Null,
            invoked: 20,
            end: Some((21, EventType::Ok, Value::Null)),
        });
        let analysis = judge(&history_of(&made), &Limits::NONE, &[&CHECKER]);
        let measures = &analysis.measures;

        let of = |f: &str, wanted: &[EventType]| -> Vec<&MadeOperation> {
            let is_wanted =
                |made: &&MadeOperation| made.f == f && made.end.as_ref().is_some_and(|end| wanted.contains(&end.1));
            made.iter().filter(is_wanted).collect()
        };
        let attempts = of("enqueue", &[EventType::Ok, EventType::Info]);
        let deliveries: Vec<(u64, u64)> = of("dequeue", &[EventType::Ok])
            .into_iter()
            .filter_map(|made| made.end.as_ref().and_then(|(end, _, value)| Some((value.as_u64()?, *end))))
            .collect();
        let mut free = attempts.iter().map(|made| (made.argument.as_u64().unwrap(), made.invoked, false)).collect();
        let expected = unexplained(&deliveries, &mut free);
        let found = measures.unexpected.unwrap() + measures.duplicates.unwrap();
        assert_eq!(found, expected, "seed 2, history {number}: {made:#?}");
        bad += u64::from(found > 0);
        if found > 0 {
            continue;
        }
        // Everything delivered is explained: what is lost can be told by which enqueues were taken.
        let enqueued: Vec<(u64, bool)> = attempts
            .iter()
            .map(|made| (made.argument.as_u64().unwrap(), made.end.as_ref().is_some_and(|end| end.1 == EventType::Ok)))
            .collect();
        let delivered: Vec<u64> = deliveries.iter().map(|(value, _)| *value).collect();
        let least = least_lost(&enqueued, &delivered, of("dequeue", &[EventType::Info]).len());
        let found = analysis.finding(FindingKind::Lost).map_or(0, |lost| lost.count);
        assert_eq!(found, least as u64, "seed 2, history {number}: {made:#?}");
        assert!(measures.lost.is_none_or(|lost| lost == found), "seed 2, history {number}");
        lost_somewhere += u64::from(found > 0);
    }
    assert!((2_000..18_000).contains(&bad), "{bad} of 20,000 histories have deliveries of nothing");
    assert!(lost_somewhere > 500, "{lost_somewhere} of 20,000 histories lost something");
}
