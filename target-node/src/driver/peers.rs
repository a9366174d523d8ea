//! All peers as the node sees them: a queue and a task for each, begun and ended as the members change.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tracing::{debug, error, info};

use super::outgoing;
use super::wire::{self, FrameError, Hello};
use crate::core::{Members, Message, NodeId};

/// A connection to a node that is no member is closed after it was not used for so long.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// Where nodes that called listen, in their own words: how a node that knows nobody yet answers its leader.
#[derive(Debug, Clone, Default)]
pub(super) struct Callers(Arc<Mutex<BTreeMap<NodeId, SocketAddr>>>);

impl Callers {
    /// Remembers that `node` called from `from` and listens at `listens`, which may leave the host open.
    pub(super) fn remember(&self, node: NodeId, listens: SocketAddr, from: SocketAddr) {
        let host = if listens.ip().is_unspecified() { from.ip() } else { listens.ip() };
        let address = SocketAddr::new(host, listens.port());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node, address);
    }

    fn address(&self, node: NodeId) -> Option<SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&node).copied()
    }
}

/// The way to one node.
#[derive(Debug)]
struct Way {
    address: SocketAddr,
    frames: Sender<Vec<u8>>,
    used: Instant,
}

/// The ways to the other nodes.
#[derive(Debug)]
pub(super) struct Peers {
    id: NodeId,
    hello: Vec<u8>,
    /// What this node was told when it was started; it goes before what others say.
    configured: BTreeMap<NodeId, SocketAddr>,
    callers: Callers,
    members: Members,
    ways: BTreeMap<NodeId, Way>,
    tasks: JoinSet<()>,
    dropped: u64,
}

impl Peers {
    /// Begins to dial `members`.
    pub(super) fn start(
        id: NodeId,
        hello: &Hello,
        configured: BTreeMap<NodeId, SocketAddr>,
        callers: Callers,
        members: &Members,
    ) -> Result<Self, FrameError> {
        let (hello, tasks) = (wire::encode(hello)?, JoinSet::new());
        let (members, ways) = (members.clone(), BTreeMap::new());
        let mut peers = Self { id, hello, configured, callers, members, ways, tasks, dropped: 0 };
        peers.dial_members();
        Ok(peers)
    }

    /// Takes note of the members in force.
    pub(super) fn set_members(&mut self, members: &Members) {
        self.members = members.clone();
        while self.tasks.try_join_next().is_some() {}
        self.dial_members();
    }

    /// Where `node` is reached, as far as this node knows.
    pub(super) fn address(&self, node: NodeId) -> Option<SocketAddr> {
        let configured = self.configured.get(&node).copied();
        configured.or_else(|| self.members.address(node)).or_else(|| self.callers.address(node))
    }

    fn dial_members(&mut self) {
        let members: Vec<_> = self.members.all().filter(|node| *node != self.id).collect();
        for node in members {
            self.way(node);
        }
    }

    /// The way to `node`, begun anew if there is none or the node is elsewhere now.
    fn way(&mut self, node: NodeId) -> Option<&mut Way> {
        let address = self.address(node)?;
        if self.ways.get(&node).is_none_or(|way| way.address != address) {
            debug!(peer = %node, %address, "dialling");
            let frames = outgoing::start(&mut self.tasks, node, address, self.hello.clone());
            self.ways.insert(node, Way { address, frames, used: Instant::now() });
        }
        self.ways.get_mut(&node)
    }

    /// Closes the ways to nodes that are no members and that nothing was sent to lately.
    pub(super) fn close_idle(&mut self) {
        let members = &self.members;
        self.ways.retain(|node, way| {
            let stays = members.contains(*node) || way.used.elapsed() < IDLE_MAX;
            if !stays {
                info!(peer = %node, "no member any more: its connection is closed");
            }
            stays
        });
    }

    /// Queues a message. One that the peer cannot take is dropped: the core sends again what still matters.
    pub(super) fn send(&mut self, to: NodeId, message: &Message) {
        let is_member = self.members.contains(to);
        let way = if is_member && self.ways.contains_key(&to) { self.ways.get_mut(&to) } else { self.way(to) };
        let Some(way) = way else {
            debug!(%to, "a message to a node whose address is not known");
            self.dropped += 1;
            return;
        };
        if !is_member {
            way.used = Instant::now();
        }
        match wire::encode(message) {
            Ok(frame) => self.dropped += u64::from(way.frames.try_send(frame).is_err()),
            Err(error) => error!(%to, %error, "a message that cannot be sent"),
        }
    }

    /// Messages dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
