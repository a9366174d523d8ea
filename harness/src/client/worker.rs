//! A worker: one logical process after another, each performing one operation at a time.
//!
//! Every invocation is stamped before its first byte can leave and every completion after its last byte has arrived. A
//! process whose operation ended in doubt never invokes again: its worker goes on under the next process id, with a
//! fresh client and so with fresh connections. A worker decides nothing about outcomes; the system's client does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schism_checkers::history::{Event, EventType, Process};
use schism_workloads::workload::{Ending, Generator, Level, Operation, Visit};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Client, Completion, Outcome, Pacing, Route};
use crate::environment::{Environment, Link, NodeId, Place};
use crate::nemesis::Acknowledgements;
use crate::record::{Clock, Recorder};
use crate::systems::{ClientContext, Settings, System};

/// What every worker of a run shares.
pub struct Workshop {
    /// Links and addresses.
    pub environment: Arc<dyn Environment>,
    /// Makes the clients.
    pub system: Arc<dyn System>,
    /// Resolved settings of the system.
    pub settings: Settings,
    /// Bound of every client call.
    pub timeout: Duration,
    /// The run's clock.
    pub clock: Clock,
    /// The run's history.
    pub recorder: Recorder,
    /// Where operations come from.
    pub generator: Mutex<Box<dyn Generator>>,
    /// When each node last acknowledged a write; read by the nemesis.
    pub acknowledgements: watch::Sender<Acknowledgements>,
    /// Operations that ended ok so far; read for progress.
    pub acknowledged: AtomicU64,
    /// The first process id that nobody has used.
    pub next_process: AtomicU64,
}

/// The node that worker `worker` belongs to.
#[must_use]
pub fn home_of(worker: usize, nodes: u16) -> NodeId {
    NodeId::all(nodes).nth(worker % usize::from(nodes)).unwrap_or(NodeId(1))
}

impl Workshop {
    /// A fresh client, with connections of its own, at a place.
    #[must_use]
    pub fn client_at(&self, place: Place) -> Box<dyn Client> {
        let port = self.system.client_port();
        let nodes = NodeId::all(self.environment.nodes());
        self.system.client(ClientContext {
            place,
            addresses: nodes.map(|node| self.environment.address(place, node, port)).collect(),
            settings: self.settings.clone(),
            timeout: self.timeout,
        })
    }

    /// Invokes one operation at a node as `process`, and records both ends of it.
    pub async fn perform(
        &self,
        client: &mut dyn Client,
        process: u64,
        node: NodeId,
        operation: &Operation,
        is_final: bool,
    ) -> Completion {
        client.open(node).await;
        self.next_process.fetch_max(process + 1, Ordering::Relaxed);
        let invocation = invocation(process, operation, is_final);
        self.recorder.record(invocation.clone());
        let completion = client.invoke(operation).await;
        self.recorder.record(completed(invocation, node, &completion));
        if matches!(completion.outcome, Outcome::Ok(_)) && operation.f != "read" {
            let now_ns = self.clock.now_ns();
            self.acknowledgements.send_modify(|latest| {
                latest.insert(node, now_ns);
            });
        }
        completion
    }

    fn draw(&self, worker: usize) -> Option<Operation> {
        self.generator.lock().unwrap_or_else(PoisonError::into_inner).next(worker)
    }

    fn learn(&self, worker: usize, operation: &Operation, completion: &Completion) {
        let ending = match &completion.outcome {
            Outcome::Ok(result) => Ending::Ok(result.clone()),
            Outcome::Fail(_) => Ending::Fail,
            Outcome::Info(_) => Ending::Info,
        };
        self.generator.lock().unwrap_or_else(PoisonError::into_inner).learn(worker, operation, &ending);
    }

    fn reaches(&self, own: NodeId, node: NodeId) -> bool {
        let (clients, node) = (Place::Clients(own), Place::Node(node));
        self.environment.is_up(Link { from: clients, to: node })
            && self.environment.is_up(Link { from: node, to: clients })
    }
}

/// One worker of a run.
pub struct Worker {
    /// Counted from 0.
    pub index: usize,
    /// How many there are.
    pub count: usize,
    /// When its operations are due.
    pub pacing: Pacing,
    /// When the load began, on the run's clock.
    pub load_start_ns: u64,
    /// What it shares with the others.
    pub shop: Arc<Workshop>,
}

impl Worker {
    /// Performs operations until told to stop or until there are none left. To be spawned on the runtime of its own
    /// place.
    pub async fn run(mut self, stop: CancellationToken) {
        let home = home_of(self.index, self.shop.environment.nodes());
        let place = Place::Clients(home);
        let local_by_default = self.shop.system.reads_are_local(&self.shop.settings);
        let mut process = self.index as u64;
        let mut client = self.shop.client_at(place);
        let mut route = Route::new(home);
        let mut follow_at_once = false;
        loop {
            if !follow_at_once && !self.wait_until_due(&stop).await {
                break;
            }
            let Some(operation) = self.shop.draw(self.index) else { break };
            if !is_over(operation.think, &stop).await {
                break;
            }
            let is_local = is_local(&operation, local_by_default);
            let node = match operation.visit {
                Visit::Roaming(number) if is_local => nth(number, self.shop.environment.nodes()),
                _ => route.choose(self.shop.clock.now_ns(), is_local),
            };
            let completion = self.shop.perform(&mut *client, process, node, &operation, false).await;
            self.shop.learn(self.index, &operation, &completion);
            let better = !is_local && route.learn(node, &completion, |to| self.shop.reaches(home, to));
            // One refusal may be followed up at once, outside the pace; two in a row wait for the next turn.
            follow_at_once = better && !follow_at_once && !stop.is_cancelled();
            match completion.outcome {
                Outcome::Ok(_) => {
                    self.shop.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Outcome::Fail(_) => {}
                Outcome::Info(_) => {
                    process += self.count as u64;
                    client.close().await;
                    client = self.shop.client_at(place);
                }
            }
        }
        client.close().await;
    }

    /// False if it is time to stop.
    async fn wait_until_due(&mut self, stop: &CancellationToken) -> bool {
        let now_ns = self.shop.clock.now_ns();
        let due_ns = self.pacing.next_due_ns(now_ns.saturating_sub(self.load_start_ns)) + self.load_start_ns;
        is_over(Duration::from_nanos(due_ns.saturating_sub(now_ns)), stop).await
    }
}

/// Waits; false if it was time to stop before it was over.
async fn is_over(wait: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = tokio::time::sleep(wait), if !wait.is_zero() => true,
        () = std::future::ready(()), if wait.is_zero() => true,
    }
}

/// The node with this number, counted from 0 and modulo their number.
fn nth(number: u32, nodes: u16) -> NodeId {
    NodeId::all(nodes).nth(number as usize % usize::from(nodes)).unwrap_or(NodeId(1))
}

fn is_local(operation: &Operation, local_by_default: bool) -> bool {
    match operation.level {
        Level::Local => true,
        Level::Default => local_by_default && operation.f == "read",
        Level::Strongest => false,
    }
}

fn invocation(process: u64, operation: &Operation, is_final: bool) -> Event {
    let process = Process::Client(process);
    Event {
        key: operation.key.clone().map(Into::into),
        is_final,
        ..Event::new(EventType::Invoke, process, operation.f, operation.value.clone())
    }
}

/// The completion's line: the invocation's, with what came back.
fn completed(invocation: Event, node: NodeId, completion: &Completion) -> Event {
    let (event_type, value, error) = match &completion.outcome {
        Outcome::Ok(value) => (EventType::Ok, value.clone(), None),
        Outcome::Fail(error) => (EventType::Fail, invocation.value.clone(), Some(error.clone())),
        Outcome::Info(error) => (EventType::Info, invocation.value.clone(), Some(error.clone())),
    };
    Event {
        event_type,
        value,
        error,
        node: Some(node.to_string()),
        term: completion.term,
        position: completion.position,
        ack: completion.ack.clone(),
        level: completion.level.clone(),
        ..invocation
    }
}
