//! The tables that people read.
//!
//! The matrix has a line a setting and a column a fault; each cell is what mattered most. Every row in full takes two
//! tables: what was found, and what it cost. Below stands what was not as expected, each with the command that repeats
//! it.

use schism_checkers::verdict::FindingKind;

use super::layout::{Grid, MISSING, WIDTH_MAX, paragraph};
use super::row::Row;
use crate::campaign::{NO_FAULT, judged};

/// Which text a table becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// For terminals; at most 100 columns.
    Plain,
    /// For Markdown files.
    Markdown,
}

impl Markup {
    fn grid(self, grid: &Grid) -> String {
        match self {
            Self::Plain => grid.text(WIDTH_MAX),
            Self::Markdown => grid.markdown(),
        }
    }

    fn prose(self, text: &str) -> String {
        match self {
            Self::Plain => paragraph(text, WIDTH_MAX, ""),
            Self::Markdown => format!("{text}\n"),
        }
    }
}

const LEGEND: &str = "lost: acknowledged writes missing at the end, of all acknowledged · split: split brain, seconds a \
    run · stale: reads that missed a newer acknowledged write · dirty: values read that are gone at the end · ok: \
    nothing found, and linearizable · !: not as expected · p50, p99: milliseconds an acknowledged write took without faults";

/// A line a setting, a column a fault: what was found, and how long nobody answered.
#[must_use]
pub fn matrix(rows: &[Row], markup: Markup) -> String {
    let found = markup.grid(&matrix_grid(rows, &main_finding, &LATENCIES));
    let outage = |row: &Row| figure(row.unavailable_seconds_max, 1);
    let outages = markup.grid(&matrix_grid(rows, &outage, &[]));
    let title = markup.prose("The longest time in which no write, or no read, was answered, in seconds:");
    format!("{found}\n{}\n{title}\n{outages}", markup.prose(LEGEND))
}

/// A column at the end of the matrix: its name, and its figure from the row without faults.
type FaultFreeColumn = (&'static str, fn(&Row) -> Option<f64>);

const LATENCIES: [FaultFreeColumn; 2] = [("p50", |row| row.latency_ms_p50), ("p99", |row| row.latency_ms_p99)];

fn matrix_grid(rows: &[Row], cell: &dyn Fn(&Row) -> String, fault_free: &[FaultFreeColumn]) -> Grid {
    let labels = Labels::of(rows);
    let faults = in_order(rows.iter().map(|row| row.fault.clone()));
    let lines = in_order(rows.iter().map(|row| labels.label(row)));
    let at =
        |label: &String, fault: &String| rows.iter().find(|row| labels.label(row) == *label && row.fault == *fault);
    let line = |label: &String| {
        let found = faults.iter().map(|fault| at(label, fault).map_or_else(|| MISSING.to_owned(), cell));
        // Latencies under load from other runs say little: without a fault-free row of its own a line shows the
        // fault-free time of its other rows.
        let fault_free_row =
            at(label, &NO_FAULT.to_owned()).or_else(|| rows.iter().find(|row| labels.label(row) == *label));
        let figures = fault_free.iter().map(|(_, of)| figure(fault_free_row.and_then(of), 1));
        std::iter::once(label.clone()).chain(found).chain(figures).collect()
    };
    let names = fault_free.iter().map(|(name, _)| (*name).to_owned());
    Grid {
        header: std::iter::once("setting".to_owned()).chain(faults.iter().cloned()).chain(names).collect(),
        lines: lines.iter().map(line).collect(),
        columns_of_words: 1,
    }
}

/// What mattered most in a cell; a split brain is told beside a loss, because it is the other half of the story.
fn main_finding(row: &Row) -> String {
    let words = finding_words(row);
    if row.as_expected { words } else { format!("! {words}") }
}

fn finding_words(row: &Row) -> String {
    let runs_with = |kind: FindingKind| row.findings.get(&kind).copied().unwrap_or(0);
    let split = (runs_with(FindingKind::SplitBrain) > 0).then(|| split_words(row));
    if row.failed > 0 {
        return "failed".to_owned();
    }
    if row.runs == 0 {
        return MISSING.to_owned();
    }
    if row.lost.is_some_and(|lost| lost > 0) {
        let lost = format!("lost {}", percent(row.lost_per_1000.unwrap_or(0.0) / 10.0));
        return [Some(lost), split].into_iter().flatten().collect::<Vec<_>>().join("\n");
    }
    if let Some(split) = split {
        return split;
    }
    match judged().find(|kind| runs_with(*kind) > 0) {
        Some(kind @ FindingKind::StaleRead) => format!("{} {}", kind.word(), row.stale_reads.unwrap_or(0)),
        Some(kind) => kind.word().to_owned(),
        None if row.invalid > 0 => "invalid".to_owned(),
        None if row.unknown > 0 => "unknown".to_owned(),
        None => "ok".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of runs are small")]
fn split_words(row: &Row) -> String {
    let runs = row.split_brain_runs.unwrap_or(0);
    match row.split_brain_seconds {
        Some(seconds) if runs > 0 => format!("split {:.1} s", seconds / runs as f64),
        _ => "split".to_owned(),
    }
}

/// Every row in full, in two tables.
#[must_use]
pub fn every_row(rows: &[Row], markup: Markup) -> String {
    let found = rows_grid(
        rows,
        &[
            ("runs", |row| row.runs.to_string()),
            ("ok/bad/?", |row| format!("{}/{}/{}", row.valid, row.invalid, row.unknown)),
            ("lost", |row| count(row.lost)),
            ("per 1000", lost_per_1000),
            ("split brain", |row| seconds_in_runs(row.split_brain_seconds, row.split_brain_runs)),
            ("stale", |row| count(row.stale_reads)),
            ("lin.", linearizable),
        ],
        markup,
    );
    let cost = rows_grid(
        rows,
        &[
            ("acknowledged", |row| row.acknowledged.to_string()),
            ("2 leaders s", |row| figure(row.two_leaders_seconds, 1)),
            ("longest outage s", |row| figure(row.unavailable_seconds_max, 1)),
            ("p50 ms", |row| figure(row.latency_ms_p50, 1)),
            ("p99 ms", |row| figure(row.latency_ms_p99, 1)),
            ("ops/s", |row| figure(row.ops_per_second, 0)),
            ("as expected", |row| if row.as_expected { "yes" } else { "NO" }.to_owned()),
        ],
        markup,
    );
    format!("{}\n{}\n{}", markup.grid(&found), markup.grid(&cost), markup.prose(ROWS_LEGEND))
}

const ROWS_LEGEND: &str = "ok/bad/?: runs valid, invalid and unknown · per 1000: lost of a thousand acknowledged writes, \
    with the 95 % interval of a bootstrap over runs; where nothing was lost, the largest share of runs with a loss that \
    the number of runs does not rule out · lin.: runs whose history was linearizable, of those where it was promised and \
    decided · outages and latencies as in the matrix · –: not measurable";

type Column = (&'static str, fn(&Row) -> String);

/// In plain text the setting is a line of its own above its faults, which saves a column; Markdown has the column.
fn rows_grid(rows: &[Row], columns: &[Column], markup: Markup) -> Grid {
    let labels = Labels::of(rows);
    let words = match markup {
        Markup::Plain => vec!["setting, fault".to_owned()],
        Markup::Markdown => vec!["setting".to_owned(), "fault".to_owned()],
    };
    let columns_of_words = words.len();
    let names = columns.iter().map(|(name, _)| (*name).to_owned());
    let header: Vec<String> = words.into_iter().chain(names).collect();
    let mut previous = String::new();
    let mut lines = Vec::new();
    for row in rows {
        let label = labels.label(row);
        let words = match markup {
            Markup::Plain => {
                if label != previous {
                    let empty = std::iter::repeat_n(String::new(), columns.len());
                    lines.push(std::iter::once(label.clone()).chain(empty).collect());
                }
                vec![format!("  {}", row.fault)]
            }
            Markup::Markdown => vec![label.clone(), row.fault.clone()],
        };
        lines.push(words.into_iter().chain(columns.iter().map(|(_, cell)| cell(row))).collect());
        previous = label;
    }
    Grid { header, lines, columns_of_words }
}

fn lost_per_1000(row: &Row) -> String {
    match (row.lost_per_1000, row.lost_per_1000_interval, row.lost_runs_interval) {
        (None, ..) => MISSING.to_owned(),
        (Some(share), Some([low, high]), _) => format!("{share:.1} [{low:.1}, {high:.1}]"),
        (Some(share), None, Some([_, high])) if row.lost == Some(0) => {
            format!("{share:.0} (≤ {} of runs)", percent(high * 100.0))
        }
        (Some(share), ..) => format!("{share:.1}"),
    }
}

fn linearizable(row: &Row) -> String {
    match (row.linearizable_runs, row.not_linearizable_runs) {
        (Some(yes), Some(no)) => format!("{yes}/{}", yes + no),
        _ => MISSING.to_owned(),
    }
}

fn seconds_in_runs(seconds: Option<f64>, runs: Option<u64>) -> String {
    match (seconds, runs) {
        (Some(_), Some(0)) => "0".to_owned(),
        (Some(seconds), Some(runs)) => format!("{seconds:.1} s in {runs}"),
        _ => MISSING.to_owned(),
    }
}

fn count(value: Option<u64>) -> String {
    value.map_or_else(|| MISSING.to_owned(), |value| value.to_string())
}

fn figure(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| MISSING.to_owned(), |value| format!("{value:.decimals$}"))
}

/// Two leading digits, and never a 0 for what is not.
fn percent(value: f64) -> String {
    match value {
        0.0 => "0 %".to_owned(),
        tiny if tiny < 0.01 => "<0.01 %".to_owned(),
        small if small < 0.1 => format!("{small:.2} %"),
        large if large >= 99.95 => "100 %".to_owned(),
        value => format!("{value:.1} %"),
    }
}

/// What tells the lines of the matrix apart: the settings, and the nodes and the workload where they vary.
struct Labels {
    nodes_vary: bool,
    workloads_vary: bool,
}

impl Labels {
    fn of(rows: &[Row]) -> Self {
        Self {
            nodes_vary: rows.iter().any(|row| row.nodes != rows[0].nodes),
            workloads_vary: rows.iter().any(|row| row.workload != rows[0].workload),
        }
    }

    fn label(&self, row: &Row) -> String {
        let nodes = if self.nodes_vary { format!(", {} nodes", row.nodes) } else { String::new() };
        let workload = if self.workloads_vary { format!(", {}", row.workload) } else { String::new() };
        format!("{}{nodes}{workload}", row.label)
    }
}

fn in_order(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// How many cells were as expected, and every one that was not, with its reason and the command that repeats it.
#[must_use]
pub fn expectations(rows: &[Row], markup: Markup) -> String {
    let labels = Labels::of(rows);
    let others: Vec<&Row> = rows.iter().filter(|row| !row.as_expected).collect();
    if others.is_empty() {
        return markup.prose(&format!("All {} cells are as expected.", rows.len()));
    }
    let title = markup.prose(&format!("{} of {} cells are not as expected:", others.len(), rows.len()));
    let lines = others.into_iter().flat_map(|row| {
        let labels = &labels;
        row.deviations.iter().map(move |deviation| {
            let line = format!("{} under {}: {}", labels.label(row), row.fault, deviation.text);
            deviation_text(&line, deviation.command.as_deref(), markup)
        })
    });
    std::iter::once(title).chain(lines).collect()
}

/// A command is never broken: it is there to be copied.
fn deviation_text(line: &str, command: Option<&str>, markup: Markup) -> String {
    let (line, before, after) = match markup {
        Markup::Plain => (paragraph(line, WIDTH_MAX, "  "), "    ", ""),
        Markup::Markdown => (format!("- {line}\n"), "  `", "`"),
    };
    let command = command.map(|command| format!("{before}{command}{after}\n")).unwrap_or_default();
    line + &command
}

#[cfg(test)]
mod tests {
    use schism_checkers::verdict::Validity;

    use super::*;
    use crate::campaign::{Expectations, Expected};
    use crate::report::layout::widest_line;
    use crate::report::row::row;
    use crate::report::synthetic::{cell, outcome};

    const FAULTS: [&str; 6] =
        ["none", "kill-leader", "cut-then-kill", "pause-isolate", "partition-leader", "cut-one-link"];

    /// Five settings by six faults, with every kind of cell and with figures as wide as they get.
    fn quickstart_rows() -> Vec<Row> {
        let mut rows = Vec::new();
        for label in
            ["async, consensus", "majority, consensus", "sync, consensus", "async, timeout", "majority, timeout"]
        {
            for fault in FAULTS {
                rows.push(synthetic_row(label, fault));
            }
        }
        rows
    }

    fn synthetic_row(label: &str, fault: &str) -> Row {
        use FindingKind::{Dirty, Lost, SplitBrain, StaleRead};
        let (valid, findings, lost): (_, &[FindingKind], u64) = match (label, fault) {
            ("async, consensus", "cut-then-kill") => (Validity::Invalid, &[Lost, Dirty], 98),
            ("async, timeout", "partition-leader") => (Validity::Invalid, &[Lost, SplitBrain], 523),
            ("async, timeout", "cut-one-link") => (Validity::Invalid, &[Lost, SplitBrain], 391),
            ("async, timeout", "cut-then-kill") => (Validity::Invalid, &[Lost, SplitBrain], 105),
            ("async, timeout", "pause-isolate") => (Validity::Invalid, &[Lost, SplitBrain], 112),
            ("async, consensus", "partition-leader") => (Validity::Invalid, &[SplitBrain], 0),
            ("majority, timeout", "partition-leader") => (Validity::Invalid, &[StaleRead], 0),
            ("sync, consensus", "pause-isolate") => (Validity::Unknown, &[], 0),
            _ => (Validity::Valid, &[], 0),
        };
        let run = |seed| {
            outcome(seed, valid, findings, |measures| {
                measures.acknowledged = 1000;
                measures.lost = Some(lost + seed);
                if lost == 0 {
                    measures.lost = Some(0);
                }
                measures.stale_reads = Some(if findings.contains(&StaleRead) { 6 } else { 0 });
                measures.split_brain_seconds = Some(if findings.contains(&SplitBrain) { 1.2 } else { 0.0 });
                measures.two_leaders_seconds = Some(0.4);
                measures.unavailable_seconds = Some(if fault == "none" { 0.0 } else { 1.37 });
                measures.latency_ms_p50 = Some(2.25);
                measures.latency_ms_p99 = Some(14.75);
                measures.ops_per_second = Some(398.6);
                measures.linearizable = Some(valid);
            })
        };
        let mut expected: Expectations = judged().map(|kind| (kind, Expected::Possible)).collect();
        if label == "async, timeout" && fault == "cut-one-link" {
            expected.insert(Lost, Expected::Forbidden);
        }
        let runs = if fault == "none" { vec![run(1)] } else { vec![run(1), run(2)] };
        row(&cell(label, fault), &expected, &runs)
    }

    #[test]
    fn the_matrix_of_quickstart_fits_a_hundred_columns() {
        let text = matrix(&quickstart_rows(), Markup::Plain);
        assert!(widest_line(&text) <= WIDTH_MAX, "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_row_of_quickstart_fits_a_hundred_columns() {
        let text = every_row(&quickstart_rows(), Markup::Plain);
        assert!(widest_line(&text) <= WIDTH_MAX, "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_matrix_as_markdown() {
        insta::assert_snapshot!(matrix(&quickstart_rows(), Markup::Markdown));
    }

    #[test]
    fn what_was_not_as_expected_comes_with_its_command() {
        insta::assert_snapshot!(expectations(&quickstart_rows(), Markup::Plain));
    }

    #[test]
    fn nodes_and_workload_are_told_where_they_vary() {
        let mut rows = vec![synthetic_row("async, consensus", "none"), synthetic_row("async, consensus", "none")];
        rows[1].nodes = 5;
        rows[1].workload = "register".to_owned();
        insta::assert_snapshot!(every_row(&rows, Markup::Plain));
    }

    #[test]
    fn small_shares_are_never_shown_as_nothing() {
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.001), "<0.01 %");
        assert_eq!(percent(0.05), "0.05 %");
        assert_eq!(percent(9.84), "9.8 %");
        assert_eq!(percent(100.0), "100 %");
    }
}
