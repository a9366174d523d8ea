//! Each workload's own stream against a right object and against wrong ones, judged by the workload's own checkers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod store;

use schism_checkers::history::{Event, History};
use schism_checkers::verdict::FindingKind;
use schism_checkers::{Analysis, Limits, Validity};
use schism_workloads::object::Object;
use schism_workloads::registry::{by_name, registry};
use schism_workloads::workload::{Ending, Operation, Workload, WorkloadOptions};
use serde_json::{Value, json};

use store::{Bug, Store};

/// A run of one client after another, phases and closing operations included.
struct Run {
    store: Store,
    lines: Vec<Value>,
    position: u64,
}

impl Run {
    fn line(&mut self, mut line: Value) {
        line["time"] = json!(self.lines.len() * 1_000_000);
        self.lines.push(line);
    }

    fn phase(&mut self, name: &str) {
        self.line(json!({"type": "info", "process": "nemesis", "f": "phase", "value": name}));
    }

    fn perform(&mut self, process: usize, operation: &Operation, level: &str) -> Option<Value> {
        let answer = self.store.perform(process, operation, process == OBSERVER);
        if operation.f != "read" {
            self.position += 1;
        }
        let position = self.position;
        let line = |how: &str, value: &Value| {
            json!({"type": how, "process": process, "f": operation.f, "key": operation.key, "value": value, "level": level,
                   "node": "n1", "term": 1, "position": position, "final": level == "local" && process == OBSERVER})
        };
        self.line(line("invoke", &operation.value));
        match &answer {
            Some(value) => self.line(line("ok", value)),
            None => self.line(line("fail", &operation.value)),
        }
        answer
    }
}

const WORKERS: usize = 3;
/// The process that closes a run.
const OBSERVER: usize = 9;

/// How a workload judges fifteen hundred operations of its own on a store with this bug, which are read at this level.
fn judged_at(workload: &dyn Workload, bug: Bug, level: &str) -> Analysis {
    let mut generator = workload.generator(&WorkloadOptions { seed: 5, workers: WORKERS });
    let mut run = Run { store: Store::with(bug), lines: Vec::new(), position: 0 };
    run.phase("load");
    let mut keys: Vec<String> = Vec::new();
    for number in 0..1_500 {
        // Not in turn: workers overtake each other.
        let worker = number * number / 7 % WORKERS;
        let operation = generator.next(worker).unwrap();
        assert!(workload.operations().contains(&operation.f));
        assert_eq!(operation.object, workload.object());
        for key in workload.written_keys(operation.f, operation.key.as_deref(), &operation.value) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let answer = run.perform(worker, &operation, level);
        generator.learn(worker, &operation, &answer.map_or(Ending::Fail, Ending::Ok));
    }
    for phase in ["heal", "converge", "final"] {
        run.phase(phase);
    }
    let closing = workload.closing_operations(&keys);
    assert_eq!(closing.len(), keys.len());
    for operation in &closing {
        while run.perform(OBSERVER, operation, "leader").is_some_and(|result| operation.until_null && !result.is_null())
        {
        }
    }
    for read in &workload.node_reads(&keys) {
        run.perform(OBSERVER, read, "local");
    }
    run.phase("end");
    let events: Vec<Event> = run.lines.into_iter().map(|line| serde_json::from_value(line).unwrap()).collect();
    workload.judge(&History::from_events(events).unwrap(), &Limits::NONE)
}

fn judged(name: &str, bug: Bug) -> Analysis {
    judged_at(by_name(name).unwrap(), bug, "leader")
}

fn kinds(analysis: &Analysis) -> Vec<FindingKind> {
    analysis.findings.iter().map(|finding| finding.kind).collect()
}

/// The findings of a workload on stores that have a bug at one of five writes; not every single one is ever noticed.
fn kinds_of_five(name: &str, bug: fn(u64) -> Bug) -> Vec<FindingKind> {
    let mut all: Vec<FindingKind> = (0..5).flat_map(|number| kinds(&judged(name, bug(300 + number)))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn a_right_object_is_valid_under_every_workload() {
    for workload in registry() {
        let analysis = judged_at(*workload, Bug::None, "leader");
        assert_eq!(analysis.valid, Validity::Valid, "{}: {analysis:#?}", workload.name());
        let is_decided = matches!(workload.object(), Object::Register | Object::Set | Object::Counter | Object::Queue);
        let linearizable = is_decided.then_some(Validity::Valid);
        assert_eq!(analysis.measures.linearizable, linearizable, "{}", workload.name());
        assert_eq!(analysis.measures.split_brain_seconds, Some(0.0), "{}", workload.name());
        assert!(analysis.findings.is_empty(), "{}: {:#?}", workload.name(), analysis.findings);
    }
}

#[test]
fn one_forgotten_add_is_lost_and_not_linearizable() {
    let analysis = judged("set", Bug::Forgets(700));
    assert_eq!(analysis.measures.lost, Some(1));
    assert_eq!(kinds(&analysis), [FindingKind::Lost, FindingKind::NotLinearizable]);
}

#[test]
fn one_forgotten_write_makes_a_register_stale_and_not_linearizable() {
    assert_eq!(kinds_of_five("register", Bug::Forgets), [FindingKind::StaleRead, FindingKind::NotLinearizable]);
}

#[test]
fn a_counter_shows_what_was_forgotten_and_what_was_done_twice() {
    let expected = [FindingKind::OutOfBounds, FindingKind::NotLinearizable];
    assert_eq!(kinds(&judged("counter", Bug::Forgets(700))), expected);
    assert_eq!(kinds(&judged("counter", Bug::Repeats(700))), expected);
}

#[test]
fn a_queue_shows_what_was_lost_and_what_came_twice() {
    let forgotten = kinds_of_five("queue", Bug::Forgets);
    assert_eq!(forgotten, [FindingKind::Lost, FindingKind::Duplicate, FindingKind::NotLinearizable]);
    assert!(kinds_of_five("queue", Bug::Repeats).contains(&FindingKind::Duplicate));
}

#[test]
fn transactions_show_a_forgotten_one_and_reads_of_the_past() {
    for name in ["list-append", "rw-register"] {
        assert!(kinds_of_five(name, Bug::Forgets).contains(&FindingKind::Anomaly), "{name}");
    }
    assert_eq!(kinds_of_five("list-append", Bug::Repeats), [FindingKind::Anomaly], "an element came twice");
}

#[test]
fn half_a_transfer_is_a_wrong_total() {
    assert_eq!(kinds_of_five("bank", Bug::Halves), [FindingKind::WrongTotal]);
    // A whole transfer that is forgotten leaves the total as it is.
    assert_eq!(kinds_of_five("bank", Bug::Forgets), []);
}

#[test]
fn reads_of_the_past_break_session_guarantees() {
    for name in ["session", "session-roaming"] {
        let found = kinds(&judged_at(by_name(name).unwrap(), Bug::AnswersFromThePast(300), "local"));
        assert!(found.contains(&FindingKind::ReadYourWrites), "{name}: {found:?}");
        assert!(!found.contains(&FindingKind::StaleRead), "nobody promised more: {found:?}");
    }
    let found = kinds(&judged("session", Bug::AnswersFromThePast(300)));
    assert!(found.contains(&FindingKind::StaleRead) && found.contains(&FindingKind::NotLinearizable), "{found:?}");
}

#[test]
fn a_lock_that_is_granted_twice_overlaps_and_lets_late_writes_through() {
    let analysis = judged("lock", Bug::GrantsTwice(300));
    let found = kinds(&analysis);
    assert!(found.contains(&FindingKind::LockOverlap) && found.contains(&FindingKind::FencingViolation), "{found:?}");
    let fenced = judged("lock-fenced", Bug::GrantsTwice(300));
    assert_eq!((fenced.valid, kinds(&fenced)), (Validity::Valid, Vec::new()), "late writes are refused");
    assert!(fenced.measures.lock_overlap_seconds > Some(0.0), "and yet two held it");
}

#[test]
fn tokens_that_do_not_grow_are_a_violation() {
    for name in ["lock", "lock-fenced"] {
        let found = kinds(&judged(name, Bug::TurnsBackTokens(300)));
        assert!(!found.is_empty() && found.iter().all(|kind| *kind == FindingKind::FencingViolation), "{found:?}");
    }
}

#[test]
fn names_are_unique_and_found() {
    for workload in registry() {
        assert_eq!(by_name(workload.name()).map(|found| found.name()), Some(workload.name()));
        assert!(!workload.description().is_empty());
    }
    let mut names: Vec<&str> = registry().iter().map(|workload| workload.name()).collect();
    names.dedup();
    assert_eq!(names.len(), registry().len());
    assert!(by_name("no-such-workload").is_none());
}
