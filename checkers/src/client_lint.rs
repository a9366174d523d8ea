//! What speaks against the client rather than the system under test, from the history alone.
//!
//! A client that reports a timeout as `fail`, or retries in silence, makes a sound system look broken or a broken one
//! sound. Findings of this checker change no verdict; they say where to look before accusing anybody:
//! - a value that was reported `fail` and was read later, which the checkers of values count as unexpected;
//! - an operation other than a read that ended in `fail` with an error that tells of a timeout or a lost connection, after
//!   which nobody can know;
//! - no undecided operation at all though nodes were killed or powered off under load;
//! - a node that a fault cut off, which answered no operation before, during or after it: no client ever used it.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{Function, History, KeyId, Operation, Outcome, ValueId};
use crate::verdict::{FindingKind, Witness};
use crate::witness::{counted, describe, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "client-lint", description: "what speaks against the client rather than the system", check };

/// Words of errors after which an operation may still have happened.
const UNDECIDED_WORDS: [&str; 7] =
    ["timeout", "timed out", "timed-out", "deadline", "connection reset", "broken pipe", "unexpected eof"];
/// Faults after which some operation under way is never answered.
const DEADLY_WORDS: [&str; 3] = ["kill", "power", "crash"];
/// Operations under way during deadly faults below which "none of them was undecided" may be chance.
const INVOKED_MIN: usize = 20;

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let suspicions =
        [refused_and_read(history), timeouts_as_failures(history), never_undecided(history), never_reached(history)];
    for witness in suspicions.into_iter().flatten() {
        analysis.find(FindingKind::ClientSuspect, 1, None, witness);
    }
}

/// Values that only failed operations would have written, and that were read.
fn refused_and_read(history: &History) -> Option<Witness> {
    let mut refused: FxHashMap<(KeyId, ValueId), Operation<'_>> = FxHashMap::default();
    let mut possible: FxHashSet<(KeyId, ValueId)> = FxHashSet::default();
    for operation in history.operations().filter(|operation| !is_observer(operation)) {
        let Some(written) = written(&operation) else { continue };
        if operation.outcome() == Outcome::Fail {
            refused.insert((operation.key(), written), operation);
        } else {
            possible.insert((operation.key(), written));
        }
    }
    refused.retain(|place, _| !possible.contains(place));
    if refused.is_empty() {
        return None;
    }
    let mut cases: Vec<[Operation<'_>; 2]> = Vec::new();
    for read in history.operations().filter(|operation| is_observer(operation) && !operation.is_final()) {
        let Some(result) = read.result() else { continue };
        let one = [result];
        for value in history.values().as_list(result).unwrap_or(&one) {
            let place = (read.key(), *value);
            let seen_later = |write: &Operation<'_>| read.completed_ns() >= Some(write.invoked_ns());
            if let Some(write) = refused.get(&place).copied().filter(seen_later) {
                cases.push([write, read]);
                refused.remove(&place);
            }
        }
    }
    let [write, read] = *cases.first()?;
    let text = format!(
        "{} reported as failed and read afterwards. The first: {}, yet {}. If the system answered with a definite refusal, \
         this is the system's doing; if the client guessed, it should have reported `info`.",
        counted(cases.len() as u64, "value"),
        describe(history, &write),
        describe(history, &read)
    );
    Some(witness(text, &[write, read]))
}

/// What an operation writes, where that is one value.
fn written(operation: &Operation<'_>) -> Option<ValueId> {
    let argument = operation.argument();
    match operation.function() {
        Function::Write | Function::Put | Function::Add | Function::Enqueue | Function::Push => Some(argument),
        Function::CompareAndSet => match operation.history().values().as_list(argument) {
            Some([_, new]) => Some(*new),
            _ => None,
        },
        _ => None,
    }
}

fn is_observer(operation: &Operation<'_>) -> bool {
    operation.is_read() || matches!(operation.function(), Function::Dequeue | Function::Pop)
}

fn timeouts_as_failures(history: &History) -> Option<Witness> {
    let tells_nothing = |operation: &Operation<'_>| {
        operation.outcome() == Outcome::Fail
            && !operation.is_read()
            && operation.error().is_some_and(|error| {
                let error = error.to_lowercase();
                UNDECIDED_WORDS.iter().any(|word| error.contains(word))
            })
    };
    let cases: Vec<Operation<'_>> = history.operations().filter(tells_nothing).collect();
    let first = cases.first()?;
    let text = format!(
        "{} reported as failed with an error that leaves it open whether it happened. The first: {}, error `{}`. Such an \
         operation is undecided: the client must report `info`.",
        counted(cases.len() as u64, "operation"),
        describe(history, first),
        first.error().unwrap_or_default()
    );
    Some(witness(text, &cases[..1]))
}

/// Nodes died under load, and yet every operation was decided.
fn never_undecided(history: &History) -> Option<Witness> {
    let deadly: Vec<_> = history
        .timeline()
        .faults
        .iter()
        .filter(|fault| DEADLY_WORDS.iter().any(|word| fault.name.contains(word)))
        .collect();
    if deadly.is_empty() || history.operations().any(|operation| operation.outcome() == Outcome::Info) {
        return None;
    }
    let during = |operation: &Operation<'_>| deadly.iter().any(|fault| fault.covers(operation.invoked_ns()));
    let invoked = history.operations().filter(during).count();
    if invoked < INVOKED_MIN {
        return None;
    }
    let text = format!(
        "Nodes were killed {} while {} were invoked, and not one ended undecided. A client that waits for answers loses some \
         of them when a node dies: this one may retry in silence, or report lost answers as failures.",
        if deadly.len() == 1 { "once".to_owned() } else { counted(deadly.len() as u64, "time") },
        counted(invoked as u64, "operation")
    );
    let mut events: Vec<u64> = deadly.iter().flat_map(|fault| fault.events.iter().copied()).collect();
    events.sort_unstable();
    Some(Witness { text, events })
}

/// Nodes that were cut off and never answered anything.
fn never_reached(history: &History) -> Option<Witness> {
    let answered: FxHashSet<&str> = history.operations().filter_map(|operation| operation.node()).collect();
    if answered.is_empty() {
        return None;
    }
    let values = history.values();
    let mut silent: Vec<&str> = Vec::new();
    for cut in history.notes().iter().filter_map(|note| values.field(note.value, "cut")) {
        for link in values.as_list(cut).unwrap_or_default() {
            let ends = values.as_list(*link).unwrap_or_default().iter().filter_map(|end| values.as_text(*end));
            // Ends of links that belong to clients are no nodes: only names that look like the answering ones count.
            silent.extend(ends.filter(|end| !answered.contains(end) && looks_like_one_of(end, &answered)));
        }
    }
    silent.sort_unstable();
    silent.dedup();
    if silent.is_empty() {
        return None;
    }
    let text = format!(
        "Faults cut off {}, yet no operation of the whole history was ever answered there: no client used it, so its side of \
         the cut was not tested.",
        silent.join(" and ")
    );
    Some(Witness { text, events: Vec::new() })
}

/// Whether a name differs from one of the others in its digits only.
fn looks_like_one_of(name: &str, others: &FxHashSet<&str>) -> bool {
    let shape = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    others.iter().any(|other| shape(other) == shape(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    fn suspicions(text: &HistoryText) -> Vec<String> {
        let analysis = judge(&text.history(), &Limits::NONE, &[&CHECKER]);
        assert_eq!(analysis.valid, Validity::Valid);
        analysis.findings.into_iter().map(|finding| finding.witness.text).collect()
    }

    #[test]
    fn a_refused_value_that_was_read() {
        let mut text = HistoryText::new();
        text.invoke(0, 1, "write", json!(1)).complete(1, 1, "fail", "write", json!(1));
        text.ok((2, 3), 2, "read", Value::Null, json!(1));
        assert!(suspicions(&text)[0].starts_with("1 value reported as failed and read afterwards"));
        text.ok((4, 5), 3, "write", json!(1), json!(1));
        assert_eq!(suspicions(&text).len(), 0, "another write of it may have happened");
    }

    #[test]
    fn elements_of_sets_and_dequeued_values_count_as_read() {
        let mut text = HistoryText::new();
        text.invoke(0, 1, "add", json!(1)).complete(1, 1, "fail", "add", json!(1));
        text.ok((2, 3), 2, "read", Value::Null, json!([1]));
        assert_eq!(suspicions(&text).len(), 1);
        let mut text = HistoryText::new();
        text.invoke(0, 1, "enqueue", json!(1)).complete(1, 1, "fail", "enqueue", json!(1));
        text.ok((2, 3), 2, "dequeue", Value::Null, json!(1));
        assert_eq!(suspicions(&text).len(), 1);
    }

    #[test]
    fn a_timeout_is_no_failure_except_of_a_read() {
        let mut text = HistoryText::new();
        text.invoke(0, 1, "read", Value::Null).complete(1, 1, "fail", "read", Value::Null).with("error", "timed out");
        text.invoke(2, 1, "write", json!(1)).complete(3, 1, "fail", "write", json!(1)).with("error", "not leader");
        assert_eq!(suspicions(&text).len(), 0);
        text.invoke(4, 1, "write", json!(2))
            .complete(5, 1, "fail", "write", json!(2))
            .with("error", "Deadline exceeded");
        assert!(suspicions(&text)[0].contains("the client must report `info`"));
    }

    #[test]
    fn kills_that_leave_nothing_undecided() {
        let mut text = HistoryText::new();
        text.fault(0, "kill-leader", 1, "applied").fault(1000, "kill-leader", 1, "healed");
        for number in 0..25 {
            text.ok((number * 10 + 1, number * 10 + 2), 1, "write", json!(number), json!(number));
        }
        assert!(suspicions(&text)[0].starts_with("Nodes were killed once while 25 operations"));
        text.invoke(500, 2, "write", json!(99));
        assert_eq!(suspicions(&text).len(), 0);
    }

    #[test]
    fn a_cut_node_that_nobody_ever_used() {
        let mut text = HistoryText::new();
        text.nemesis(0, "partition-leader", json!({"cut": [["n1", "n2"], ["n1", "n3"], ["w0", "n2"]]})).with("id", 1);
        text.ok((1, 2), 1, "write", json!(1), json!(1)).with("node", "n1");
        text.ok((3, 4), 1, "write", json!(2), json!(2)).with("node", "n2");
        assert!(suspicions(&text)[0].starts_with("Faults cut off n3, yet"));
        text.ok((5, 6), 1, "write", json!(3), json!(3)).with("node", "n3");
        assert_eq!(suspicions(&text).len(), 0);
    }
}
