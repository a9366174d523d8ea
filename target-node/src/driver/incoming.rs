//! Connections that peers opened: the hello is checked, then their messages go to the node.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::NodeHandle;
use super::peers::Callers;
use super::socket;
use super::wire::{self, FrameError, Hello};
use crate::core::NodeId;

/// A stranger that says nothing is not kept for longer.
const HELLO_TIMEOUT: Duration = Duration::from_secs(2);

/// Room made for each read.
const READ_BYTES: usize = 64 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("no hello within {HELLO_TIMEOUT:?}")]
    Silent,
    #[error("{0}")]
    Refused(String),
}

/// What every connection needs.
pub(super) struct Incoming {
    hello: Hello,
    callers: Callers,
    node: NodeHandle,
    /// What keeps the latest connection of each peer: an older one is dead even if nobody told this side.
    latest: Mutex<BTreeMap<NodeId, oneshot::Sender<()>>>,
}

impl Incoming {
    pub(super) fn new(hello: Hello, callers: Callers, node: NodeHandle) -> Arc<Self> {
        Arc::new(Self { hello, callers, node, latest: Mutex::default() })
    }

    /// Accepts connections for ever.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, from)) => {
                    let incoming = Arc::clone(&self);
                    connections.spawn(async move { incoming.serve(stream, from).await });
                }
                Err(error) => {
                    warn!(%error, "accepting a peer's connection failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    async fn serve(&self, stream: TcpStream, from: SocketAddr) {
        match self.read(stream, from).await {
            Ok(()) => {}
            Err(error @ (Ended::Frame(_) | Ended::Refused(_))) => warn!(%from, %error, "refused a peer's connection"),
            Err(error @ (Ended::Silent | Ended::Socket(_))) => debug!(%from, %error, "a peer's connection ended"),
        }
    }

    /// Reads until the connection ends, is replaced by a newer one, or the node ends.
    async fn read(&self, stream: TcpStream, from: SocketAddr) -> Result<(), Ended> {
        socket::prepare_peer(&stream)?;
        let mut frames = Frames { stream, buffer: Vec::new(), used: 0 };
        let hello: Hello = timeout(HELLO_TIMEOUT, frames.next()).await.map_err(|_| Ended::Silent)??;
        if let Some(reason) = hello.refusal(&self.hello) {
            return Err(Ended::Refused(reason));
        }
        self.callers.remember(hello.from, hello.listens, from);
        let mut replaced = self.replace(hello.from);
        loop {
            let message = tokio::select! {
                message = frames.next() => message?,
                _ = &mut replaced => return Ok(()),
            };
            if self.node.deliver(hello.from, message).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Ends the connection that `peer` had before.
    fn replace(&self, peer: NodeId) -> oneshot::Receiver<()> {
        let (keep, replaced) = oneshot::channel();
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, keep);
        replaced
    }
}

/// Takes frames off a connection, as many as one read brought.
struct Frames {
    stream: TcpStream,
    buffer: Vec<u8>,
    used: usize,
}

impl Frames {
    /// The next frame. Cancelling it loses nothing.
    async fn next<M: DeserializeOwned>(&mut self) -> Result<M, Ended> {
        loop {
            if let Some((message, size)) = wire::decode(&self.buffer[self.used..])? {
                self.used += size;
                return Ok(message);
            }
            self.buffer.drain(..self.used);
            self.used = 0;
            self.buffer.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}
