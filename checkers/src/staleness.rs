//! How far reads lag behind: a bound on the staleness of reads at whatever level, also of followers.
//!
//! A read's lag is the time from the acknowledgement of the oldest write that it certainly missed to its own invocation; 0
//! if it certainly missed none. It is a lower bound: the system may have had the write longer. What counts as missed is
//! what the staleness checkers count: an element that was not lost, or a write that certainly came after the value read.
//!
//! Where reads and writes carry positions under one term, the lag in positions is the highest position acknowledged before
//! the read began less the position of the state it was answered from.
//!
//! Measures only; [`crate::stale`] says what is a violation.

use crate::analysis::{Analysis, Staleness};
use crate::checker::{Checker, Context};
use crate::history::{Function, History, Operation};
use crate::index::{ClosingRead, RegisterKey, SetKey, Span};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "staleness", description: "how far reads lag behind, a lower bound", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let is_set = history.operations().any(|operation| operation.function() == Function::Add);
    let mut lags_ns = Vec::new();
    if is_set {
        match context.sets() {
            Ok(sets) => sets.keys.iter().for_each(|key| set_lags(history, key, &mut lags_ns)),
            Err(reason) => return analysis.unknown(format!("staleness: {reason}")),
        }
    } else {
        match context.registers() {
            Ok(registers) => {
                // With a value written twice nobody can say which write a read saw.
                let is_clear = |key: &RegisterKey<'_>| key.reads.iter().all(|read| !key.is_ambiguous(read.value));
                let keys = || history.key_ids().map(|key| registers.key(key));
                if !keys().all(|key| is_clear(&key)) {
                    return;
                }
                keys().for_each(|key| register_lags(&key, &mut lags_ns));
            }
            Err(reason) => return analysis.unknown(format!("staleness: {reason}")),
        }
    }
    if lags_ns.is_empty() {
        return;
    }
    lags_ns.sort_unstable();
    let place = (lags_ns.len() * 99).div_ceil(100) - 1;
    let milliseconds = |ns: u64| ns as f64 / 1e6;
    analysis.measures.staleness = Some(Staleness {
        reads: lags_ns.len() as u64,
        stale: lags_ns.iter().filter(|lag| **lag > 0).count() as u64,
        ms_max: lags_ns.last().copied().map_or(0.0, milliseconds),
        ms_p99: milliseconds(lags_ns[place]),
        positions_max: position_lag(history),
    });
}

fn set_lags(history: &History, key: &SetKey, lags_ns: &mut Vec<u64>) {
    let survives = match key.closing_read(history) {
        ClosingRead::Read(place) => key.membership(&key.reads[place]),
        _ => vec![false; key.elements.len()],
    };
    let mut acknowledged: Vec<(u64, usize)> = (0..key.elements.len())
        .filter(|element| survives[*element])
        .filter_map(|element| Some((key.elements[element].acknowledged(history)?.completed_ns()?, element)))
        .collect();
    acknowledged.sort_unstable();
    let mut seen_by = vec![usize::MAX; key.elements.len()];
    for (number, read) in key.reads.iter().enumerate() {
        key.content(read.content).iter().for_each(|element| seen_by[*element as usize] = number);
        let invoked = read.span.invoked;
        let mut before = acknowledged.iter().take_while(|(at, _)| *at < invoked);
        let missed = before.find(|(_, element)| seen_by[*element] != number).map(|(at, _)| *at);
        lags_ns.push(missed.map_or(0, |at| invoked - at));
    }
}

fn register_lags(key: &RegisterKey<'_>, lags_ns: &mut Vec<u64>) {
    // Acknowledged writes by invocation, each with the earliest completion of all from it on.
    let acknowledged = key.writes.iter().map(|write| write.span).filter(Span::is_decided);
    let mut writes: Vec<(u64, u64)> = acknowledged.map(|span| (span.invoked, span.completed)).collect();
    writes.sort_unstable();
    for place in (1..writes.len()).rev() {
        writes[place - 1].1 = writes[place - 1].1.min(writes[place].1);
    }
    let since = there_since(key);
    for read in key.reads {
        let invoked = read.span.invoked;
        let after = match since[read.value as usize] {
            Since::Always => 0,
            Since::At(time) => writes.partition_point(|(write_invoked, _)| *write_invoked <= time),
            Since::Unknown => writes.len(),
        };
        let missed = writes.get(after).map(|(_, completed)| *completed).filter(|completed| *completed < invoked);
        lags_ns.push(missed.map_or(0, |completed| invoked - completed));
    }
}

/// From when on a value was certainly there.
#[derive(Clone, Copy)]
enum Since {
    /// The initial value.
    Always,
    At(u64),
    Unknown,
}

fn there_since(key: &RegisterKey<'_>) -> Vec<Since> {
    let mut since = vec![Since::Unknown; key.values.len()];
    let mut note = |value: u32, span: &Span| {
        if !span.is_decided() {
            return;
        }
        let floor = key.writer(value).map_or(0, |write| write.span.invoked);
        let time = span.completed.max(floor);
        let entry = &mut since[value as usize];
        *entry = match *entry {
            Since::At(known) => Since::At(known.min(time)),
            _ => Since::At(time),
        };
    };
    key.writes.iter().for_each(|write| note(write.new, &write.span));
    key.reads.iter().for_each(|read| note(read.value, &read.span));
    since[RegisterKey::INITIAL as usize] = Since::Always;
    since
}

fn position_lag(history: &History) -> Option<u64> {
    let told = |operation: &Operation<'_>| Some((operation.term()?, operation.position()?));
    let ok = || history.operations().filter(|operation| operation.is_ok() && !operation.is_final());
    // By term and completion; the highest position so far.
    let mut writes: Vec<(u64, u64, u64)> = ok()
        .filter(|operation| !operation.is_read())
        .filter_map(|write| told(&write).and_then(|(term, position)| Some((term, write.completed_ns()?, position))))
        .collect();
    writes.sort_unstable();
    for place in 1..writes.len() {
        if writes[place - 1].0 == writes[place].0 {
            writes[place].2 = writes[place].2.max(writes[place - 1].2);
        }
    }
    let lag = |read: Operation<'_>| {
        let (term, position) = told(&read)?;
        let before = writes.partition_point(|(of, completed, _)| (*of, *completed) < (term, read.invoked_ns()));
        let (_, _, highest) = writes[..before].last().filter(|(of, ..)| *of == term)?;
        Some(highest.saturating_sub(position))
    };
    ok().filter(Operation::is_read).filter_map(lag).max()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Limits;
    use crate::checker::judge;
    use crate::testing::HistoryText;

    fn staleness(text: &HistoryText) -> Staleness {
        judge(&text.history(), &Limits::NONE, &[&CHECKER]).measures.staleness.unwrap()
    }

    #[test]
    fn a_registers_lag_counts_from_the_oldest_write_that_was_missed() {
        let mut text = HistoryText::new();
        for (time, value) in [(0, 1), (10, 2), (20, 3)] {
            text.ok((time, time + 1), 1, "write", json!(value), json!(value));
        }
        text.ok((30, 31), 2, "read", Value::Null, json!(3));
        assert_eq!(staleness(&text), Staleness { reads: 1, ..Staleness::default() });
        text.ok((40, 41), 2, "read", Value::Null, json!(1));
        let found = staleness(&text);
        assert_eq!((found.reads, found.stale, found.ms_max), (2, 1, 29.0));
        text.ok((50, 51), 2, "read", Value::Null, Value::Null);
        assert_eq!(staleness(&text).ms_max, 49.0);
    }

    #[test]
    fn a_write_that_overlaps_the_one_read_was_not_certainly_missed() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 1, "write", json!(1), json!(1)).ok((5, 12), 2, "write", json!(2), json!(2));
        text.ok((30, 31), 3, "read", Value::Null, json!(1));
        assert_eq!(staleness(&text).ms_max, 0.0);
    }

    #[test]
    fn a_sets_lag_counts_from_the_oldest_missing_element_that_is_not_lost() {
        let mut text = HistoryText::new();
        for (time, value) in [(0, 1), (10, 2), (20, 3)] {
            text.ok((time, time + 1), 1, "add", json!(value), json!(value));
        }
        text.ok((30, 31), 2, "read", Value::Null, json!([1]));
        // Element 2 is lost, so only 3 was missed.
        text.ok((90, 91), 3, "read", Value::Null, json!([1, 3]));
        let found = staleness(&text);
        assert_eq!((found.reads, found.stale, found.ms_max), (2, 1, 9.0));
    }

    #[test]
    fn positions_are_compared_under_one_term() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 1, "write", json!(1), json!(1)).with("term", 1).with("position", 90);
        text.ok((2, 3), 1, "write", json!(2), json!(2)).with("term", 2).with("position", 70);
        text.ok((4, 5), 2, "read", Value::Null, json!(2)).with("term", 2).with("position", 66);
        assert_eq!(staleness(&text).positions_max, Some(4));
    }
}
