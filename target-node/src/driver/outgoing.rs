//! The connection to one peer: dialled until it answers, written to in batches, dialled again when it dies.
//!
//! Messages that cannot be sent are dropped, never kept for later: the core sends again what still matters, and what does
//! not would only stand in the way of it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info};

use super::socket;
use crate::core::NodeId;

/// Frames that wait for one peer; a further one is dropped.
const QUEUED_FRAMES_MAX: usize = 4096;

/// Frames written at once.
const BATCH_FRAMES_MAX: usize = 256;

/// A new attempt begins this often, whether or not the ones before have been answered: behind a cut link the kernel would
/// send the next packet of an attempt only after a second.
const DIAL_INTERVAL: Duration = Duration::from_millis(100);

/// An attempt that is not answered is given up after this long.
const DIAL_TIMEOUT: Duration = Duration::from_millis(300);

/// Starts the task that keeps a connection to `peer`, and returns the queue of frames for it.
pub(super) fn start(tasks: &mut JoinSet<()>, peer: NodeId, address: SocketAddr, hello: Vec<u8>) -> Sender<Vec<u8>> {
    let (queue, frames) = channel(QUEUED_FRAMES_MAX);
    tasks.spawn(async move {
        Outgoing { peer, address, hello, frames }.run().await;
    });
    queue
}

struct Outgoing {
    peer: NodeId,
    address: SocketAddr,
    hello: Vec<u8>,
    frames: Receiver<Vec<u8>>,
}

impl Outgoing {
    /// Ends when the node does, that is when its end of the queue is gone.
    async fn run(&mut self) {
        while let Some(stream) = self.connect().await {
            info!(peer = %self.peer, address = %self.address, "connected");
            match self.serve(stream).await {
                Ok(()) => return,
                Err(error) => info!(peer = %self.peer, %error, "connection lost, dialling again"),
            }
        }
    }

    /// Dials until there is a connection; what is to be sent meanwhile is dropped.
    async fn connect(&mut self) -> Option<TcpStream> {
        let dialling = dial(self.address);
        tokio::pin!(dialling);
        loop {
            tokio::select! {
                stream = &mut dialling => return Some(stream),
                frame = self.frames.recv() => {
                    frame?;
                }
            }
        }
    }

    /// Writes until the connection or the node ends.
    async fn serve(&mut self, stream: TcpStream) -> std::io::Result<()> {
        socket::prepare_peer(&stream)?;
        let (mut reader, mut writer) = stream.into_split();
        let mut batch = Vec::with_capacity(BATCH_FRAMES_MAX);
        let mut buffer = self.hello.clone();
        // The peer sends nothing here; reading tells at once when the connection is dead.
        let ended = async move {
            match reader.read(&mut [0; 1]).await {
                Ok(_) => std::io::Error::from(std::io::ErrorKind::UnexpectedEof),
                Err(error) => error,
            }
        };
        tokio::pin!(ended);
        loop {
            tokio::select! {
                written = writer.write_all(&buffer) => written?,
                error = &mut ended => return Err(error),
            }
            buffer.clear();
            tokio::select! {
                received = self.frames.recv_many(&mut batch, BATCH_FRAMES_MAX) => if received == 0 {
                    return Ok(());
                },
                error = &mut ended => return Err(error),
            }
            batch.drain(..).for_each(|frame| buffer.extend_from_slice(&frame));
        }
    }
}

/// Keeps several attempts under way; the first to be answered wins.
async fn dial(address: SocketAddr) -> TcpStream {
    let mut attempts = JoinSet::new();
    let mut next = interval(DIAL_INTERVAL);
    next.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = next.tick() => {
                attempts.spawn(tokio::time::timeout(DIAL_TIMEOUT, TcpStream::connect(address)));
            }
            Some(attempt) = attempts.join_next() => match attempt {
                Ok(Ok(Ok(stream))) if !reaches_itself(&stream) => return stream,
                Ok(Ok(Ok(_))) => debug!(%address, "the attempt reached itself"),
                Ok(Ok(Err(error))) => debug!(%address, %error, "dialling failed"),
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
}

/// On one machine an attempt may get the very port it dials while nobody listens there, and TCP then connects it with
/// itself.
fn reaches_itself(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}
