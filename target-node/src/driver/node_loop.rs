//! The one task that owns the core: it feeds it what arrives and performs its effects.
//!
//! Everything that has arrived is fed in before any effect is performed, so that one write to the event log and one
//! flush of the disk serve them all. Events go first: nothing may leave the node that its event log does not support.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::arrival::{Arrival, Report};
use super::counters::NodeCounters;
use super::peers::Peers;
use crate::core::{ClientResponse, Core, Effect, Input, OperatorRequest, Position, ProtocolEvent, Role};
use crate::storage::{EventLog, LogWriter, StorageError, Written};

/// Arrivals taken in before the effects are performed.
const BATCH_ARRIVALS_MAX: usize = 512;

/// How often the requests of vanished clients are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The node's state and its connections to the rest of the process.
pub(super) struct NodeLoop {
    pub(super) core: Core,
    pub(super) started: Instant,
    pub(super) inbox: mpsc::Receiver<Arrival>,
    pub(super) written: mpsc::UnboundedReceiver<Written>,
    pub(super) writer: LogWriter,
    pub(super) events: EventLog,
    /// Tells whoever follows the event log that there is more.
    pub(super) events_growth: watch::Sender<u64>,
    pub(super) peers: Peers,
    pub(super) last: Position,
    pub(super) waiting: FxHashMap<u64, oneshot::Sender<ClientResponse>>,
    pub(super) next_request: u64,
    pub(super) swept: Instant,
    pub(super) counters: NodeCounters,
}

/// What woke the loop.
enum Woken {
    Written(Written),
    Arrivals(usize),
    Deadline,
    Stop,
}

/// What one turn takes.
#[derive(Default)]
struct Inputs {
    core: Vec<Input>,
    questions: Vec<oneshot::Sender<Report>>,
}

impl Inputs {
    fn add_written(&mut self, written: Written) -> Result<(), StorageError> {
        match written {
            Written::Failed(error) => Err(error),
            Written::Tokens(tokens) => {
                self.core.extend(tokens.into_iter().map(|token| Input::Persisted { token }));
                Ok(())
            }
            Written::SnapshotSaved(position) => {
                self.core.push(Input::SnapshotSaved { position });
                Ok(())
            }
        }
    }
}

impl NodeLoop {
    /// Runs until `stop`, or until the disk fails; then flushes what is written.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), StorageError> {
        let outcome = self.serve(stop).await;
        self.writer.stop();
        // The writer may have failed while it flushed the last records.
        while let Ok(written) = self.written.try_recv() {
            if let Written::Failed(error) = written {
                return outcome.and(Err(error));
            }
        }
        outcome
    }

    async fn serve(&mut self, stop: CancellationToken) -> Result<(), StorageError> {
        let mut arrivals = Vec::with_capacity(BATCH_ARRIVALS_MAX);
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        loop {
            let deadline =
                tokio::time::Instant::from_std(self.started + Duration::from_micros(self.core.deadline_us()));
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            let woken = tokio::select! {
                biased;
                () = stop.cancelled() => Woken::Stop,
                Some(written) = self.written.recv() => Woken::Written(written),
                taken = self.inbox.recv_many(&mut arrivals, BATCH_ARRIVALS_MAX) => Woken::Arrivals(taken),
                () = &mut timer => Woken::Deadline,
            };
            let mut inputs = Inputs::default();
            match woken {
                // Every handle is gone: the process is on its way out.
                Woken::Stop | Woken::Arrivals(0) => return Ok(()),
                Woken::Written(written) => inputs.add_written(written)?,
                Woken::Arrivals(_) => {}
                Woken::Deadline => self.let_sockets_speak().await,
            }
            self.take_in(&mut arrivals, &mut inputs)?;
            self.turn(inputs)?;
        }
    }

    /// Lets the sockets speak before silence is concluded: a process that did not run for a while, stopped or starved,
    /// finds its timer expired and the heartbeats of that while unread.
    async fn let_sockets_speak(&self) {
        // The first return reads the sockets, the second follows the tasks that have been woken by them.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }

    /// Turns everything that has arrived into inputs.
    fn take_in(&mut self, arrivals: &mut Vec<Arrival>, inputs: &mut Inputs) -> Result<(), StorageError> {
        while let Ok(written) = self.written.try_recv() {
            inputs.add_written(written)?;
        }
        while arrivals.len() < BATCH_ARRIVALS_MAX
            && let Ok(arrival) = self.inbox.try_recv()
        {
            arrivals.push(arrival);
        }
        for arrival in arrivals.drain(..) {
            match arrival {
                Arrival::Peer { from, message } => inputs.core.push(Input::Peer { from, message }),
                Arrival::Client { reply, .. } if reply.is_closed() => {}
                Arrival::Client { body, reply } => {
                    let request = self.expect_answer(reply);
                    inputs.core.push(Input::Client { request, body });
                }
                Arrival::Operator { mut body, reply } => {
                    if let Some(response) = self.complete_address(&mut body) {
                        let _ = reply.send(response);
                        continue;
                    }
                    let request = self.expect_answer(reply);
                    inputs.core.push(Input::Operator { request, body });
                }
                Arrival::Report { reply } => inputs.questions.push(reply),
            }
        }
        Ok(())
    }

    /// Gives a node that is to be added the address that this node knows for it; without any it could never be reached.
    fn complete_address(&self, body: &mut OperatorRequest) -> Option<ClientResponse> {
        let OperatorRequest::AddMember { node, address } = body else { return None };
        *address = address.or_else(|| self.peers.address(*node));
        (address.is_none() && self.core.role() == Role::Leader).then(|| ClientResponse::Refused {
            reason: format!("where {node} listens for peers is not known: give its address"),
        })
    }

    /// Keeps the way to whoever asks, under the number that the answer will carry.
    fn expect_answer(&mut self, reply: oneshot::Sender<ClientResponse>) -> u64 {
        let request = self.next_request;
        self.next_request += 1;
        self.waiting.insert(request, reply);
        request
    }

    /// One turn: the core takes its inputs, its effects are performed, questions are answered from what has become.
    fn turn(&mut self, mut inputs: Inputs) -> Result<(), StorageError> {
        let now_us = self.started.elapsed().as_micros() as u64;
        if self.core.deadline_us() <= now_us {
            inputs.core.push(Input::Tick);
        }
        inputs.core.extend(self.sweep());
        if !inputs.core.is_empty() {
            let effects = self.core.step_all(now_us, inputs.core);
            self.perform(effects)?;
        }
        for question in inputs.questions {
            // One who is gone does not miss the answer.
            let _ = question.send(self.report());
        }
        Ok(())
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Result<(), StorageError> {
        let mut happened = 0;
        for effect in &effects {
            if let Effect::Event(event) = effect {
                log_event(event);
                if let ProtocolEvent::MembersInForce { members, .. } = event {
                    self.peers.set_members(members);
                }
                self.counters.count_event(event);
                self.events.record(event)?;
                happened += 1;
            }
        }
        self.events.write()?;
        if happened > 0 {
            self.events_growth.send_modify(|count| *count += happened);
        }
        for effect in effects {
            match effect {
                Effect::Persist { token, records } => {
                    self.counters.count_truncated(&records, &mut self.last);
                    self.writer.persist(token, records);
                }
                Effect::Send { to, message } => self.peers.send(to, &message),
                Effect::Reply { request, response } => {
                    if let Some(reply) = self.waiting.remove(&request) {
                        let _ = reply.send(response);
                    }
                }
                Effect::SaveSnapshot { snapshot } => self.writer.save(snapshot),
                Effect::InstallSnapshot { token, snapshot } => {
                    self.last = snapshot.position;
                    self.writer.install(token, snapshot);
                }
                Effect::Event(_) => {}
            }
        }
        Ok(())
    }

    /// Forgets the requests of clients that are gone, and lets the core forget them.
    fn sweep(&mut self) -> Option<Input> {
        if self.swept.elapsed() < SWEEP_INTERVAL {
            return None;
        }
        self.swept = Instant::now();
        let gone = self.waiting.iter().filter(|(_, reply)| reply.is_closed());
        let requests: BTreeSet<_> = gone.map(|(request, _)| *request).collect();
        self.waiting.retain(|request, _| !requests.contains(request));
        self.peers.close_idle();
        (!requests.is_empty()).then_some(Input::Abandoned { requests })
    }

    fn report(&self) -> Report {
        let mut counters = self.counters.clone();
        counters.dropped_messages = self.peers.dropped();
        counters.flushes = self.writer.counters().flushes();
        counters.flush_time = self.writer.counters().flush_time();
        counters.waiting_requests = self.waiting.len();
        Report { status: self.core.status(), counters, uptime: self.started.elapsed() }
    }
}

fn log_event(event: &ProtocolEvent) {
    match event {
        ProtocolEvent::BecameLeader { term, position } => info!(%term, %position, "became leader"),
        ProtocolEvent::SteppedDown { term, reason } => info!(%term, ?reason, "stopped leading"),
        ProtocolEvent::Acknowledged { .. }
        | ProtocolEvent::Appended { .. }
        | ProtocolEvent::Committed { .. }
        | ProtocolEvent::Durable { .. } => {}
        ProtocolEvent::TruncatedAcked(write) => {
            let (term, position, key) = (write.term, write.position, write.key.as_deref());
            warn!(%term, %position, key, "truncated a write that this node had acknowledged");
        }
        ProtocolEvent::RestoredAcked(write) => {
            let (term, position, key) = (write.term, write.position, write.key.as_deref());
            info!(%term, %position, key, "an acknowledged write that was truncated is back");
        }
        ProtocolEvent::SnapshotTaken { position } => info!(%position, "stored a snapshot"),
        ProtocolEvent::SnapshotInstalled { position, .. } => info!(%position, "installed the leader's snapshot"),
        ProtocolEvent::MembersInForce { position, members } => info!(%position, ?members, "members are in force"),
        ProtocolEvent::Degraded { term } => warn!(%term, "no follower answers: acknowledging without followers"),
        ProtocolEvent::Recovered { term } => info!(%term, "followers have caught up"),
    }
}
