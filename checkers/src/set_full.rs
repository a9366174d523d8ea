//! Accounts for every element of a set: lost, recovered, dirty, unexpected, twice in one read; and when it became visible.
//!
//! Wants `add` v (or Maelstrom's `broadcast` v) and `read` → [v…]; every key is a set of its own. The closing read of each key
//! decides. Where it is missing, what depends on it is unknown; elements that nobody added are found without it. Whether a
//! read came too late is the staleness checker's business. Without any read, or where no element was ever acknowledged or
//! returned, nothing was tested.
//!
//! A read that returns an element twice is a `duplicate`: it is no set that it shows. The number is that of elements, not of
//! reads. How long elements took to stay visible is measured beside it, see [`crate::SetElements`]. O(total size of the reads).

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, KeyId, Operation, ValueId};
use crate::index::{ClosingRead, Element, NONE, SetKey, Span, missing_closing_reads};
use crate::set_visibility::Visibility;
use crate::verdict::FindingKind;
use crate::witness::{at, counted, describe, faults_around, short, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "set-full", description: "lost, recovered, dirty and unexpected elements of sets", check };

/// One element that is not as it should be, and the reads that show it.
struct Case<'h> {
    /// Its add, if there was any.
    add: Option<Operation<'h>>,
    element: ValueId,
    key: KeyId,
    /// A read that saw it.
    seen: Option<Operation<'h>>,
    closing: Option<Operation<'h>>,
}

/// What was counted over all keys.
#[derive(Default)]
struct Account<'h> {
    lost: Vec<Case<'h>>,
    recovered: Vec<Case<'h>>,
    dirty: Vec<Case<'h>>,
    unexpected: Vec<Case<'h>>,
    twice: Vec<Case<'h>>,
    visibility: Visibility,
    keys_without_closing_read: Vec<KeyId>,
    no_closing_reads: Option<String>,
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let sets = match context.sets() {
        Ok(sets) => sets,
        Err(reason) => return analysis.unknown(reason),
    };
    let mut account = Account::default();
    for key in &sets.keys {
        account.add_key(history, key);
    }
    report(history, &account, analysis);
    if sets.keys.iter().all(|key| key.reads.is_empty()) {
        analysis.unknown("no read of a set ended ok: nothing was tested");
    } else if !account.visibility.is_any_known {
        analysis.unknown("no element was acknowledged or returned by a read: nothing was tested");
    }

    let measures = &mut analysis.measures;
    measures.duplicates = Some(account.twice.len() as u64);
    measures.set_elements = account.visibility.measure(history);
    measures.unexpected = Some(account.unexpected.len() as u64);
    if let Some(reason) = account.no_closing_reads {
        return analysis.unknown(format!("lost is unknown: {reason}"));
    }
    if !account.keys_without_closing_read.is_empty() {
        // A lower bound is a finding, but no measure.
        return analysis.unknown(missing_closing_reads(history, &account.keys_without_closing_read));
    }
    measures.lost = Some(account.lost.len() as u64);
    measures.recovered = Some(account.recovered.len() as u64);
    measures.dirty = Some(account.dirty.len() as u64);
}

impl<'h> Account<'h> {
    fn add_key(&mut self, history: &'h History, key: &SetKey) {
        let closing = match key.closing_read(history) {
            ClosingRead::Read(place) => Some(place),
            _ if key.elements.iter().all(|element| element.possible == NONE) => None,
            ClosingRead::NoneInRun(reason) => {
                self.no_closing_reads.get_or_insert(reason);
                None
            }
            ClosingRead::NoneOfKey => {
                self.keys_without_closing_read.push(key.key);
                None
            }
        };
        let seen = first_sight(key, closing);
        self.visibility.add_key(history, key, closing, &seen);
        self.twice.extend(twice_in_one_read(history, key));
        let closing = closing.map(|place| &key.reads[place]);
        let at_end = closing.map(|read| key.membership(read));
        let closing = closing.and_then(|read| read.span.look_up(history));
        for (number, element) in key.elements.iter().enumerate() {
            let seen = seen[number].look_up(history);
            let at_end = at_end.as_ref().is_some_and(|at_end| at_end[number]);
            self.add_element(history, element, key.key, Sights { seen, closing, at_end });
        }
    }

    fn add_element(&mut self, history: &'h History, element: &Element, key: KeyId, sights: Sights<'h>) {
        let Sights { seen, closing, at_end } = sights;
        let seen_at_all = seen.or_else(|| closing.filter(|_| at_end));
        let case = |add: Option<Operation<'h>>| Case { add, element: element.value, key, seen: seen_at_all, closing };
        let possible = element.possible(history);
        // A read that was over before any add of the element was invoked saw what nobody had written.
        let from_nowhere = seen_at_all.is_some_and(|read| {
            possible.is_none_or(|add| read.completed_ns().is_some_and(|completed| completed < add.invoked_ns()))
        });
        if from_nowhere {
            self.unexpected.push(case(element.first_add(history)));
        }
        let (Some(possible), Some(closing)) = (possible, closing) else { return };
        let acknowledged = element.acknowledged(history);
        // An add that was still under way may have come after the closing read; so may what a read under way then returned.
        let is_before_closing = |operation: &Operation<'_>| {
            operation.completed_ns().is_some_and(|completed| completed < closing.invoked_ns())
        };
        match (acknowledged, at_end) {
            (Some(add), false) if is_before_closing(&add) => self.lost.push(case(Some(add))),
            (None, true) => self.recovered.push(case(Some(possible))),
            _ => {}
        }
        if seen.filter(is_before_closing).is_some() && !at_end {
            self.dirty.push(case(acknowledged.or(Some(possible))));
        }
    }
}

/// Which reads saw an element.
struct Sights<'h> {
    /// The first that did, the closing one aside.
    seen: Option<Operation<'h>>,
    /// The closing read of its key.
    closing: Option<Operation<'h>>,
    /// Whether that one saw it.
    at_end: bool,
}

/// The elements that some read returned more than once, with the first such read.
fn twice_in_one_read<'h>(history: &'h History, key: &SetKey) -> Vec<Case<'h>> {
    let mut last_content = vec![NONE; key.elements.len()];
    let mut content_with = vec![NONE; key.elements.len()];
    for content in 0..key.content_count() as u32 {
        for element in key.content(content) {
            let element = *element as usize;
            if std::mem::replace(&mut last_content[element], content) == content && content_with[element] == NONE {
                content_with[element] = content;
            }
        }
    }
    let with = |content: u32| key.reads.iter().find(|read| read.content == content);
    let cases = key.elements.iter().zip(content_with).filter(|(_, content)| *content != NONE);
    let case = |(element, content): (&Element, u32)| Case {
        add: element.first_add(history),
        element: element.value,
        key: key.key,
        seen: with(content).and_then(|read| read.span.look_up(history)),
        closing: None,
    };
    cases.map(case).collect()
}

/// By element: the read, other than the closing one, that saw it first.
fn first_sight(key: &SetKey, closing: Option<usize>) -> Vec<Span> {
    let mut first_reads = vec![Span::ABSENT; key.content_count()];
    let reads = key.reads.iter().enumerate().filter(|(place, _)| Some(*place) != closing).map(|(_, read)| read);
    for read in reads {
        let first = &mut first_reads[read.content as usize];
        if is_earlier(&read.span, first) {
            *first = read.span;
        }
    }
    let mut seen = vec![Span::ABSENT; key.elements.len()];
    for (content, read) in first_reads.iter().enumerate().filter(|(_, read)| !read.is_absent()) {
        for element in key.content(content as u32) {
            let first = &mut seen[*element as usize];
            if is_earlier(read, first) {
                *first = *read;
            }
        }
    }
    seen
}

/// By completion, then by invocation.
fn is_earlier(one: &Span, other: &Span) -> bool {
    (one.completed, one.operation) < (other.completed, other.operation)
}

fn report(history: &History, account: &Account<'_>, analysis: &mut Analysis) {
    let kinds = [
        (FindingKind::Lost, &account.lost),
        (FindingKind::Dirty, &account.dirty),
        (FindingKind::Unexpected, &account.unexpected),
        (FindingKind::Duplicate, &account.twice),
        (FindingKind::Recovered, &account.recovered),
    ];
    for (kind, cases) in kinds {
        // The witness is the case that came first in the run, whatever its key.
        let first = cases.iter().min_by_key(|case| case.add.or(case.seen).map(|operation| operation.invoked_index()));
        let Some(first) = first else { continue };
        let operations: Vec<Operation<'_>> = [first.add, first.seen, first.closing].into_iter().flatten().collect();
        let text = format!(
            "{} {}; {}.",
            headline(kind, cases.len(), &account.keys_without_closing_read),
            story(kind, history, first),
            faults_around(history, first.add.as_slice()),
        );
        analysis.find(kind, cases.len() as u64, None, witness(text, &operations));
    }
}

fn headline(kind: FindingKind, count: usize, keys_without_closing_read: &[KeyId]) -> String {
    let needs_closing_read = !matches!(kind, FindingKind::Unexpected | FindingKind::Duplicate);
    let is_exact = keys_without_closing_read.is_empty() || !needs_closing_read;
    let at_least = if is_exact { "" } else { "at least " };
    let elements = counted(count as u64, "element");
    match kind {
        FindingKind::Lost => {
            format!("Acknowledged and absent from the closing reads: {at_least}{elements}. The first:")
        }
        FindingKind::Dirty => format!("Read during the run and absent at its end: {at_least}{elements}. The first:"),
        FindingKind::Recovered => format!("Undecided and present at the end: {at_least}{elements}. The first:"),
        FindingKind::Duplicate => format!("Returned twice by one read: {elements}. The first:"),
        _ => format!("Read, though nobody had added it: {elements}. The first:"),
    }
}

fn story(kind: FindingKind, history: &History, case: &Case<'_>) -> String {
    let element = short(history, case.element);
    let key = history.key_name(case.key);
    let add = case.add.map(|add| describe(history, &add));
    let seen = case.seen.map(|read| describe(history, &read)).unwrap_or_default();
    let closing = case.closing.map_or_else(String::new, |read| {
        let node = read.node().map(|node| format!(" by {node}")).unwrap_or_default();
        format!("the closing read of {key}, answered{node} at {}", read.completed_ns().map(at).unwrap_or_default())
    });
    match (kind, add) {
        (FindingKind::Lost, Some(add)) => format!("{add}; {closing}, does not contain {element}"),
        (FindingKind::Dirty, Some(add)) => format!("{add} was seen by {seen}; {closing}, does not contain {element}"),
        (FindingKind::Recovered, Some(add)) => format!("{add}; {closing}, contains {element}"),
        (FindingKind::Duplicate, _) => format!("{element} of {key} stands more than once in {seen}"),
        (_, Some(add)) => format!("{element} of {key} was seen by {seen}, but {add}"),
        (_, None) => format!("{element} of {key} was seen by {seen}, but no operation ever added it"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    fn judged(text: &HistoryText) -> Analysis {
        judge(&text.history(), &Limits::NONE, &[&CHECKER])
    }

    fn add(text: &mut HistoryText, time: u64, element: u64, how: &str) {
        text.invoke(time, 100 + element, "add", json!(element));
        if how != "open" {
            text.complete(time + 1, 100 + element, how, "add", json!(element));
        }
    }

    fn read(text: &mut HistoryText, time: u64, result: Value) {
        text.ok((time, time + 1), time, "read", Value::Null, result);
    }

    /// Elements 1 and 2 acknowledged, 3 undecided, 4 open, 5 refused; then the closing reads begin at 1000.
    fn run() -> HistoryText {
        let mut text = HistoryText::new();
        for (element, how) in [(1, "ok"), (2, "ok"), (3, "info"), (4, "open"), (5, "fail")] {
            add(&mut text, element * 10, element, how);
        }
        text.nemesis(0, "phase", json!("load")).nemesis(1000, "phase", json!("final")).nemesis(
            2000,
            "phase",
            json!("end"),
        );
        text
    }

    fn counts(analysis: &Analysis) -> [Option<u64>; 4] {
        let measures = &analysis.measures;
        [measures.lost, measures.recovered, measures.dirty, measures.unexpected]
    }

    #[test]
    fn everything_acknowledged_and_nothing_else_is_in_order() {
        let mut text = run();
        read(&mut text, 1001, json!([2, 1]));
        let analysis = judged(&text);
        assert_eq!(counts(&analysis), [Some(0); 4]);
        assert_eq!((analysis.valid, analysis.findings.len()), (Validity::Valid, 0));
    }

    #[test]
    fn acknowledged_and_absent_is_lost() {
        let mut text = run();
        text.fault(5, "kill-leader", 1, "applied").fault(12, "kill-leader", 1, "healed");
        read(&mut text, 1001, json!([2]));
        let analysis = judged(&text);
        assert_eq!(counts(&analysis), [Some(1), Some(0), Some(0), Some(0)]);
        assert_eq!(analysis.valid, Validity::Invalid);
        let witness = &analysis.findings[0].witness;
        assert!(witness.text.contains("kill-leader (fault 1) was active then"), "{}", witness.text);
        assert!(witness.text.contains("does not contain 1"), "{}", witness.text);
        assert_eq!(witness.events.len(), 4);
    }

    #[test]
    fn undecided_and_present_is_recovered_and_no_violation() {
        let mut text = run();
        read(&mut text, 1001, json!([1, 2, 3, 4]));
        let analysis = judged(&text);
        assert_eq!(counts(&analysis), [Some(0), Some(2), Some(0), Some(0)]);
        assert_eq!(analysis.valid, Validity::Valid);
    }

    #[test]
    fn seen_and_gone_is_dirty_and_if_acknowledged_lost_too() {
        let mut text = run();
        read(&mut text, 500, json!([1, 2, 3]));
        read(&mut text, 1001, json!([2]));
        let analysis = judged(&text);
        assert_eq!(counts(&analysis), [Some(1), Some(0), Some(2), Some(0)]);
        assert_eq!(analysis.valid, Validity::Invalid);
    }

    #[test]
    fn what_comes_while_the_closing_read_is_under_way_is_neither_lost_nor_dirty() {
        let mut text = HistoryText::new();
        text.nemesis(0, "phase", json!("final"));
        // Acknowledged late; undecided, and seen by a read that began before the closing read and ended after its invocation.
        text.ok((10, 60), 1, "add", json!(1), json!(1)).invoke(10, 2, "add", json!(2));
        text.ok((40, 50), 3, "read", Value::Null, json!([2])).ok((50, 55), 4, "read", Value::Null, json!([]));
        assert_eq!(counts(&judged(&text)), [Some(0), Some(0), Some(0), Some(0)]);
        text.ok((20, 49), 5, "add", json!(3), json!(3)).ok((40, 49), 6, "read", Value::Null, json!([2]));
        assert_eq!(counts(&judged(&text)), [Some(1), Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn refused_or_never_added_and_seen_is_unexpected() {
        let mut text = run();
        read(&mut text, 500, json!([1, 2, 5]));
        read(&mut text, 1001, json!([1, 2, 99]));
        let analysis = judged(&text);
        assert_eq!(counts(&analysis), [Some(0), Some(0), Some(0), Some(2)]);
        assert_eq!(analysis.valid, Validity::Invalid);
    }

    #[test]
    fn seen_before_its_add_was_invoked_is_unexpected() {
        let mut text = run();
        read(&mut text, 2, json!([2]));
        read(&mut text, 1001, json!([1, 2]));
        assert_eq!(counts(&judged(&text)), [Some(0), Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn without_a_closing_read_lost_is_unknown_and_never_zero() {
        let mut text = run();
        read(&mut text, 500, json!([2]));
        text.invoke(1001, 9, "read", Value::Null).complete(1002, 9, "info", "read", Value::Null);
        let analysis = judged(&text);
        assert_eq!(counts(&analysis), [None, None, None, Some(0)]);
        assert_eq!(analysis.valid, Validity::Unknown);
        assert!(analysis.reasons[0].contains("no closing read"), "{:?}", analysis.reasons);
    }

    #[test]
    fn a_loss_on_another_key_stays_a_violation() {
        let mut text = HistoryText::new();
        text.nemesis(1000, "phase", json!("final"));
        for (process, key) in [(0, "a"), (1, "b")] {
            text.invoke(0, process, "add", json!(process)).with("key", key);
            text.complete(1, process, "ok", "add", json!(process)).with("key", key);
        }
        text.invoke(1001, 0, "read", Value::Null).with("key", "a");
        text.complete(1002, 0, "ok", "read", json!([])).with("key", "a");
        let analysis = judged(&text);
        assert_eq!(analysis.measures.lost, None);
        assert_eq!(analysis.valid, Validity::Invalid);
        assert!(analysis.findings[0].witness.text.contains("at least 1 element."), "{:?}", analysis.findings);
        assert!(analysis.reasons[0].contains("(b)"), "{:?}", analysis.reasons);
    }

    #[test]
    fn without_convergence_closing_reads_show_nothing() {
        let mut text = run();
        text.nemesis(900, "converged", json!(false));
        read(&mut text, 1001, json!([2, 99]));
        let analysis = judged(&text);
        assert_eq!(counts(&analysis), [None, None, None, Some(1)]);
        assert!(analysis.finding(FindingKind::Lost).is_none());
    }

    #[test]
    fn without_phases_the_last_read_after_every_acknowledgement_decides() {
        let mut text = HistoryText::new();
        add(&mut text, 10, 1, "ok");
        read(&mut text, 11, json!([]));
        // Invoked at the very time of the acknowledgement: concurrent, so it decides nothing.
        assert_eq!(judged(&text).measures.lost, None);
        read(&mut text, 20, json!([]));
        assert_eq!(judged(&text).measures.lost, Some(1));
        read(&mut text, 30, json!([1]));
        assert_eq!(judged(&text).measures.lost, Some(0));
        // A local read promises nothing, so it does not decide.
        text.ok((40, 41), 40, "read", Value::Null, json!([])).with("level", "local");
        assert_eq!(judged(&text).measures.lost, Some(0));
    }

    #[test]
    fn reads_marked_final_are_not_looked_at() {
        let mut text = run();
        read(&mut text, 1001, json!([1, 2]));
        text.ok((1010, 1011), 1, "read", Value::Null, json!([99])).with("final", true);
        assert_eq!(counts(&judged(&text)), [Some(0); 4]);
    }

    #[test]
    fn another_objects_history_is_unknown() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 0, "write", json!(1), json!(1));
        assert_eq!(judged(&text).valid, Validity::Unknown);
    }
}
