//! Turns operations into English: what was asked, who answered, when, and which fault was active then.

use serde_json::Value;

use crate::history::{History, Operation, Outcome};
use crate::verdict::Witness;

/// Nanoseconds as seconds.
#[must_use]
pub fn seconds(time_ns: u64) -> f64 {
    time_ns as f64 / 1e9
}

/// A point of the run's clock, such as `3.214 s`.
#[must_use]
pub fn at(time_ns: u64) -> String {
    format!("{:.3} s", seconds(time_ns))
}

/// A witness of these operations; both lines of each belong to it.
#[must_use]
pub fn witness(text: String, operations: &[Operation<'_>]) -> Witness {
    let invocations = operations.iter().map(Operation::invoked_index);
    let completions = operations.iter().filter_map(Operation::completed_index);
    let mut events: Vec<u64> = invocations.chain(completions).collect();
    events.sort_unstable();
    events.dedup();
    Witness { text, events }
}

/// One operation in words: `add of 17 to k1 by process 3 (invoked at 3.214 s, acknowledged by n1 under term 2 at position
/// 41 at 3.219 s)`.
#[must_use]
pub fn describe(history: &History, operation: &Operation<'_>) -> String {
    let what = what(history, operation);
    let invoked = at(operation.invoked_ns());
    let how = match operation.outcome() {
        Outcome::Ok if operation.is_read() => "answered",
        Outcome::Ok => "acknowledged",
        Outcome::Fail => "refused",
        Outcome::Info => return format!("{what} by {} (invoked at {invoked}, never decided)", operation.process()),
    };
    let node = operation.node().map(|node| format!(" by {node}")).unwrap_or_default();
    let term = operation.term().map(|term| format!(" under term {term}")).unwrap_or_default();
    let position = operation.position().map(|position| format!(" at position {position}")).unwrap_or_default();
    let completed = operation.completed_ns().map(at).unwrap_or_default();
    format!("{what} by {} (invoked at {invoked}, {how}{node}{term}{position} at {completed})", operation.process())
}

/// What an operation did, without who and when.
fn what(history: &History, operation: &Operation<'_>) -> String {
    let key = match &history.keys()[operation.key.index()] {
        Some(_) => history.key_name(operation.key),
        None => String::new(),
    };
    let with_key = |preposition: &str| if key.is_empty() { String::new() } else { format!(" {preposition} {key}") };
    let argument = operation.argument();
    match (operation.f(), operation.result()) {
        ("read", result) => {
            let level = operation.level().map(|level| format!("{level} ")).unwrap_or_default();
            let returned = result.map(|value| format!(" → {}", short(value))).unwrap_or_default();
            format!("{level}read{}{returned}", with_key("of"))
        }
        ("cas", _) => match argument.as_array().map(Vec::as_slice) {
            Some([old, new]) => format!("cas{} from {} to {}", with_key("of"), short(old), short(new)),
            _ => format!("cas{} {}", with_key("of"), short(argument)),
        },
        ("dequeue", Some(result)) => format!("dequeue{} → {}", with_key("from"), short(result)),
        (f, _) if argument.is_null() => format!("{f}{}", with_key("of")),
        (f, _) => format!("{f} of {}{}", short(argument), with_key("to")),
    }
}

/// A value as people read it; long lists become their length.
#[must_use]
pub fn short(value: &Value) -> String {
    const ELEMENTS_MAX: usize = 8;
    match value {
        Value::Array(elements) if elements.len() > ELEMENTS_MAX => format!("{} elements", elements.len()),
        other => other.to_string(),
    }
}

/// Which faults were active during a span: ` while partition-leader (fault 1) was active`, or that none was.
#[must_use]
pub fn faults_during(history: &History, from_ns: u64, to_ns: u64) -> String {
    let timeline = history.timeline();
    let active: Vec<String> =
        timeline.faults_during(from_ns, to_ns).map(|fault| format!("{} (fault {})", fault.name, fault.id)).collect();
    if let [one] = active.as_slice() {
        return format!("{one} was active then");
    }
    if !active.is_empty() {
        return format!("{} were active then", active.join(" and "));
    }
    match timeline.faults.iter().rev().find(|fault| fault.healed_ns.is_some_and(|healed| healed < from_ns)) {
        Some(last) => format!(
            "no fault was active then; the last was {} (fault {}), healed at {}",
            last.name,
            last.id,
            at(last.healed_ns.unwrap_or(last.applied_ns))
        ),
        None if timeline.first_fault_ns.is_none() => "the history names no fault".to_owned(),
        None => "no fault had been active yet".to_owned(),
    }
}

/// As [`faults_during`], over the span of some operations.
#[must_use]
pub fn faults_around(history: &History, operations: &[Operation<'_>]) -> String {
    let from = operations.iter().map(Operation::invoked_ns).min().unwrap_or(0);
    let to = operations
        .iter()
        .map(|operation| operation.ended_ns().unwrap_or_else(|| operation.invoked_ns()))
        .max()
        .unwrap_or(from);
    faults_during(history, from, to)
}
