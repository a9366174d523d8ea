//! Links between nodes that can be slow: a relay for every direction, which holds every byte back for a while.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::cluster::unused_address;

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Link {
    /// Where the sender reaches the receiver.
    pub(crate) address: SocketAddr,
    delay_us: Arc<AtomicU64>,
}

impl Link {
    /// A link to `receiver`, without delay.
    pub(crate) async fn to(receiver: SocketAddr) -> std::io::Result<Self> {
        let address = unused_address();
        let listener = TcpListener::bind(address).await?;
        let delay_us = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_us);
        tokio::spawn(async move {
            while let Ok((incoming, _)) = listener.accept().await {
                tokio::spawn(carry(incoming, receiver, Arc::clone(&delay)));
            }
        });
        Ok(Self { address, delay_us })
    }

    /// Holds every byte back for so long from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay_us.store(delay.as_micros() as u64, Ordering::Relaxed);
    }
}

/// Carries one connection's bytes; nodes send one way only on each.
async fn carry(mut incoming: TcpStream, receiver: SocketAddr, delay_us: Arc<AtomicU64>) {
    let Ok(outgoing) = TcpStream::connect(receiver).await.and_then(TcpStream::into_std) else { return };
    let (queue, queued) = mpsc::channel(4096);
    // A thread sleeps to some tens of microseconds, a task to a millisecond.
    let writer = tokio::task::spawn_blocking(move || deliver(outgoing, queued));
    loop {
        let mut bytes = Vec::with_capacity(64 * 1024);
        match incoming.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                let due = Instant::now() + Duration::from_micros(delay_us.load(Ordering::Relaxed));
                if queue.send((due, bytes)).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(queue);
    let _ = writer.await;
}

/// Writes what is queued, each part when it is due.
fn deliver(mut outgoing: std::net::TcpStream, mut queued: mpsc::Receiver<(Instant, Vec<u8>)>) -> std::io::Result<()> {
    outgoing.set_nonblocking(false)?;
    outgoing.set_nodelay(true)?;
    while let Some((due, bytes)) = queued.blocking_recv() {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        outgoing.write_all(&bytes)?;
    }
    Ok(())
}
