//! `--dry-run`: what would happen. The same arguments and the same seed print the same text.

use std::time::Duration;

use serde_json::json;

use super::CliError;
use super::duration::format_ms;
use super::output::{Format, Output};
use crate::campaign::{CellRecord, Expected, Job, OVERHEAD, word};
use crate::nemesis::schedule::timeline;
use crate::plan::{Plan, repeat_command};
use crate::report::layout::{Grid, WIDTH_MAX};
use crate::report::system_entry;

/// Prints the plan of a run.
pub(super) fn print_run(plan: &Plan, format: Format, output: &mut Output) -> Result<(), CliError> {
    match format {
        Format::Json => output.json(plan),
        Format::Jsonl => output.json_line(plan),
        Format::Table | Format::Md => output.result(&run_plan_text(plan)),
    }
}

fn run_plan_text(plan: &Plan) -> String {
    let schedule = if plan.schedule.is_empty() {
        "  no faults\n".to_owned()
    } else {
        timeline(&plan.schedule, plan.time_ms).lines().map(|line| format!("  {line}\n")).collect()
    };
    let operations = plan.rate * (plan.time_ms as f64 - plan.ramp_ms as f64 / 2.0).max(0.0) / 1000.0;
    format!(
        "{}\
         workload  {} by {} workers, {} operations a second for {}: about {operations:.0} operations\n\
         client    gives up after {}\n\
         end       {}up to {} to converge, then closing reads\n\
         seed      {} (it fixes the plan, not the scheduling of real processes)\n\
         schedule\n{schedule}\
         takes about {}, and up to {} if the system does not converge\n\
         \n{}\n",
        system_entry(plan),
        plan.workload,
        plan.workers,
        plan.rate,
        format_ms(plan.time_ms),
        format_ms(plan.client_timeout_ms),
        if plan.fail_fast { "at the first violation that can be told, or when the time is up; " } else { "" },
        format_ms(plan.converge_ms),
        plan.seed,
        seconds(Duration::from_millis(plan.time_ms) + OVERHEAD),
        seconds(Duration::from_millis(plan.time_ms + plan.converge_ms) + OVERHEAD),
        repeat_command(plan),
    )
}

/// Prints the cells of a campaign and the arithmetic.
pub(super) fn print_campaign(
    cells: &[CellRecord],
    jobs: &[Job],
    side_by_side: usize,
    format: Format,
    output: &mut Output,
) -> Result<(), CliError> {
    match format {
        Format::Json => output.json(&json!({"cells": cells, "arithmetic": arithmetic(jobs, side_by_side)})),
        Format::Jsonl => cells.iter().try_for_each(|cell| output.json_line(cell)),
        Format::Table => output.result(&(cells_grid(cells).text(WIDTH_MAX) + "\n" + &arithmetic(jobs, side_by_side))),
        Format::Md => output.result(&(cells_grid(cells).markdown() + "\n" + &arithmetic(jobs, side_by_side))),
    }
}

fn cells_grid(cells: &[CellRecord]) -> Grid {
    let header = ["setting", "fault", "workload", "nodes", "expected", "runs", "seeds"].map(str::to_owned);
    let line = |record: &CellRecord| {
        let stated = |wanted: Expected| {
            let named: Vec<&str> = record
                .expected
                .iter()
                .filter(|(_, expected)| **expected == wanted)
                .map(|(kind, _)| word(*kind))
                .collect();
            named.join(", ")
        };
        let expected = match (stated(Expected::Required), stated(Expected::Possible)) {
            (required, possible) if required.is_empty() && possible.is_empty() => "no finding".to_owned(),
            (required, possible) if required.is_empty() => format!("maybe {}", fold(&possible)),
            (required, possible) if possible.is_empty() => format!("surely {}", fold(&required)),
            (required, possible) => format!("surely {}\nmaybe {}", fold(&required), fold(&possible)),
        };
        vec![
            record.cell.label.replace(", ", ",\n"),
            record.cell.fault.clone(),
            record.cell.workload.clone(),
            record.cell.nodes.to_string(),
            expected,
            record.runs.len().to_string(),
            record.runs.iter().map(|run| run.seed.to_string()).collect::<Vec<_>>().join("\n"),
        ]
    };
    Grid { header: header.to_vec(), lines: cells.iter().map(line).collect(), columns_of_words: 5 }
}

/// Two findings a line.
fn fold(findings: &str) -> String {
    let names: Vec<&str> = findings.split(", ").collect();
    names.chunks(2).map(|pair| pair.join(", ")).collect::<Vec<_>>().join(",\n  ")
}

/// Runs × seconds ÷ jobs.
fn arithmetic(jobs: &[Job], side_by_side: usize) -> String {
    let time = |job: &&Job| Duration::from_millis(job.plan.time_ms) + OVERHEAD;
    let (alone, others): (Vec<&Job>, Vec<&Job>) = jobs.iter().partition(|job| job.plan.schedule.is_empty());
    let alone_time: Duration = alone.iter().map(time).sum();
    let others_time: Duration = others.iter().map(time).sum();
    let total = alone_time + others_time / u32::try_from(side_by_side.max(1)).unwrap_or(u32::MAX);
    format!(
        "{} runs without faults, one at a time: {}\n{} runs with faults, {side_by_side} side by side: {} ÷ {side_by_side}\n\
         together about {}\n",
        alone.len(),
        seconds(alone_time),
        others.len(),
        seconds(others_time),
        seconds(total),
    )
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
