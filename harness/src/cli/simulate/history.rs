//! A simulated run as histories, one for each kind of object, so that the checkers of real runs judge it.

use schism_checkers::history::{EventType, History, HistoryBuilder, Line, ProcessName, Source, ValueId, Values};

use super::node::{Datum, Object, Operation, Outcome, Plan, Run};

/// Who reads at the end; clients have lower numbers.
const CLOSING_PROCESS: u64 = 1_000_000;

/// The history of the operations that `takes` picks, with the closing reads of their objects.
pub(super) fn history(run: &Run, plan: &Plan, object: Object, takes: impl Fn(&Operation) -> bool) -> History {
    let mut writer = Writer { builder: HistoryBuilder::new(Source::Built), node: String::new() };
    writer.phase(0, "load");
    let operations: Vec<&Operation> = run.operations.iter().filter(|operation| takes(operation)).collect();
    for (at_us, index, ends) in moments(&operations) {
        writer.operation(at_us, operations[index], ends);
    }
    writer.phase(plan.end_us.max(last_us(&operations)), "heal");
    writer.converged(run.agreed_us.max(last_us(&operations)));
    writer.closing_reads(run, object, run.agreed_us.max(last_us(&operations)));
    writer.builder.finish(false)
}

fn last_us(operations: &[&Operation]) -> u64 {
    operations.iter().map(|operation| operation.completed_us.unwrap_or(operation.invoked_us)).max().unwrap_or(0)
}

/// Invocations and completions by time; of one moment, invocations come first.
fn moments(operations: &[&Operation]) -> Vec<(u64, usize, bool)> {
    let mut moments = Vec::with_capacity(2 * operations.len());
    for (index, operation) in operations.iter().enumerate() {
        moments.push((operation.invoked_us, index, false));
        moments.extend(operation.completed_us.map(|at_us| (at_us, index, true)));
    }
    moments.sort_unstable_by_key(|(at_us, index, ends)| (*at_us, *ends, *index));
    moments
}

struct Writer {
    builder: HistoryBuilder,
    node: String,
}

impl Writer {
    fn push(&mut self, at_us: u64, line: Line<'_>) {
        let line = Line { time: Some(at_us as i64 * 1_000), ..line };
        let pushed = self.builder.push(line);
        debug_assert_eq!(pushed, Ok(()));
    }

    fn note(&mut self, at_us: u64, f: &str, value: ValueId) {
        self.push(at_us, Line::new(EventType::Info, ProcessName::Named("nemesis"), f, value));
    }

    fn phase(&mut self, at_us: u64, name: &str) {
        let name = self.builder.values_mut().text(name);
        self.note(at_us, "phase", name);
    }

    fn converged(&mut self, at_us: u64) {
        let yes = self.builder.values_mut().boolean(true);
        self.note(at_us, "converged", yes);
    }

    fn operation(&mut self, at_us: u64, operation: &Operation, ends: bool) {
        let values = self.builder.values_mut();
        let key = operation.key.as_ref().map(|key| values.text(key));
        let value = intern(values, if ends { &operation.result } else { &operation.argument });
        let event_type = match (ends, operation.outcome) {
            (false, _) => EventType::Invoke,
            (true, Outcome::Ok) => EventType::Ok,
            (true, Outcome::Fail) => EventType::Fail,
            (true, Outcome::Info) => EventType::Info,
        };
        let line = Line::new(event_type, ProcessName::Client(operation.process), operation.f, value);
        if !ends {
            return self.push(at_us, Line { key, ..line });
        }
        let mut node = std::mem::take(&mut self.node);
        node.clear();
        node.push('n');
        node.push_str(&operation.node.to_string());
        let (ack, level, error) = (operation.ack.as_deref(), operation.level.as_deref(), operation.error);
        let (term, position) = (operation.term, operation.position);
        self.push(at_us, Line { key, node: Some(&node), term, position, ack, level, error, ..line });
        self.node = node;
    }

    /// What the cluster agreed on, as if somebody had read it after everything else.
    fn closing_reads(&mut self, run: &Run, object: Object, at_us: u64) {
        self.phase(at_us, "final");
        let process = ProcessName::Client(CLOSING_PROCESS);
        let node = format!("n{}", run.leader);
        for read in run.closing_reads.iter().filter(|read| read.object == object && object != Object::Queue) {
            let values = self.builder.values_mut();
            let (key, value) = (values.text(&read.key), intern(values, &read.value));
            let (f, key, argument, value) = match object {
                Object::Lists => {
                    let r = values.text("r");
                    let (asked, shown) = (values.list(&[r, key, ValueId::NULL]), values.list(&[r, key, value]));
                    ("txn", None, values.list(&[asked]), values.list(&[shown]))
                }
                _ => ("read", Some(key), ValueId::NULL, value),
            };
            self.push(at_us, Line { key, ..Line::new(EventType::Invoke, process, f, argument) });
            self.push(at_us, Line { key, node: Some(&node), ..Line::new(EventType::Ok, process, f, value) });
        }
        self.phase(at_us, "end");
    }
}

fn intern(values: &mut Values, datum: &Datum) -> ValueId {
    match datum {
        Datum::Null => ValueId::NULL,
        Datum::Integer(integer) => values.integer(*integer),
        Datum::Text(text) => values.text(text),
        Datum::List(items) => {
            let items: Vec<ValueId> = items.iter().map(|item| intern(values, item)).collect();
            values.list(&items)
        }
    }
}
