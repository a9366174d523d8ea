//! Options of the connections between nodes and to clients.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpStream;

/// After this long without an acknowledgement of what was sent, a connection between nodes is given up. While packets are
/// dropped, TCP doubles its retransmission time-out into seconds; a new connection is usable at once when the cut heals.
const PEER_UNACKNOWLEDGED_MAX: Duration = Duration::from_millis(500);

/// The same for clients, who may have reasons to be slow: it only bounds what a vanished client occupies.
const CLIENT_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);

/// Prepares a connection to a peer.
pub(super) fn prepare_peer(stream: &TcpStream) -> io::Result<()> {
    prepare(stream, PEER_UNACKNOWLEDGED_MAX)
}

/// Prepares a connection from a client.
pub(crate) fn prepare_client(stream: &TcpStream) -> io::Result<()> {
    setsockopt(&stream.as_fd(), sockopt::KeepAlive, &true)?;
    prepare(stream, CLIENT_UNACKNOWLEDGED_MAX)
}

/// Without `TCP_NODELAY` a small answer may wait 40 ms for the other side's acknowledgement.
fn prepare(stream: &TcpStream, unacknowledged_max: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(&stream.as_fd(), sockopt::TcpUserTimeout, &(unacknowledged_max.as_millis() as u32))?;
    Ok(())
}
