//! Simulates a plan and judges it: the simulator watches the nodes, the checkers of real runs what clients saw.

use std::time::{Duration, Instant};

use schism_checkers::checker::{Context, judge_in};
use schism_checkers::{Analysis, Checker, FindingKind, Limits, Semantics, Validity};
use schism_checkers::{counter_bounds, linearizability, register_values, set_full, split_brain, stale, transactions};

use super::history::history;
use super::node::{Object, Operation, Outcome, Plan, Run, Violation, simulate};
use super::panicked_at;

/// How long the checkers of one run may search.
const JUDGE_WITHIN: Duration = Duration::from_secs(20);
/// What happens for so long after a fault counts as during it, in microseconds.
const AFTERMATH_US: u64 = 3_000_000;
/// What need not hold once disks have forgotten terms and committed entries: nodes that learn of it stop or stay behind, and a
/// claim that is made a second time takes an account of lost writes in.
const RESTS_ON_DISKS: [&str; 3] = ["panic", "convergence", "ledger"];
/// How much memory a search may hold.
const JUDGE_BYTES_MAX: usize = 1 << 28;

static REGISTER_CHECKERS: &[&Checker] =
    &[&register_values::CHECKER, &stale::REGISTER_CHECKER, &linearizability::REGISTER_CHECKER];
static SET_CHECKERS: &[&Checker] = &[&set_full::CHECKER, &stale::SET_CHECKER, &linearizability::SET_CHECKER];
static COUNTER_CHECKERS: &[&Checker] = &[&counter_bounds::CHECKER, &linearizability::COUNTER_CHECKER];
static LIST_CHECKERS: &[&Checker] = &[&transactions::LIST_APPEND];
static QUEUE_CHECKERS: &[&Checker] = &[&linearizability::QUEUE_CHECKER];

/// Every kind of object, and who judges it.
static PARTS: [(Object, &[&Checker]); 5] = [
    (Object::Register, REGISTER_CHECKERS),
    (Object::Set, SET_CHECKERS),
    (Object::Lists, LIST_CHECKERS),
    (Object::Counter, COUNTER_CHECKERS),
    (Object::Queue, QUEUE_CHECKERS),
];

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// The name of the promise, or of the finding.
    pub(super) promise: String,
    /// How it shows.
    pub(super) what: String,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// The gravest promise that was broken.
    pub(super) broken: Option<Broken>,
    /// Everything that was found, promised or not, with how often.
    pub(super) found: Vec<(FindingKind, u64)>,
    /// Why the checkers could not decide.
    pub(super) undecided: Option<String>,
    pub(super) operations: u64,
    pub(super) acknowledged: u64,
    pub(super) ok: u64,
    /// Acknowledged and not there at the end, by the nodes' own account.
    pub(super) lost: u64,
    pub(super) terms_with_two_leaders: u64,
    /// Operations invoked from the first fault to the last, or in the time after a short one, and how many of them were answered.
    pub(super) during: u64,
    pub(super) ok_during: u64,
    pub(super) reigns: u64,
    pub(super) steps: u64,
    /// Virtual time.
    pub(super) simulated_us: u64,
    /// The lines of a traced run.
    pub(super) trace: Vec<String>,
}

/// Simulates and judges. `strict` counts whatever is found as a violation, promised or not.
pub(super) fn run_and_judge(plan: &Plan, strict: bool) -> Judged {
    match simulate(plan.clone()) {
        Ok(run) => judge(plan, run, strict),
        Err(Violation { what, at_us, trace, .. }) => {
            let promise = what.split(':').next().unwrap_or_default().to_owned();
            let what = if promise == "panic" { format!("{what} ({})", panicked_at()) } else { what };
            let mut judged = Judged { simulated_us: at_us, trace, ..Judged::default() };
            if promise == "convergence" && stays_apart(plan) && !strict {
                judged.found.push((FindingKind::Divergence, 1));
                let why = "the nodes stay apart, as rejoin=keep has it: there is no end to compare with";
                judged.undecided = Some(why.to_owned());
            } else if RESTS_ON_DISKS.contains(&promise.as_str()) && !plan.keeps_disks() && !strict {
                judged.undecided = Some(format!("a disk has forgotten what was promised: {what}"));
            } else {
                judged.broken = Some(Broken { promise, what });
            }
            judged
        }
    }
}

/// Whether nodes whose logs differ are meant to go on with what they have.
fn stays_apart(plan: &Plan) -> bool {
    plan.settings.rejoin.to_string() == "keep"
}

fn judge(plan: &Plan, run: Run, strict: bool) -> Judged {
    let mut judged = Judged {
        operations: run.operations.len() as u64,
        acknowledged: run.report.acknowledged as u64,
        ok: run.operations.iter().filter(|operation| operation.outcome == Outcome::Ok).count() as u64,
        lost: run.report.lost as u64,
        terms_with_two_leaders: run.report.terms_with_two_leaders as u64,
        reigns: run.report.reigns as u64,
        steps: run.report.steps,
        simulated_us: run.agreed_us,
        ..Judged::default()
    };
    if let (Some(first), Some(last)) = (plan.faults.first(), plan.faults.last()) {
        let span = first.at_us..last.at_us.max(first.at_us + AFTERMATH_US);
        let during = || run.operations.iter().filter(|operation| span.contains(&operation.invoked_us));
        judged.during = during().count() as u64;
        judged.ok_during = during().filter(|operation| operation.outcome == Outcome::Ok).count() as u64;
    }
    let deadline = Instant::now() + JUDGE_WITHIN;
    let should_stop = move || Instant::now() >= deadline;
    let limits = Limits { should_stop: &should_stop, memory_bytes: JUDGE_BYTES_MAX };
    let of = |object| move |operation: &Operation| operation.object == object && is_judged(plan, operation);
    for (object, checkers) in PARTS {
        if run.operations.iter().any(of(object)) {
            judged.add(plan, strict, part(&run, plan, object, of(object), &limits, checkers));
        }
    }
    // Two leaders show in the acknowledgements of all objects together.
    let acknowledged = |operation: &Operation| operation.ack.is_some();
    if run.operations.iter().any(acknowledged) {
        let checkers: &[&Checker] = &[&split_brain::CHECKER];
        judged.add(plan, strict, part(&run, plan, Object::Register, acknowledged, &limits, checkers));
    }
    judged.trace = run.trace;
    judged
}

fn part(
    run: &Run,
    plan: &Plan,
    object: Object,
    takes: impl Fn(&Operation) -> bool,
    limits: &Limits<'_>,
    checkers: &[&Checker],
) -> Analysis {
    let history = history(run, plan, object, takes);
    let semantics = Semantics::of(history.source());
    judge_in(&Context::with(&history, limits, semantics, 1), checkers)
}

/// Whether an operation takes part in what the checkers see.
///
/// Reads at a level that promises no recency are seen only if it is the cluster's own level; then what they miss is
/// counted. `local` reads of sets and registers always are: the checkers know what to expect of them. What the others show
/// is compared with the log by the simulator.
fn is_judged(plan: &Plan, operation: &Operation) -> bool {
    let Some(level) = operation.level.as_deref() else { return true };
    let own = plan.settings.read.to_string();
    match level {
        "read-index" | "log" => true,
        "lease" => plan.keeps_clocks() || own == "lease",
        "local" => matches!(operation.object, Object::Set | Object::Register),
        _ => level == own,
    }
}

impl Judged {
    fn add(&mut self, plan: &Plan, strict: bool, analysis: Analysis) {
        if analysis.valid == Validity::Unknown && self.undecided.is_none() {
            self.undecided = analysis.reasons.first().cloned();
        }
        let counts = |kind: FindingKind| kind.makes_invalid() || kind == FindingKind::StaleLocalRead;
        for finding in analysis.findings.into_iter().filter(|finding| counts(finding.kind)) {
            self.found.push((finding.kind, finding.count));
            if self.broken.is_none() && finding.kind.makes_invalid() && (strict || is_forbidden(plan, finding.kind)) {
                let promise = finding.kind.name().to_owned();
                self.broken = Some(Broken { promise, what: finding.witness.text });
            }
        }
    }
}

/// Whether a finding breaks what the plan's settings promise.
fn is_forbidden(plan: &Plan, kind: FindingKind) -> bool {
    let promises = plan.promises();
    match kind {
        FindingKind::Unexpected | FindingKind::Divergence | FindingKind::NodeDied => true,
        FindingKind::StaleRead | FindingKind::NotLinearizable | FindingKind::Anomaly | FindingKind::OutOfBounds => {
            promises.fresh_reads
        }
        _ => promises.keeps_writes,
    }
}
