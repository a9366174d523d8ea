//! All peers as the node sees them: one queue each.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tracing::error;

use super::outgoing;
use super::wire::{self, FrameError, Hello};
use crate::core::{Message, NodeId};

/// The ways to the other nodes.
#[derive(Debug)]
pub(super) struct Peers {
    queues: BTreeMap<NodeId, Sender<Vec<u8>>>,
    dropped: u64,
}

impl Peers {
    /// Starts a task for each peer.
    pub(super) fn start(
        tasks: &mut JoinSet<()>,
        addresses: &BTreeMap<NodeId, SocketAddr>,
        hello: &Hello,
    ) -> Result<Self, FrameError> {
        let hello = wire::encode(hello)?;
        let start =
            |(peer, address): (&NodeId, &SocketAddr)| (*peer, outgoing::start(tasks, *peer, *address, hello.clone()));
        Ok(Self { queues: addresses.iter().map(start).collect(), dropped: 0 })
    }

    /// Queues a message. One that the peer cannot take is dropped: the core sends again what still matters.
    pub(super) fn send(&mut self, to: NodeId, message: &Message) {
        let Some(queue) = self.queues.get(&to) else {
            error!(%to, "a message to a node that is no peer");
            return;
        };
        match wire::encode(message) {
            Ok(frame) => self.dropped += u64::from(queue.try_send(frame).is_err()),
            Err(error) => error!(%to, %error, "a message that cannot be sent"),
        }
    }

    /// Messages dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
