//! The verdict of a run: what the checkers say about its history, together with what the run's evidence allows.
//!
//! A verdict depends on nothing but the plan, the history and the executed schedule, so that a stored run is judged
//! again to the same end. Invalid outweighs unknown, unknown outweighs valid: missing evidence never hides a violation.

use std::time::{Duration, Instant};

use schism_checkers::history::{Event, History, Process};
use schism_checkers::verdict::{Finding, FindingKind, Validity, Witness};
use schism_checkers::{Analysis, Limits, Measures};
use schism_workloads::workload::Workload;
use serde::{Deserialize, Serialize};

use super::evidence::{self, Stalls};
use super::online::EarlyStop;
use crate::nemesis::ExecutedFault;
use crate::plan::{FORMAT_VERSION, Plan};
use crate::systems::SystemTiming;

/// How long all checkers together may search.
const JUDGE_WITHIN: Duration = Duration::from_secs(60);

/// How much memory a search may hold.
const JUDGE_BYTES_MAX: usize = 1 << 30;

/// What is said about a run (`verdict.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Valid, invalid or unknown.
    pub valid: Validity,
    /// Why it is unknown, one sentence each; also told beside a violation.
    pub reasons: Vec<String>,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// What was measured.
    pub measures: Measures,
    /// What the nemesis did, with its proof.
    pub faults: Vec<ExecutedFault>,
    /// A run without faults in which something stalled for more than half an election timeout: to be repeated.
    pub disturbed: bool,
    /// Longest stalls during the load.
    pub stalls: Stalls,
    /// Somebody stopped the run before its time.
    pub interrupted: bool,
    /// The load ended at the first violation, as its plan asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<EarlyStop>,
}

/// Everything a verdict depends on.
pub struct Evidence<'a> {
    /// The run's plan.
    pub plan: &'a Plan,
    /// The system's timing under the plan's settings.
    pub timing: SystemTiming,
    /// Judges the history.
    pub workload: &'a dyn Workload,
    /// The whole history.
    pub events: Vec<Event>,
    /// What the nemesis did.
    pub faults: Vec<ExecutedFault>,
}

/// Judges a run. Takes up to a minute for a history that is hard to judge; a search that is cut short is unknown.
#[must_use]
pub fn judge(evidence: Evidence<'_>) -> Verdict {
    let Evidence { plan, timing, workload, events, faults } = evidence;
    let mut reasons = evidence::missing(plan, &events, &faults);
    let mut findings = Vec::new();
    let mut valid = Validity::Valid;
    if let Some(finding) = deaths(&events) {
        valid = valid.merge(Validity::Invalid);
        findings.push(finding);
    }
    let interrupted = evidence::interrupted(&events);
    if interrupted {
        reasons.push("the run was interrupted".to_owned());
    }
    let stopped_at = EarlyStop::noted(&events);
    if let Some(stop) = &stopped_at {
        let EarlyStop { seconds, checker, .. } = stop;
        reasons.push(format!("stopped at the first violation (fail-fast), found by {checker} at {seconds:.3} s"));
    }
    if evidence::converged(&events).is_none() && !interrupted {
        reasons.push("the run never came to its closing reads".to_owned());
    }
    let not_converged = not_converged(plan, &events);
    let stalls = evidence::stalls(&events);
    let half_timeout_ms = timing.election_timeout_min.as_secs_f64() * 1e3 / 2.0;
    let disturbed = plan.schedule.is_empty() && stalls.longest_ms() > half_timeout_ms;

    let analysis = analyse(workload, events);
    // A workload may leave out the checker for this, but no run may leave it unsaid.
    if let Some(finding) = not_converged
        && analysis.findings.iter().all(|other| other.kind != FindingKind::DidNotConverge)
    {
        reasons.push(format!("the cluster did not converge within {} ms", plan.converge_ms));
        findings.push(finding);
    }
    findings.extend(analysis.findings);
    findings.sort_by_key(|finding| finding.kind);
    if !reasons.is_empty() {
        valid = valid.merge(Validity::Unknown);
    }
    for reason in analysis.reasons {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Verdict {
        format_version: FORMAT_VERSION,
        valid: valid.merge(analysis.valid),
        reasons,
        findings,
        measures: analysis.measures,
        faults,
        disturbed,
        stalls,
        interrupted,
        stopped_at,
    }
}

fn analyse(workload: &dyn Workload, events: Vec<Event>) -> Analysis {
    let deadline = Instant::now() + JUDGE_WITHIN;
    let should_stop = move || Instant::now() >= deadline;
    let limits = Limits { should_stop: &should_stop, memory_bytes: JUDGE_BYTES_MAX };
    match History::from_events(events) {
        Ok(history) => workload.judge(&history, &limits),
        Err(error) => Analysis {
            valid: Validity::Unknown,
            reasons: vec![format!("the history contradicts itself, so nothing in it can be judged: {error}")],
            ..Analysis::default()
        },
    }
}

/// Nodes that ended without the harness's doing.
fn deaths(events: &[Event]) -> Option<Finding> {
    let died: Vec<&Event> = evidence::notes(events, Process::OBSERVER, "died").collect();
    if died.is_empty() {
        return None;
    }
    let told: Vec<String> = died.iter().map(|event| death(event)).collect();
    let witness = Witness { text: told.join("\n"), events: died.iter().map(|event| event.index).collect() };
    Some(Finding { kind: FindingKind::NodeDied, count: died.len() as u64, seconds: None, witness })
}

fn death(event: &Event) -> String {
    let text = |name: &str| event.value.get(name).and_then(|value| value.as_str()).unwrap_or("?").to_owned();
    let seconds = event.time as f64 / 1e9;
    format!(
        "{} ended by itself at {seconds:.3} s ({}); its last log lines:\n{}",
        text("node"),
        text("how"),
        text("log")
    )
}

fn not_converged(plan: &Plan, events: &[Event]) -> Option<Finding> {
    if evidence::converged(events) != Some(false) {
        return None;
    }
    let lines = evidence::notes(events, Process::NEMESIS, "converged");
    let text = format!(
        "{} ms after everything was healed there was not one leader with every node at its position and no change of \
         role for an election timeout, so nothing can be said about lost writes.",
        plan.converge_ms
    );
    let witness = Witness { text, events: lines.map(|event| event.index).collect() };
    Some(Finding { kind: FindingKind::DidNotConverge, count: 1, seconds: None, witness })
}
