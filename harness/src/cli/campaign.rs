//! `schism campaign`: a matrix of runs, each in a process of its own, and the table they add up to.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::arguments::CampaignArguments;
use super::output::{self, Output};
use super::progress::CampaignProgress;
use super::{CliError, Exit, directories, dry_run, parts, summary};
use crate::campaign::builtin::{self, Source, SourceError};
use crate::campaign::{
    CAMPAIGN_FORMAT_VERSION, CampaignDirectory, CampaignFile, CampaignRecord, CellRecord, CellRun, Ending,
    ExpectedCell, Job, MatrixError, NO_FAULT, Resolver, RunRecord, Stops, Told, cells, in_order, machine, parse,
    perform,
};
use crate::environment::BackEnd;
use crate::plan::{Plan, RunRequest, repeat_command, resolve};
use crate::report::row;

/// Runs wait more than they compute.
const JOBS_PER_CORE: usize = 2;

/// A run that starts so many processes is heavy enough.
const JOBS_MAX: usize = 16;

/// Runs a campaign, or prints it.
///
/// # Errors
/// The campaign makes no sense, or its directory cannot be written.
pub(super) fn run(arguments: &CampaignArguments, output: &mut Output) -> Result<Exit, CliError> {
    let source = find(&arguments.campaign)?;
    if arguments.print {
        output.result(&source.text)?;
        return Ok(Exit::AsExpected);
    }
    let mut file =
        parse(&source.shown, &source.text).map_err(|malformed| CliError::new(Exit::BadInput, malformed.to_string()))?;
    file.seeds = arguments.seeds.unwrap_or(file.seeds);
    file.seed = arguments.seed.unwrap_or(file.seed);
    let planned = plan_all(&source, &file, arguments)?;
    let side_by_side = arguments.jobs.unwrap_or_else(default_jobs).max(1);
    let record = CampaignRecord {
        format_version: CAMPAIGN_FORMAT_VERSION,
        schism_version: env!("CARGO_PKG_VERSION").to_owned(),
        campaign: source.name.clone(),
        command: command_words(arguments, file.seed),
        machine: machine(),
        seed: file.seed,
        jobs: side_by_side,
        cells: planned.cells,
    };
    let jobs = in_order(&record, |cell, run| planned.plans[cell][run].clone());
    if jobs.is_empty() {
        return Err(CliError::new(Exit::NothingSelected, "the campaign has no runs: give it seeds"));
    }
    if arguments.dry_run {
        dry_run::print_campaign(&record.cells, &jobs, side_by_side, arguments.format, output)?;
        return Ok(Exit::AsExpected);
    }
    parts::require_available(&*parts::system(&file.system)?)?;
    if crate::environment::choose(arguments.net)? == BackEnd::Proxy {
        output::warning("the proxy network is a reduced one; each run's harness.log says what it cannot do");
    }
    let path = arguments.out.clone().unwrap_or_else(|| directories::fresh(Some(&source.name), ""));
    let directory = CampaignDirectory::create(&path)?;
    directory.write_record(&record)?;
    if arguments.out.is_none() {
        directories::link_latest(&path);
    }
    output::progress(&format!(
        "campaign {}: {} runs, {side_by_side} side by side, seed {} (it fixes the plans, not the scheduling of real \
         processes); results in {}",
        source.name,
        jobs.len(),
        file.seed,
        path.display()
    ));
    let interrupted = perform_all(&directory, &record, jobs, side_by_side, arguments.max_fail)?;
    let made = summary::make(&directory, &record)?;
    summary::print(&made, arguments.rows, arguments.format, output)?;
    let exit = summary::exit_of(&made);
    Ok(if interrupted { Exit::Interrupted.first_of(exit) } else { exit })
}

fn find(argument: &str) -> Result<Source, CliError> {
    builtin::find(argument).map_err(|error| {
        let exit = if matches!(error, SourceError::Io { .. }) { Exit::BadInput } else { Exit::Usage };
        CliError::new(exit, error.to_string())
    })
}

fn default_jobs() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores * JOBS_PER_CORE).min(JOBS_MAX)
}

fn command_words(arguments: &CampaignArguments, seed: u64) -> String {
    let seeds = arguments.seeds.map(|seeds| format!(" --seeds {seeds}")).unwrap_or_default();
    let fail_fast = if arguments.fail_fast { " --fail-fast" } else { "" };
    format!("schism campaign {}{seeds} --seed {seed}{fail_fast}", arguments.campaign)
}

/// Every cell, and the plan of every one of its runs.
struct Planned {
    cells: Vec<CellRecord>,
    plans: Vec<Vec<Plan>>,
}

fn plan_all(source: &Source, file: &CampaignFile, arguments: &CampaignArguments) -> Result<Planned, CliError> {
    let bad = |message: String| CliError::new(Exit::BadInput, format!("{}: {message}", source.shown));
    let system = parts::system(&file.system).map_err(|error| bad(error.message))?;
    let order = system.settings().into_iter().map(|setting| setting.name).collect();
    let resolver = Resolver { order, resolve: &|settings, nodes| system.resolve(settings, nodes) };
    let expected = cells(file, &resolver).map_err(|error: MatrixError| bad(error.to_string()))?;
    let mut planned = Planned { cells: Vec::new(), plans: Vec::new() };
    for (index, cell) in expected.into_iter().enumerate() {
        let plans = cell
            .seeds
            .iter()
            .map(|seed| plan_one(file, &cell, *seed, arguments).map_err(|error| bad(error.message)))
            .collect::<Result<Vec<Plan>, CliError>>()?;
        let runs = plans.iter().map(|plan| run_record(index, &cell, plan)).collect();
        planned.cells.push(CellRecord { cell: cell.cell, expected: cell.expectations, runs });
        planned.plans.push(plans);
    }
    Ok(planned)
}

fn plan_one(
    file: &CampaignFile,
    cell: &ExpectedCell,
    seed: u64,
    arguments: &CampaignArguments,
) -> Result<Plan, CliError> {
    let faults = if cell.cell.fault == NO_FAULT { Vec::new() } else { vec![cell.cell.fault.clone()] };
    let request = RunRequest {
        nodes: cell.cell.nodes,
        settings: cell.cell.settings.clone(),
        faults: parts::faults(&faults)?,
        seed,
        workers: file.workers,
        rate: file.rate,
        ramp_ms: file.ramp.map_or(0, |ramp| ramp.0),
        time_ms: file.time.map(|time| time.0),
        client_timeout_ms: file.client_timeout.map(|timeout| timeout.0),
        converge_ms: file.converge.map(|converge| converge.0),
        net: arguments.net,
        fail_fast: file.fail_fast || arguments.fail_fast,
    };
    let (system, workload) = (parts::system(&file.system)?, parts::workload(&cell.cell.workload)?);
    resolve(&request, &*system, workload).map_err(|error| CliError::usage(error.to_string()))
}

fn run_record(index: usize, cell: &ExpectedCell, plan: &Plan) -> RunRecord {
    let words = [&cell.cell.label, &cell.cell.workload, &cell.cell.fault].map(|words| slug(words)).join("-");
    let name = format!("{:03}-{words}-{}n-{}", index + 1, plan.nodes, plan.seed);
    RunRecord { seed: plan.seed, directory: PathBuf::from("runs").join(name), command: repeat_command(plan) }
}

/// What can stand in a file's name on every system.
fn slug(words: &str) -> String {
    let dashed: String =
        words.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Performs the runs; `true` if it was interrupted.
fn perform_all(
    directory: &CampaignDirectory,
    record: &CampaignRecord,
    jobs: Vec<Job>,
    side_by_side: usize,
    max_fail: Option<usize>,
) -> Result<bool, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(format!("failed to start the runtime: {error}")))?;
    let mut progress = CampaignProgress::new(jobs.len());
    let stops = Stops::default();
    let mut failed = 0;
    let mut tell = |told: Told<'_>| match told {
        Told::Started(job) => progress.started(&job_words(record, job)),
        Told::Repeated(job) => {
            progress.note(&format!("{}: disturbed by other load, again", job_words(record, job)));
        }
        Told::Ended(job, run) => {
            let alone = row(
                &record.cells[job.cell].cell,
                &allowing_absence(&record.cells[job.cell]),
                std::slice::from_ref(&run),
            );
            let matters = !alone.as_expected;
            failed += usize::from(matters);
            if max_fail.is_some_and(|most| failed >= most) {
                stops.enough.cancel();
            }
            progress.ended(&format!("{}: {}", job_words(record, job), ending_words(&run, matters)), matters);
        }
    };
    let performed = runtime.block_on(async {
        stop_on_signals(&stops)?;
        perform(directory, jobs, side_by_side, &stops, &mut tell).await.map_err(CliError::from)
    });
    progress.finish();
    performed?;
    Ok(stops.interrupted.is_cancelled())
}

/// A single run that lacks a required finding is nothing special: the cell as a whole must show it.
fn allowing_absence(cell: &CellRecord) -> crate::campaign::Expectations {
    use crate::campaign::Expected;
    let relaxed = |expected| if expected == Expected::Required { Expected::Possible } else { expected };
    cell.expected.iter().map(|(kind, expected)| (*kind, relaxed(*expected))).collect()
}

fn job_words(record: &CampaignRecord, job: &Job) -> String {
    let cell = &record.cells[job.cell].cell;
    format!("{}, {} nodes, {}, {}, seed {}", cell.label, cell.nodes, cell.workload, cell.fault, job.record.seed)
}

fn ending_words(run: &CellRun, matters: bool) -> String {
    let words = match &run.ending {
        Ending::Judged(analysis) => {
            let found: Vec<&str> = analysis
                .findings
                .iter()
                .filter(|finding| finding.kind.makes_invalid())
                .map(|finding| finding.kind.name())
                .collect();
            match (found.is_empty(), analysis.valid) {
                (false, _) => found.join(", "),
                (true, schism_checkers::Validity::Unknown) => {
                    format!("unknown: {}", analysis.reasons.first().map_or("no reason given", String::as_str))
                }
                (true, _) => "ok".to_owned(),
            }
        }
        Ending::Failed { message, .. } => format!("failed: {message}"),
        Ending::Interrupted => "interrupted".to_owned(),
    };
    if matters { format!("{words} (NOT as expected)") } else { words }
}

/// The first signal stops the campaign in good order, the second at once; children die with this process.
fn stop_on_signals(stops: &Stops) -> Result<(), CliError> {
    let failed = |error| CliError::internal(format!("failed to listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let interrupted = stops.interrupted.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if interrupted.is_cancelled() {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            output::progress("interrupted: runs heal and end; once more to end at once");
            interrupted.cancel();
        }
    });
    Ok(())
}
