//! Carries out a schedule on a running cluster.
//!
//! Every entry waits for its own time, so faults may overlap. Whatever happens, everything is healed in the end: when an
//! entry is over, when the run is stopped, and when the whole execution is dropped.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::fault::NotApplied;
use super::interventions::Interventions;
use super::{Applied, Cluster, ExecutedFault, registry};
use crate::plan::ScheduledFault;

/// Carries out a schedule; entries are due relative to `load_start_ns` on the run's clock. Returns, in the schedule's
/// order, what became of each, once all are healed and their proofs are gathered. After `cancel` everything is healed
/// at once, what was applied last first; entries that are not yet due are not applied.
pub async fn execute(
    schedule: &[ScheduledFault],
    cluster: &Cluster,
    load_start_ns: u64,
    cancel: &CancellationToken,
) -> Vec<ExecutedFault> {
    let interventions = Arc::new(Interventions::new(cluster.clone()));
    let entries = schedule.iter().map(|entry| {
        let applied = Applied::new(cluster.clone(), Arc::clone(&interventions), entry, load_start_ns);
        perform(entry, applied, &interventions, cancel)
    });
    join_all(entries).await
}

async fn perform(
    entry: &ScheduledFault,
    mut applied: Applied,
    interventions: &Interventions,
    cancel: &CancellationToken,
) -> ExecutedFault {
    let fault = match registry::build(&entry.fault) {
        Ok(fault) => fault,
        Err(error) => return applied.finish(Err(NotApplied::Plan(error.to_string()))).await,
    };
    applied.set_asked(fault.asked());
    let due = tokio::select! {
        biased;
        () = cancel.cancelled() => false,
        () = applied.wait_until_due() => true,
    };
    if !due {
        return applied.finish(Err(NotApplied::Cancelled("before it was due"))).await;
    }
    let outcome = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            interventions.heal_all();
            Err(NotApplied::Cancelled("meanwhile"))
        }
        outcome = fault.apply(&mut applied) => outcome,
    };
    applied.finish(outcome).await
}
