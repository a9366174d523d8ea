//! What a network does for the environment.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::super::{BackEnd, EnvironmentError, Link, NodeId, Place, ProbeCount};

/// Connects places and cuts links. Dropping it takes it down.
pub(in crate::environment) trait Network: Send + Sync {
    /// Which one it is.
    fn back_end(&self) -> BackEnd;

    /// What it cannot do, one sentence each.
    fn reductions(&self) -> Vec<String>;

    /// The address at which `from` reaches a port of a node.
    fn address(&self, from: Place, to: NodeId, port: u16) -> SocketAddr;

    /// The address on which a node itself listens.
    fn listen_address(&self, node: NodeId, port: u16) -> SocketAddr;

    /// The network namespace of a node; `None` where there is none.
    fn namespace(&self, node: NodeId) -> Option<Arc<OwnedFd>>;

    /// The runtime whose sockets live at a place.
    fn runtime(&self, place: Place) -> tokio::runtime::Handle;

    /// Cuts exactly these links. What was sent before the call meets the former cuts, what is sent after it returns
    /// meets these.
    fn set_cuts(&self, cut: &BTreeSet<Link>) -> Result<(), EnvironmentError>;

    /// Packets other than probes that cuts have dropped on a link.
    fn dropped(&self, link: Link) -> u64;

    /// Probes sent within a window.
    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount;
}
