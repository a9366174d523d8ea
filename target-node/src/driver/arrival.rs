//! What reaches the node from outside, and the handle by which it gets there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::NodeCounters;
use super::turnstile::{Overloaded, Turnstile};
use crate::core::{ClientRequest, ClientResponse, Message, NodeId, OperatorRequest, Status};
use crate::settings::ServiceRate;

/// Arrivals that wait for the node; whoever brings a further one waits, too.
const QUEUED_ARRIVALS_MAX: usize = 4096;

/// Something for the node.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A message of a peer.
    Peer { from: NodeId, message: Message },
    /// A client's request. A client that is gone has dropped the other end of `reply`.
    Client { body: ClientRequest, reply: oneshot::Sender<ClientResponse> },
    /// An operator's request.
    Operator { body: OperatorRequest, reply: oneshot::Sender<ClientResponse> },
    /// A question about the node itself.
    Report { reply: oneshot::Sender<Report> },
}

/// The node's account of itself.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) status: Status,
    pub(crate) counters: NodeCounters,
    pub(crate) uptime: Duration,
}

/// The node has stopped, or stops now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub(crate) struct NodeStopped;

/// How to reach the node; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct NodeHandle {
    arrivals: mpsc::Sender<Arrival>,
    turnstile: Arc<Turnstile>,
}

impl NodeHandle {
    /// A handle, and the end that the node reads.
    pub(super) fn new(rate: ServiceRate) -> (Self, mpsc::Receiver<Arrival>) {
        let (arrivals, inbox) = mpsc::channel(QUEUED_ARRIVALS_MAX);
        (Self { arrivals, turnstile: Arc::new(Turnstile::new(rate)) }, inbox)
    }

    /// Waits until a client's request may be brought, unless that takes longer than `patience`.
    pub(crate) async fn await_turn(&self, patience: Duration) -> Result<(), Overloaded> {
        self.turnstile.pass(patience).await
    }

    /// Delivers a peer's message.
    pub(super) async fn deliver(&self, from: NodeId, message: Message) -> Result<(), NodeStopped> {
        self.arrivals.send(Arrival::Peer { from, message }).await.map_err(|_| NodeStopped)
    }

    /// Asks for what a client wants. Dropping the future withdraws the interest, not the request.
    pub(crate) async fn client(&self, body: ClientRequest) -> Result<ClientResponse, NodeStopped> {
        self.ask(|reply| Arrival::Client { body, reply }).await
    }

    /// Asks for what an operator wants.
    pub(crate) async fn operate(&self, body: OperatorRequest) -> Result<ClientResponse, NodeStopped> {
        self.ask(|reply| Arrival::Operator { body, reply }).await
    }

    /// Asks the node about itself.
    pub(crate) async fn report(&self) -> Result<Report, NodeStopped> {
        self.ask(|reply| Arrival::Report { reply }).await
    }

    async fn ask<T>(&self, arrival: impl FnOnce(oneshot::Sender<T>) -> Arrival) -> Result<T, NodeStopped> {
        let (reply, answer) = oneshot::channel();
        self.arrivals.send(arrival(reply)).await.map_err(|_| NodeStopped)?;
        answer.await.map_err(|_| NodeStopped)
    }
}
