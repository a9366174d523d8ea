//! What the checkers of a workload say together about one history.

use serde::{Deserialize, Serialize};

use crate::verdict::{Finding, FindingKind, Validity, Witness};

/// Limits of a search.
///
/// The library has no clock of its own: the caller decides when to stop.
pub struct Limits<'a> {
    /// Asked often; once it answers `true` the search ends in `Unknown`.
    pub should_stop: &'a (dyn Fn() -> bool + Sync),
    /// Bytes the search may hold, counted by itself.
    pub memory_bytes: usize,
}

impl Limits<'_> {
    /// No limit at all.
    pub const NONE: Limits<'static> = Limits { should_stop: &|| false, memory_bytes: usize::MAX };
}

/// The merged answer of every checker that ran.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Analysis {
    /// The worst of all.
    pub valid: Validity,
    /// Why something is unknown, one sentence each.
    pub reasons: Vec<String>,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// What was measured.
    pub measures: Measures,
}

impl Analysis {
    /// Adds a finding; its kind says what it makes of the whole.
    pub fn find(&mut self, kind: FindingKind, count: u64, seconds: Option<f64>, witness: Witness) {
        self.valid = self.valid.merge(kind.validity());
        self.findings.push(Finding { kind, count, seconds, witness });
        // Stable, so that findings of one kind stay in the order in which they were made.
        self.findings.sort_by_key(|finding| finding.kind);
    }

    /// Notes that something could not be decided. It never masks a violation.
    pub fn unknown(&mut self, reason: impl Into<String>) {
        self.valid = self.valid.merge(Validity::Unknown);
        let reason = reason.into();
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// The first finding of a kind.
    #[must_use]
    pub fn finding(&self, kind: FindingKind) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }
}

/// What one fault did to availability.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FaultOutage {
    /// The schedule's entry.
    pub id: u64,
    /// The fault's name.
    pub fault: String,
    /// Longest time in which no write, or no read, ended ok, of those that touch the fault, in seconds.
    pub unavailable_seconds: f64,
    /// Share of the operations invoked during the fault that ended ok; `None` where none was invoked.
    pub ok_share: Option<f64>,
}

/// How the operations of one kind ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FunctionCounts {
    /// The operation's name.
    pub f: String,
    /// Ended ok.
    pub ok: u64,
    /// Ended in fail.
    pub fail: u64,
    /// Ended in info or not at all.
    pub info: u64,
}

/// What one fault cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FaultRecovery {
    /// The schedule's entry.
    pub id: u64,
    /// The fault's name.
    pub fault: String,
    /// Acknowledged writes that are lost and put down to it.
    pub lost: Option<u64>,
    /// Recovery point: the time over which what is lost had been acknowledged, in seconds.
    pub point_seconds: Option<f64>,
    /// Recovery time: until writes were acknowledged as before, in seconds; `None`: never again.
    pub time_seconds: Option<f64>,
}

/// How far reads lagged behind, of those that missed an acknowledged write.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Staleness {
    /// Reads that were judged.
    pub reads: u64,
    /// Of these, reads that missed a write acknowledged before they began.
    pub stale: u64,
    /// Greatest lag over all reads, in milliseconds; a lower bound.
    pub ms_max: f64,
    /// 99th percentile of the lag over all reads, in milliseconds.
    pub ms_p99: f64,
    /// Greatest lag in positions of the log; `None` where reads and writes carry none.
    pub positions_max: Option<u64>,
}

/// Figures; `None` is "this workload or this run cannot measure it", never 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Measures {
    /// Client operations invoked.
    pub invoked: u64,
    /// Writes acknowledged (`ok`).
    pub acknowledged: u64,
    /// Operations that ended ok.
    pub ok: u64,
    /// Operations that ended in fail.
    pub fail: u64,
    /// Operations that ended in info or not at all.
    pub info: u64,
    /// Acknowledged, absent at the end.
    pub lost: Option<u64>,
    /// Undecided, present at the end.
    pub recovered: Option<u64>,
    /// Seen by some read, absent at the end.
    pub dirty: Option<u64>,
    /// Never invoked or reported `fail`, yet seen.
    pub unexpected: Option<u64>,
    /// Reads, at whatever level, that missed a newer acknowledged write that is not itself lost.
    pub stale_reads: Option<u64>,
    /// `None`: linearizability is not promised for the reads made, or was not checked.
    pub linearizable: Option<Validity>,
    /// Seconds of split brain, a lower bound; 0 where there was none.
    pub split_brain_seconds: Option<f64>,
    /// Seconds in which two nodes claimed to lead.
    pub two_leaders_seconds: Option<f64>,
    /// Positions at which two entries were acknowledged.
    pub forks: Option<u64>,
    /// Longest time in which no write, or no read, ended ok, between first invocation and healing's end, in seconds.
    pub unavailable_seconds: Option<f64>,
    /// Share of operations that ended ok, 0 to 1.
    pub ok_share: Option<f64>,
    /// Availability around each fault.
    #[serde(default)]
    pub outages: Vec<FaultOutage>,
    /// How each kind of operation ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionCounts>,
    /// What each fault cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recoveries: Vec<FaultRecovery>,
    /// How far reads lagged behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staleness: Option<Staleness>,
    /// Latency of acknowledged writes before the first fault, milliseconds.
    pub latency_ms_p50: Option<f64>,
    /// As above, 99th percentile.
    pub latency_ms_p99: Option<f64>,
    /// Operations a second that ended ok before the first fault.
    pub ops_per_second: Option<f64>,
    /// Deliveries, elements or ids that came more than once and may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<u64>,
    /// Reads of a counter that the adds cannot explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_bounds: Option<u64>,
    /// Seconds in which two processes certainly held one lock, summed over locks; 0 where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_overlap_seconds: Option<f64>,
    /// The longest time for which two processes certainly held one lock, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_overlap_longest_seconds: Option<f64>,
    /// Fencing tokens that did not grow, or that were accepted after a greater one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fencing_violations: Option<u64>,
    /// Reads of all accounts of a bank that are wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_totals: Option<u64>,
    /// Groups of keys, or pairs of such groups, of which two reads saw two writes in opposite orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_forks: Option<u64>,
    /// Reads, at whatever level, that saw a write without one that had been acknowledged before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed_reads: Option<u64>,
    /// When elements of sets became visible for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_elements: Option<SetElements>,
    /// What was generated as unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_ids: Option<GeneratedIds>,
}

/// Some latencies, in milliseconds, by nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Quantiles {
    /// The least.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
}

/// What became of the elements of sets that were known to be there: acknowledged, or returned by a read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SetElements {
    /// Returned by the last read of their key.
    pub stable: u64,
    /// Of these, elements that a read invoked after they were known did not return.
    pub stale: u64,
    /// Acknowledged, not lost, and never returned.
    pub never_read: u64,
    /// Of stable elements: from when they were known to the invocation of the last read without them, 0 where that was before;
    /// how long they took to stay visible, at least. `None`: no element is stable, or the history has no clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_latency_ms: Option<Quantiles>,
    /// Of lost elements: from when they were known to the invocation of the last read that returned them; how long they were
    /// there, at least. `None`: nothing was lost, or the history has no clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_latency_ms: Option<Quantiles>,
    /// The stale elements that took longest, at most eight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst_stale: Vec<StaleElement>,
}

/// An element that took long to stay visible.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StaleElement {
    /// The set it belongs to.
    pub key: String,
    /// The element, as people read it.
    pub element: String,
    /// Its stable latency, in milliseconds.
    pub latency_ms: f64,
}

/// The ids that a generator of unique ids gave out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GeneratedIds {
    /// Ids that were given out.
    pub generated: u64,
    /// Different ids among them, each counted once a key.
    pub distinct: u64,
    /// Different ids that were given out for more than one key; no violation, for ids are unique within their key.
    pub shared_between_keys: u64,
    /// The smallest and the largest, as JSON text: of numbers if all are whole numbers, in alphabetical order if all are
    /// texts, else none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[String; 2]>,
}
