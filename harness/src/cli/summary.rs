//! A campaign's directory becomes a summary: files, tables, an exit code.

use super::output::{Format, Output};
use super::{CliError, Exit};
use crate::campaign::{CampaignDirectory, CampaignRecord};
use crate::report::{Markup, SUMMARY_FORMAT_VERSION, Summary, every_row, expectations, matrix, row};

/// Adds a campaign's runs up and writes `summary.json`, `summary.md` and `summary.csv`.
pub(super) fn make(directory: &CampaignDirectory, record: &CampaignRecord) -> Result<Summary, CliError> {
    let summary = read(directory, record)?;
    let json = serde_json::to_string_pretty(&summary).map_err(CliError::internal)?;
    directory.write("summary.json", &(json + "\n"))?;
    directory.write("summary.md", &summary.markdown())?;
    directory.write("summary.csv", &summary.csv())?;
    Ok(summary)
}

/// Adds a campaign's runs up. Cells of which no run ended have no row.
pub(super) fn read(directory: &CampaignDirectory, record: &CampaignRecord) -> Result<Summary, CliError> {
    let runs = directory.read_runs(record)?;
    let rows = record.cells.iter().zip(&runs).map(|(cell, runs)| row(&cell.cell, &cell.expected, runs));
    Ok(Summary {
        format_version: SUMMARY_FORMAT_VERSION,
        schism_version: record.schism_version.clone(),
        campaign: record.campaign.clone(),
        command: record.command.clone(),
        machine: record.machine.clone(),
        rows: rows.filter(|row| row.runs > 0).collect(),
    })
}

/// Prints the tables.
pub(super) fn print(summary: &Summary, rows: bool, format: Format, output: &mut Output) -> Result<(), CliError> {
    let markup = match format {
        Format::Json => return output.json(summary),
        Format::Jsonl => return summary.rows.iter().try_for_each(|row| output.json_line(row)),
        Format::Table => Markup::Plain,
        Format::Md => Markup::Markdown,
    };
    if summary.rows.is_empty() {
        return output.result("No run has ended.");
    }
    let table = if rows { every_row(&summary.rows, markup) } else { matrix(&summary.rows, markup) };
    output.result(&format!("{table}\n{}", expectations(&summary.rows, markup)))
}

/// The exit code of the graver cell.
pub(super) fn exit_of(summary: &Summary) -> Exit {
    let exit = summary.rows.iter().map(crate::report::Row::exit).fold(Exit::AsExpected, Exit::first_of);
    if summary.rows.is_empty() { exit.first_of(Exit::NothingSelected) } else { exit }
}
