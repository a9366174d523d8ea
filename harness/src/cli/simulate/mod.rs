//! `schism simulate`: the bundled node's core under a seeded simulator, judged by the checkers of real runs.

mod arguments;
mod history;
mod judge;
mod node;
mod print;
mod sweep;
mod truth_table;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use arguments::SimulateArguments;

use self::arguments::Plans;
use self::judge::{Broken, run_and_judge};
use self::node::{Plan, minimise};
use self::sweep::{Sweep, Totals, sweep};
use super::output::{self, Output};
use super::progress::SweepProgress;
use super::{CliError, Exit, directories};

/// More undecided runs than this share make the whole undecided.
const UNDECIDED_SHARE_MAX: f64 = 0.05;

/// Simulates what was asked for.
///
/// # Errors
/// The arguments make no sense, or a file cannot be read or written.
pub(super) fn run(arguments: &SimulateArguments, output: &mut Output) -> Result<Exit, CliError> {
    if arguments.faults == "list" {
        return output.result(&print::fault_list()).map(|()| Exit::AsExpected);
    }
    let _quiet = QuietPanics::begin();
    let threads = arguments.threads.or_else(|| std::thread::available_parallelism().ok());
    let threads = threads.map_or(1, std::num::NonZero::get);
    if arguments.truth_table {
        return truth_table::run(arguments, threads, output).map(|()| Exit::AsExpected);
    }
    if let Some(file) = &arguments.plan {
        return one(&read_plan(file)?, arguments, output);
    }
    let plans = Plans::of(arguments)?;
    match arguments.seed {
        Some(seed) => one(&plans.plan(seed), arguments, output),
        None if arguments.trace => Err(CliError::usage("--trace shows one run: give --seed or --plan")),
        None => many(&plans, arguments, threads, output),
    }
}

/// Simulates one plan and shows what there is to see.
fn one(plan: &Plan, arguments: &SimulateArguments, output: &mut Output) -> Result<Exit, CliError> {
    let judged = run_and_judge(&Plan { traced: arguments.trace, ..plan.clone() }, arguments.strict);
    for line in &judged.trace {
        output.result(line)?;
    }
    if arguments.json {
        output.json(&print::one_json(plan, &judged))?;
    } else {
        output.result(&print::one(plan, &judged))?;
    }
    Ok(match (judged.broken, judged.undecided) {
        (Some(_), _) => Exit::Violation,
        (None, Some(_)) => Exit::Unknown,
        (None, None) => Exit::AsExpected,
    })
}

/// Simulates many seeds, and makes the first violation small.
fn many(plans: &Plans, arguments: &SimulateArguments, threads: usize, output: &mut Output) -> Result<Exit, CliError> {
    if arguments.seeds == 0 {
        return Err(CliError::new(Exit::NothingSelected, "--seeds 0 simulates nothing"));
    }
    let last = arguments.first.checked_add(arguments.seeds);
    let last = last.ok_or_else(|| CliError::usage("there are not so many seeds: lower --first"))?;
    output::progress(&format!("seeds {} to {}, {}", arguments.first, last - 1, print::setup(plans, &arguments.faults)));
    let interrupted = stop_on_interrupt()?;
    let progress = SweepProgress::new(arguments.seeds);
    let request = Sweep {
        seeds: arguments.first..last,
        plan: &|seed| plans.plan(seed),
        strict: arguments.strict,
        threads,
        interrupted: &interrupted,
    };
    let totals = sweep(&request, |done, violated| progress.tell(done, violated));
    progress.finish();
    let small = small_plan(plans, arguments, &totals, &interrupted)?;
    if arguments.json {
        output.json(&print::many_json(plans, arguments, &totals, small.as_ref()))?;
    } else {
        output.result(&print::many(&totals, small.as_ref()))?;
    }
    let judged = exit_of(&totals);
    Ok(if interrupted.load(Ordering::Relaxed) { Exit::Interrupted.first_of(judged) } else { judged })
}

fn exit_of(totals: &Totals) -> Exit {
    if totals.violated() > 0 {
        Exit::Violation
    } else if totals.acknowledged == 0 || totals.undecided as f64 > UNDECIDED_SHARE_MAX * totals.runs as f64 {
        Exit::Unknown
    } else {
        Exit::AsExpected
    }
}

/// The first violation made small, and where its plan is.
pub(super) struct Small {
    seed: u64,
    faults_before: usize,
    plan: Plan,
    broken: Broken,
    file: PathBuf,
}

fn small_plan(
    plans: &Plans,
    arguments: &SimulateArguments,
    totals: &Totals,
    interrupted: &AtomicBool,
) -> Result<Option<Small>, CliError> {
    let Some((seed, broken)) = totals.violations.first_key_value() else { return Ok(None) };
    let whole = plans.plan(*seed);
    let mut plan = whole.clone();
    if !arguments.no_minimise {
        output::progress(&format!("making the violation of seed {seed} small"));
        plan = minimise(&plan, |plan| {
            let stops = interrupted.load(Ordering::Relaxed);
            !stops && run_and_judge(plan, arguments.strict).broken.is_some_and(|other| other.promise == broken.promise)
        });
    }
    let broken = run_and_judge(&plan, arguments.strict).broken.unwrap_or_else(|| broken.clone());
    let prefix = format!("simulate-{seed}-");
    let file = arguments.out.clone().unwrap_or_else(|| directories::fresh(None, &prefix).with_extension("json"));
    write_plan(&file, &plan)?;
    Ok(Some(Small { seed: *seed, faults_before: whole.faults.len(), plan, broken, file }))
}

fn write_plan(file: &Path, plan: &Plan) -> Result<(), CliError> {
    let failed = |error| CliError::io(file.display(), &error);
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    let text = serde_json::to_string_pretty(plan).map_err(CliError::internal)?;
    std::fs::write(file, text + "\n").map_err(failed)
}

fn read_plan(file: &Path) -> Result<Plan, CliError> {
    let bad = |error: String| CliError::new(Exit::BadInput, format!("{}: {error}", file.display()));
    let text = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| bad(format!("line {}: {error}", error.line())))
}

/// Ctrl-C, or a termination signal, lets no further run begin; the second ends the program.
fn stop_on_interrupt() -> Result<Arc<AtomicBool>, CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| CliError::internal(format!("failed to listen for signals: {error}"));
    let interrupted = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?)
    };
    let told = Arc::clone(&interrupted);
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if told.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(Exit::Interrupted.code()));
                }
                output::progress("interrupted: no further run begins; once more to end at once");
            }
        });
    });
    Ok(interrupted)
}

thread_local! {
    /// Where this thread panicked last.
    static PANICKED_AT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// While a core is simulated its panics are violations like others: they are caught, and say nothing by themselves.
struct QuietPanics;

impl QuietPanics {
    fn begin() -> Self {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            PANICKED_AT.with_borrow_mut(|at| *at = place);
        }));
        Self
    }
}

impl Drop for QuietPanics {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(std::panic::take_hook());
        }
    }
}

/// Where the calling thread panicked last, if it did.
fn panicked_at() -> String {
    PANICKED_AT.with_borrow_mut(std::mem::take)
}
