//! The proxies' relays: they pass bytes between two streams, or lose them while a direction is cut.
//!
//! Everything runs on one thread, and a change of cuts is a task on it, so it happens between two reads. What was sent
//! during a cut and is still unread when the cut ends is lost with the rest. A stream that has lost bytes is reset when
//! its direction is up again: TCP would have resent them, which a proxy cannot. A stream that is opened during a cut
//! stays without an answer and is reset by the heal.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, Shutdown, recv, shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::super::probes::MESSAGE_BYTES;

/// Bytes passed on at once; a multiple of a probe's length, so that chunks end where probes do.
const CHUNK_BYTES: usize = 2048 * MESSAGE_BYTES;

/// Pause after a failed accept, which means that descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Where a proxy leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    /// The link's number from the proxy's user to the node.
    pub(super) forward: usize,
    /// The link's number back.
    pub(super) backward: usize,
    /// Where the node listens.
    pub(super) to: SocketAddr,
    /// It carries probes: what it loses is not counted, and it is never reset.
    pub(super) probes: bool,
}

/// The state of all relays.
pub(super) struct Relays {
    cut: Vec<AtomicBool>,
    dropped: Vec<AtomicU64>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    connections: BTreeMap<u64, Arc<Connection>>,
    unanswered: Vec<(Route, TcpStream)>,
}

struct Connection {
    route: Route,
    near: TcpStream,
    far: TcpStream,
    lost_forward: AtomicBool,
    lost_backward: AtomicBool,
    reset: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    Forward,
    Backward,
}

/// How one direction of a connection came to its end.
enum PumpEnd {
    /// The sender closed its side; the other direction may go on.
    Finished,
    /// The sender's side broke.
    Broken,
}

impl Relays {
    /// For this many links, all of them up.
    pub(super) fn new(links: usize) -> Self {
        Self {
            cut: (0..links).map(|_| AtomicBool::new(false)).collect(),
            dropped: (0..links).map(|_| AtomicU64::new(0)).collect(),
            open: Mutex::default(),
        }
    }

    /// Chunks that a link has lost.
    pub(super) fn dropped(&self, link: usize) -> u64 {
        self.dropped[link].load(Ordering::Relaxed)
    }

    /// Makes exactly these links cut. Must run on the relays' thread.
    pub(super) fn apply(&self, cut: &[bool]) {
        let mut open = self.open();
        for connection in open.connections.values() {
            for direction in [Direction::Forward, Direction::Backward] {
                let link = connection.link(direction);
                if self.is_cut(link) && !cut[link] {
                    self.lose_unread(connection, direction);
                    if connection.lost(direction).load(Ordering::Relaxed) && !connection.route.probes {
                        connection.reset.cancel();
                    }
                }
            }
        }
        open.unanswered.retain(|(route, _)| cut[route.forward] || cut[route.backward]);
        for (link, cut) in self.cut.iter().zip(cut) {
            link.store(*cut, Ordering::Relaxed);
        }
    }

    /// Accepts connections of one proxy for as long as the runtime lives.
    pub(super) async fn accept_all(self: Arc<Self>, listener: TcpListener, route: Route) {
        loop {
            match listener.accept().await {
                Ok((near, _)) => {
                    tokio::spawn(Arc::clone(&self).serve(near, route));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    async fn serve(self: Arc<Self>, near: TcpStream, route: Route) {
        let Some(near) = self.leave_unanswered(near, route) else { return };
        let Ok(far) = TcpStream::connect(route.to).await else { return reset(&near) };
        // Failing only makes packets later.
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        // The cut may have come while it was connecting.
        let Some(near) = self.leave_unanswered(near, route) else { return };
        let connection = Arc::new(Connection {
            route,
            near,
            far,
            lost_forward: AtomicBool::new(false),
            lost_backward: AtomicBool::new(false),
            reset: CancellationToken::new(),
        });
        let id = self.remember(&connection);
        tokio::select! {
            () = connection.reset.cancelled() => {
                reset(&connection.near);
                reset(&connection.far);
            }
            () = self.relay(&connection) => {}
        }
        self.open().connections.remove(&id);
    }

    /// Keeps a new connection without an answer if a direction is cut: its first packet, or the answer to it, is lost.
    fn leave_unanswered(&self, near: TcpStream, route: Route) -> Option<TcpStream> {
        if route.probes {
            return Some(near);
        }
        let Some(link) = [route.forward, route.backward].into_iter().find(|link| self.is_cut(*link)) else {
            return Some(near);
        };
        self.dropped[link].fetch_add(1, Ordering::Relaxed);
        reset(&near);
        self.open().unanswered.push((route, near));
        None
    }

    fn remember(&self, connection: &Arc<Connection>) -> u64 {
        let mut open = self.open();
        let id = open.next_id;
        open.next_id += 1;
        open.connections.insert(id, Arc::clone(connection));
        id
    }

    async fn relay(&self, connection: &Connection) {
        tokio::join!(self.direction(connection, Direction::Forward), self.direction(connection, Direction::Backward));
    }

    async fn direction(&self, connection: &Connection, direction: Direction) {
        let end = self.pump(connection, direction).await;
        if self.is_cut(connection.link(direction)) {
            // The end itself is lost on the way; the heal resets the connection.
            connection.lost(direction).store(true, Ordering::Relaxed);
            connection.reset.cancelled().await;
        }
        match end {
            PumpEnd::Finished => {
                // A peer that has gone already needs no end of file.
                let _ = shutdown(connection.ends(direction).1.as_raw_fd(), Shutdown::Write);
            }
            PumpEnd::Broken => connection.reset.cancel(),
        }
    }

    async fn pump(&self, connection: &Connection, direction: Direction) -> PumpEnd {
        let (source, sink) = connection.ends(direction);
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            if source.readable().await.is_err() {
                return PumpEnd::Broken;
            }
            match source.try_read(&mut buffer) {
                Ok(0) => return PumpEnd::Finished,
                Ok(_) if self.is_cut(connection.link(direction)) => self.lose(connection, direction),
                Ok(length) => write_all(sink, &buffer[..length]).await,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return PumpEnd::Broken,
            }
        }
    }

    fn lose(&self, connection: &Connection, direction: Direction) {
        connection.lost(direction).store(true, Ordering::Relaxed);
        if !connection.route.probes {
            self.dropped[connection.link(direction)].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Loses what was sent during a cut that ends now and has not been read yet.
    fn lose_unread(&self, connection: &Connection, direction: Direction) {
        let mut buffer = [0; 4096];
        let source = connection.ends(direction).0.as_raw_fd();
        while let Ok(1..) = recv(source, &mut buffer, MsgFlags::MSG_DONTWAIT) {
            self.lose(connection, direction);
        }
    }

    fn is_cut(&self, link: usize) -> bool {
        self.cut[link].load(Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn link(&self, direction: Direction) -> usize {
        match direction {
            Direction::Forward => self.route.forward,
            Direction::Backward => self.route.backward,
        }
    }

    /// From where to where bytes go.
    fn ends(&self, direction: Direction) -> (&TcpStream, &TcpStream) {
        match direction {
            Direction::Forward => (&self.near, &self.far),
            Direction::Backward => (&self.far, &self.near),
        }
    }

    fn lost(&self, direction: Direction) -> &AtomicBool {
        match direction {
            Direction::Forward => &self.lost_forward,
            Direction::Backward => &self.lost_backward,
        }
    }
}

/// Makes the stream's end, when it is dropped, a reset. Where that fails the other side sees an orderly end instead.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Writes to a peer; if that is gone, the other direction finds out by reading from it.
async fn write_all(sink: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match sink.try_write(bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if sink.writable().await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
