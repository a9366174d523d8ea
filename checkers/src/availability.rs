//! Availability: the longest time in which no write, or no read, ended ok, and the share of operations that did.
//!
//! Writes and reads count apart: a system that still reads while it can write nothing is not available for writing.
//!
//! Looks from the first invocation to the end of the healing phase, and not beyond the last sign that a client was asking:
//! nobody can say whether a system that nobody asks would have answered.

use crate::analysis::{Analysis, FaultOutage};
use crate::checker::{Checker, Context};
use crate::history::{History, Operation, Phase};
use crate::witness::seconds;

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "availability", description: "longest time in which no write, or no read, ended ok", check };

/// A time between two writes, or two reads, that ended ok.
#[derive(Debug, Clone, Copy)]
struct Gap {
    from_ns: u64,
    to_ns: u64,
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let end_ns = history.timeline().phase(Phase::Converge).map_or(u64::MAX, |start| start.time_ns);
    let asked: Vec<Operation<'_>> =
        history.operations().filter(|operation| !operation.is_final() && operation.invoked_ns() < end_ns).collect();
    if asked.is_empty() {
        return;
    }
    let gaps = gaps(&asked, end_ns);
    analysis.measures.unavailable_seconds = gaps.iter().map(|gap| seconds(gap.to_ns - gap.from_ns)).reduce(f64::max);
    analysis.measures.ok_share = ok_share(asked.iter());
    analysis.measures.outages = outages(history, &asked, &gaps);
}

fn gaps(asked: &[Operation<'_>], end_ns: u64) -> Vec<Gap> {
    let (reads, writes): (Vec<_>, Vec<_>) = asked.iter().copied().partition(Operation::is_read);
    [reads, writes]
        .iter()
        .filter(|of_kind| !of_kind.is_empty())
        .flat_map(|of_kind| gaps_of_kind(of_kind, end_ns))
        .collect()
}

fn gaps_of_kind(asked: &[Operation<'_>], end_ns: u64) -> Vec<Gap> {
    let mut answers: Vec<u64> =
        asked.iter().filter(|operation| operation.is_ok()).filter_map(Operation::completed_ns).collect();
    answers.retain(|answer| *answer <= end_ns);
    answers.sort_unstable();
    let signs =
        asked.iter().map(|operation| operation.ended_ns().unwrap_or_else(|| operation.invoked_ns()).min(end_ns));
    let last_sign = signs.max().unwrap_or(0);
    let mut from_ns = asked[0].invoked_ns();
    let mut gaps = Vec::with_capacity(answers.len() + 1);
    for to_ns in answers.into_iter().chain([last_sign]) {
        gaps.push(Gap { from_ns, to_ns: to_ns.max(from_ns) });
        from_ns = to_ns.max(from_ns);
    }
    gaps
}

fn ok_share<'o, 'h: 'o>(operations: impl Iterator<Item = &'o Operation<'h>>) -> Option<f64> {
    let (mut ok, mut all) = (0_u64, 0_u64);
    for operation in operations {
        ok += u64::from(operation.is_ok());
        all += 1;
    }
    (all > 0).then(|| ok as f64 / all as f64)
}

fn outages(history: &History, asked: &[Operation<'_>], gaps: &[Gap]) -> Vec<FaultOutage> {
    let faults = history.timeline().faults.iter();
    faults
        .map(|fault| {
            let touching = gaps.iter().filter(|gap| fault.overlaps(gap.from_ns, gap.to_ns));
            let longest = touching.map(|gap| gap.to_ns - gap.from_ns).max().unwrap_or(0);
            let during = asked.iter().filter(|operation| fault.covers(operation.invoked_ns()));
            FaultOutage {
                id: fault.id,
                fault: fault.name.clone(),
                unavailable_seconds: seconds(longest),
                ok_share: ok_share(during),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Limits;
    use crate::checker::judge;
    use crate::testing::HistoryText;

    #[test]
    fn the_longest_gap_counts_up_to_the_last_sign_of_a_client() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(1), Value::Null).ok((20, 300), 0, "add", json!(2), Value::Null);
        text.fault(50, "kill-leader", 1, "applied").fault(250, "kill-leader", 1, "healed");
        text.invoke(310, 0, "add", json!(3)).complete(900, 0, "info", "add", Value::Null);
        text.nemesis(5000, "phase", json!("converge"));
        text.ok((6000, 6001), 1, "read", Value::Null, json!([1, 2, 3]));
        let measures = judge(&text.history(), &Limits::NONE, &[&CHECKER]).measures;
        assert_eq!(measures.unavailable_seconds, Some(0.6));
        assert_eq!(measures.ok_share, Some(2.0 / 3.0));
        assert_eq!(measures.outages.len(), 1);
        assert_eq!(measures.outages[0].unavailable_seconds, 0.29);
        assert_eq!(measures.outages[0].ok_share, None);
    }

    #[test]
    fn answered_reads_do_not_hide_that_nothing_can_be_written() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(1), Value::Null);
        text.invoke(20, 0, "add", json!(2)).complete(620, 0, "info", "add", Value::Null);
        for read in 1..6 {
            text.ok((read * 100, read * 100 + 5), 1, "read", Value::Null, json!([1]));
        }
        let measures = judge(&text.history(), &Limits::NONE, &[&CHECKER]).measures;
        assert_eq!(measures.unavailable_seconds, Some(0.61));
    }

    #[test]
    fn nothing_asked_is_nothing_measured() {
        let measures = judge(&HistoryText::new().history(), &Limits::NONE, &[&CHECKER]).measures;
        assert_eq!(measures.unavailable_seconds, None);
    }
}
