//! One run from start to verdict: start, load with faults, heal, converge, closing reads, end, judgement.
//!
//! Whatever happens after the nodes have started, they are stopped before this returns. It prints nothing and it
//! neither makes nor removes the environment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schism_checkers::history::Process;
use schism_checkers::verdict::FindingKind;
use schism_workloads::workload::{Workload, WorkloadOptions};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::closing::{Closing, written_keys};
use super::evidence::Stalls;
use super::nodes::{self, DeathWatch};
use super::observer::{ASK_EVERY, Observer};
use super::online::OnlineWatch;
use super::verdict::{Evidence, Verdict, judge};
use super::{Phase, Progress, RunError, converge};
use crate::client::{Pacing, Worker, Workshop, home_of};
use crate::environment::{Environment, Place};
use crate::nemesis::{self, Acknowledgements, Cluster, ExecutedFault};
use crate::plan::Plan;
use crate::record::{Clock, Recorder, RunDirectory};
use crate::systems::System;

/// How long workers may take to finish their last operation beyond the bound of a call.
const LAST_OPERATION_GRACE: Duration = Duration::from_secs(1);

/// How often progress is told during the load.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What a run needs.
pub struct Run<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// Where.
    pub environment: Arc<dyn Environment>,
    /// With which system.
    pub system: Arc<dyn System>,
    /// By which workload.
    pub workload: &'a dyn Workload,
    /// Where to write; `plan.json` and `command.txt` are the caller's.
    pub directory: &'a RunDirectory,
    /// The clock the environment was made with.
    pub clock: Clock,
    /// Told as the run goes on; must not block.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
    /// Once cancelled, the run stops early, heals, and judges what there is.
    pub interrupted: CancellationToken,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutcome {
    /// Also in `verdict.json`.
    pub verdict: Verdict,
}

/// Performs one run and judges it.
///
/// # Errors
/// When the machine refused something, a node did not start, or the history could not be written. What the system
/// does wrong after it has started is no error but part of the verdict.
pub async fn execute(run: Run<'_>) -> Result<RunOutcome, RunError> {
    let recorder = Recorder::create(&run.directory.history(), run.clock).map_err(RunError::History)?;
    let session = Session { run: &run, recorder: &recorder, stop: run.interrupted.child_token() };
    let performed = session.perform().await;
    session.enter(Phase::End);
    let stopped = nodes::stop_all(&*run.environment).await;
    // The first thing that went wrong is the one to tell.
    let faults = performed?;
    stopped?;
    recorder.flush().map_err(RunError::History)?;
    let verdict = judge(Evidence {
        plan: run.plan,
        timing: run.system.timing(&run.plan.settings),
        workload: run.workload,
        events: recorder.events(),
        faults,
    });
    run.directory.write_verdict(&verdict)?;
    refuse_contradiction(&verdict)?;
    Ok(RunOutcome { verdict })
}

/// What was found while the load lasted is in the whole history, too; if it is not, one of the two checkers is wrong.
fn refuse_contradiction(verdict: &Verdict) -> Result<(), RunError> {
    let Some(stop) = &verdict.stopped_at else { return Ok(()) };
    let is_confirmed =
        verdict.findings.iter().any(|finding| finding.kind.makes_invalid() && finding.kind != FindingKind::NodeDied);
    if is_confirmed {
        return Ok(());
    }
    Err(RunError::Contradiction { checker: stop.checker.clone(), text: stop.text.clone(), seconds: stop.seconds })
}

/// A run that goes on.
struct Session<'a> {
    run: &'a Run<'a>,
    recorder: &'a Recorder,
    /// Ends the load: the run was interrupted, or a violation was found.
    stop: CancellationToken,
}

impl Session<'_> {
    async fn perform(&self) -> Result<Vec<ExecutedFault>, RunError> {
        let run = self.run;
        (run.progress)(Progress::Phase(Phase::Start));
        let observer = Observer::start(&run.environment, &run.system, run.clock, self.recorder)?;
        nodes::start_all(&*run.environment, &*run.system, run.plan)?;
        tokio::select! {
            ready = nodes::wait_until_ready(&*run.environment, observer.claims()) => ready?,
            () = run.interrupted.cancelled() => {
                self.note_interruption();
                return Ok(Vec::new());
            }
        }
        let _deaths = DeathWatch::start(&run.environment, self.recorder);
        let (shop, acknowledgements) = self.workshop();
        let cluster = self.cluster(&observer, acknowledgements);
        observer.forget_silences();
        let watch = self.watch()?;
        let load_start_ns = self.enter(Phase::Load);
        let faults = self.load(&shop, cluster, load_start_ns, watch.as_ref()).await?;
        drop(watch);
        self.note_stalls(&observer, load_start_ns);
        tokio::select! {
            biased;
            () = run.interrupted.cancelled() => self.note_interruption(),
            closed = self.close(&observer, shop) => closed?,
        }
        Ok(faults)
    }

    /// Starts the checkers that speak while the load lasts, where the plan wants them.
    fn watch(&self) -> Result<Option<OnlineWatch>, RunError> {
        if !self.run.plan.fail_fast {
            return Ok(None);
        }
        OnlineWatch::start(self.run.workload, self.recorder, &self.stop).map(Some).map_err(RunError::Watch)
    }

    /// Lets the cluster agree, and reads everything for the last time.
    async fn close(&self, observer: &Observer, shop: Arc<Workshop>) -> Result<(), RunError> {
        let run = self.run;
        self.enter(Phase::Converge);
        let quiet = run.system.timing(&run.plan.settings).election_timeout_max;
        let bound = Duration::from_millis(run.plan.converge_ms);
        let converged = converge::wait_until_converged(observer.claims(), quiet, bound).await;
        self.recorder.note(Process::NEMESIS, "converged", Value::Bool(converged));
        self.enter(Phase::Final);
        let closing = Closing::new(shop, observer.claims());
        let keys = written_keys(run.workload, &self.recorder.events());
        closing.close_through_leader(run.workload.closing_operations(&keys)).await?;
        closing.read_locally(&run.workload.node_reads(&keys)).await
    }

    fn enter(&self, phase: Phase) -> u64 {
        (self.run.progress)(Progress::Phase(phase));
        self.recorder.note(Process::NEMESIS, "phase", phase.name().into()).1
    }

    fn note_interruption(&self) {
        self.recorder.note(Process::OBSERVER, "interrupted", Value::Bool(true));
    }

    fn workshop(&self) -> (Arc<Workshop>, watch::Receiver<Acknowledgements>) {
        let plan = self.run.plan;
        let options = WorkloadOptions { seed: plan.seed, workers: plan.workers };
        let (acknowledgements, receiver) = watch::channel(Acknowledgements::new());
        let shop = Workshop {
            environment: Arc::clone(&self.run.environment),
            system: Arc::clone(&self.run.system),
            settings: plan.settings.clone(),
            timeout: Duration::from_millis(plan.client_timeout_ms),
            clock: self.run.clock,
            recorder: self.recorder.clone(),
            generator: Mutex::new(self.run.workload.generator(&options)),
            acknowledgements,
            acknowledged: AtomicU64::new(0),
            next_process: AtomicU64::new(0),
        };
        (Arc::new(shop), receiver)
    }

    fn cluster(&self, observer: &Observer, acknowledgements: watch::Receiver<Acknowledgements>) -> Cluster {
        Cluster {
            environment: Arc::clone(&self.run.environment),
            system: Arc::clone(&self.run.system),
            settings: self.run.plan.settings.clone(),
            seed: self.run.plan.seed,
            clock: self.run.clock,
            recorder: self.recorder.clone(),
            claims: observer.claims(),
            acknowledgements,
        }
    }

    /// Workers and nemesis, side by side, for the planned time; then everything is healed. Returns what the nemesis
    /// did.
    async fn load(
        &self,
        shop: &Arc<Workshop>,
        cluster: Cluster,
        load_start_ns: u64,
        watch: Option<&OnlineWatch>,
    ) -> Result<Vec<ExecutedFault>, RunError> {
        let stop_workers = self.stop.child_token();
        let stop_nemesis = self.stop.child_token();
        let workers = self.spawn_workers(shop, load_start_ns, &stop_workers);
        let over = async {
            let waited = self.wait_for_load(shop, watch).await;
            self.enter(Phase::Heal);
            stop_workers.cancel();
            let finished = finish(workers, shop.timeout + LAST_OPERATION_GRACE).await;
            if waited.is_err() {
                stop_nemesis.cancel();
            }
            waited.and(finished)
        };
        let faults = nemesis::execute(&self.run.plan.schedule, &cluster, load_start_ns, &stop_nemesis);
        let (over, faults) = tokio::join!(over, faults);
        for fault in &faults {
            self.run.directory.append_schedule(fault)?;
        }
        over.map(|()| faults)
    }

    fn spawn_workers(&self, shop: &Arc<Workshop>, load_start_ns: u64, stop: &CancellationToken) -> JoinSet<()> {
        let plan = self.run.plan;
        let mut workers = JoinSet::new();
        for index in 0..plan.workers {
            let worker = Worker {
                index,
                count: plan.workers,
                pacing: Pacing::new(plan.rate, plan.ramp_ms, index, plan.workers),
                load_start_ns,
                shop: Arc::clone(shop),
            };
            let place = Place::Clients(home_of(index, plan.nodes));
            workers.spawn_on(worker.run(stop.clone()), &self.run.environment.runtime(place));
        }
        workers
    }

    /// Waits until the load's time is up; ends early when interrupted, at a violation, or when the history cannot be written.
    async fn wait_for_load(&self, shop: &Workshop, watch: Option<&OnlineWatch>) -> Result<(), RunError> {
        let mut told = None;
        let total = Duration::from_millis(self.run.plan.time_ms);
        let start = tokio::time::Instant::now();
        loop {
            let elapsed = start.elapsed().min(total);
            let acknowledged = shop.acknowledged.load(Ordering::Relaxed);
            (self.run.progress)(Progress::Load { elapsed, total, acknowledged });
            let news = watch.and_then(OnlineWatch::news);
            if news != told {
                news.into_iter().for_each(self.run.progress);
                told = news;
            }
            if let Some(error) = self.recorder.error() {
                return Err(RunError::History(error));
            }
            if elapsed >= total || self.stop.is_cancelled() {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(TELL_EVERY.min(total - elapsed)) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn note_stalls(&self, observer: &Observer, load_start_ns: u64) {
        let window = load_start_ns..self.run.clock.now_ns();
        let silences = observer.longest_silences_ns().into_iter();
        let stalls = Stalls {
            harness_ms: self.run.environment.longest_stall_ns(window) as f64 / 1e6,
            nodes_ms: silences.map(|(node, ns)| (node, stall_ms(ns))).collect(),
        };
        self.recorder.note(Process::OBSERVER, "stalls", json!(stalls));
    }
}

/// A node that answers every question is silent for one interval between two answers anyway.
fn stall_ms(silence_ns: u64) -> f64 {
    Duration::from_nanos(silence_ns).saturating_sub(ASK_EVERY).as_secs_f64() * 1e3
}

/// Waits for every worker's last operation; one that does not come back leaves its operation open, which is in doubt.
async fn finish(mut workers: JoinSet<()>, within: Duration) -> Result<(), RunError> {
    let deadline = tokio::time::Instant::now() + within;
    while let Ok(Some(finished)) = tokio::time::timeout_at(deadline, workers.join_next()).await {
        finished.map_err(|error| RunError::Worker(error.to_string()))?;
    }
    Ok(())
}
