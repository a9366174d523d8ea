//! Stale reads: a newer write, itself not lost, was acknowledged before the read was invoked.
//!
//! *Sets.* The write is an element; it is not lost if the closing read has it. Where a key has no closing read, an
//! element that a later read returned was not lost then, and that suffices.
//!
//! *Registers* with values written once each. A read of `v` is stale if some write was acknowledged before the read was
//! invoked, and was itself invoked after `v` was certainly there: after the write of `v` was acknowledged or another read
//! had returned `v`. Every order then has that write after `v` and before the read. On a register nothing shows a loss, so
//! every acknowledged write counts as not lost.
//!
//! Reads whose level promises recency make the run invalid; others are counted and reported.

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, Operation};
use crate::index::{ClosingRead, NEVER, NONE, RegisterKey, SetKey, Span};
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, witness};

/// Staleness of sets.
pub static SET_CHECKER: Checker =
    Checker { name: "stale-set", description: "reads that missed an acknowledged element", check: check_sets };

/// Staleness of registers.
pub static REGISTER_CHECKER: Checker = Checker {
    name: "stale-register",
    description: "reads of a value that had certainly been overwritten",
    check: check_registers,
};

/// A read and the acknowledged write that it missed.
#[derive(Debug, Clone, Copy)]
struct Stale<'h> {
    read: Operation<'h>,
    missed: Operation<'h>,
}

fn check_sets(context: &Context<'_>, analysis: &mut Analysis) {
    match context.sets() {
        Ok(sets) => {
            let found = sets.keys.iter().flat_map(|key| stale_in_set(context.history, key)).collect();
            report(context.history, found, analysis);
        }
        Err(reason) => analysis.unknown(reason),
    }
}

fn check_registers(context: &Context<'_>, analysis: &mut Analysis) {
    let registers = match context.registers() {
        Ok(registers) => registers,
        Err(reason) => return analysis.unknown(reason),
    };
    // With a value written twice nobody can say which write a read saw: not measured, rather than half measured.
    let history = context.history;
    let keys = || history.key_ids().map(|key| registers.key(key));
    if keys().all(|key| key.reads.iter().all(|read| !key.is_ambiguous(read.value))) {
        let found = keys().flat_map(|key| stale_in_register(history, &key)).collect();
        report(history, found, analysis);
    }
}

fn stale_in_set<'h>(history: &'h History, key: &SetKey) -> Vec<Stale<'h>> {
    let survivors = match key.closing_read(history) {
        ClosingRead::Read(place) => {
            key.membership(&key.reads[place]).into_iter().map(|at_end| if at_end { NEVER } else { 0 }).collect()
        }
        ClosingRead::NoneInRun(_) | ClosingRead::NoneOfKey => last_sights(key),
    };
    // Elements that were not lost for good, by the time of their acknowledgement.
    let mut candidates: Vec<(u64, u32)> = (0..key.elements.len())
        .filter(|element| survivors[*element] > 0)
        .filter_map(|element| Some((key.elements[element].acknowledged(history)?.completed_ns()?, element as u32)))
        .collect();
    candidates.sort_unstable();

    let mut found = Vec::new();
    let mut stamp = vec![NONE; key.elements.len()];
    for (number, read) in key.reads.iter().enumerate() {
        let expected = &candidates[..candidates.partition_point(|(acknowledged, _)| *acknowledged < read.span.invoked)];
        let number = number as u32;
        for element in key.content(read.content) {
            stamp[*element as usize] = number;
        }
        let is_missed =
            |element: u32| stamp[element as usize] != number && survivors[element as usize] > read.span.completed;
        let missed = expected.iter().find(|(_, element)| is_missed(*element));
        let missed = missed.and_then(|(_, element)| key.elements[*element as usize].acknowledged(history));
        found.extend(stale(history, &read.span, missed));
    }
    found
}

fn stale<'h>(history: &'h History, read: &Span, missed: Option<Operation<'h>>) -> Option<Stale<'h>> {
    Some(Stale { read: read.look_up(history)?, missed: missed? })
}

/// By element: when a read that saw it was invoked last; 0: never.
fn last_sights(key: &SetKey) -> Vec<u64> {
    let mut last_reads = vec![0; key.content_count()];
    for read in &key.reads {
        let last = &mut last_reads[read.content as usize];
        *last = read.span.invoked.max(*last);
    }
    let mut last = vec![0; key.elements.len()];
    for (content, invoked) in last_reads.iter().enumerate() {
        for element in key.content(content as u32) {
            let seen = &mut last[*element as usize];
            *seen = (*invoked).max(*seen);
        }
    }
    last
}

fn stale_in_register<'h>(history: &'h History, key: &RegisterKey<'_>) -> Vec<Stale<'h>> {
    let there_since = there_since(key);
    // Acknowledged writes by completion; beside each the one invoked last so far.
    let mut writes: Vec<Span> = key.writes.iter().map(|write| write.span).filter(Span::is_decided).collect();
    writes.sort_by_key(|write| write.completed);
    let mut latest = writes.clone();
    for place in 1..latest.len() {
        if latest[place - 1].invoked > latest[place].invoked {
            latest[place] = latest[place - 1];
        }
    }
    let mut found = Vec::new();
    for read in key.reads {
        let before = writes.partition_point(|write| write.precedes(&read.span));
        let Some(missed) = before.checked_sub(1).map(|place| latest[place]) else { continue };
        if there_since[read.value as usize].is_some_and(|since| since < i128::from(missed.invoked)) {
            found.extend(stale(history, &read.span, missed.look_up(history)));
        }
    }
    found
}

/// By value: from when on it had certainly been written; `None`: never certain. The initial value was there before time.
fn there_since(key: &RegisterKey<'_>) -> Vec<Option<i128>> {
    let mut since: Vec<Option<i128>> = vec![None; key.values.len()];
    let mut note = |value: u32, span: &Span| {
        if !span.is_decided() {
            return;
        }
        // A read that was over before the write was invoked is another checker's business.
        let floor = key.writer(value).map_or(0, |write| write.span.invoked);
        let time = i128::from(span.completed.max(floor));
        let entry = &mut since[value as usize];
        *entry = Some(entry.map_or(time, |earlier| earlier.min(time)));
    };
    key.writes.iter().for_each(|write| note(write.new, &write.span));
    key.reads.iter().for_each(|read| note(read.value, &read.span));
    since[RegisterKey::INITIAL as usize] = Some(-1);
    since
}

fn report(history: &History, mut found: Vec<Stale<'_>>, analysis: &mut Analysis) {
    found.sort_by_key(|stale| stale.read.id());
    analysis.measures.stale_reads = Some(found.len() as u64);
    let (promised, local): (Vec<_>, Vec<_>) = found.into_iter().partition(|stale| stale.read.promises_recency());
    for (kind, stale) in [(FindingKind::StaleRead, promised), (FindingKind::StaleLocalRead, local)] {
        let Some(first) = stale.first() else { continue };
        let operations = [first.missed, first.read];
        let text = format!(
            "{} missed a newer write that was acknowledged before and was not lost. The first: \
             {} was acknowledged, and yet {} does not reflect it; {}.",
            counted(stale.len() as u64, "read"),
            describe(history, &first.missed),
            describe(history, &first.read),
            faults_around(history, &[first.read]),
        );
        analysis.find(kind, stale.len() as u64, None, witness(text, &operations));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    fn sets(text: &HistoryText) -> Analysis {
        judge(&text.history(), &Limits::NONE, &[&SET_CHECKER])
    }

    fn registers(text: &HistoryText) -> Analysis {
        judge(&text.history(), &Limits::NONE, &[&REGISTER_CHECKER])
    }

    fn read(text: &mut HistoryText, span: (u64, u64), result: Value) -> &mut HistoryText {
        text.ok(span, span.0, "read", Value::Null, result)
    }

    #[test]
    fn a_read_that_misses_an_acknowledged_element_that_is_not_lost_is_stale() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(1), json!(1)).ok((0, 20), 1, "add", json!(2), json!(2));
        // Element 3 is lost; element 2 was acknowledged at the very time when the second read was invoked.
        text.ok((0, 5), 2, "add", json!(3), json!(3));
        read(&mut text, (15, 16), json!([]));
        read(&mut text, (20, 21), json!([1]));
        text.nemesis(100, "phase", json!("final"));
        read(&mut text, (101, 102), json!([1, 2]));
        let analysis = sets(&text);
        assert_eq!(analysis.measures.stale_reads, Some(1));
        assert_eq!(analysis.valid, Validity::Invalid);
        assert_eq!(analysis.findings[0].witness.events.len(), 4);
    }

    #[test]
    fn a_stale_local_read_is_counted_and_invalidates_nothing() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(1), json!(1));
        read(&mut text, (15, 16), json!([])).with("level", "local");
        read(&mut text, (20, 21), json!([1])).with("level", "leader");
        let analysis = sets(&text);
        assert_eq!(analysis.measures.stale_reads, Some(1));
        assert_eq!(analysis.findings[0].kind, FindingKind::StaleLocalRead);
        assert_eq!(analysis.valid, Validity::Valid);
    }

    #[test]
    fn what_may_be_lost_makes_no_read_stale_unless_a_later_read_has_it() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(1), json!(1));
        text.nemesis(0, "phase", json!("load"));
        read(&mut text, (15, 16), json!([]));
        assert_eq!(sets(&text).measures.stale_reads, Some(0));
        read(&mut text, (20, 21), json!([1]));
        assert_eq!(sets(&text).measures.stale_reads, Some(1));
    }

    #[test]
    fn a_value_that_was_certainly_overwritten_is_stale() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "write", json!(1), json!(1)).ok((20, 30), 0, "write", json!(2), json!(2));
        read(&mut text, (30, 31), json!(1));
        read(&mut text, (40, 41), json!(1));
        read(&mut text, (50, 51), json!(null));
        read(&mut text, (60, 61), json!(2));
        let analysis = registers(&text);
        assert_eq!(analysis.measures.stale_reads, Some(2));
        assert_eq!(analysis.valid, Validity::Invalid);
    }

    #[test]
    fn concurrent_writes_make_no_read_stale() {
        let mut text = HistoryText::new();
        text.ok((0, 25), 0, "write", json!(1), json!(1)).ok((20, 30), 1, "write", json!(2), json!(2));
        read(&mut text, (40, 41), json!(1));
        assert_eq!(registers(&text).measures.stale_reads, Some(0));
    }

    #[test]
    fn a_read_shows_that_an_undecided_write_was_there() {
        let mut text = HistoryText::new();
        text.invoke(0, 0, "write", json!(1)).complete(5, 0, "info", "write", Value::Null);
        text.ok((20, 30), 1, "write", json!(2), json!(2));
        read(&mut text, (40, 41), json!(1));
        // It may have taken effect after the second write.
        assert_eq!(registers(&text).measures.stale_reads, Some(0));
        read(&mut text, (10, 11), json!(1));
        assert_eq!(registers(&text).measures.stale_reads, Some(1));
    }

    #[test]
    fn a_value_that_is_written_twice_leaves_it_unmeasured() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "write", json!(1), json!(1)).ok((20, 30), 0, "write", json!(1), json!(1));
        read(&mut text, (40, 41), json!(1));
        assert_eq!(registers(&text).measures.stale_reads, None);
    }
}
