//! The runs of a campaign, in their order: those without faults first and alone, because latencies are taken from them;
//! then the others side by side, one run of every cell before the second run of any.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::cell_run::{CellRun, Ending};
use super::child;
use super::store::{CampaignDirectory, CampaignRecord, RunRecord, read_verdict};
use crate::plan::Plan;
use crate::record::{DirectoryError, RunDirectory};

/// How often a run without faults is performed again because the machine was busy with something else.
const DISTURBED_REPEATS_MAX: usize = 2;

/// What a run takes beside its load: start, convergence, closing reads, judgement. Used for estimates only.
pub const OVERHEAD: Duration = Duration::from_secs(3);

/// A run to be performed.
#[derive(Debug, Clone)]
pub struct Job {
    /// Index of its cell.
    pub cell: usize,
    /// Index of the run within its cell.
    pub run: usize,
    /// What to do.
    pub plan: Plan,
    /// Where, and by which command again.
    pub record: RunRecord,
}

/// What is told while a campaign goes on.
#[derive(Debug)]
pub enum Told<'a> {
    /// A run began.
    Started(&'a Job),
    /// A run without faults was disturbed and is performed again.
    Repeated(&'a Job),
    /// A run ended.
    Ended(&'a Job, CellRun),
}

/// How a campaign is stopped.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// No more runs are started; those that go on end by themselves.
    pub enough: CancellationToken,
    /// As above, and those that go on heal and end now.
    pub interrupted: CancellationToken,
}

impl Stops {
    fn is_over(&self) -> bool {
        self.enough.is_cancelled() || self.interrupted.is_cancelled()
    }
}

/// The order in which runs are performed.
#[must_use]
pub fn in_order(record: &CampaignRecord, mut plan: impl FnMut(usize, usize) -> Plan) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (cell, cell_record) in record.cells.iter().enumerate() {
        for (run, run_record) in cell_record.runs.iter().enumerate() {
            jobs.push(Job { cell, run, plan: plan(cell, run), record: run_record.clone() });
        }
    }
    jobs.sort_by_key(|job| (!job.plan.schedule.is_empty(), job.run, job.cell));
    jobs
}

/// Performs all runs.
///
/// # Errors
/// A file of the campaign cannot be written. That a run fails is no error: it is told and noted.
pub async fn perform(
    directory: &CampaignDirectory,
    jobs: Vec<Job>,
    side_by_side: usize,
    stops: &Stops,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<(), DirectoryError> {
    let (alone, others): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.plan.schedule.is_empty());
    for job in alone {
        if stops.is_over() {
            return Ok(());
        }
        tell(Told::Started(&job));
        perform_undisturbed(directory, &job, stops, tell).await?;
    }
    perform_side_by_side(directory, others, side_by_side, stops, tell).await
}

async fn perform_undisturbed(
    directory: &CampaignDirectory,
    job: &Job,
    stops: &Stops,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<(), DirectoryError> {
    for repeat in 0.. {
        let ending = perform_one(directory, job, &stops.interrupted).await?;
        let path = directory.run(&job.record);
        let disturbed = read_verdict(&path)?.is_some_and(|verdict| verdict.disturbed);
        if !disturbed || repeat == DISTURBED_REPEATS_MAX || stops.is_over() {
            return end(directory, job, ending, tell);
        }
        tell(Told::Repeated(job));
        let mut aside = path.clone().into_os_string();
        aside.push(format!("-disturbed-{}", repeat + 1));
        std::fs::rename(&path, PathBuf::from(aside)).map_err(|source| DirectoryError::Io {
            context: "failed to move aside",
            path,
            source,
        })?;
    }
    Ok(())
}

async fn perform_side_by_side(
    directory: &CampaignDirectory,
    jobs: Vec<Job>,
    side_by_side: usize,
    stops: &Stops,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<(), DirectoryError> {
    let places = Arc::new(Semaphore::new(side_by_side.max(1)));
    let (started, mut starts) = mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    for job in jobs {
        let (directory, places, stops, started) =
            (directory.clone(), Arc::clone(&places), stops.clone(), started.clone());
        running.spawn(async move {
            let Ok(_place) = places.acquire().await else { return Ok(None) };
            if stops.is_over() {
                return Ok(None);
            }
            // Nobody may be listening any more, which changes nothing.
            let _ = started.send(job.clone());
            let ending = perform_one(&directory, &job, &stops.interrupted).await?;
            Ok(Some((job, ending)))
        });
    }
    drop(started);
    loop {
        tokio::select! {
            biased;
            Some(job) = starts.recv() => tell(Told::Started(&job)),
            ended = running.join_next() => match ended {
                None => return Ok(()),
                Some(Ok(Ok(Some((job, ending))))) => end(directory, &job, ending, tell)?,
                Some(Ok(Ok(None))) => {}
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            },
        }
    }
}

async fn perform_one(
    directory: &CampaignDirectory,
    job: &Job,
    interrupted: &CancellationToken,
) -> Result<Ending, DirectoryError> {
    let run = RunDirectory::create(&directory.run(&job.record))?;
    run.write_plan(&job.plan)?;
    run.write_command(&job.record.command)?;
    let expected = Duration::from_millis(job.plan.time_ms + job.plan.converge_ms);
    child::perform(&run, expected, interrupted).await
}

fn end(
    directory: &CampaignDirectory,
    job: &Job,
    ending: Ending,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<(), DirectoryError> {
    if let Ending::Failed { code, message } = &ending {
        directory.note_failure(&job.record, *code, message)?;
    }
    let run = CellRun {
        seed: job.record.seed,
        directory: job.record.directory.clone(),
        command: job.record.command.clone(),
        ending,
    };
    tell(Told::Ended(job, run));
    Ok(())
}
