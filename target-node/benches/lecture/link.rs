//! Links between nodes that can be slow: a relay for every direction, which holds every byte back for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

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
        let listener = TcpListener::bind((receiver.ip(), 0)).await?;
        let address = listener.local_addr()?;
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
    let Ok(mut outgoing) = TcpStream::connect(receiver).await else { return };
    let _ = outgoing.set_nodelay(true);
    let (queue, mut queued) = mpsc::channel::<(Instant, Vec<u8>)>(4096);
    let writer = tokio::spawn(async move {
        while let Some((due, bytes)) = queued.recv().await {
            tokio::time::sleep_until(due).await;
            if outgoing.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
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
