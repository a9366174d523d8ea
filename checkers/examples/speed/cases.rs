//! The rows.

use schism_checkers::Validity::{self, Invalid, Valid};
use schism_checkers::synth::{Isolation, ObjectKind, Shape, Values, Violation, ViolationKind};

use super::case::{Case, Goal, Work};
use super::foreign::Foreign;

fn register() -> Shape {
    Shape::new(ObjectKind::Register)
}

/// Values 0 to 4; a third each of read, write and cas.
fn few_values() -> Shape {
    Shape { values: Values::Below(5), ..register() }
}

fn transactions(operations: u64, isolation: Isolation) -> Work {
    Work::Synthetic(Shape { operations, isolation, ..Shape::new(ObjectKind::ListAppend) })
}

fn at_the_end(kind: ViolationKind) -> Option<Violation> {
    Some(Violation { kind, at_percent: 100 })
}

fn case(
    row: &'static str,
    title: impl Into<String>,
    work: Work,
    expected: impl Into<Option<Validity>>,
    goal: Goal,
    others: &'static str,
) -> Case {
    Case { row, title: title.into(), work, expected: expected.into(), goal, others }
}

/// Every row, in order.
pub(crate) fn all() -> Vec<Case> {
    [of_files(), of_registers(), of_undecided(), of_memory(), of_limits(), of_transactions()].concat()
}

fn of_files() -> Vec<Case> {
    vec![
        case(
            "1",
            "50 etcd logs",
            Work::Foreign(Foreign::EtcdLogs),
            None,
            Goal { worst_s: Some(0.005), ..Goal::check(0.020) },
            "Porcupine 288 ms, worst 170 ms (102 logs: 345–405 ms)",
        ),
        case(
            "2",
            "58 cas-register histories of Knossos",
            Work::Foreign(Foreign::CasRegister),
            None,
            Goal::check(0.005),
            "120 histories: Porcupine 14 ms, Knossos 9.1 s",
        ),
        case(
            "3",
            "Porcupine's kv c01, c10",
            Work::Foreign(Foreign::KeyValue),
            None,
            Goal::check(0.005),
            "Porcupine c10: 0.9 + 1.0 ms",
        ),
        case(
            "3",
            "kv, 1,712 operations, 50 clients, 10 keys (as c50-ok)",
            Work::Synthetic(Shape { operations: 1712, clients: 50, keys: 10, ..Shape::new(ObjectKind::Kv) }),
            Valid,
            Goal::check(0.005),
            "Porcupine c50-ok: 123–134 ms",
        ),
        case(
            "3",
            "kv, 2,024 operations, 50 clients, 10 keys, stale read (as c50-bad)",
            Work::Synthetic(Shape {
                operations: 2024,
                clients: 50,
                keys: 10,
                violation: at_the_end(ViolationKind::StaleRead),
                ..Shape::new(ObjectKind::Kv)
            }),
            Invalid,
            Goal::check(0.005),
            "Porcupine c50-bad: 25–32 ms",
        ),
    ]
}

fn of_registers() -> Vec<Case> {
    let million = 1_000_000;
    let many_keys = Shape { operations: million, keys: 1000, clients: 30, ..register() };
    let one_key = Shape { operations: million, clients: 100, undecided: 100, ..register() };
    let of_one_key = Goal { bytes_per_operation: Some(256.0), ..Goal::check(1.0) };
    vec![
        case(
            "4",
            "1M operations, 1,000 keys, 30 clients, unique",
            Work::Synthetic(many_keys.clone()),
            Valid,
            Goal { total_s: Some(0.5), peak_mib: Some(200.0), ..Goal::check(0.15) },
            "Porcupine check 1.42 CPU s, JSON 1.5–1.9 s, 580–780 MB",
        ),
        case(
            "4b",
            "the same, values 0–4",
            Work::Synthetic(Shape { values: Values::Below(5), ..many_keys }),
            Valid,
            Goal::check(0.4),
            "Porcupine 1.9–3.4 s",
        ),
        case(
            "5",
            "1M operations, one key, 100 clients, 100 undecided, unique",
            Work::Synthetic(one_key.clone()),
            Valid,
            of_one_key,
            "Porcupine does not end (1k × 30: ≥ 120 s; 200k × 5: over 8 GB)",
        ),
        case(
            "5",
            "the same, a stale read at the end",
            Work::Synthetic(Shape { violation: at_the_end(ViolationKind::StaleRead), ..one_key }),
            Invalid,
            of_one_key,
            "does not end",
        ),
        case(
            "6",
            "10k operations, one key, 30 clients, values 0–4",
            Work::Synthetic(Shape { operations: 10_000, clients: 30, ..few_values() }),
            Valid,
            Goal { peak_mib: Some(1024.0), ..Goal::check(10.0) },
            "Porcupine ≥ 30 s, 3.2 GB",
        ),
        case(
            "6b",
            "1k operations, one key, 30 clients, values 0–4",
            Work::Synthetic(Shape { clients: 30, ..few_values() }),
            Valid,
            Goal::check(1.0),
            "Porcupine ≥ 60 s",
        ),
    ]
}

fn of_undecided() -> Vec<Case> {
    let of = |row: &'static str, undecided: u64, few: bool, goal_s: f64, others: &'static str| {
        let (shape, kind, values) = if few {
            (few_values(), ViolationKind::AlternatingReads, "values 0–4, alternating reads")
        } else {
            (register(), ViolationKind::StaleRead, "unique, stale read")
        };
        case(
            row,
            format!("1k operations, 5 clients, {undecided} undecided, {values}"),
            Work::Synthetic(Shape { undecided, violation: at_the_end(kind), ..shape }),
            Invalid,
            Goal::check(goal_s),
            others,
        )
    };
    vec![
        of("7", 10, false, 0.010, "Porcupine 3.6–4.2 s"),
        of("7", 20, false, 0.010, "Porcupine ≥ 120 s, 6 GB"),
        of("7", 40, false, 0.010, "–"),
        of("7b", 10, true, 0.1, "Porcupine 10.4 s"),
        of("7b", 20, true, 1.0, "–"),
        of("7b", 40, true, 10.0, "–"),
    ]
}

fn of_memory() -> Vec<Case> {
    vec![case(
        "8",
        "1M operations, one key, 5 clients, values 0–4 (search)",
        Work::Synthetic(Shape { operations: 1_000_000, ..few_values() }),
        Valid,
        Goal { bytes_per_operation: Some(300.0), ..Goal::default() },
        "Porcupine N²/8 bytes: 2.85 GB at 100k",
    )]
}

fn of_limits() -> Vec<Case> {
    // A queue of equal values is as hard as it gets.
    let hard = Shape { operations: 5000, clients: 30, values: Values::Below(2), ..Shape::new(ObjectKind::Queue) };
    let on_time = Goal { late_s: Some(0.1), ..Goal::default() };
    vec![
        case(
            "9",
            "deadline 500 ms: queue of 5k operations, 30 clients, values 0–1",
            Work::Budget { shape: hard.clone(), deadline_ms: 500, memory_mib: 4096 },
            Validity::Unknown,
            on_time,
            "Porcupine: one step can outlast the timeout",
        ),
        case(
            "9",
            "at most 64 MiB: the same",
            Work::Budget { shape: hard, deadline_ms: 60_000, memory_mib: 64 },
            Validity::Unknown,
            Goal { peak_mib: Some(64.0), ..on_time },
            "out of memory",
        ),
        case(
            "11",
            "online: 1M operations, 100 keys, 30 clients, unique",
            Work::Online(Shape { operations: 1_000_000, keys: 100, clients: 30, ..register() }),
            Valid,
            Goal { events_per_second: Some(200_000.0), ..Goal::default() },
            "none (goal 100k operations/s)",
        ),
        case(
            "11b",
            "online: 1M operations, ONE key, 100 clients, 100 undecided, unique",
            Work::Online(Shape { operations: 1_000_000, clients: 100, undecided: 100, ..register() }),
            Valid,
            Goal { events_per_second: Some(200_000.0), ..Goal::default() },
            "none (goal 100k operations/s)",
        ),
        case(
            "11c",
            "online: 1M operations, 10,000 sets, 100 clients",
            Work::Online(Shape { operations: 1_000_000, keys: 10_000, clients: 100, ..Shape::new(ObjectKind::Set) }),
            Valid,
            Goal { events_per_second: Some(200_000.0), ..Goal::default() },
            "none (goal 100k operations/s)",
        ),
    ]
}

fn of_transactions() -> Vec<Case> {
    let cpu = |seconds: f64| Goal { check_cpu_s: Some(seconds), peak_mib: Some(1024.0), ..Goal::default() };
    vec![
        case(
            "12",
            "1M transactions, list-append, 10 clients, strict-serializable",
            transactions(1_000_000, Isolation::StrictSerializable),
            Valid,
            cpu(4.0),
            "Elle 29–41 CPU s, 2–3.5 GB",
        ),
        case(
            "12",
            "1M transactions, snapshot isolation",
            transactions(1_000_000, Isolation::SnapshotIsolation),
            Invalid,
            cpu(6.0),
            "Elle 45–70 CPU s, 3–6 GB",
        ),
        case(
            "12b",
            "10k transactions, strict-serializable",
            transactions(10_000, Isolation::StrictSerializable),
            Valid,
            Goal { total_s: Some(0.1), ..Goal::default() },
            "Elle 1.4 s + 5.6 s to start",
        ),
        case(
            "12b",
            "10k transactions of Jepsen's simulator, ssi",
            Work::Foreign(Foreign::Transactions("elle_ssi_10000.jsonl.gz", Valid)),
            Valid,
            Goal { total_s: Some(0.1), ..Goal::default() },
            "Elle 0.75–0.85 s warm, 1.4 s cold",
        ),
        case(
            "12b",
            "100k transactions of Jepsen's simulator, si",
            Work::Foreign(Foreign::Transactions("elle_si_100000.jsonl.gz", Invalid)),
            Invalid,
            Goal { total_s: Some(1.0), ..Goal::default() },
            "Elle 3.4–4.4 s warm",
        ),
        case(
            "13",
            "huge-scc.edn",
            Work::Foreign(Foreign::HugeComponent),
            Invalid,
            Goal { total_s: Some(0.5), ..Goal::default() },
            "Elle 4.1 s, no cycle named",
        ),
    ]
}
