//! What `schism simulate` prints.

use serde_json::{Value, json};

use super::Small;
use super::arguments::{Plans, SimulateArguments};
use super::judge::Judged;
use super::node::{NAMED_FAULTS, Plan, settings_in_words};
use super::sweep::Totals;

/// A witness longer than this is cut for people, in characters.
const WITNESS_MAX: usize = 1_500;

/// The faults by name.
pub(super) fn fault_list() -> String {
    let width = NAMED_FAULTS.iter().map(|fault| fault.name.len()).max().unwrap_or(0);
    let line = |name, summary| format!("{name:width$}  {summary}\n");
    let named: String = NAMED_FAULTS.iter().map(|fault| line(fault.name, fault.summary)).collect();
    line("random", "a fault every few hundred milliseconds, of every kind")
        + &line("all", "every line of this list in turn")
        + &named
}

/// What is simulated, in a line.
pub(super) fn setup(plans: &Plans, faults: &str) -> String {
    format!("{} nodes, faults {faults}, settings {}", plans.nodes, settings(plans))
}

fn settings(plans: &Plans) -> String {
    plans.settings.as_ref().map_or_else(|| "drawn for every seed".to_owned(), settings_in_words)
}

/// A sweep in lines.
pub(super) fn many(totals: &Totals, small: Option<&Small>) -> String {
    let Totals { runs, seconds, cpu_seconds, .. } = totals;
    let mut lines = vec![
        format!(
            "{runs} runs in {seconds:.1} s: {:.0} runs a second, {:.2} ms of CPU each, {:.1} hours of virtual time",
            per_second(totals),
            cpu_seconds * 1e3 / *runs as f64,
            totals.simulated_us as f64 / 3.6e9
        ),
        format!(
            "{} operations, {} of them ok; {} writes acknowledged; {} reigns; {} steps of the core",
            totals.operations, totals.ok, totals.acknowledged, totals.reigns, totals.steps
        ),
    ];
    for (kind, (in_runs, count)) in &totals.found {
        lines.push(format!("found {}: {count} in {in_runs} runs", kind.name()));
    }
    if let Some((seed, why)) = &totals.undecided_why {
        lines.push(format!("undecided: {} runs; seed {seed}: {why}", totals.undecided));
    }
    lines.push(format!("{} violations", totals.violated()));
    for (promise, count) in &totals.broken {
        lines.push(format!("  {promise}: {count} runs"));
    }
    if totals.violations.len() > 1 {
        let seeds: Vec<String> = totals.violations.keys().map(ToString::to_string).collect();
        lines.push(format!("  first seeds: {}", seeds.join(", ")));
    }
    if let Some(small) = small {
        lines.push(format!(
            "\nseed {}: {}: {}",
            small.seed,
            small.broken.promise,
            cut(small.broken.what.trim_start_matches(&format!("{}: ", small.broken.promise)))
        ));
        let (before, after) = (small.faults_before, small.plan.faults.len());
        lines.push(format!("the smallest plan found that breaks the same promise ({before} faults became {after}):\n"));
        lines.push(small.plan.to_string());
        lines.push(format!("\nrepeat it: schism simulate --plan {} --trace", small.file.display()));
    }
    lines.join("\n")
}

fn per_second(totals: &Totals) -> f64 {
    totals.runs as f64 / totals.seconds.max(f64::MIN_POSITIVE)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WITNESS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} …", &text[..end]),
    }
}

/// A sweep for machines.
pub(super) fn many_json(plans: &Plans, arguments: &SimulateArguments, totals: &Totals, small: Option<&Small>) -> Value {
    let found: Vec<Value> = totals
        .found
        .iter()
        .map(|(kind, (runs, count))| json!({"kind": kind.name(), "runs": runs, "count": count}))
        .collect();
    let violations: Vec<Value> = totals
        .violations
        .iter()
        .map(|(seed, broken)| json!({"seed": seed, "promise": broken.promise, "what": broken.what}))
        .collect();
    json!({
        "first": arguments.first,
        "seeds": arguments.seeds,
        "nodes": plans.nodes,
        "faults": arguments.faults,
        "settings": plans.settings.as_ref().map(|settings| settings.to_map()),
        "runs": totals.runs,
        "seconds": totals.seconds,
        "runs_per_second": per_second(totals),
        "cpu_ms_per_run": totals.cpu_seconds * 1e3 / totals.runs.max(1) as f64,
        "virtual_seconds": totals.simulated_us as f64 / 1e6,
        "operations": totals.operations,
        "ok": totals.ok,
        "acknowledged": totals.acknowledged,
        "reigns": totals.reigns,
        "steps": totals.steps,
        "found": found,
        "undecided": totals.undecided,
        "violated": totals.violated(),
        "broken": totals.broken,
        "violations": violations,
        "minimal": small.map(|small| json!({
            "seed": small.seed,
            "promise": small.broken.promise,
            "what": small.broken.what,
            "plan": small.plan,
            "file": small.file,
        })),
    })
}

/// One run in lines.
pub(super) fn one(plan: &Plan, judged: &Judged) -> String {
    let mut lines = vec![
        plan.to_string(),
        format!(
            "\n{} operations, {} of them ok; {} writes acknowledged; {} reigns; {} steps of the core in {:.3} s",
            judged.operations,
            judged.ok,
            judged.acknowledged,
            judged.reigns,
            judged.steps,
            judged.simulated_us as f64 / 1e6
        ),
    ];
    lines.extend(judged.found.iter().map(|(kind, count)| format!("found {}: {count}", kind.name())));
    lines.extend(judged.undecided.iter().map(|why| format!("undecided: {why}")));
    lines.push(match &judged.broken {
        None => "no violation".to_owned(),
        Some(broken) => {
            let what = broken.what.trim_start_matches(&format!("{}: ", broken.promise)).to_owned();
            format!("violation: {}: {what}", broken.promise)
        }
    });
    lines.join("\n")
}

/// One run for machines.
pub(super) fn one_json(plan: &Plan, judged: &Judged) -> Value {
    let found: Vec<Value> =
        judged.found.iter().map(|(kind, count)| json!({"kind": kind.name(), "count": count})).collect();
    json!({
        "plan": plan,
        "operations": judged.operations,
        "ok": judged.ok,
        "acknowledged": judged.acknowledged,
        "reigns": judged.reigns,
        "steps": judged.steps,
        "virtual_seconds": judged.simulated_us as f64 / 1e6,
        "found": found,
        "undecided": judged.undecided,
        "violation": judged.broken.as_ref().map(|broken| json!({"promise": broken.promise, "what": broken.what})),
    })
}
