//! Isolation anomalies against the slow, obvious answer, and against simulated databases.
//!
//! - On tiny histories, some of them damaged: what rules out serializability (alone, with sessions, with real time) is never
//!   reported where a serial order exists, and for lists that were read in full always where none does.
//! - Of a database that keeps its level no violation of that level is ever reported, and the anomalies that the level allows
//!   are found.
//!
//! A failure prints the seed; `SCHISM_SEED=N` repeats it, `SCHISM_HISTORIES=N` sets how many of each kind are tried:
//! `SCHISM_HISTORIES=1000000 cargo test --release -p schism-checkers --test transactions -- --nocapture`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and prints its seeds")]

mod cases;
mod database;
mod serial;

use std::collections::BTreeSet;
use std::ops::Range;

use database::{Level, Workload, simulate};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::Outcome;
use schism_checkers::transactions::{
    Action, ConsistencyModel, Findings, MicroOperation, Names, TransactionModel, Transactions, VersionOrder,
    check_transactions,
};
use schism_checkers::{Limits, Validity};
use serial::{Order, is_serializable};

/// Histories of each kind, where nothing else is asked for.
const HISTORIES: u64 = 20_000;
/// Histories of each database and model, where nothing else is asked for.
const SIMULATIONS: u64 = 100;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seeds(count: u64) -> Range<u64> {
    match number("SCHISM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHISM_HISTORIES").map_or(count, |histories| histories * count / HISTORIES),
    }
}

/// Numbers stand for themselves.
struct Numbers;

impl Names for Numbers {
    fn key(&self, key: u32) -> String {
        format!("x{key}")
    }

    fn value(&self, value: u32) -> String {
        value.to_string()
    }

    fn circumstances(&self, transaction: u32) -> String {
        format!("(#{transaction})")
    }
}

fn check(transactions: &Transactions, model: TransactionModel) -> Findings {
    check_transactions(transactions, &Numbers, model, ConsistencyModel::STRICT_SERIALIZABLE, &Limits::NONE)
}

fn model(name: &str) -> ConsistencyModel {
    ConsistencyModel::by_name(name).unwrap()
}

fn told(transactions: &Transactions) -> String {
    let line = |id: u32| {
        let operations: Vec<String> = transactions
            .micro_operations(id)
            .iter()
            .map(|operation| match operation.action {
                Action::List { start, length } => {
                    format!("r{} {:?}", operation.key, transactions.elements(start, length))
                }
                action => format!("{} {action:?}", operation.key),
            })
            .collect();
        format!("{id}: {:?} {}\n", transactions.get(id), operations.join(", "))
    };
    transactions.ids().map(line).collect()
}

/// A few transactions of some database; every other history is damaged in one read. In some, all lists are read at the end.
fn tiny(seed: u64, lists: bool) -> Transactions {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x7461_7463);
    let level = Level::ALL[random.random_range(0..Level::ALL.len())];
    let workload = Workload {
        level,
        lists,
        transactions: random.random_range(2..=6),
        clients: random.random_range(2..=4),
        keys: random.random_range(1..=3),
        writes_per_key: 100,
        operations_max: 3,
        aborts: 80,
        undecided: 80,
    };
    let original = simulate(workload, seed);
    let damages = if random.random_range(0..2) == 0 { 1 } else { 0 };
    let reads: Vec<(u32, usize)> = original
        .committed()
        .flat_map(|id| (0..original.micro_operations(id).len()).map(move |place| (id, place)))
        .filter(|(id, place)| !matches!(original.micro_operations(*id)[*place].action, Action::Write(_)))
        .collect();
    let damaged = (damages > 0 && !reads.is_empty()).then(|| reads[random.random_range(0..reads.len())]);
    let mut transactions = Transactions::new();
    for id in original.ids() {
        let mut operations: Vec<MicroOperation> = Vec::new();
        for (place, operation) in original.micro_operations(id).iter().enumerate() {
            let is_damaged = damaged == Some((id, place));
            let action = match operation.action {
                Action::List { start, length } => {
                    let mut list = original.elements(start, length).to_vec();
                    if is_damaged {
                        damage(&mut list, &mut random);
                    }
                    transactions.list(list)
                }
                Action::Value(value) if is_damaged => {
                    let mut list = value.into_iter().collect();
                    damage(&mut list, &mut random);
                    Action::Value(list.last().copied())
                }
                action => action,
            };
            operations.push(MicroOperation { key: operation.key, action });
        }
        transactions.push(*original.get(id), &operations);
    }
    transactions
}

fn damage(list: &mut Vec<u32>, random: &mut ChaCha8Rng) {
    match random.random_range(0..4) {
        0 => drop(list.pop()),
        1 if list.len() > 1 => {
            let last = list.len() - 1;
            list.swap(last, random.random_range(0..last));
        }
        2 if !list.is_empty() => drop(list.remove(random.random_range(0..list.len()))),
        _ => list.push(random.random_range(1..12)),
    }
}

const ORDERS: [(Order, &str); 3] = [
    (Order::None, "serializable"),
    (Order::Sessions, "strong-session-serializable"),
    (Order::RealTime, "strict-serializable"),
];

/// Whether a serial order exists, for each of [`ORDERS`].
fn by_order(transactions: &Transactions) -> [bool; 3] {
    // One that respects more respects less.
    if is_serializable(transactions, Order::RealTime) {
        return [true; 3];
    }
    if !is_serializable(transactions, Order::None) {
        return [false; 3];
    }
    [true, is_serializable(transactions, Order::Sessions), false]
}

/// Whether reads show the order of all appends that may have happened.
fn is_read_in_full(transactions: &Transactions) -> bool {
    let is_read = |key: u32, value: u32| {
        transactions.committed().any(|id| {
            transactions.micro_operations(id).iter().any(|operation| {
                matches!(operation.action, Action::List { start, length }
                    if operation.key == key && transactions.elements(start, length).contains(&value))
            })
        })
    };
    transactions.ids().filter(|id| transactions.outcome(*id) != Outcome::Fail).all(|id| {
        let mut appends = transactions.micro_operations(id).iter().filter_map(|operation| match operation.action {
            Action::Write(value) => Some(is_read(operation.key, value)),
            _ => None,
        });
        let read: Vec<bool> = appends.by_ref().collect();
        read.iter().all(|read| *read) || (transactions.outcome(id) == Outcome::Info && !read.contains(&true))
    })
}

#[test]
fn lists_agree_with_all_serial_orders() {
    let seeds = seeds(HISTORIES);
    println!("lists: seeds {seeds:?}");
    let (mut counts, mut in_full) = ([[0_u64; 2]; 3], 0_u64);
    for seed in seeds {
        let transactions = tiny(seed, true);
        let findings = check(&transactions, TransactionModel::ListAppend);
        let full = is_read_in_full(&transactions);
        in_full += u64::from(full);
        let serializable = by_order(&transactions);
        for (place, (_, name)) in ORDERS.into_iter().enumerate() {
            let expected = serializable[place];
            let ruled_out = findings.boundary.is_ruled_out(model(name));
            assert!(!(expected && ruled_out), "SCHISM_SEED={seed} not {name}? {findings:#?}\n{}", told(&transactions));
            if full {
                assert!(expected || ruled_out, "SCHISM_SEED={seed} {name}? {findings:#?}\n{}", told(&transactions));
            }
            counts[place][usize::from(expected)] += 1;
        }
    }
    println!("lists: not serializable and serializable, by order: {counts:?}; read in full: {in_full}");
    if number("SCHISM_SEED").is_none() {
        assert!(counts.iter().flatten().all(|count| *count > 0) && in_full > 0, "blind");
    }
}

#[test]
fn registers_agree_with_all_serial_orders() {
    let seeds = seeds(HISTORIES);
    println!("registers: seeds {seeds:?}");
    let mut counts = [[0_u64; 3]; 3];
    for seed in seeds {
        let transactions = tiny(seed, false);
        let findings = check(&transactions, TransactionModel::RW_REGISTER);
        let serializable = by_order(&transactions);
        for (place, (_, name)) in ORDERS.into_iter().enumerate() {
            let expected = serializable[place];
            let ruled_out = findings.boundary.is_ruled_out(model(name));
            assert!(!(expected && ruled_out), "SCHISM_SEED={seed} not {name}? {findings:#?}\n{}", told(&transactions));
            counts[place][if expected { 2 } else { usize::from(ruled_out) }] += 1;
        }
        for order in [
            VersionOrder { sequential_keys: true, ..VersionOrder::DEFAULT },
            VersionOrder { linearizable_keys: true, ..VersionOrder::DEFAULT },
        ] {
            // A serial order that respects sessions (real time) has keys that are sequential (linearizable).
            let findings = check(&transactions, TransactionModel::RwRegister(order));
            let place = if order.linearizable_keys { 2 } else { 1 };
            let ruled_out = findings.boundary.is_ruled_out(model(ORDERS[place].1));
            assert!(
                !(serializable[place] && ruled_out),
                "SCHISM_SEED={seed} {order:?} {findings:#?}\n{}",
                told(&transactions)
            );
        }
    }
    println!("registers: missed, found, serializable, by order: {counts:?}");
    if number("SCHISM_SEED").is_none() {
        assert!(counts.iter().all(|count| count[1] > 0 && count[2] > 0), "blind");
    }
}

/// What a level allows and must be found, in lists and in registers.
fn allowed(level: Level) -> (&'static [&'static str], &'static [&'static str]) {
    match level {
        Level::StrictSerializable => (&[], &[]),
        Level::SessionSerializable => (&["G-single-item-realtime"], &["G-single-item-realtime"]),
        Level::Serializable => (&["G-single-item-process"], &["G-single-item-process"]),
        Level::StrongSnapshot => (&["G2-item"], &["G2-item"]),
        Level::SessionSnapshot => (&["G2-item", "G-single-item-realtime"], &["G2-item", "G-single-item-realtime"]),
        Level::Snapshot => (&["G2-item", "G-single-item-process"], &["G2-item", "G-single-item-process"]),
        Level::Prefix => (&["lost-update", "G-single-item"], &["lost-update", "G2-item"]),
        Level::ReadCommitted => {
            (&["internal", "lost-update", "G-single-item"], &["internal", "lost-update", "G-single-item"])
        }
        Level::ReadUncommitted => (
            &["G1a", "G1b", "G1c", "G-single-item", "incompatible-order", "lost-update"],
            &["G1a", "G1b", "G1c", "G-single-item"],
        ),
    }
}

fn databases_keep_their_level(lists: bool, model_of_transactions: TransactionModel) {
    let seeds = seeds(SIMULATIONS);
    for level in Level::ALL {
        let mut found: BTreeSet<&'static str> = BTreeSet::new();
        let mut unknown = 0;
        for seed in seeds.clone() {
            let workload = Workload {
                level,
                lists,
                transactions: 10 + (seed % 80) as usize,
                clients: 2 + (seed % 7) as usize,
                keys: 2 + (seed % 4) as u32,
                writes_per_key: 8,
                operations_max: 4,
                aborts: 50,
                undecided: 50,
            };
            let transactions = simulate(workload, seed);
            let promised = model(level.model());
            let findings = check_transactions(&transactions, &Numbers, model_of_transactions, promised, &Limits::NONE);
            let context = || format!("SCHISM_SEED={seed} {level:?}: {findings:#?}\n{}", told(&transactions));
            assert_ne!(findings.valid, Validity::Invalid, "{}", context());
            unknown += u64::from(findings.valid == Validity::Unknown);
            found.extend(findings.anomalies.iter().map(|anomaly| anomaly.name));
        }
        println!("{level:?}, lists {lists}: {found:?}, {unknown} unknown");
        let (of_lists, of_registers) = allowed(level);
        let missing = (if lists { of_lists } else { of_registers }).iter().find(|name| !found.contains(*name));
        assert!(number("SCHISM_SEED").is_some() || missing.is_none(), "{level:?} never shows {missing:?}");
    }
}

#[test]
fn databases_of_lists_keep_their_level() {
    databases_keep_their_level(true, TransactionModel::ListAppend);
}

#[test]
fn databases_of_registers_keep_their_level() {
    databases_keep_their_level(false, TransactionModel::RW_REGISTER);
}
