//! `schism run`: one plan, from start to verdict.
//!
//! Up to the jail this process has one thread, because namespaces can only be entered by a process that has; everything
//! that starts threads comes after it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use schism_checkers::Validity;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::arguments::RunArguments;
use super::output::{self, Format, Output};
use super::progress::RunProgress;
use super::{CliError, Exit, directories, dry_run, parts};
use crate::environment::{BuildOptions, Jail, JailOptions, build, choose};
use crate::plan::{FORMAT_VERSION, Plan, RunRequest, repeat_command, resolve};
use crate::record::{Clock, RunDirectory};
use crate::report::run_text;
use crate::run::{Run, Verdict, execute};

/// Runs a plan, or prints it.
///
/// # Errors
/// The plan makes no sense, the machine lacks something, or the run failed before it could be judged.
pub(super) fn run(arguments: &RunArguments, output: &mut Output) -> Result<Exit, CliError> {
    let plan = match &arguments.plan {
        Some(file) => read_plan(file)?,
        None => make_plan(arguments)?,
    };
    if arguments.dry_run {
        dry_run::print_run(&plan, arguments.format, output)?;
        return Ok(Exit::AsExpected);
    }
    parts::require_available(&*parts::system(&plan.system)?)?;
    let directory = prepare_directory(arguments, &plan)?;
    output::progress(&format!(
        "seed {} (it fixes the plan, not the scheduling of real processes); results in {}",
        plan.seed,
        directory.path().display()
    ));
    let verdict = perform(&plan, &directory, arguments.lifeline)?;
    print_verdict(&plan, &verdict, directory.path(), arguments.format, output)?;
    Ok(exit_of(&verdict))
}

fn make_plan(arguments: &RunArguments) -> Result<Plan, CliError> {
    let system = parts::system(&arguments.system)?;
    let workload = parts::workload(&arguments.workload)?;
    let request = RunRequest {
        nodes: arguments.nodes,
        settings: parts::settings(&arguments.settings)?,
        faults: parts::faults(&arguments.faults)?,
        seed: arguments.seed.unwrap_or_else(random_seed),
        workers: arguments.workers,
        rate: arguments.rate,
        ramp_ms: arguments.ramp,
        time_ms: arguments.time,
        client_timeout_ms: arguments.client_timeout,
        converge_ms: arguments.converge,
        net: arguments.net,
        fail_fast: arguments.fail_fast,
    };
    resolve(&request, &*system, workload).map_err(|error| CliError::usage(error.to_string()))
}

/// Short enough to be typed.
pub(super) fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 32
}

fn read_plan(file: &Path) -> Result<Plan, CliError> {
    let text =
        std::fs::read(file).map_err(|error| CliError::new(Exit::BadInput, format!("{}: {error}", file.display())))?;
    let bad = |line: usize, why: String| CliError::new(Exit::BadInput, format!("{}:{line}: {why}", file.display()));
    let plan: Plan = serde_json::from_slice(&text).map_err(|error| bad(error.line(), error.to_string()))?;
    if plan.format_version != FORMAT_VERSION {
        let why = format!("format version {} is unknown; this program reads {FORMAT_VERSION}", plan.format_version);
        return Err(bad(1, why));
    }
    Ok(plan)
}

/// The directory of a child of a campaign is the one its plan lies in; otherwise it is a new one.
fn prepare_directory(arguments: &RunArguments, plan: &Plan) -> Result<RunDirectory, CliError> {
    if let (true, Some(file)) = (arguments.lifeline, &arguments.plan) {
        return Ok(RunDirectory::open(file.parent().unwrap_or_else(|| Path::new("."))));
    }
    let path = arguments.out.clone().unwrap_or_else(|| default_directory(plan));
    let directory = RunDirectory::create(&path)?;
    directory.write_plan(plan)?;
    directory.write_command(&repeat_command(plan))?;
    if arguments.out.is_none() {
        directories::link_latest(&path);
    }
    Ok(directory)
}

fn default_directory(plan: &Plan) -> PathBuf {
    directories::fresh(None, &format!("run-{}-", plan.seed))
}

fn perform(plan: &Plan, directory: &RunDirectory, lifeline: bool) -> Result<Verdict, CliError> {
    let back_end = choose(plan.net)?;
    let _jail = Jail::enter(JailOptions { back_end, lifeline })?;
    output::warn_on_standard_error();
    let system = parts::system(&plan.system)?;
    let workload = parts::workload(&plan.workload)?;
    let clock = Clock::start();
    let environment = build(BuildOptions {
        back_end,
        nodes: plan.nodes,
        run_directory: directory.path().to_owned(),
        clock,
        services: vec![system.client_port(), system.peer_port()],
    })?;
    for reduction in environment.reductions() {
        output::warning(&reduction);
    }
    let progress = RunProgress::new();
    let tell = |told| progress.tell(told);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(format!("failed to start the runtime: {error}")))?;
    let outcome = runtime.block_on(async {
        let interrupted = CancellationToken::new();
        stop_on_signals(&interrupted)?;
        let run = Run { plan, environment, system, workload, directory, clock, progress: &tell, interrupted };
        execute(run).await.map_err(|error| directories::or_full(directory.path(), error.into()))
    })?;
    progress.finish();
    Ok(outcome.verdict)
}

/// The first signal stops the run in good order; the second ends the process, and the jail everything in it.
fn stop_on_signals(interrupted: &CancellationToken) -> Result<(), CliError> {
    let failed = |error| CliError::internal(format!("failed to listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let interrupted = interrupted.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if interrupted.is_cancelled() {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            output::progress("interrupted: healing, tearing down and judging what there is; once more to end at once");
            interrupted.cancel();
        }
    });
    Ok(())
}

fn print_verdict(
    plan: &Plan,
    verdict: &Verdict,
    directory: &Path,
    format: Format,
    output: &mut Output,
) -> Result<(), CliError> {
    match format {
        Format::Json => output.json(verdict),
        Format::Jsonl => output.json_line(verdict),
        Format::Table | Format::Md => output.result(&run_text(plan, verdict, directory)),
    }
}

/// Without expectations any violation counts.
pub(super) fn exit_of(verdict: &Verdict) -> Exit {
    let judged = match verdict.valid {
        Validity::Valid => Exit::AsExpected,
        Validity::Unknown => Exit::Unknown,
        Validity::Invalid => Exit::Violation,
    };
    if verdict.interrupted { Exit::Interrupted.first_of(judged) } else { judged }
}
