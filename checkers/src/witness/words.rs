//! Turns operations into English: what was asked, who answered, when, and which fault was active then.

use super::label::{self, visible};
use crate::history::{FaultWindow, Function, History, Operation, Outcome, ValueId};
use crate::verdict::Witness;

/// Characters of one text of the history in a sentence.
const TEXT_MAX: usize = 64;

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

/// A time of a history: a point of the run's clock, or an event's place where there is no clock.
#[must_use]
pub fn moment(history: &History, time_ns: u64) -> String {
    if history.has_clock() { at(time_ns) } else { format!("event {time_ns}") }
}

/// A number of things: `1 read`, `2 reads`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
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
    let process = visible(&operation.process_name().to_string(), TEXT_MAX);
    let invoked = moment(history, operation.invoked_ns());
    let how = match operation.outcome() {
        Outcome::Ok if operation.is_read() => "answered",
        Outcome::Ok => "acknowledged",
        Outcome::Fail => "refused",
        Outcome::Info => {
            return format!("{what} by {process} (invoked at {invoked}, never decided)");
        }
    };
    let node = operation.node().map(|node| format!(" by {}", visible(node, TEXT_MAX))).unwrap_or_default();
    let term = operation.term().map(|term| format!(" under term {term}")).unwrap_or_default();
    let position = operation.position().map(|position| format!(" at position {position}")).unwrap_or_default();
    let completed = operation.completed_ns().map(|completed| moment(history, completed)).unwrap_or_default();
    format!("{what} by {process} (invoked at {invoked}, {how}{node}{term}{position} at {completed})")
}

/// What an operation did, without who and when.
fn what(history: &History, operation: &Operation<'_>) -> String {
    let key = match &history.keys()[operation.key().index()] {
        Some(_) => visible(&label::key_name(history, operation.key()), TEXT_MAX),
        None => String::new(),
    };
    let with_key = |preposition: &str| if key.is_empty() { String::new() } else { format!(" {preposition} {key}") };
    let argument = operation.argument();
    match (operation.function(), operation.result()) {
        (Function::Read | Function::Get, result) => {
            let level = operation.level().map(|level| format!("{} ", visible(level, TEXT_MAX))).unwrap_or_default();
            let returned = result.map(|value| format!(" → {}", short(history, value))).unwrap_or_default();
            format!("{level}read{}{returned}", with_key("of"))
        }
        (Function::CompareAndSet, _) => match history.values().as_list(argument) {
            Some([old, new]) => {
                format!("cas{} from {} to {}", with_key("of"), short(history, *old), short(history, *new))
            }
            _ => format!("cas{} {}", with_key("of"), short(history, argument)),
        },
        (Function::Dequeue | Function::Pop, Some(result)) => {
            format!("{}{} → {}", operation.f(), with_key("from"), short(history, result))
        }
        _ if argument.is_null() => format!("{}{}", operation.f(), with_key("of")),
        _ => format!("{} of {}{}", operation.f(), short(history, argument), with_key("to")),
    }
}

/// A value as people read it: the beginning of its JSON text, with what is not plainly visible spelled out; long lists become
/// their length.
#[must_use]
pub fn short(history: &History, value: ValueId) -> String {
    visible(&label::value(history, value), TEXT_MAX)
}

/// Which faults were active during a span, such as `partition-leader (fault 1) was active then`, or that none was and which
/// came before and after.
#[must_use]
pub fn faults_during(history: &History, from_ns: u64, to_ns: u64) -> String {
    let timeline = history.timeline();
    let active: Vec<String> = timeline.faults_during(from_ns, to_ns).map(fault_name).collect();
    if let [one] = active.as_slice() {
        return format!("{one} was active then");
    }
    if !active.is_empty() {
        return format!("{} were active then", active.join(" and "));
    }
    let healed = |fault: &&FaultWindow| fault.healed_ns.is_some_and(|healed| healed < from_ns);
    let last = timeline.faults.iter().filter(healed).max_by_key(|fault| fault.healed_ns);
    let next = timeline.faults.iter().filter(|fault| fault.applied_ns > to_ns).min_by_key(|fault| fault.applied_ns);
    let last = last.map(|fault| {
        let healed = fault.healed_ns.unwrap_or(fault.applied_ns);
        format!("the last, {}, was healed at {}", fault_name(fault), moment(history, healed))
    });
    let next =
        next.map(|fault| format!("the next, {}, began at {}", fault_name(fault), moment(history, fault.applied_ns)));
    let around: Vec<String> = last.into_iter().chain(next).collect();
    if around.is_empty() {
        return "the history names no fault".to_owned();
    }
    format!("no fault was active then: {}", around.join(", "))
}

fn fault_name(fault: &FaultWindow) -> String {
    format!("{} (fault {})", visible(&fault.name, TEXT_MAX), fault.id)
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::HistoryText;

    #[test]
    fn operations_are_told_with_times_nodes_and_terms() {
        let mut text = HistoryText::new();
        text.invoke(3214, 3, "add", json!(17)).with("key", "k1");
        text.complete(3219, 3, "ok", "add", json!(17)).with("key", "k1").with("node", "n1").with("term", 2);
        text.ok((4000, 4001), 4, "read", Value::Null, json!([1, 2, 3, 4, 5, 6, 7, 8, 9])).with("level", "leader");
        text.invoke(5000, 5, "cas", json!([1, 2]));
        text.invoke(5000, 6, "acquire", Value::Null).complete(5001, 6, "fail", "acquire", Value::Null);
        let history = text.history();
        let told: Vec<String> = history.operations().map(|operation| describe(&history, &operation)).collect();
        assert_eq!(
            told,
            [
                "add of 17 to k1 by process 3 (invoked at 3.214 s, acknowledged by n1 under term 2 at 3.219 s)",
                "leader read → 9 elements by process 4 (invoked at 4.000 s, answered at 4.001 s)",
                "cas from 1 to 2 by process 5 (invoked at 5.000 s, never decided)",
                "acquire by process 6 (invoked at 5.000 s, refused at 5.001 s)",
            ]
        );
    }

    #[test]
    fn the_fault_that_was_active_is_named_or_its_neighbours() {
        let mut text = HistoryText::new();
        text.fault(100, "kill-leader", 1, "applied").fault(200, "kill-leader", 1, "healed");
        text.fault(300, "isolate-one", 2, "applied");
        let history = text.history();
        let told = |from_ms: u64, to_ms: u64| faults_during(&history, from_ms * 1_000_000, to_ms * 1_000_000);
        assert_eq!(told(150, 160), "kill-leader (fault 1) was active then");
        assert_eq!(told(150, 350), "kill-leader (fault 1) and isolate-one (fault 2) were active then");
        assert_eq!(
            told(250, 260),
            "no fault was active then: the last, kill-leader (fault 1), was healed at 0.200 s, the next, isolate-one (fault 2), \
             began at 0.300 s"
        );
        assert_eq!(told(50, 60), "no fault was active then: the next, kill-leader (fault 1), began at 0.100 s");
        assert_eq!(faults_during(&HistoryText::new().history(), 0, 1), "the history names no fault");
    }
}
