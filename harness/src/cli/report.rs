//! `schism report`: the tables of what is stored, and whether `lost` is what the system itself says.

use std::path::Path;

use super::arguments::ReportArguments;
use super::output::{Format, Output};
use super::{CliError, Exit, run, summary};
use crate::campaign::{CampaignDirectory, read_verdict};
use crate::record::RunDirectory;
use crate::report::{run_text, truth};

/// Prints a stored campaign's or run's tables again, or compares its losses with the ground truth.
///
/// # Errors
/// The directory is neither a campaign's nor a run's, or what lies in it is malformed.
pub(super) fn run(arguments: &ReportArguments, output: &mut Output) -> Result<Exit, CliError> {
    let path = &arguments.directory;
    let run_directory = RunDirectory::open(path);
    let is_campaign = CampaignDirectory::is_one(path);
    if !is_campaign && !run_directory.plan().exists() {
        let message = format!(
            "{} is neither a campaign's nor a run's directory: it holds no campaign.json and no plan.json",
            path.display()
        );
        return Err(CliError::new(Exit::BadInput, message));
    }
    match (is_campaign, arguments.truth) {
        (true, false) => campaign(arguments, output),
        (false, false) => one_run(&run_directory, arguments.format, output),
        (true, true) => {
            let directory = CampaignDirectory::open(path);
            let record = directory.read_record()?;
            let runs: Vec<_> = record.cells.iter().flat_map(|cell| &cell.runs).map(|run| directory.run(run)).collect();
            compare(&runs, arguments.format, output)
        }
        (false, true) => compare(std::slice::from_ref(path), arguments.format, output),
    }
}

fn campaign(arguments: &ReportArguments, output: &mut Output) -> Result<Exit, CliError> {
    let directory = CampaignDirectory::open(&arguments.directory);
    let summary = summary::read(&directory, &directory.read_record()?)?;
    summary::print(&summary, arguments.rows, arguments.format, output)?;
    Ok(summary::exit_of(&summary))
}

fn one_run(directory: &RunDirectory, format: Format, output: &mut Output) -> Result<Exit, CliError> {
    let plan = directory.read_plan()?;
    let verdict = read_verdict(directory.path())?.ok_or_else(|| {
        CliError::new(
            Exit::BadInput,
            format!(
                "{} has no verdict.json: the run ended before it was judged; schism check {0} judges what there is",
                directory.path().display()
            ),
        )
    })?;
    match format {
        Format::Json => output.json(&verdict)?,
        Format::Jsonl => output.json_line(&verdict)?,
        Format::Table | Format::Md => output.result(&run_text(&plan, &verdict, directory.path()))?,
    }
    Ok(run::exit_of(&verdict))
}

fn compare<P: AsRef<Path>>(runs: &[P], format: Format, output: &mut Output) -> Result<Exit, CliError> {
    let comparisons =
        runs.iter().map(|run| truth::compare(run.as_ref())).collect::<Result<Vec<_>, _>>().map_err(CliError::from)?;
    match format {
        Format::Json => output.json(&comparisons)?,
        Format::Jsonl => comparisons.iter().try_for_each(|comparison| output.json_line(comparison))?,
        Format::Table | Format::Md => output.result(&truth::text(&comparisons))?,
    }
    let differs = comparisons.iter().any(|comparison| !comparison.agrees());
    let compared = comparisons.iter().any(truth::Comparison::is_compared);
    Ok(match (differs, compared) {
        (true, _) => Exit::Violation,
        (false, true) => Exit::AsExpected,
        (false, false) => Exit::Unknown,
    })
}
