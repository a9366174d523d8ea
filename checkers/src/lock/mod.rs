//! Locks: one holder at a time, with the overlap measured, and fencing tokens that only grow.
//!
//! Wants `acquire` and `release`; every key is a lock of its own. `read` and `write` of what the lock protects may stand between
//! them. Findings: `lock-overlap`, `fencing-violation`, and `client-suspect` for releases by who certainly did not hold the lock.
//! The checker `lock-fencing` leaves out
//! the first. What counts as a hold is defined in `holds.rs`, what as a token in `fencing.rs`.

mod fencing;
mod holds;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{Function, History, Operation};
use crate::model::foreign_operation;
use crate::verdict::FindingKind;
use crate::witness::{at, counted, describe, faults_during, seconds, witness};

use fencing::Tokens;
use holds::{Holds, Overlaps};

/// See the module.
pub static CHECKER: Checker = Checker {
    name: "lock",
    description: "locks held by two at once, and fencing tokens that go backwards",
    check: |context, analysis| {
        let Some(overlaps) = check_tokens(context, analysis) else { return };
        report_overlaps(context.history, &overlaps, analysis);
    },
};

/// For locks whose tokens guard what they protect: that two believe they hold one at once is measured and no violation.
pub static FENCING_CHECKER: Checker = Checker {
    name: "lock-fencing",
    description: "fencing tokens that go backwards; overlaps of holders are measured only",
    check: |context, analysis| {
        check_tokens(context, analysis);
    },
};

/// Judges the tokens and measures the overlaps.
fn check_tokens<'h>(context: &Context<'h>, analysis: &mut Analysis) -> Option<Overlaps<'h>> {
    let history = context.history;
    let mut holds = Holds::new(history);
    let mut tokens = Tokens::default();
    for operation in history.operations() {
        match operation.function() {
            Function::Acquire => {
                let is_renewal = holds.acquire(operation);
                tokens.acquire(operation, is_renewal);
            }
            Function::Release => holds.release(operation),
            Function::Write => tokens.write(operation),
            Function::Read => {}
            _ => {
                analysis.unknown(foreign_operation(&operation, "lock"));
                return None;
            }
        }
    }
    if !holds.is_any_acquired() && !tokens.is_any_accepted() {
        analysis.unknown("no acquire ended ok: no lock was tested");
        return None;
    }
    report_foreign_releases(history, holds.foreign_releases(), analysis);
    let overlaps = holds.overlaps();
    let has_clock = history.has_clock();
    if has_clock && holds.is_any_acquired() {
        analysis.measures.lock_overlap_seconds = Some(seconds(overlaps.total_ns));
        analysis.measures.lock_overlap_longest_seconds =
            Some(seconds(overlaps.longest.as_ref().map_or(0, |longest| longest.length_ns())));
    }
    tokens.judge(history, analysis);
    Some(overlaps)
}

fn report_overlaps(history: &History, overlaps: &Overlaps<'_>, analysis: &mut Analysis) {
    let Some(longest) = &overlaps.longest else { return };
    let [one, other] = longest.holds;
    let operations: Vec<Operation<'_>> =
        [Some(one.acquire), one.release, Some(other.acquire), other.release].into_iter().flatten().collect();
    let until = |release: Option<Operation<'_>>| match release {
        Some(release) => format!("until {} at least, when it began to give it up", at(release.invoked_ns())),
        None => "and did not give it up".to_owned(),
    };
    let for_seconds = |length_ns: u64| {
        if history.has_clock() { format!(" for {:.3} s", seconds(length_ns)) } else { String::new() }
    };
    let text = format!(
        "{} granted while another process certainly held the lock{}. The longest: {} held it {}, and {} held it {}: both did{} \
         from {} on; {}.",
        if overlaps.count == 1 { "1 acquire was".to_owned() } else { format!("{} acquires were", overlaps.count) },
        if history.has_clock() { format!(", {:.3} s in all", seconds(overlaps.total_ns)) } else { String::new() },
        describe(history, &one.acquire),
        until(one.release),
        describe(history, &other.acquire),
        until(other.release),
        for_seconds(longest.length_ns()),
        at(longest.begin_ns()),
        faults_during(history, longest.begin_ns(), longest.begin_ns() + longest.length_ns()),
    );
    let total = history.has_clock().then(|| seconds(overlaps.total_ns));
    analysis.find(FindingKind::LockOverlap, overlaps.count, total, witness(text, &operations));
}

fn report_foreign_releases(history: &History, releases: &[Operation<'_>], analysis: &mut Analysis) {
    let accepted: Vec<Operation<'_>> = releases.iter().filter(|release| release.is_ok()).copied().collect();
    let Some(first) = accepted.first() else { return };
    let text = format!(
        "{} ended ok though its process had not acquired the lock, or had released it already. The first: {}. From then on no \
         one who held that lock counts as holding it for certain.",
        counted(accepted.len() as u64, "release"),
        describe(history, first),
    );
    analysis.find(FindingKind::ClientSuspect, accepted.len() as u64, None, witness(text, &[*first]));
}

#[cfg(test)]
mod lock_test;
