//! Each guarantee by small cases, and registers against the definition: is there any order of versions?

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::*;
use crate::checker::judge;
use crate::testing::{HistoryText, assert_share, seeds};
use crate::{Limits, Validity};

fn kinds(text: &HistoryText) -> Vec<FindingKind> {
    let analysis = judge(&text.history(), &Limits::NONE, &[&SESSION]);
    assert!(analysis.reasons.is_empty(), "{:?}", analysis.reasons);
    analysis.findings.iter().map(|finding| finding.kind).collect()
}

fn write(text: &mut HistoryText, time: u64, process: u64, value: u64) {
    text.ok((time, time + 1), process, "write", json!(value), json!(value));
}

fn read(text: &mut HistoryText, time: u64, process: u64, value: Value) {
    text.ok((time, time + 1), process, "read", Value::Null, value);
}

fn add(text: &mut HistoryText, time: u64, process: u64, value: u64) {
    text.ok((time, time + 1), process, "add", json!(value), json!(value));
}

#[test]
fn a_process_that_reads_the_initial_value_after_its_own_write() {
    let mut text = HistoryText::new();
    write(&mut text, 0, 1, 7);
    read(&mut text, 2, 1, Value::Null);
    assert_eq!(kinds(&text), [FindingKind::ReadYourWrites]);
}

#[test]
fn without_anything_read_nothing_was_tested() {
    let mut text = HistoryText::new();
    write(&mut text, 0, 1, 7);
    let analysis = judge(&text.history(), &Limits::NONE, &[&SESSION]);
    assert_eq!(analysis.valid, Validity::Unknown);
    assert!(analysis.reasons[0].contains("nothing was read"), "{:?}", analysis.reasons);
}

#[test]
fn another_process_may_read_old_values_however_late() {
    let mut text = HistoryText::new();
    write(&mut text, 0, 1, 7);
    write(&mut text, 2, 1, 8);
    read(&mut text, 10, 2, Value::Null);
    read(&mut text, 12, 2, json!(7));
    read(&mut text, 14, 2, json!(8));
    assert_eq!(kinds(&text), []);
    read(&mut text, 16, 2, json!(7));
    assert_eq!(kinds(&text), [FindingKind::MonotonicReads]);
}

#[test]
fn reading_back_an_own_value_that_was_not_the_last() {
    let mut text = HistoryText::new();
    for (time, value) in [(0, 1), (2, 2), (4, 3)] {
        write(&mut text, time, 1, value);
    }
    read(&mut text, 6, 1, json!(3));
    assert_eq!(kinds(&text), []);
    // 1, 3 before 2 keeps each guarantee but the order of writes, and that alone is not contradicted by any read.
    read(&mut text, 8, 1, json!(2));
    assert!(kinds(&text).contains(&FindingKind::MonotonicReads) || kinds(&text).contains(&FindingKind::ReadYourWrites));
}

#[test]
fn writes_of_one_process_in_the_wrong_order_are_shown_by_compare_and_set() {
    let mut text = HistoryText::new();
    write(&mut text, 0, 1, 1);
    write(&mut text, 2, 1, 2);
    text.ok((4, 5), 2, "cas", json!([2, 3]), json!([2, 3]));
    assert_eq!(kinds(&text), []);
    text.ok((6, 7), 1, "cas", json!([3, 4]), json!([3, 4]));
    text.ok((8, 9), 3, "cas", json!([4, 1]), json!([4, 1]));
    // 1 was written twice now.
    let analysis = judge(&text.history(), &Limits::NONE, &[&SESSION]);
    assert_eq!(analysis.valid, Validity::Unknown);
    assert!(analysis.reasons[0].contains("written twice"), "{:?}", analysis.reasons);
}

#[test]
fn together_they_can_be_broken_though_each_could_be_kept() {
    let mut text = HistoryText::new();
    // Process 1: writes 1, then 2. Process 2: reads 2, then 1.
    write(&mut text, 0, 1, 1);
    write(&mut text, 2, 1, 2);
    read(&mut text, 4, 2, json!(2));
    read(&mut text, 6, 2, json!(1));
    assert_eq!(kinds(&text), [FindingKind::NotSequential]);
}

#[test]
fn sets_show_each_guarantee_by_what_is_missing() {
    let mut text = HistoryText::new();
    add(&mut text, 0, 1, 1);
    read(&mut text, 2, 1, json!([1]));
    add(&mut text, 4, 1, 2);
    read(&mut text, 6, 2, json!([1]));
    assert_eq!(kinds(&text), []);
    let mut forgets = text.clone();
    read(&mut forgets, 8, 1, json!([1]));
    assert_eq!(kinds(&forgets), [FindingKind::ReadYourWrites]);
    let mut backwards = text.clone();
    read(&mut backwards, 8, 2, json!([]));
    assert_eq!(kinds(&backwards), [FindingKind::MonotonicReads]);
    let mut swapped = text.clone();
    read(&mut swapped, 8, 3, json!([2]));
    assert_eq!(kinds(&swapped), [FindingKind::MonotonicWrites, FindingKind::WritesFollowReads]);
    add(&mut text, 10, 2, 3);
    read(&mut text, 12, 4, json!([3]));
    assert_eq!(kinds(&text), [FindingKind::WritesFollowReads]);
}

#[test]
fn positions_tell_across_keys() {
    let mut text = HistoryText::new();
    text.invoke(0, 1, "write", json!(5)).with("key", "x");
    text.complete(1, 1, "ok", "write", json!(5)).with("position", 70);
    text.invoke(2, 2, "read", Value::Null).with("key", "x");
    text.complete(3, 2, "ok", "read", json!(5)).with("position", 72);
    text.invoke(4, 2, "read", Value::Null).with("key", "y");
    text.complete(5, 2, "ok", "read", Value::Null).with("position", 71);
    assert_eq!(kinds(&text), []);
    text.invoke(6, 2, "read", Value::Null).with("key", "y");
    text.complete(7, 2, "ok", "read", Value::Null).with("position", 69);
    assert_eq!(kinds(&text), [FindingKind::MonotonicReads]);
    text.invoke(8, 1, "read", Value::Null).with("key", "y");
    text.complete(9, 1, "ok", "read", Value::Null).with("position", 60);
    assert_eq!(kinds(&text), [FindingKind::ReadYourWrites, FindingKind::MonotonicReads]);
}

/// What a process did, in order: value 0 is the initial one.
#[derive(Clone, Copy, Debug)]
enum Did {
    Read(usize),
    Write(usize),
}

/// Whether an order (value → place, the initial value first) keeps a guarantee.
fn keeps(order: &[usize], sessions: &[Vec<Did>], guarantee: Guarantee) -> bool {
    sessions.iter().all(|session| {
        (0..session.len()).all(|later| {
            session[..later].iter().all(|earlier| match (guarantee, *earlier, session[later]) {
                (Guarantee::ReadYourWrites, Did::Write(a), Did::Read(b))
                | (Guarantee::MonotonicReads, Did::Read(a), Did::Read(b)) => order[a] <= order[b],
                (Guarantee::MonotonicWrites, Did::Write(a), Did::Write(b))
                | (Guarantee::WritesFollowReads, Did::Read(a), Did::Write(b)) => order[a] < order[b],
                _ => true,
            })
        })
    })
}

fn orders(values: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for _ in 1..values {
        all = all
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                let left = (1..values).filter(|place| !order.contains(place)).collect::<Vec<_>>();
                left.into_iter().map(move |place| order.iter().copied().chain([place]).collect())
            })
            .collect();
    }
    all.into_iter().map(|order| std::iter::once(0).chain(order).collect()).collect()
}

#[test]
fn registers_agree_with_trying_every_order() {
    let (mut broken, mut all) = (0, 0);
    for seed in seeds(20_000) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let values = random.random_range(2..5);
        let mut sessions: Vec<Vec<Did>> = vec![Vec::new(); 3];
        let mut acts: Vec<Did> = (1..values).map(Did::Write).collect();
        acts.extend((0..random.random_range(1..5)).map(|_| Did::Read(random.random_range(0..values))));
        let mut text = HistoryText::new();
        let mut time = 0;
        while !acts.is_empty() {
            let act = acts.swap_remove(random.random_range(0..acts.len()));
            let process = random.random_range(0..sessions.len());
            sessions[process].push(act);
            match act {
                Did::Write(value) => write(&mut text, time, process as u64, value as u64),
                Did::Read(0) => read(&mut text, time, process as u64, Value::Null),
                Did::Read(value) => read(&mut text, time, process as u64, json!(value)),
            }
            time += 2;
        }
        let history = text.history();
        let context = Context::new(&history, &Limits::NONE);
        let orders = orders(values);
        for guarantee in Guarantee::ALL {
            let expected = !orders.iter().any(|order| keeps(order, &sessions, guarantee));
            let found = registers::violations(&context, &[guarantee]).unwrap();
            assert_eq!(!found.is_empty(), expected, "seed {seed} {guarantee:?} {sessions:?}");
            broken += u64::from(expected);
            all += 1;
        }
        let together =
            !orders.iter().any(|order| Guarantee::ALL.into_iter().all(|guarantee| keeps(order, &sessions, guarantee)));
        let found = registers::violations(&context, &Guarantee::ALL).unwrap();
        assert_eq!(!found.is_empty(), together, "seed {seed} together {sessions:?}");
    }
    assert_share(broken, all, 0.05..0.5);
}
