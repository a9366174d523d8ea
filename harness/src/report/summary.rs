//! A campaign's summary as files: `summary.json`, `summary.md`, `summary.csv`.

use serde::{Deserialize, Serialize};

use super::row::Row;
use super::tables::{Markup, every_row, expectations, matrix};

/// Version of `summary.json`.
pub const SUMMARY_FORMAT_VERSION: u32 = 1;

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SUMMARY_FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of the program that ran the campaign.
    pub schism_version: String,
    /// The campaign's name.
    pub campaign: String,
    /// The command that made it.
    pub command: String,
    /// The machine it ran on, in words; empty where that is not known.
    #[serde(default)]
    pub machine: String,
    /// One row a cell.
    pub rows: Vec<Row>,
}

impl Summary {
    /// `summary.md`.
    #[must_use]
    pub fn markdown(&self) -> String {
        format!(
            "# {}\n\nMade by `{}` with schism {}{}.\n\n{}\n## Every row\n\n{}\n## Expectations\n\n{}",
            self.campaign,
            self.command,
            self.schism_version,
            if self.machine.is_empty() { String::new() } else { format!(" on {}", self.machine) },
            matrix(&self.rows, Markup::Markdown),
            every_row(&self.rows, Markup::Markdown),
            expectations(&self.rows, Markup::Markdown),
        )
    }

    /// `summary.csv`: a line a row; what could not be measured is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let header = COLUMNS.map(|(name, _)| name).join(",");
        let lines = self.rows.iter().map(|row| COLUMNS.map(|(_, cell)| quoted(&cell(row))).join(","));
        std::iter::once(header).chain(lines).map(|line| line + "\n").collect()
    }
}

type Column = (&'static str, fn(&Row) -> String);

const COLUMNS: [Column; 26] = [
    ("settings", |row| crate::campaign::words(&row.settings)),
    ("nodes", |row| row.nodes.to_string()),
    ("workload", |row| row.workload.clone()),
    ("fault", |row| row.fault.clone()),
    ("as_expected", |row| row.as_expected.to_string()),
    ("runs", |row| row.runs.to_string()),
    ("valid", |row| row.valid.to_string()),
    ("invalid", |row| row.invalid.to_string()),
    ("unknown", |row| row.unknown.to_string()),
    ("failed", |row| row.failed.to_string()),
    ("acknowledged", |row| row.acknowledged.to_string()),
    ("lost", |row| text(row.lost)),
    ("lost_runs", |row| text(row.lost_runs)),
    ("lost_per_1000", |row| text(row.lost_per_1000)),
    ("lost_per_1000_low", |row| text(row.lost_per_1000_interval.map(|[low, _]| low))),
    ("lost_per_1000_high", |row| text(row.lost_per_1000_interval.map(|[_, high]| high))),
    ("split_brain_runs", |row| text(row.split_brain_runs)),
    ("split_brain_seconds", |row| text(row.split_brain_seconds)),
    ("two_leaders_seconds", |row| text(row.two_leaders_seconds)),
    ("stale_reads", |row| text(row.stale_reads)),
    ("stale_runs", |row| text(row.stale_runs)),
    ("not_linearizable_runs", |row| text(row.not_linearizable_runs)),
    ("unavailable_seconds_max", |row| text(row.unavailable_seconds_max)),
    ("latency_ms_p50", |row| text(row.latency_ms_p50)),
    ("latency_ms_p99", |row| text(row.latency_ms_p99)),
    ("ops_per_second", |row| text(row.ops_per_second)),
];

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A field with a separator or a quote in it is quoted (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Expectations;
    use crate::report::row::row;
    use crate::report::synthetic::{cell, outcome};
    use schism_checkers::verdict::Validity;

    fn summary() -> Summary {
        let run = outcome(7, Validity::Valid, &[], |measures| measures.acknowledged = 10);
        Summary {
            format_version: SUMMARY_FORMAT_VERSION,
            schism_version: "0.0.0".to_owned(),
            campaign: "test".to_owned(),
            command: "schism campaign test".to_owned(),
            machine: "Linux 6.1, 2 processors, 8 GiB".to_owned(),
            rows: vec![row(&cell("async, consensus", "none"), &Expectations::new(), &[run])],
        }
    }

    #[test]
    fn what_could_not_be_measured_is_empty_in_csv() {
        insta::assert_snapshot!(summary().csv());
    }

    #[test]
    fn json_reads_back_as_it_was_written() {
        let text = serde_json::to_string(&summary()).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary());
    }

    #[test]
    fn fields_with_separators_are_quoted() {
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
