//! What each fault cost: recovery point and recovery time.
//!
//! *Recovery point*: the acknowledged elements that the closing reads miss, and over what time they were acknowledged. A
//! lost element belongs to the last fault that began before its acknowledgement if that was still in force, otherwise to the
//! next fault after it (its end was the acknowledging node's). The point, in seconds: from the acknowledgement of the oldest
//! lost element to the beginning of the fault or to the newest lost one's acknowledgement, whichever is later; a system that
//! loses nothing has the point 0. Only sets can tell: a register forgets.
//!
//! *Recovery time*, in seconds: from the beginning of the fault to the end of the last outage that began while it was in
//! force; 0 where there was none. An outage is a time in which no write was acknowledged, longer than any such time before
//! the first fault and than 50 ms; only writes invoked after the fault's beginning end one. `None` where no such write was ever
//! acknowledged.

use crate::analysis::{Analysis, FaultRecovery};
use crate::checker::{Checker, Context};
use crate::history::{FaultWindow, Function, History, Phase};
use crate::index::ClosingRead;
use crate::witness::seconds;

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "recovery", description: "recovery point and recovery time of each fault", check };

/// Times between acknowledgements below this are no outage, whatever came before.
const OUTAGE_MIN_NS: u64 = 50_000_000;

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let faults = &history.timeline().faults;
    if faults.is_empty() {
        return;
    }
    let lost = lost_acknowledgements(context);
    let acknowledged = acknowledgements(history);
    let usual = usual_gap_ns(&acknowledged, faults);
    analysis.measures.recoveries = faults
        .iter()
        .map(|fault| {
            let of_fault: Option<Vec<u64>> = lost.as_ref().map(|lost| {
                lost.iter()
                    .copied()
                    .filter(|time| responsible(faults, *time).is_some_and(|f| f.id == fault.id))
                    .collect()
            });
            FaultRecovery {
                id: fault.id,
                fault: fault.name.clone(),
                lost: of_fault.as_ref().map(|times| times.len() as u64),
                point_seconds: of_fault.as_ref().map(|times| point(fault, times)),
                time_seconds: recovery_time(fault, &acknowledged, usual),
            }
        })
        .collect();
}

/// When the elements that are lost were acknowledged; `None` where nobody can tell what is lost.
fn lost_acknowledgements(context: &Context<'_>) -> Option<Vec<u64>> {
    let history = context.history;
    let is_set = history.operations().any(|operation| operation.function() == Function::Add);
    let sets = context.sets().ok().filter(|_| is_set)?;
    let mut lost = Vec::new();
    for key in &sets.keys {
        let (at_end, began_ns) = match key.closing_read(history) {
            ClosingRead::Read(place) => (key.membership(&key.reads[place]), key.reads[place].span.invoked),
            _ if key.last_acknowledged_ns(history).is_none() => continue,
            _ => return None,
        };
        let missing = key.elements.iter().zip(at_end).filter(|(_, at_end)| !at_end);
        let acknowledged = missing.filter_map(|(element, _)| element.acknowledged(history)?.completed_ns());
        lost.extend(acknowledged.filter(|acknowledged| *acknowledged < began_ns));
    }
    lost.sort_unstable();
    Some(lost)
}

/// The fault that a loss is put down to.
fn responsible(faults: &[FaultWindow], acknowledged_ns: u64) -> Option<&FaultWindow> {
    let in_force = faults.iter().filter(|fault| fault.covers(acknowledged_ns)).max_by_key(|fault| fault.applied_ns);
    let next = || faults.iter().filter(|fault| fault.applied_ns > acknowledged_ns).min_by_key(|fault| fault.applied_ns);
    let last = || faults.iter().max_by_key(|fault| fault.applied_ns);
    in_force.or_else(next).or_else(last)
}

fn point(fault: &FaultWindow, lost: &[u64]) -> f64 {
    match (lost.first(), lost.last()) {
        (Some(oldest), Some(newest)) => seconds((*newest).max(fault.applied_ns) - oldest),
        _ => 0.0,
    }
}

/// Writes that were acknowledged before the cluster was healed and given time: invocation and completion, by completion.
fn acknowledgements(history: &History) -> Vec<(u64, u64)> {
    let end = history.timeline().phase(Phase::Converge).map_or(u64::MAX, |start| start.time_ns);
    let writes = history.operations().filter(|operation| operation.is_ok() && !operation.is_read());
    let mut times: Vec<(u64, u64)> = writes
        .filter_map(|write| Some((write.completed_ns()?, write.invoked_ns())))
        .filter(|(at, _)| *at <= end)
        .collect();
    times.sort_unstable();
    times.into_iter().map(|(completed, invoked)| (invoked, completed)).collect()
}

/// The longest time without an acknowledgement before the first fault.
fn usual_gap_ns(acknowledged: &[(u64, u64)], faults: &[FaultWindow]) -> u64 {
    let first = faults.iter().map(|fault| fault.applied_ns).min().unwrap_or(u64::MAX);
    let before: Vec<u64> = acknowledged.iter().map(|(_, completed)| *completed).take_while(|at| *at < first).collect();
    before.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0).max(OUTAGE_MIN_NS)
}

/// Seconds until the last outage that began while the fault was in force, or that it caused at once, was over.
fn recovery_time(fault: &FaultWindow, acknowledged: &[(u64, u64)], usual_ns: u64) -> Option<f64> {
    let until = fault.healed_ns.unwrap_or(u64::MAX).max(fault.applied_ns.saturating_add(usual_ns));
    let mut last_answer = fault.applied_ns;
    let mut recovered_at = fault.applied_ns;
    let after = acknowledged.iter().filter(|(invoked, _)| *invoked >= fault.applied_ns);
    for (_, completed) in after {
        if last_answer > until {
            break;
        }
        if completed.saturating_sub(last_answer) > usual_ns {
            recovered_at = *completed;
        }
        last_answer = *completed;
    }
    (last_answer > fault.applied_ns).then(|| seconds(recovered_at - fault.applied_ns))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Limits;
    use crate::checker::judge;
    use crate::testing::HistoryText;

    fn recoveries(text: &HistoryText) -> Vec<FaultRecovery> {
        judge(&text.history(), &Limits::NONE, &[&CHECKER]).measures.recoveries
    }

    /// Adds every 10 ms, except from 500 to 1500 ms; a fault from 480 to 2000 ms.
    fn outage() -> HistoryText {
        let mut text = HistoryText::new();
        for number in (0..50).chain(150..250) {
            text.ok((number * 10, number * 10 + 1), 1, "add", json!(number), json!(number));
        }
        text.fault(480, "kill-leader", 4, "applied").fault(2000, "kill-leader", 4, "healed");
        text
    }

    fn close(text: &mut HistoryText, missing: &[u64]) {
        let present: Vec<u64> = (0..50).chain(150..250).filter(|number| !missing.contains(number)).collect();
        text.ok((9000, 9001), 1, "read", Value::Null, json!(present));
    }

    #[test]
    fn the_outage_and_what_was_lost_are_put_down_to_the_fault() {
        let mut text = outage();
        close(&mut text, &[45, 46, 47]);
        let [recovery] = recoveries(&text).try_into().unwrap();
        assert_eq!((recovery.id, recovery.lost), (4, Some(3)));
        // Acknowledged at 451 ms; the fault began at 480 ms.
        assert!((recovery.point_seconds.unwrap() - 0.029).abs() < 1e-9, "{recovery:?}");
        assert!((recovery.time_seconds.unwrap() - 1.021).abs() < 1e-9, "{recovery:?}");
    }

    #[test]
    fn nothing_lost_is_a_point_of_zero_and_no_closing_read_is_none() {
        let mut text = outage();
        assert_eq!(recoveries(&text)[0].lost, None);
        assert_eq!(recoveries(&text)[0].point_seconds, None);
        close(&mut text, &[]);
        assert_eq!(recoveries(&text)[0].lost, Some(0));
        assert_eq!(recoveries(&text)[0].point_seconds, Some(0.0));
    }

    #[test]
    fn a_loss_belongs_to_the_fault_in_force_or_else_to_the_next() {
        let mut text = outage();
        text.fault(2200, "partition-leader", 5, "applied").fault(2400, "partition-leader", 5, "healed");
        // 195 is acknowledged at 1951 (the kill), 210 at 2101 (between: the partition), 230 at 2301 (the partition).
        close(&mut text, &[195, 210, 230]);
        let lost: Vec<Option<u64>> = recoveries(&text).iter().map(|recovery| recovery.lost).collect();
        assert_eq!(lost, [Some(1), Some(2)]);
        let point = recoveries(&text)[1].point_seconds.unwrap();
        assert!((point - 0.2).abs() < 1e-9, "{point}");
        // Writing never paused during the partition.
        assert_eq!(recoveries(&text)[1].time_seconds, Some(0.0));
    }

    #[test]
    fn writing_that_does_not_come_back_has_no_recovery_time() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 1, "write", json!(1), json!(1));
        text.fault(10, "kill-leader", 1, "applied");
        text.invoke(20, 2, "write", json!(2));
        assert_eq!(recoveries(&text)[0].time_seconds, None);
        assert_eq!(recoveries(&text)[0].lost, None);
    }
}
