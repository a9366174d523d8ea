//! From what was asked for to a plan with nothing left open.

use schism_workloads::workload::Workload;

use super::{FORMAT_VERSION, FaultSpec, NetChoice, Plan, ScheduledFault};
use crate::nemesis::{ScheduleOptions, schedule};
use crate::systems::{Settings, System};

/// Operations a second of all workers together, unless asked otherwise.
pub(super) const RATE_DEFAULT: f64 = 300.0;

/// Length of the load, unless asked otherwise.
pub(super) const TIME_MS_DEFAULT: u64 = 10_000;

/// Bound of the convergence phase, unless asked otherwise.
pub(super) const CONVERGE_MS_DEFAULT: u64 = 10_000;

/// Bound of every client call, unless asked otherwise or a fault is too short for it.
const CLIENT_TIMEOUT_MS_DEFAULT: u64 = 600;

/// Workers per node, unless asked otherwise. On the side of a leader that is cut off a read waits in vain for a majority,
/// and its worker with it: with two of them one such run in sixteen would see no write there, with four one in 256.
pub(super) const WORKERS_PER_NODE_DEFAULT: usize = 4;

/// Operations a second that the time before the first fault must reach; with less the run tested nothing.
const RATE_MIN: f64 = 10.0;

/// A low rate is asked for on purpose: then this share of it suffices.
const RATE_SHARE_MIN: f64 = 0.1;

/// What was asked for; what is `None` gets a default.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// How many nodes.
    pub nodes: u16,
    /// Settings as typed.
    pub settings: Settings,
    /// Faults as parsed; none for a run without.
    pub faults: Vec<FaultSpec>,
    /// Fixes operations and schedule.
    pub seed: u64,
    /// How many workers.
    pub workers: Option<usize>,
    /// Operations a second.
    pub rate: Option<f64>,
    /// Milliseconds over which the rate rises.
    pub ramp_ms: u64,
    /// Length of the load.
    pub time_ms: Option<u64>,
    /// Bound of every client call.
    pub client_timeout_ms: Option<u64>,
    /// Bound of the convergence phase.
    pub converge_ms: Option<u64>,
    /// The network.
    pub net: NetChoice,
    /// Whether the load ends at the first violation that can be told before the end.
    pub fail_fast: bool,
}

/// What was asked for makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A run without nodes.
    #[error("a system needs at least one node: give --nodes 1 or more")]
    NoNodes,
    /// The system refuses the settings.
    #[error("{0}")]
    Settings(String),
    /// The system's client does not know the workload's object.
    #[error("the workload {workload} needs the object {object}, which the client of {system} does not have")]
    Object {
        /// The workload.
        workload: String,
        /// What is missing.
        object: &'static str,
        /// The system.
        system: String,
    },
    /// A figure that must be positive is not.
    #[error("{0} must be more than 0")]
    NotPositive(&'static str),
    /// Clients would wait too long to see anything decided during a fault.
    #[error(
        "a client timeout of {timeout_ms} ms is too long for a fault of {fault_ms} ms: at most a third of it, so give \
         --client-timeout {max_ms}ms or less"
    )]
    ClientTimeout {
        /// What was asked for.
        timeout_ms: u64,
        /// The shortest fault.
        fault_ms: u64,
        /// The most that is allowed.
        max_ms: u64,
    },
    /// The faults do not fit into the time, or make no sense here.
    #[error("{0}")]
    Schedule(String),
}

/// Fills in what was left open and refuses what makes no sense.
///
/// # Errors
/// See [`PlanError`].
pub fn resolve(request: &RunRequest, system: &dyn System, workload: &dyn Workload) -> Result<Plan, PlanError> {
    if request.nodes == 0 {
        return Err(PlanError::NoNodes);
    }
    let settings =
        system.resolve(&request.settings, request.nodes).map_err(|why| PlanError::Settings(why.to_string()))?;
    refuse_missing_object(system, workload)?;
    let rate = request.rate.unwrap_or(RATE_DEFAULT);
    let workers = request.workers.unwrap_or_else(|| WORKERS_PER_NODE_DEFAULT * usize::from(request.nodes));
    let time_ms = request.time_ms.unwrap_or(TIME_MS_DEFAULT);
    let positive = [
        (rate > 0.0 && rate.is_finite(), "--rate"),
        (workers > 0, "--workers"),
        (time_ms > 0, "--time"),
        (request.client_timeout_ms != Some(0), "--client-timeout"),
    ];
    if let Some((_, name)) = positive.into_iter().find(|(holds, _)| !holds) {
        return Err(PlanError::NotPositive(name));
    }
    let options = ScheduleOptions {
        time_ms,
        lead_ms: None,
        seed: request.seed,
        nodes: request.nodes,
        timing: system.timing(&settings),
    };
    let schedule = schedule::make(&request.faults, &options).map_err(|why| PlanError::Schedule(why.to_string()))?;
    Ok(Plan {
        format_version: FORMAT_VERSION,
        schism_version: env!("CARGO_PKG_VERSION").to_owned(),
        system: system.name().to_owned(),
        nodes: request.nodes,
        settings,
        workload: workload.name().to_owned(),
        faults: request.faults.clone(),
        seed: request.seed,
        workers,
        rate,
        ramp_ms: request.ramp_ms,
        time_ms,
        client_timeout_ms: client_timeout(request.client_timeout_ms, &schedule)?,
        min_rate: RATE_MIN.min(rate * RATE_SHARE_MIN),
        converge_ms: request.converge_ms.unwrap_or(CONVERGE_MS_DEFAULT),
        net: request.net,
        fail_fast: request.fail_fast,
        schedule,
    })
}

fn refuse_missing_object(system: &dyn System, workload: &dyn Workload) -> Result<(), PlanError> {
    let object = workload.object();
    if system.objects().contains(&object) {
        return Ok(());
    }
    Err(PlanError::Object {
        workload: workload.name().to_owned(),
        object: object.name(),
        system: system.name().to_owned(),
    })
}

/// A third of the shortest fault at most; the default gives way, a typed value is refused.
pub(super) fn client_timeout(asked_ms: Option<u64>, schedule: &[ScheduledFault]) -> Result<u64, PlanError> {
    let max_ms = schedule::client_timeout_ms_max(schedule).unwrap_or(u64::MAX);
    let shortest_ms = schedule.iter().map(|entry| entry.duration_ms).min().unwrap_or(0);
    match asked_ms {
        Some(timeout_ms) if timeout_ms > max_ms => {
            Err(PlanError::ClientTimeout { timeout_ms, fault_ms: shortest_ms, max_ms })
        }
        Some(timeout_ms) => Ok(timeout_ms),
        None => Ok(CLIENT_TIMEOUT_MS_DEFAULT.min(max_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(duration_ms: u64) -> ScheduledFault {
        let fault = FaultSpec { name: "kill-leader".to_owned(), options: std::collections::BTreeMap::new() };
        ScheduledFault { id: 1, fault, at_ms: 0, duration_ms, seed: 0 }
    }

    #[test]
    fn the_default_timeout_gives_way_to_a_short_fault() {
        assert_eq!(client_timeout(None, &[]), Ok(CLIENT_TIMEOUT_MS_DEFAULT));
        assert_eq!(client_timeout(None, &[entry(3000), entry(900)]), Ok(300));
        assert_eq!(client_timeout(None, &[entry(3000)]), Ok(600));
    }

    #[test]
    fn a_typed_timeout_that_is_too_long_is_refused_with_the_most_that_is_allowed() {
        assert_eq!(client_timeout(Some(300), &[entry(900)]), Ok(300));
        let refused = client_timeout(Some(400), &[entry(900)]).unwrap_err();
        insta::assert_snapshot!(refused, @"a client timeout of 400 ms is too long for a fault of 900 ms: at most a third of it, so give --client-timeout 300ms or less");
    }
}
