//! What all faults together are doing to the cluster right now: the one place that cuts links, stops and kills.
//!
//! Every step is kept with what undoes it and with what was seen of it. Links that are cut are the union over all steps
//! that have not ended, so faults may overlap. Undoing is idempotent and goes backwards in time. It happens on every
//! exit: also when the last handle is dropped.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Cluster;
use super::evidence::{CutEvidence, Evidence, KillEvidence, Look, StopEvidence};
use super::fault::NotApplied;
use crate::environment::{Environment, EnvironmentError, Link, NodeId, NodeSignal, ProcessState};
use crate::systems::LaunchContext;

/// How long a restart waits for a process that was just killed to be gone.
const GONE_WAIT: Duration = Duration::from_millis(500);

/// Everything that faults are doing to one cluster.
pub(super) struct Interventions {
    cluster: Cluster,
    steps: Mutex<Vec<Step>>,
}

/// One thing that one fault did.
struct Step {
    /// Id of the schedule's entry.
    fault: u64,
    ended: bool,
    evidence: Evidence,
    errors: Vec<String>,
}

/// Which steps of a fault to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepKind {
    Cut,
    Stop,
    Kill,
}

impl Interventions {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self { cluster, steps: Mutex::default() }
    }

    /// Cuts links for a fault.
    pub(super) fn cut(&self, fault: u64, links: &BTreeSet<Link>) -> Result<(), NotApplied> {
        let mut steps = self.lock();
        let others = links_cut(&steps);
        let all = others.union(links).copied().collect();
        let dropped_before = self.dropped(links);
        let cutting_ns = self.cluster.clock.now_ns();
        self.environment().set_cuts(&all).map_err(refused)?;
        let evidence = CutEvidence {
            links: links.clone(),
            cut_before: links.intersection(&others).copied().collect(),
            cut_after: BTreeSet::new(),
            cutting_ns,
            in_force_ns: self.cluster.clock.now_ns(),
            ending_ns: None,
            up_ns: None,
            dropped_before,
            dropped: 0,
        };
        steps.push(Step::new(fault, Evidence::Cut(evidence)));
        Ok(())
    }

    /// Stops a node for a fault.
    pub(super) fn stop(&self, fault: u64, node: NodeId) -> Result<(), NotApplied> {
        let mut steps = self.lock();
        self.alive(node).ok_or(NotApplied::NotRunning { node })?;
        self.environment().signal(node, NodeSignal::Stop).map_err(refused)?;
        steps.push(Step::new(fault, Evidence::Stop(StopEvidence { node, first: None, last: None })));
        Ok(())
    }

    /// Kills a node for a fault.
    pub(super) fn kill(&self, fault: u64, node: NodeId) -> Result<(), NotApplied> {
        let mut steps = self.lock();
        let pid = self.alive(node).ok_or(NotApplied::NotRunning { node })?.pid;
        let killed_ns = self.cluster.clock.now_ns();
        self.environment().signal(node, NodeSignal::Kill).map_err(refused)?;
        let evidence = KillEvidence { node, pid, killed_ns, gone_ns: None, new_pid: None };
        steps.push(Step::new(fault, Evidence::Kill(evidence)));
        Ok(())
    }

    /// Looks once at every node that a fault stopped; whether all of them were found settled by now: stopped, and with
    /// the CPU time of the look before. A thread counts as stopped a moment before it leaves the processor.
    pub(super) fn look_at_stopped(&self, fault: u64) -> bool {
        let mut steps = self.lock();
        let mut all_settled = true;
        for step in steps.iter_mut().filter(|step| step.fault == fault && !step.ended) {
            if let Evidence::Stop(stop) = &mut step.evidence {
                let look = self.alive(stop.node).filter(|look| look.all_threads_stopped);
                let cpu_time_ns = |look: Option<Look>| look.map(|look| look.cpu_time_ns);
                let settled = look.is_some() && cpu_time_ns(look) == cpu_time_ns(stop.first);
                if !settled {
                    stop.first = look;
                }
                all_settled &= settled;
            }
        }
        all_settled
    }

    /// Looks once at every node that a fault killed; whether all of them were found gone by now.
    pub(super) fn look_at_killed(&self, fault: u64) -> bool {
        let mut steps = self.lock();
        let mut all = true;
        for step in steps.iter_mut().filter(|step| step.fault == fault && !step.ended) {
            if let Evidence::Kill(kill) = &mut step.evidence
                && kill.gone_ns.is_none()
            {
                kill.gone_ns = self.gone_ns(kill);
                all &= kill.gone_ns.is_some();
            }
        }
        all
    }

    /// Undoes every step of one kind that a fault took.
    pub(super) fn end(&self, fault: u64, kind: StepKind) {
        self.undo(|step| step.fault == fault && step.kind() == kind);
    }

    /// Undoes whatever a fault did and has not undone yet, the last step first.
    pub(super) fn heal(&self, fault: u64) {
        self.undo(|step| step.fault == fault);
    }

    /// Undoes whatever any fault did and has not undone yet, the last step first.
    pub(super) fn heal_all(&self) {
        self.undo(|_| true);
    }

    /// What was seen of the steps of a fault, and what went wrong while undoing them.
    pub(super) fn evidence(&self, fault: u64) -> (Vec<Evidence>, Vec<String>) {
        let steps = self.lock();
        let of_fault = steps.iter().filter(|step| step.fault == fault);
        let errors = of_fault.clone().flat_map(|step| step.errors.clone()).collect();
        (of_fault.map(|step| step.evidence.clone()).collect(), errors)
    }

    fn undo(&self, wanted: impl Fn(&Step) -> bool) {
        let mut steps = self.lock();
        for index in (0..steps.len()).rev() {
            if steps[index].ended || !wanted(&steps[index]) {
                continue;
            }
            steps[index].ended = true;
            let mut evidence = steps[index].evidence.clone();
            let result = match &mut evidence {
                Evidence::Cut(cut) => self.links_up(cut, &links_cut(&steps)),
                Evidence::Stop(stop) => self.resume(stop, &steps),
                Evidence::Kill(kill) => self.restart(kill, &steps),
            };
            steps[index].evidence = evidence;
            if let Err(error) = result {
                tracing::warn!(fault = steps[index].fault, %error, "failed to heal");
                steps[index].errors.push(error.to_string());
            }
        }
    }

    fn links_up(&self, cut: &mut CutEvidence, still_cut: &BTreeSet<Link>) -> Result<(), EnvironmentError> {
        cut.ending_ns = Some(self.cluster.clock.now_ns());
        cut.cut_after = cut.links.intersection(still_cut).copied().collect();
        self.environment().set_cuts(still_cut)?;
        cut.up_ns = Some(self.cluster.clock.now_ns());
        cut.dropped = self.dropped(&cut.links).saturating_sub(cut.dropped_before);
        Ok(())
    }

    fn resume(&self, stop: &mut StopEvidence, steps: &[Step]) -> Result<(), EnvironmentError> {
        stop.last = self.alive(stop.node);
        let held_by_another = steps
            .iter()
            .any(|step| !step.ended && matches!(&step.evidence, Evidence::Stop(other) if other.node == stop.node));
        if held_by_another { Ok(()) } else { self.environment().signal(stop.node, NodeSignal::Continue) }
    }

    fn restart(&self, kill: &mut KillEvidence, steps: &[Step]) -> Result<(), EnvironmentError> {
        let held_by_another = steps
            .iter()
            .any(|step| !step.ended && matches!(&step.evidence, Evidence::Kill(other) if other.node == kill.node));
        if held_by_another {
            return Ok(());
        }
        self.wait_until_gone(kill);
        if self.alive(kill.node).is_none() {
            let environment = self.environment();
            let (settings, seed) = (&self.cluster.settings, self.cluster.seed);
            let launch = self.cluster.system.launch(kill.node, &LaunchContext { environment, settings, seed });
            environment.start(kill.node, &launch)?;
        }
        kill.new_pid = self.alive(kill.node).map(|look| look.pid);
        Ok(())
    }

    /// Needed only where a heal follows a kill at once, because the run was stopped.
    fn wait_until_gone(&self, kill: &mut KillEvidence) {
        let deadline_ns = self.cluster.clock.now_ns() + GONE_WAIT.as_nanos() as u64;
        while kill.gone_ns.is_none() && self.cluster.clock.now_ns() < deadline_ns {
            kill.gone_ns = self.gone_ns(kill);
            if kill.gone_ns.is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn gone_ns(&self, kill: &KillEvidence) -> Option<u64> {
        let there = self.alive(kill.node).is_some_and(|look| look.pid == kill.pid);
        (!there).then(|| self.cluster.clock.now_ns())
    }

    fn alive(&self, node: NodeId) -> Option<Look> {
        match self.environment().process(node) {
            ProcessState::Alive { pid, all_threads_stopped, cpu_time_ns } => {
                Some(Look { at_ns: self.cluster.clock.now_ns(), pid, all_threads_stopped, cpu_time_ns })
            }
            ProcessState::Absent | ProcessState::Ended { .. } => None,
        }
    }

    fn dropped(&self, links: &BTreeSet<Link>) -> u64 {
        links.iter().map(|link| self.environment().dropped(*link)).sum()
    }

    fn environment(&self) -> &dyn Environment {
        &*self.cluster.environment
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Interventions {
    fn drop(&mut self) {
        self.heal_all();
    }
}

impl Step {
    fn new(fault: u64, evidence: Evidence) -> Self {
        Self { fault, ended: false, evidence, errors: Vec::new() }
    }

    fn kind(&self) -> StepKind {
        match self.evidence {
            Evidence::Cut(_) => StepKind::Cut,
            Evidence::Stop(_) => StepKind::Stop,
            Evidence::Kill(_) => StepKind::Kill,
        }
    }
}

fn links_cut(steps: &[Step]) -> BTreeSet<Link> {
    let in_force = steps.iter().filter(|step| !step.ended);
    let cuts = in_force.filter_map(|step| match &step.evidence {
        Evidence::Cut(cut) => Some(&cut.links),
        Evidence::Stop(_) | Evidence::Kill(_) => None,
    });
    cuts.flatten().copied().collect()
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn refused(error: EnvironmentError) -> NotApplied {
    NotApplied::Environment(error.to_string())
}
