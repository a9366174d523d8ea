//! Latency of acknowledged writes and throughput, from the part of the run before the first fault.

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, Operation, Phase};
use crate::witness::seconds;

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "latency", description: "latency and throughput before the first fault", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let Some(from_ns) = history.operations().next().map(|operation| operation.invoked_ns()) else { return };
    let to_ns = fault_free_end_ns(history);
    let ended: Vec<Operation<'_>> = history
        .operations()
        .filter(|operation| !operation.is_final() && operation.is_ok())
        .filter(|operation| operation.completed_ns().is_some_and(|completed| completed <= to_ns))
        .collect();
    let mut latencies: Vec<u64> = ended
        .iter()
        .filter(|operation| !operation.is_read())
        .filter_map(|write| Some(write.completed_ns()? - write.invoked_ns()))
        .collect();
    latencies.sort_unstable();
    let measures = &mut analysis.measures;
    measures.latency_ms_p50 = quantile_ms(&latencies, 0.50);
    measures.latency_ms_p99 = quantile_ms(&latencies, 0.99);
    if to_ns > from_ns {
        measures.ops_per_second = Some(ended.len() as f64 / seconds(to_ns - from_ns));
    }
}

/// The first line about any fault, or where healing begins, or the last line.
fn fault_free_end_ns(history: &History) -> u64 {
    let timeline = history.timeline();
    let load_ends = [Phase::Heal, Phase::Converge, Phase::Final].into_iter().find_map(|phase| timeline.phase(phase));
    let load_ends_ns = load_ends.map_or_else(|| history.end_ns(), |start| start.time_ns);
    timeline.first_fault_ns.map_or(load_ends_ns, |first| first.min(load_ends_ns))
}

/// The smallest latency that at least this share does not exceed (nearest rank).
pub(crate) fn quantile_ms(sorted_ns: &[u64], share: f64) -> Option<f64> {
    let rank = (share * sorted_ns.len() as f64).ceil() as usize;
    sorted_ns.get(rank.max(1) - 1).map(|latency| *latency as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Limits;
    use crate::checker::judge;
    use crate::testing::HistoryText;

    #[test]
    fn only_writes_before_the_first_fault_count() {
        let mut text = HistoryText::new();
        for number in 0..100 {
            text.ok((number * 200, number * 200 + number + 1), 0, "add", json!(number), Value::Null);
        }
        text.ok((19_950, 19_951), 0, "read", Value::Null, json!([]));
        text.fault(20_000, "kill-leader", 1, "applied");
        text.ok((20_001, 29_000), 0, "add", json!(200), Value::Null);
        let measures = judge(&text.history(), &Limits::NONE, &[&CHECKER]).measures;
        assert_eq!(measures.latency_ms_p50, Some(50.0));
        assert_eq!(measures.latency_ms_p99, Some(99.0));
        assert_eq!(measures.ops_per_second, Some(101.0 / 20.0));
    }

    #[test]
    fn a_fault_at_once_leaves_nothing_to_measure() {
        let mut text = HistoryText::new();
        text.fault(0, "kill-leader", 1, "applied").ok((0, 5), 0, "add", json!(1), Value::Null);
        let measures = judge(&text.history(), &Limits::NONE, &[&CHECKER]).measures;
        assert_eq!((measures.latency_ms_p50, measures.ops_per_second), (None, None));
    }
}
