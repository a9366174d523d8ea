//! The nodes' processes as a run sees them: started together, watched while they live, stopped at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schism_checkers::history::Process;
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::RunError;
use crate::environment::{Environment, EnvironmentError, NodeId, NodeSignal, ProcessState};
use crate::nemesis::{Claims, leader_of};
use crate::plan::Plan;
use crate::record::Recorder;
use crate::systems::{LaunchContext, System};

/// How long a cluster may take to come up.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long a node may take to end by itself after SIGTERM.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// How often the kernel is asked about processes while something waits for them.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How often the kernel is asked meanwhile.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// Lines of a node's log in an error or a finding.
const LOG_LINES: usize = 12;

/// Starts every node at once.
pub(super) fn start_all(
    environment: &dyn Environment,
    system: &dyn System,
    plan: &Plan,
) -> Result<(), EnvironmentError> {
    let context = LaunchContext { environment, settings: &plan.settings, seed: plan.seed };
    NodeId::all(plan.nodes).try_for_each(|node| environment.start(node, &system.launch(node, &context)))
}

/// Waits until every node answers and one of them leads. A node that ends instead is an error with its log.
pub(super) async fn wait_until_ready(
    environment: &dyn Environment,
    mut claims: tokio::sync::watch::Receiver<Claims>,
) -> Result<(), RunError> {
    let deadline = tokio::time::Instant::now() + READY_WITHIN;
    loop {
        for node in NodeId::all(environment.nodes()) {
            if let ProcessState::Ended { how, .. } = environment.process(node) {
                return Err(RunError::NodeEnded { node, how, log: environment.log_tail(node, LOG_LINES) });
            }
        }
        let now = claims.borrow_and_update().clone();
        if now.values().all(Option::is_some) && leader_of(&now).is_some() {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(not_ready(environment, &now));
        }
        // A change of claims ends the wait early; its absence must not hide a node that ended.
        let _ = tokio::time::timeout(LOOK_EVERY, claims.changed()).await;
    }
}

fn not_ready(environment: &dyn Environment, claims: &Claims) -> RunError {
    let silent: Vec<NodeId> = claims.iter().filter(|(_, claim)| claim.is_none()).map(|(node, _)| *node).collect();
    let (why, shown) = if silent.is_empty() {
        ("no node leads, or several do".to_owned(), claims.keys().copied().collect())
    } else {
        let names: Vec<String> = silent.iter().map(ToString::to_string).collect();
        (format!("{} did not answer", names.join(", ")), silent)
    };
    let logs: Vec<String> =
        shown.iter().map(|node| format!("[{node}]\n{}", environment.log_tail(*node, LOG_LINES))).collect();
    RunError::NotReady { seconds: READY_WITHIN.as_secs(), why, log: logs.join("\n") }
}

/// Watches for nodes that end without having been killed by the harness; each such end is a line of the history. It
/// stops when dropped.
pub(super) struct DeathWatch {
    _stop: DropGuard,
}

impl DeathWatch {
    /// Starts watching on the current runtime.
    pub(super) fn start(environment: &Arc<dyn Environment>, recorder: &Recorder) -> Self {
        let stop = CancellationToken::new();
        let (environment, recorder) = (Arc::clone(environment), recorder.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            let mut told = BTreeMap::new();
            loop {
                for node in NodeId::all(environment.nodes()) {
                    let ended = by_itself(&environment.process(node));
                    if let Some(how) = &ended
                        && told.get(&node) != Some(&ended)
                    {
                        let log = environment.log_tail(node, LOG_LINES);
                        recorder.note(Process::OBSERVER, "died", json!({ "node": node, "how": how, "log": log }));
                    }
                    told.insert(node, ended);
                }
                tokio::time::sleep(WATCH_EVERY).await;
            }
        }));
        Self { _stop: stop.drop_guard() }
    }
}

/// How a process ended, if it did and the harness had no part in it.
fn by_itself(state: &ProcessState) -> Option<String> {
    match state {
        ProcessState::Ended { how, by_harness: false } => Some(how.clone()),
        _ => None,
    }
}

/// Asks every node to end, and makes those end that do not.
pub(super) async fn stop_all(environment: &dyn Environment) -> Result<(), EnvironmentError> {
    let running = || {
        let mut nodes = NodeId::all(environment.nodes());
        nodes.any(|node| matches!(environment.process(node), ProcessState::Alive { .. }))
    };
    for node in NodeId::all(environment.nodes()) {
        // A stopped process does not see SIGTERM until it goes on.
        environment.signal(node, NodeSignal::Terminate)?;
        environment.signal(node, NodeSignal::Continue)?;
    }
    let deadline = tokio::time::Instant::now() + STOP_WITHIN;
    while running() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    NodeId::all(environment.nodes()).try_for_each(|node| environment.signal(node, NodeSignal::Kill))
}
