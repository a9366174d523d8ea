//! One run for people: what was done, what was measured, what was found and what shows it, and how to repeat it.

use std::path::Path;

use schism_checkers::Measures;
use schism_checkers::verdict::{Finding, Validity};

use super::layout::{MISSING, WIDTH_MAX, paragraph};
use crate::campaign::words;
use crate::cli::duration::format_ms;
use crate::nemesis::ExecutedFault;
use crate::plan::{Plan, repeat_command};
use crate::run::Verdict;

/// The whole text.
#[must_use]
pub fn run_text(plan: &Plan, verdict: &Verdict, directory: &Path) -> String {
    let mut parts = vec![what_was_done(plan, &verdict.faults), measured(&verdict.measures)];
    parts.extend(verdict.findings.iter().map(finding));
    if !verdict.reasons.is_empty() {
        parts.push(reasons(&verdict.reasons, verdict.valid));
    }
    parts.push(verdict_line(verdict, directory));
    if verdict.valid != Validity::Valid {
        parts.push(format!("Repeat with:\n  {}\n", repeat_command(plan)));
    }
    parts.join("\n")
}

fn what_was_done(plan: &Plan, faults: &[ExecutedFault]) -> String {
    let head = format!(
        "{}workload  {}, {} operations a second for {}, seed {}\n",
        system_entry(plan),
        plan.workload,
        plan.rate,
        format_ms(plan.time_ms),
        plan.seed
    );
    if faults.is_empty() {
        return head + "faults    none\n";
    }
    let lines = faults.iter().enumerate().map(|(index, fault)| {
        let name = if index == 0 { "faults" } else { "" };
        paragraph(&fault_words(fault), WIDTH_MAX, "          ").replacen("          ", &format!("{name:<10}"), 1)
    });
    std::iter::once(head).chain(lines).collect()
}

/// The system under test and its settings.
#[must_use]
pub fn system_entry(plan: &Plan) -> String {
    let name = "system    ";
    let text = format!("{} with {} nodes: {}", plan.system, plan.nodes, words(&plan.settings));
    let indent = " ".repeat(name.len());
    paragraph(&text, WIDTH_MAX, &indent).replacen(&indent, name, 1)
}

fn fault_words(fault: &ExecutedFault) -> String {
    let seconds = |time_ns: u64| time_ns as f64 / 1e9;
    let Some(applied_ns) = fault.applied_ns else {
        return format!("{}: not applied: {}", fault.fault, fault.notes.join("; "));
    };
    let nodes: Vec<String> = fault.resolved.iter().map(ToString::to_string).collect();
    let until = fault.healed_ns.map_or_else(|| MISSING.to_owned(), |healed_ns| format!("{:.2} s", seconds(healed_ns)));
    let proof = match (fault.proof.in_force, fault.proof.effect) {
        (true, true) => "in force, had an effect",
        (true, false) => "in force, without any effect",
        (false, _) => "NOT shown to have been in force",
    };
    format!("{} on {} from {:.2} s to {until}: {proof}", fault.fault, nodes.join(", "), seconds(applied_ns))
}

fn measured(measures: &Measures) -> String {
    let count = |value: Option<u64>| value.map_or_else(|| MISSING.to_owned(), |value| value.to_string());
    let figure =
        |value: Option<f64>, unit: &str| value.map_or_else(|| MISSING.to_owned(), |value| format!("{value:.1} {unit}"));
    let linearizable = match measures.linearizable {
        None => "not promised or not checked",
        Some(Validity::Valid) => "yes",
        Some(Validity::Unknown) => "unknown",
        Some(Validity::Invalid) => "NO",
    };
    let text = format!(
        "operations    {} invoked: {} ok, {} fail, {} undecided; {} writes acknowledged\n\
         found         lost {}, recovered {}, dirty {}, unexpected {}, stale reads {}\n\
         leaders       split brain {}, two leaders {}, forks {}\n\
         linearizable  {linearizable}\n\
         available     longest time in which no write, or no read, was answered {}\n\
         before faults acknowledgement p50 {}, p99 {}; {}\n",
        measures.invoked,
        measures.ok,
        measures.fail,
        measures.info,
        measures.acknowledged,
        count(measures.lost),
        count(measures.recovered),
        count(measures.dirty),
        count(measures.unexpected),
        count(measures.stale_reads),
        figure(measures.split_brain_seconds, "s"),
        figure(measures.two_leaders_seconds, "s"),
        count(measures.forks),
        figure(measures.unavailable_seconds, "s"),
        figure(measures.latency_ms_p50, "ms"),
        figure(measures.latency_ms_p99, "ms"),
        figure(measures.ops_per_second, "operations a second"),
    );
    text + &recoveries(measures) + &staleness(measures)
}

/// What each fault cost, a line each.
fn recoveries(measures: &Measures) -> String {
    let lines = measures.recoveries.iter().enumerate().map(|(index, recovery)| {
        let name = if index == 0 { "recovery" } else { "" };
        let lost = match (recovery.lost, recovery.point_seconds) {
            (Some(lost), Some(point)) => format!("lost {lost}, recovery point {point:.2} s, "),
            _ => String::new(),
        };
        let time = match recovery.time_seconds {
            Some(0.0) => "writing never paused".to_owned(),
            Some(seconds) => format!("writing as before after {seconds:.2} s"),
            None => "writing did not come back".to_owned(),
        };
        format!("{name:<13} {} (fault {}): {lost}{time}\n", recovery.fault, recovery.id)
    });
    lines.collect()
}

/// How far reads lagged behind, where any did.
fn staleness(measures: &Measures) -> String {
    let Some(staleness) = measures.staleness.as_ref().filter(|staleness| staleness.stale > 0) else {
        return String::new();
    };
    format!(
        "staleness     {} of {} reads missed an acknowledged write, by up to {:.0} ms (p99 of all {:.0} ms)\n",
        staleness.stale, staleness.reads, staleness.ms_max, staleness.ms_p99
    )
}

fn finding(finding: &Finding) -> String {
    let seconds = finding.seconds.map(|seconds| format!(", {seconds:.2} s")).unwrap_or_default();
    let title = format!("{}: {}{seconds}\n", finding.kind.name(), finding.count);
    let paragraphs = finding.witness.text.lines().map(|line| paragraph(line, WIDTH_MAX, "  "));
    std::iter::once(title).chain(paragraphs).collect()
}

fn reasons(reasons: &[String], valid: Validity) -> String {
    let title = match valid {
        Validity::Unknown => "unknown because\n",
        Validity::Valid | Validity::Invalid => "beside that\n",
    };
    let lines = reasons.iter().map(|reason| paragraph(reason, WIDTH_MAX, "  "));
    std::iter::once(title.to_owned()).chain(lines).collect()
}

fn verdict_line(verdict: &Verdict, directory: &Path) -> String {
    let word = match verdict.valid {
        Validity::Valid => "valid",
        Validity::Unknown => "UNKNOWN",
        Validity::Invalid => "INVALID",
    };
    let how = match (verdict.interrupted, &verdict.stopped_at) {
        (true, _) => " (interrupted)".to_owned(),
        (false, Some(stop)) => format!(" (stopped at the first violation, {:.3} s)", stop.seconds),
        (false, None) => String::new(),
    };
    format!("verdict   {word}{how}; everything about this run lies in {}\n", directory.display())
}
