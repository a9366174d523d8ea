//! Each workload's own stream against a right object and against wrong ones, judged by the workload's own checkers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use schism_checkers::history::{Event, History};
use schism_checkers::verdict::FindingKind;
use schism_checkers::{Analysis, Limits, Validity};
use schism_workloads::registry::{by_name, registry};
use schism_workloads::workload::{Level, Operation, Workload, WorkloadOptions};
use serde_json::{Value, json};

/// A key-value store whose writes can be made to vanish after they were acknowledged.
#[derive(Default)]
struct Store {
    objects: BTreeMap<String, Value>,
    writes: u64,
    forget_write: Option<u64>,
}

impl Store {
    /// The answer; `None` is a refusal.
    fn perform(&mut self, operation: &Operation) -> Option<Value> {
        let object = self.objects.entry(operation.key.clone().unwrap()).or_insert_with(|| operation.absent.clone());
        let mut next = object.clone();
        match operation.f {
            "read" => return Some(object.clone()),
            "write" => next = operation.value.clone(),
            "cas" if *object != operation.value[0] => return None,
            "cas" => next = operation.value[1].clone(),
            _ => next.as_array_mut().unwrap().push(operation.value.clone()),
        }
        self.writes += 1;
        if self.forget_write != Some(self.writes) {
            *object = next;
        }
        Some(operation.value.clone())
    }
}

/// A run of one client after another, phases and closing reads included.
struct Run {
    store: Store,
    lines: Vec<Value>,
}

impl Run {
    fn line(&mut self, mut line: Value) {
        line["time"] = json!(self.lines.len() * 1_000_000);
        self.lines.push(line);
    }

    fn phase(&mut self, name: &str) {
        self.line(json!({"type": "info", "process": "nemesis", "f": "phase", "value": name}));
    }

    fn perform(&mut self, process: usize, operation: &Operation, level: &str) {
        let answer = self.store.perform(operation);
        let line = |how: &str, value: &Value| {
            json!({"type": how, "process": process, "f": operation.f, "key": operation.key, "value": value, "level": level,
                   "node": "n1", "term": 1, "final": level == "local"})
        };
        self.line(line("invoke", &operation.value));
        match answer {
            Some(value) => self.line(line("ok", &value)),
            None => self.line(line("fail", &operation.value)),
        }
    }
}

fn judged(workload: &dyn Workload, forget_write: Option<u64>) -> Analysis {
    let mut generator = workload.generator(&WorkloadOptions { seed: 5, workers: 3 });
    let mut run = Run { store: Store { forget_write, ..Store::default() }, lines: Vec::new() };
    run.phase("load");
    let mut keys: Vec<String> = Vec::new();
    for number in 0..2_000 {
        let operation = generator.next(number % 3).unwrap();
        assert!(workload.operations().contains(&operation.f));
        let key = operation.key.clone().unwrap();
        if operation.f != "read" && !keys.contains(&key) {
            keys.push(key);
        }
        run.perform(number % 3, &operation, "leader");
    }
    for phase in ["heal", "converge", "final"] {
        run.phase(phase);
    }
    let closing = workload.closing_reads(&keys);
    assert_eq!(closing.len(), keys.len());
    for read in &closing {
        assert_eq!(read.level, Level::Strongest);
        run.perform(9, read, "leader");
        run.perform(9, read, "local");
    }
    run.phase("end");
    let events: Vec<Event> = run.lines.into_iter().map(|line| serde_json::from_value(line).unwrap()).collect();
    workload.judge(&History::from_events(events).unwrap(), &Limits::NONE)
}

#[test]
fn a_right_object_is_valid_under_every_workload() {
    for workload in registry() {
        let analysis = judged(*workload, None);
        assert_eq!(analysis.valid, Validity::Valid, "{}: {analysis:#?}", workload.name());
        assert_eq!(analysis.measures.linearizable, Some(Validity::Valid), "{}", workload.name());
        assert_eq!(analysis.measures.split_brain_seconds, Some(0.0), "{}", workload.name());
        assert!(analysis.findings.is_empty(), "{}: {:#?}", workload.name(), analysis.findings);
    }
}

#[test]
fn one_forgotten_add_is_lost_and_not_linearizable() {
    let analysis = judged(by_name("set").unwrap(), Some(700));
    assert_eq!(analysis.measures.lost, Some(1));
    assert_eq!(
        analysis.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(),
        [FindingKind::Lost, FindingKind::NotLinearizable]
    );
}

#[test]
fn one_forgotten_write_makes_a_register_stale_and_not_linearizable() {
    // Not every forgotten write is ever noticed: the next one may hide it. Of ten, some must be.
    let caught = (0..10).map(|number| judged(by_name("register").unwrap(), Some(300 + number)));
    let kinds: Vec<FindingKind> = caught.flat_map(|analysis| analysis.findings).map(|finding| finding.kind).collect();
    assert!(kinds.contains(&FindingKind::NotLinearizable) && kinds.contains(&FindingKind::StaleRead), "{kinds:?}");
    assert!(!kinds.contains(&FindingKind::Lost), "{kinds:?}");
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
