//! One small history for each anomaly, from its definition.
//!
//! A transaction is a line of words: `p3` its process (else one of its own), `4-9` when it was invoked and completed (else all
//! overlap), `fail` or `info` how it ended; `ax1` appends 1 to x, `rx` reads x as empty, `rx=1.2` as [1, 2], `rx?` without a
//! known answer; with registers `wx1` writes 1, `rx=1` reads it, `rx` reads the initial state.

use schism_checkers::Limits;
use schism_checkers::Validity;
use schism_checkers::history::Outcome;
use schism_checkers::transactions::{
    Action, ConsistencyModel, Findings, MicroOperation, Names, Transaction, TransactionModel, Transactions,
    VersionOrder, check_transactions,
};

/// Keys are the letters from a.
struct Letters;

impl Names for Letters {
    fn key(&self, key: u32) -> String {
        char::from(b'a' + key as u8).to_string()
    }

    fn value(&self, value: u32) -> String {
        value.to_string()
    }

    fn circumstances(&self, _transaction: u32) -> String {
        String::new()
    }
}

fn transactions(lines: &[&str], lists: bool) -> Transactions {
    let mut transactions = Transactions::new();
    for (number, line) in lines.iter().enumerate() {
        let mut transaction =
            Transaction { process: 100 + number as u32, outcome: Outcome::Ok, invoked: 0, completed: Some(1000) };
        let mut operations = Vec::new();
        for word in line.split_whitespace() {
            let key = || u32::from(word.as_bytes()[1] - b'a');
            let action = match word.as_bytes()[0] {
                b'p' => {
                    transaction.process = word[1..].parse().unwrap();
                    continue;
                }
                b'f' => {
                    transaction.outcome = Outcome::Fail;
                    continue;
                }
                b'i' => {
                    transaction.outcome = Outcome::Info;
                    continue;
                }
                b'0'..=b'9' => {
                    let (invoked, completed) = word.split_once('-').unwrap();
                    (transaction.invoked, transaction.completed) =
                        (invoked.parse().unwrap(), Some(completed.parse().unwrap()));
                    continue;
                }
                b'r' if word.ends_with('?') => Action::Unknown,
                b'r' => {
                    let values = word[2..].trim_start_matches('=').split('.').filter(|value| !value.is_empty());
                    let values: Vec<u32> = values.map(|value| value.parse().unwrap()).collect();
                    if lists { transactions.list(values) } else { Action::Value(values.last().copied()) }
                }
                _ => Action::Write(word[2..].parse().unwrap()),
            };
            operations.push(MicroOperation { key: key(), action });
        }
        if transaction.outcome == Outcome::Info {
            transaction.completed = None;
        }
        transactions.push(transaction, &operations);
    }
    transactions
}

fn lists(lines: &[&str]) -> Findings {
    check(&transactions(lines, true), TransactionModel::ListAppend)
}

fn registers(lines: &[&str]) -> Findings {
    check(&transactions(lines, false), TransactionModel::RW_REGISTER)
}

fn check(transactions: &Transactions, model: TransactionModel) -> Findings {
    check_transactions(transactions, &Letters, model, ConsistencyModel::STRICT_SERIALIZABLE, &Limits::NONE)
}

fn names(findings: &Findings) -> Vec<&'static str> {
    findings.anomalies.iter().map(|anomaly| anomaly.name).collect()
}

fn not(findings: &Findings) -> Vec<&'static str> {
    findings.boundary.not.iter().map(|model| model.name()).collect()
}

fn cycle(findings: &Findings, name: &str) -> Vec<u32> {
    let anomaly = findings.anomalies.iter().find(|anomaly| anomaly.name == name);
    anomaly.unwrap_or_else(|| panic!("no {name}: {findings:#?}")).cycle.clone()
}

#[test]
fn a_serial_history_is_valid() {
    let found = lists(&["0-1 ax1", "2-3 rx=1 ax2", "4-5 rx=1.2 ay1", "6-7 ry=1 rx=1.2"]);
    assert_eq!(found.valid, Validity::Valid, "{found:#?}");
    let found = registers(&["0-1 wx1", "2-3 rx=1 wx2", "4-5 rx=2 wy1", "6-7 ry=1 rx=2"]);
    assert_eq!(found.valid, Validity::Valid, "{found:#?}");
}

#[test]
fn nothing_tested_is_unknown() {
    for lines in [&[][..], &["ax1"], &["0-1 ax1", "2-3 ay1"], &["fail ax1", "info ax2 rx?"], &["rx", "ry"]] {
        let found = lists(lines);
        assert_eq!(found.valid, Validity::Unknown, "{lines:?} {found:#?}");
        assert!(!found.reasons.is_empty());
    }
}

#[test]
fn write_cycle() {
    // Two lists in opposite orders.
    let found = lists(&["ax1 ay1", "ax2 ay2", "rx=1.2 ry=2.1"]);
    assert_eq!(names(&found), ["G0"]);
    assert_eq!(not(&found), ["read-uncommitted"]);
    assert_eq!(cycle(&found, "G0"), [0, 1]);
    let text = &found.anomalies[0].text;
    assert_eq!(
        text,
        "T1 is [append x 1, append y 1]. T2 is [append x 2, append y 2]. T1 appended 1 to x, and T2 appended 2 after it, so T1 \
         came before T2. T2 appended 2 to y, and T1 appended 1 after it, so T2 came before T1. Therefore each of T1 and T2 \
         came before the other, which cannot be."
    );
}

#[test]
fn a_write_cycle_through_an_undecided_transaction_may_be_an_aborted_read() {
    let found = lists(&["ax1 ay1", "info ax2 ay2", "rx=1.2 ry=2.1"]);
    assert_eq!(names(&found), ["G1c"]);
    assert_eq!(not(&found), ["read-committed"]);
}

#[test]
fn aborted_read() {
    let found = lists(&["fail ax1", "rx=1 ay1", "ry=1"]);
    assert_eq!(names(&found), ["G1a"]);
    assert_eq!(not(&found), ["read-committed"]);
    assert_eq!(names(&registers(&["fail wx1", "rx=1 wy1", "ry=1"])), ["G1a"]);
    // What is undecided may have committed.
    assert_eq!(lists(&["info ax1", "rx=1 ay1", "ry=1"]).valid, Validity::Valid);
    // A value of a failed attempt that another then wrote is that one's.
    assert_eq!(lists(&["fail ax1", "0-1 ax1", "2-3 rx=1"]).valid, Validity::Valid);
}

#[test]
fn intermediate_read() {
    let found = lists(&["ax1 ax2", "rx=1", "rx=1.2"]);
    assert_eq!(names(&found), ["G-single-item", "G1b"]);
    assert_eq!(names(&registers(&["wx1 wx2", "rx=1"])), ["G-single-item", "G1b"]);
    // One's own are no harm.
    assert!(names(&lists(&["ax1 rx=1 ax2", "rx=1.2"])).is_empty());
}

#[test]
fn circular_information_flow() {
    let found = lists(&["ax1 ry=1", "ay1 rx=1"]);
    assert_eq!(names(&found), ["G1c"]);
    assert_eq!(cycle(&found, "G1c"), [0, 1]);
    assert_eq!(names(&registers(&["wx1 ry=1", "wy1 rx=1"])), ["G1c"]);
}

#[test]
fn read_skew() {
    let found = lists(&["ax1 ay1", "rx=1 ry"]);
    assert_eq!(names(&found), ["G-single-item"]);
    assert_eq!(not(&found), ["consistent-view", "repeatable-read"]);
    assert_eq!(names(&registers(&["wx1 wy1", "rx=1 ry"])), ["G-single-item"]);
}

#[test]
fn write_skew() {
    let found = lists(&["rx ay1", "ry ax1", "rx=1 ry=1"]);
    assert_eq!(names(&found), ["G2-item"]);
    assert_eq!(not(&found), ["repeatable-read"]);
    assert_eq!(names(&registers(&["rx wy1", "ry wx1"])), ["G2-item"]);
}

#[test]
fn a_long_fork_has_anti_dependencies_that_are_not_adjacent() {
    let found = lists(&["ax1", "ay1", "rx=1 ry", "rx ry=1"]);
    assert_eq!(names(&found), ["G-nonadjacent-item"]);
    assert_eq!(not(&found), ["repeatable-read", "snapshot-isolation"]);
    assert_eq!(cycle(&found, "G-nonadjacent-item").len(), 4);
}

#[test]
fn sessions_and_real_time_have_names_of_their_own() {
    // A process does not see what it appended itself.
    let found = lists(&["p1 0-1 ax1", "p1 2-3 rx", "4-5 rx=1"]);
    assert_eq!(names(&found), ["G-single-item-process"]);
    assert_eq!(not(&found), ["strong-session-snapshot-isolation"]);
    // Another process does not see it, later.
    let found = lists(&["p1 0-1 ax1", "p2 2-3 rx", "4-5 rx=1"]);
    assert_eq!(names(&found), ["G-single-item-realtime"]);
    assert_eq!(not(&found), ["strong-snapshot-isolation"]);
    // At the same time, both are right.
    assert_eq!(lists(&["p1 0-2 ax1", "p2 2-3 rx", "4-5 rx=1"]).valid, Validity::Valid);
    // Read before it was appended, by the order of one process.
    assert_eq!(names(&lists(&["p1 0-1 rx=1", "p1 2-3 ax1"])), ["G1c-process"]);
    assert_eq!(names(&lists(&["p1 0-1 rx=1", "p2 2-3 ax1"])), ["G1c-realtime"]);
    assert_eq!(names(&lists(&["p1 0-1 ax2", "p1 2-3 ax1", "4-5 rx=1.2"])), ["G0-process"]);
    assert_eq!(names(&lists(&["p1 0-1 ax2", "p2 2-3 ax1", "4-5 rx=1.2"])), ["G0-realtime"]);
    // Two sessions that saw two writes in opposite orders: one of them saw the later state first also by the clock.
    let found = lists(&["p1 0-9 ax1", "p2 0-9 ay1", "p3 0-4 rx=1", "p3 5-9 ry", "p4 0-4 ry=1", "p4 5-9 rx"]);
    assert_eq!(names(&found), ["G-nonadjacent-item-process", "G-single-item-realtime"]);
    // An undecided transaction may take effect after what its process does next.
    assert_eq!(lists(&["p1 info ax1", "p1 2-3 rx", "4-5 rx=1"]).valid, Validity::Valid);
}

#[test]
fn reads_that_no_order_explains() {
    let found = lists(&["ax1", "ax2", "rx=1.2", "rx=2.1"]);
    assert_eq!(names(&found), ["incompatible-order"]);
    assert_eq!(not(&found), ["read-committed"]);
    // One transaction's appends, the other way round.
    let found = lists(&["ax1 ax2", "rx=2.1"]);
    assert_eq!(names(&found), ["G1b", "incompatible-order"]);
    let found = lists(&["ax1 ax2", "ax3", "rx=2.1.3"]);
    assert_eq!(names(&found), ["incompatible-order"]);
    let found = lists(&["ax1", "ax2", "ax3", "rx=1.2", "rx=1.3"]);
    assert!(names(&found).contains(&"incompatible-order"));
}

#[test]
fn updates_of_what_failed() {
    assert!(names(&lists(&["ax1", "rx=1"])).is_empty());
    let found = lists(&["fail ax1", "ax2", "rx=1.2"]);
    assert_eq!(names(&found), ["G1a", "dirty-update"]);
    // Over an undecided one.
    let found = lists(&["fail ax1", "info ax2", "ax3", "rx=1.2.3"]);
    assert_eq!(names(&found), ["G1a", "dirty-update"]);
}

#[test]
fn elements_that_are_there_twice() {
    let found = lists(&["ax1", "ax2", "rx=1.2.1"]);
    assert_eq!(names(&found), ["duplicate-elements"]);
    assert_eq!(not(&found), ["read-uncommitted"]);
}

#[test]
fn appended_twice_is_the_fault_of_the_clients() {
    let found = lists(&["ax1", "ax1", "rx=1.1"]);
    assert_eq!(found.valid, Validity::Unknown);
    assert!(found.reasons[0].starts_with("1 was appended to x more than once"), "{:?}", found.reasons);
    // Other keys are judged all the same.
    assert_eq!(lists(&["ax1", "ax1", "ay1 rz", "ry=1 az1", "ry rz=1"]).valid, Validity::Invalid);
}

#[test]
fn transactions_that_contradict_themselves() {
    for lines in [
        &["ax1 rx"][..],
        &["ax1", "rx=1 ax2 rx=2"],
        &["ax1", "rx=1 ax2 rx=1"],
        &["ax1 ax2 rx=2.1"],
        &["ax1", "rx rx=1"],
        &["ax1", "ax2 rx=2.1"],
    ] {
        let found = lists(lines);
        assert!(names(&found).contains(&"internal"), "{lines:?} {found:#?}");
        assert!(found.boundary.is_ruled_out(ConsistencyModel::SERIALIZABLE));
    }
    assert!(names(&lists(&["ax1", "rx=1 ax2 rx=1.2 ax3 rx=1.2.3"])).is_empty());
    for lines in [&["wx1 rx"][..], &["wx1", "wx2 rx=1"], &["wx1", "rx rx=1"]] {
        assert!(names(&registers(lines)).contains(&"internal"), "{lines:?}");
    }
}

#[test]
fn reads_of_what_was_not_written_yet() {
    let found = lists(&["rx=1 ax1", "rx=1"]);
    assert!(names(&found).contains(&"future-read"), "{found:#?}");
    let found = lists(&["ax1 rx=1.2 ax2", "rx=1.2"]);
    assert_eq!(names(&found), ["future-read", "internal"]);
    assert!(names(&registers(&["rx=1 wx1"])).contains(&"future-read"));
}

#[test]
fn values_that_nobody_wrote() {
    let found = lists(&["ax1", "rx=1.9"]);
    assert_eq!(names(&found), ["garbage-read"]);
    assert_eq!(found.valid, Validity::Invalid);
    let found = registers(&["wx1", "rx=9"]);
    assert_eq!(names(&found), ["garbage-read"]);
    assert_eq!(found.valid, Validity::Invalid);
}

#[test]
fn lost_updates() {
    let found = lists(&["ax1", "rx=1 ax2", "rx=1 ax3"]);
    assert_eq!(names(&found), ["G2-item", "lost-update"]);
    assert_eq!(names(&lists(&["ax1", "rx=1 ax2", "rx=1 ax3", "rx=1.2.3"])), ["G-single-item", "lost-update"]);
    let found = registers(&["wx1", "rx=1 wx2", "rx=1 wx3"]);
    assert!(names(&found).contains(&"lost-update"), "{found:#?}");
    // A write before the read is no update of what was read.
    assert!(names(&lists(&["ax1", "ax2 rx=1.2 ax3", "rx=1.2.3 ax4"])).is_empty());
}

#[test]
fn an_append_that_nobody_read_comes_after_all_that_was() {
    // Who read everything did not see it; who appended it saw y before.
    let found = lists(&["ax1", "rx=1 ay1", "ry=1 ax2", "rx=1 ry=1 az1"]);
    assert!(names(&found).is_empty(), "{found:#?}");
    let found = lists(&["ax1", "rx=1 ry=1", "ax2 ay1"]);
    assert_eq!(names(&found), ["G-single-item"]);
}

#[test]
fn a_shortest_cycle_is_found_in_a_large_ring() {
    const SIZE: usize = 1000;
    // Each reads what the one before wrote; a short cut closes the ring early.
    let mut lines: Vec<String> = (0..SIZE)
        .map(|number| {
            let before = (number + SIZE - 1) % SIZE + 1;
            format!("wa{} rb{} wb{}", number + 1, "", 2 * SIZE + number).replace("rb ", &format!("ra={before} "))
        })
        .collect();
    lines[500].push_str(" rc=1");
    lines[503].push_str(" wc1");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let found = registers(&lines);
    let shortest = found.anomalies.iter().find(|anomaly| anomaly.name == "G1c").unwrap();
    assert_eq!(shortest.cycle, [500, 501, 502, 503]);
    assert!(shortest.is_shortest);
}

#[test]
fn registers_have_orders_of_versions_from_many_sources() {
    let with = |order: VersionOrder, lines: &[&str]| {
        names(&check(&transactions(lines, false), TransactionModel::RwRegister(order)))
    };
    let none = VersionOrder { writes_follow_reads: false, ..VersionOrder::DEFAULT };
    // The initial state comes first.
    assert_eq!(with(none, &["wx1 wy1", "rx=1 ry"]), ["G-single-item"]);
    // Writes follow reads: 1 before 2, so who read 1 and the other's y is skewed.
    let lines = ["wx1", "rx=1 wx2 wy1", "rx=1 ry=1"];
    assert!(with(none, &lines).is_empty());
    assert_eq!(with(VersionOrder::DEFAULT, &lines), ["G-single-item"]);
    // A process wrote 1 and then 2.
    let lines = ["p1 0-1 wx1", "p1 2-3 wx2 wy1", "0-9 rx=1 ry=1"];
    assert!(with(none, &lines).is_empty());
    assert_eq!(with(VersionOrder { sequential_keys: true, ..none }, &lines), ["G-single-item"]);
    // 1 was written before 2, in real time.
    let lines = ["p1 0-1 wx1", "p2 2-3 wx2 wy1", "0-9 rx=1 ry=1"];
    assert!(with(VersionOrder { sequential_keys: true, ..none }, &lines).is_empty());
    assert_eq!(with(VersionOrder { linearizable_keys: true, ..none }, &lines), ["G-single-item"]);
}

#[test]
fn versions_without_an_order() {
    let with =
        |order: VersionOrder, lines: &[&str]| check(&transactions(lines, false), TransactionModel::RwRegister(order));
    let linearizable = VersionOrder { linearizable_keys: true, ..VersionOrder::DEFAULT };
    // 1 before 2 by its reader and writer; the other way round in real time.
    let found = with(linearizable, &["p1 0-1 wx1 ry=5", "p2 4-5 rx=1 wx2", "p3 6-7 rx=1", "wy5"]);
    assert!(names(&found).contains(&"cyclic-versions"), "{found:#?}");
    assert!(found.boundary.is_ruled_out(ConsistencyModel::READ_UNCOMMITTED));
    let text = &found.anomalies.iter().find(|anomaly| anomaly.name == "cyclic-versions").unwrap().text;
    assert!(text.contains("x was 1 before it was 2") && text.contains("x was 2 before it was 1"), "{text}");
    // Back to the initial state.
    let found = with(linearizable, &["p1 0-1 wx1", "p2 4-5 rx"]);
    assert!(names(&found).contains(&"cyclic-versions"), "{found:#?}");
    // Dirty reads both ways, and no cycle of writes: the last writes may stand in one order.
    let found = registers(&["wx1 ry=5 wy6", "rx=1 wx2 wy5"]);
    assert_eq!(names(&found), ["G1c"]);
    assert!(!found.boundary.is_ruled_out(ConsistencyModel::READ_UNCOMMITTED), "{found:#?}");
    // Each wrote what the other had read.
    assert!(names(&registers(&["rx=2 wx1", "rx=1 wx2"])).contains(&"cyclic-versions"));
}

#[test]
fn what_the_model_allows_is_reported_and_not_held_against_it() {
    let transactions = transactions(&["rx ay1", "ry ax1", "rx=1 ry=1"], true);
    let with = |model: &str| {
        let model = ConsistencyModel::by_name(model).unwrap();
        check_transactions(&transactions, &Letters, TransactionModel::ListAppend, model, &Limits::NONE)
    };
    let found = with("snapshot-isolation");
    assert_eq!((found.valid, names(&found)), (Validity::Valid, vec!["G2-item"]));
    assert!(!found.anomalies[0].is_forbidden);
    let held: Vec<&str> = found.boundary.strongest_held.iter().map(|model| model.name()).collect();
    assert_eq!(held, ["strong-snapshot-isolation", "update-serializable"]);
    let found = with("PL-2.99");
    assert_eq!(found.valid, Validity::Invalid);
    assert!(found.anomalies[0].is_forbidden);
}

#[test]
fn stopped_searches_leave_what_was_found() {
    let long_fork = transactions(&["ax1", "ay1", "rx=1 ry", "rx ry=1"], true);
    let memory = Limits { should_stop: &|| false, memory_bytes: 10 };
    let found =
        check_transactions(&long_fork, &Letters, TransactionModel::ListAppend, ConsistencyModel::SERIALIZABLE, &memory);
    assert_eq!(found.valid, Validity::Unknown);
    let asked = std::sync::atomic::AtomicU32::new(0);
    // Only what comes after it was clear that there is a cycle is cut off.
    let stop = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 2;
    let time = Limits { should_stop: &stop, memory_bytes: usize::MAX };
    let found =
        check_transactions(&long_fork, &Letters, TransactionModel::ListAppend, ConsistencyModel::SERIALIZABLE, &time);
    assert_eq!((found.valid, names(&found)), (Validity::Invalid, vec!["G-nonadjacent-item"]));
    assert!(!found.anomalies[0].cycle.is_empty());
}

#[test]
fn many_readers_of_a_state_and_many_writers_after_it_stay_few_edges() {
    // As pairs these were 400 million.
    const COUNT: usize = 20_000;
    let mut lines = vec!["rx"; COUNT];
    let writes: Vec<String> = (0..COUNT).map(|number| format!("wx{number}")).collect();
    lines.extend(writes.iter().map(String::as_str));
    assert_eq!(lists(&lines).valid, Validity::Valid);
    assert_eq!(registers(&lines).valid, Validity::Valid);
    // One that did both is on no cycle with itself, but with another of its kind.
    lines.push("rx wx99999");
    assert_eq!(lists(&lines).valid, Validity::Valid);
    lines.push("rx wx99998");
    assert_eq!(names(&lists(&lines)), ["G2-item", "lost-update"]);
    assert_eq!(names(&registers(&lines)), ["G2-item", "lost-update"]);
}
