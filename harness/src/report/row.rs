//! A row: everything that the runs of one cell say together. The fields are the interface for machines; `null` means
//! that the workload or the runs could not measure it.

use std::collections::BTreeMap;

use schism_checkers::verdict::{FindingKind, Validity};
use schism_checkers::{Analysis, Measures};
use serde::{Deserialize, Serialize};

use super::statistics::{bootstrap_ratio, median, ratio, wilson};
use crate::campaign::{Cell, CellRun, Ending, Expectations, Judged, deviations};
use crate::cli::Exit;
use crate::systems::Settings;

/// One row of a campaign's summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The settings in a few words.
    pub label: String,
    /// The settings, as the campaign states them.
    pub settings: Settings,
    /// The fault; `none` without one.
    pub fault: String,
    /// The workload.
    pub workload: String,
    /// How many nodes.
    pub nodes: u16,
    /// What was expected of each finding.
    pub expected: Expectations,
    /// Whether it was so.
    pub as_expected: bool,
    /// How it was not.
    pub deviations: Vec<RowDeviation>,
    /// Runs that ended, judged or not.
    pub runs: u64,
    /// Of these, valid.
    pub valid: u64,
    /// Of these, invalid.
    pub invalid: u64,
    /// Of these, unknown.
    pub unknown: u64,
    /// Of these, failed before they could be judged.
    pub failed: u64,
    /// Runs in which each finding appeared.
    pub findings: BTreeMap<FindingKind, u64>,
    /// Acknowledged writes, over all runs.
    pub acknowledged: u64,
    /// Lost writes, over all runs.
    pub lost: Option<u64>,
    /// Runs that lost any.
    pub lost_runs: Option<u64>,
    /// Wilson's 95 % interval of the share of runs that lost any.
    pub lost_runs_interval: Option<[f64; 2]>,
    /// Lost writes per thousand acknowledged ones.
    pub lost_per_1000: Option<f64>,
    /// Its 95 % interval: a bootstrap over runs; `null` where nothing was lost or there is one run.
    pub lost_per_1000_interval: Option<[f64; 2]>,
    /// Runs with split brain.
    pub split_brain_runs: Option<u64>,
    /// Seconds of split brain, over all runs.
    pub split_brain_seconds: Option<f64>,
    /// Seconds in which two nodes claimed to lead, over all runs.
    pub two_leaders_seconds: Option<f64>,
    /// Stale reads, over all runs.
    pub stale_reads: Option<u64>,
    /// Runs with stale reads.
    pub stale_runs: Option<u64>,
    /// Runs whose history was linearizable, and not.
    pub linearizable_runs: Option<u64>,
    /// Runs whose history was not linearizable.
    pub not_linearizable_runs: Option<u64>,
    /// The longest time in any run in which no write, or no read, was answered.
    pub unavailable_seconds_max: Option<f64>,
    /// Median over runs of the median latency of an acknowledgement, fault-free time only.
    pub latency_ms_p50: Option<f64>,
    /// Median over runs of the 99th percentile of that latency.
    pub latency_ms_p99: Option<f64>,
    /// Median over runs of the operations a second that ended ok in fault-free time.
    pub ops_per_second: Option<f64>,
    /// The runs.
    pub seeds: Vec<u64>,
}

/// Why a row is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDeviation {
    /// The exit code it leads to.
    pub exit_code: u8,
    /// One sentence.
    pub text: String,
    /// The command that repeats a run that shows it.
    pub command: Option<String>,
    /// The directory of that run.
    pub directory: Option<String>,
}

impl Row {
    /// The exit code this row leads to.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.deviations
            .iter()
            .filter_map(|deviation| Exit::from_code(i32::from(deviation.exit_code)))
            .fold(Exit::AsExpected, Exit::first_of)
    }
}

/// Adds the runs of a cell up. Interrupted runs do not count.
#[must_use]
pub fn row(cell: &Cell, expectations: &Expectations, outcomes: &[CellRun]) -> Row {
    let judged: Vec<&CellRun> = outcomes.iter().filter(|outcome| outcome.analysis().is_some()).collect();
    let analyses: Vec<&Analysis> = judged.iter().filter_map(|outcome| outcome.analysis()).collect();
    let failed: Vec<&CellRun> =
        outcomes.iter().filter(|outcome| matches!(outcome.ending, Ending::Failed { .. })).collect();
    let deviations = row_deviations(expectations, &judged, &failed);
    let counted = |valid: Validity| count(analyses.iter().filter(|analysis| analysis.valid == valid));
    let sums = Sums { measures: analyses.iter().map(|analysis| &analysis.measures).collect() };
    let losses = sums.losses();
    let lost_runs = sums.runs_with(|measures| measures.lost.map(|lost| lost > 0));
    let lin = |valid: Validity| sums.runs_with(move |measures| measures.linearizable.map(|found| found == valid));
    Row {
        label: cell.label.clone(),
        settings: cell.settings.clone(),
        fault: cell.fault.clone(),
        workload: cell.workload.clone(),
        nodes: cell.nodes,
        expected: expectations.clone(),
        as_expected: deviations.is_empty(),
        deviations,
        runs: count(judged.iter()) + count(failed.iter()),
        valid: counted(Validity::Valid),
        invalid: counted(Validity::Invalid),
        unknown: counted(Validity::Unknown),
        failed: count(failed.iter()),
        findings: findings(&analyses),
        acknowledged: sums.measures.iter().map(|measures| measures.acknowledged).sum(),
        lost: sums.total(|measures| measures.lost),
        lost_runs,
        lost_runs_interval: lost_runs.and_then(|lost_runs| wilson(lost_runs, count(losses.iter()))),
        lost_per_1000: ratio(losses.iter().copied()).map(|share| share * 1000.0),
        lost_per_1000_interval: bootstrap_ratio(&losses).map(|ends| ends.map(|end| end * 1000.0)),
        split_brain_runs: sums
            .runs_with(|measures| measures.split_brain_seconds.map(|_| true))
            .map(|_| count(analyses.iter().filter(|analysis| has(analysis, FindingKind::SplitBrain)))),
        split_brain_seconds: sums.total_seconds(|measures| measures.split_brain_seconds),
        two_leaders_seconds: sums.total_seconds(|measures| measures.two_leaders_seconds),
        stale_reads: sums.total(|measures| measures.stale_reads),
        stale_runs: sums.runs_with(|measures| measures.stale_reads.map(|stale| stale > 0)),
        linearizable_runs: lin(Validity::Valid),
        not_linearizable_runs: lin(Validity::Invalid),
        unavailable_seconds_max: sums.values(|measures| measures.unavailable_seconds).into_iter().reduce(f64::max),
        latency_ms_p50: median(sums.values(|measures| measures.latency_ms_p50)),
        latency_ms_p99: median(sums.values(|measures| measures.latency_ms_p99)),
        ops_per_second: median(sums.values(|measures| measures.ops_per_second)),
        seeds: outcomes.iter().map(|outcome| outcome.seed).collect(),
    }
}

fn row_deviations(expectations: &Expectations, judged: &[&CellRun], failed: &[&CellRun]) -> Vec<RowDeviation> {
    let runs: Vec<Judged<'_>> = judged
        .iter()
        .filter_map(|outcome| outcome.analysis())
        .map(|analysis| Judged {
            valid: analysis.valid,
            findings: analysis.findings.iter().map(|finding| finding.kind).collect(),
            reasons: &analysis.reasons,
        })
        .collect();
    let of_findings = deviations(expectations, &runs).into_iter().map(|deviation| {
        let run = deviation.run.or(if judged.is_empty() { None } else { Some(0) }).map(|index| judged[index]);
        row_deviation(deviation.exit, deviation.text, run)
    });
    let of_failures = failed.iter().filter_map(|outcome| match &outcome.ending {
        Ending::Failed { code, message } => {
            let exit = code.and_then(Exit::from_code).unwrap_or(Exit::Harness);
            Some(row_deviation(exit, format!("a run failed: {message}"), Some(outcome)))
        }
        Ending::Judged(_) | Ending::Interrupted => None,
    });
    of_findings.chain(of_failures).collect()
}

fn row_deviation(exit: Exit, text: String, run: Option<&CellRun>) -> RowDeviation {
    RowDeviation {
        exit_code: exit.code(),
        text,
        command: run.map(|run| run.command.clone()),
        directory: run.map(|run| run.directory.display().to_string()),
    }
}

fn has(analysis: &Analysis, kind: FindingKind) -> bool {
    analysis.findings.iter().any(|finding| finding.kind == kind)
}

fn findings(analyses: &[&Analysis]) -> BTreeMap<FindingKind, u64> {
    let mut findings = BTreeMap::new();
    for analysis in analyses {
        let kinds: std::collections::BTreeSet<FindingKind> =
            analysis.findings.iter().map(|finding| finding.kind).collect();
        for kind in kinds {
            *findings.entry(kind).or_insert(0) += 1;
        }
    }
    findings
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.map(|_| 1).sum()
}

/// Adds measures up; what no run measured stays `None`.
struct Sums<'a> {
    measures: Vec<&'a Measures>,
}

impl Sums<'_> {
    fn values<T>(&self, of: impl Fn(&Measures) -> Option<T>) -> Vec<T> {
        self.measures.iter().filter_map(|measures| of(measures)).collect()
    }

    fn total(&self, of: impl Fn(&Measures) -> Option<u64>) -> Option<u64> {
        self.values(of).into_iter().reduce(|left, right| left + right)
    }

    fn total_seconds(&self, of: impl Fn(&Measures) -> Option<f64>) -> Option<f64> {
        self.values(of).into_iter().reduce(|left, right| left + right)
    }

    fn runs_with(&self, of: impl Fn(&Measures) -> Option<bool>) -> Option<u64> {
        let values = self.values(of);
        if values.is_empty() { None } else { Some(count(values.iter().filter(|holds| **holds))) }
    }

    /// Lost and acknowledged writes of every run that could measure its losses.
    fn losses(&self) -> Vec<(u64, u64)> {
        self.values(|measures| measures.lost.map(|lost| (lost, measures.acknowledged)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::synthetic::{cell, outcome};

    fn judged(lost: Option<u64>, valid: Validity) -> CellRun {
        outcome(1, valid, &[], |measures| {
            measures.acknowledged = 1000;
            measures.lost = lost;
        })
    }

    #[test]
    fn what_nothing_measured_is_null_and_never_zero() {
        let outcomes = [outcome(1, Validity::Valid, &[], |_| ())];
        let json = serde_json::to_value(row(&cell("async", "none"), &Expectations::new(), &outcomes)).unwrap();
        for field in ["lost", "lost_runs", "lost_per_1000", "split_brain_seconds", "stale_reads", "latency_ms_p50"] {
            assert!(json[field].is_null(), "{field}");
        }
        assert_eq!(json["runs"], 1);
    }

    #[test]
    fn a_run_without_a_closing_read_does_not_dilute_the_losses() {
        let outcomes = [judged(Some(100), Validity::Invalid), judged(None, Validity::Unknown)];
        let row = row(&cell("async", "kill-leader"), &Expectations::new(), &outcomes);
        assert_eq!((row.lost, row.lost_runs, row.acknowledged), (Some(100), Some(1), 2000));
        assert_eq!(row.lost_per_1000, Some(100.0));
    }

    #[test]
    fn nothing_lost_in_few_runs_has_an_upper_bound() {
        let outcomes = [judged(Some(0), Validity::Valid), judged(Some(0), Validity::Valid)];
        let row = row(&cell("async", "kill-leader"), &Expectations::new(), &outcomes);
        assert_eq!((row.lost_per_1000, row.lost_per_1000_interval), (Some(0.0), None));
        assert!(row.lost_runs_interval.unwrap()[1] > 0.6);
    }

    #[test]
    fn a_run_that_failed_keeps_its_exit_code() {
        let mut failed = judged(None, Validity::Unknown);
        failed.ending = Ending::Failed { code: None, message: "killed by signal 9".to_owned() };
        let mut missing = failed.clone();
        missing.ending = Ending::Failed { code: Some(69), message: "no such program".to_owned() };
        let row = row(&cell("async", "none"), &Expectations::new(), &[failed, missing]);
        assert_eq!((row.failed, row.runs, row.exit()), (2, 2, Exit::Harness));
    }

    #[test]
    fn interrupted_runs_do_not_count() {
        let mut stopped = judged(None, Validity::Unknown);
        stopped.ending = Ending::Interrupted;
        let row = row(&cell("async", "none"), &Expectations::new(), &[stopped]);
        assert_eq!((row.runs, row.as_expected), (0, true));
    }
}
