//! A node from its beginning to its end: recovery, listening, running, stopping.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::arrival::NodeHandle;
use super::counters::NodeCounters;
use super::descriptors::connections_max;
use super::incoming::Incoming;
use super::leave::leave;
use super::node_loop::NodeLoop;
use super::peers::{Callers, Peers};
use super::wire::{FrameError, Hello};
use crate::core::{Core, Ledger, Members, NodeId, Position, ProtocolEvent, Restored, Snapshot};
use crate::http;
use crate::settings::Settings;
use crate::storage::{
    Contents, DataDirectory, DiskFiles, EventLog, LogOptions, LogWriter, SEGMENT_BYTES, StorageError, Store,
};

/// What a node needs to know, with no option left open.
#[derive(Debug, Clone)]
pub(crate) struct NodePlan {
    pub(crate) id: NodeId,
    /// Other nodes, and where this one reaches them.
    pub(crate) peers: BTreeMap<NodeId, SocketAddr>,
    /// The members as long as the log says nothing of them: nobody for a node that joins.
    pub(crate) members: Members,
    pub(crate) listen_peer: SocketAddr,
    pub(crate) listen_client: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
    pub(crate) request_timeout: Duration,
}

/// Why a node did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("listening for {whom} on {address} failed: {source}; choose another address by {flag}")]
    Listen { whom: &'static str, address: SocketAddr, flag: &'static str, source: io::Error },
    #[error("the greeting to the peers cannot be encoded: {0}")]
    Hello(#[from] FrameError),
    #[error("the operating system refused {what}: {source}")]
    System { what: &'static str, source: io::Error },
}

impl NodeError {
    fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

/// Runs a node until it is told to stop, on the calling thread and one more for the log.
pub(crate) fn run(plan: &NodePlan) -> Result<(), NodeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(NodeError::system("an event queue"))?;
    runtime.block_on(serve(plan))
}

async fn serve(plan: &NodePlan) -> Result<(), NodeError> {
    // Signals first: from here on a request to stop is an orderly stop.
    let stop = stop_on_signal()?;
    let directory = DataDirectory::open(&plan.data)?;
    let (store, restored, events) = recover(&directory, plan)?;
    let peer_listener = listen(plan.listen_peer, "peers", "--listen-peer").await?;
    let client_listener = listen(plan.listen_client, "clients", "--listen-client").await?;

    let (written_sender, written) = mpsc::unbounded_channel();
    let writer = LogWriter::start(store, written_sender).map_err(NodeError::system("a thread for the log"))?;
    let (handle, inbox) = NodeHandle::new(plan.settings.service_rate);
    let hello = Hello::new(plan.id, plan.listen_peer);
    let callers = Callers::default();
    let incoming = Incoming::new(hello.clone(), callers.clone(), handle.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(incoming.accept(peer_listener));
    let (events_growth, events_grown) = watch::channel(0);
    let service = http::Service {
        node: handle.clone(),
        id: plan.id,
        request_timeout: plan.request_timeout,
        connections_max: connections_max(),
        events: directory.events_path(),
        events_grown,
    };
    let http = tokio::spawn(http::serve(client_listener, service, stop.clone()));

    let started = Instant::now();
    let base = restored.snapshot.as_ref().map_or(Position(0), |snapshot| snapshot.position);
    let last = restored.entries.last().map_or(base, |entry| entry.position);
    let core = Core::new(plan.id, plan.members.clone(), plan.settings.clone(), restored, plan.seed, 0);
    let peers = Peers::start(plan.id, &hello, plan.peers.clone(), callers, core.members())?;
    let node_loop = NodeLoop {
        core,
        started,
        inbox,
        written,
        writer,
        events,
        events_growth,
        peers,
        last,
        waiting: rustc_hash::FxHashMap::default(),
        next_request: 0,
        swept: started,
        counters: NodeCounters::default(),
    };
    info!(id = %plan.id, peers = plan.peers.len(), clients = %plan.listen_client, "serving");
    let end = CancellationToken::new();
    tokio::spawn(leave(stop.clone(), handle, plan.settings.failover, end.clone()));
    let outcome = node_loop.run(end).await;
    stop.cancel();
    // The answers that are on their way may leave; a client that does not take its own is not waited for.
    let _ = tokio::time::timeout(FAREWELL, http).await;
    info!("stopped");
    Ok(outcome?)
}

/// How long answers may take to leave at the end.
const FAREWELL: Duration = Duration::from_millis(300);

async fn listen(address: SocketAddr, whom: &'static str, flag: &'static str) -> Result<TcpListener, NodeError> {
    TcpListener::bind(address).await.map_err(|source| NodeError::Listen { whom, address, flag, source })
}

/// Reads what the node knew before it stopped.
fn recover(directory: &DataDirectory, plan: &NodePlan) -> Result<(Store, Restored, EventLog), NodeError> {
    let options = LogOptions {
        files: Arc::new(DiskFiles),
        fsync: plan.settings.fsync,
        segment_bytes: SEGMENT_BYTES,
        threaded: true,
    };
    let kept_entries = plan.settings.catch_up.log_keep;
    let (store, Contents { hard_state, snapshot, entries }) =
        Store::open::<Snapshot>(&directory.wal_path(), &directory.snapshots_path(), &options, kept_entries)?;
    let (mut ledger, mut past_events) = (Ledger::default(), 0_u64);
    let events = EventLog::open(&directory.events_path(), |event: ProtocolEvent| {
        ledger.record(&event);
        past_events += 1;
    })?;
    let position = snapshot.as_ref().map_or(Position(0), |snapshot| snapshot.position);
    let (term, entries_after) = (hard_state.term, entries.len());
    info!(%term, snapshot = %position, entries_after, past_events, "recovered");
    Ok((store, Restored { hard_state, snapshot, entries, ledger, incarnation: incarnation() }, events))
}

/// A number that no other start of this node has.
fn incarnation() -> u64 {
    // Its keys are random.
    RandomState::new().build_hasher().finish()
}

/// A token that SIGTERM or SIGINT cancels.
fn stop_on_signal() -> Result<CancellationToken, NodeError> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(NodeError::system("a signal handler"))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            info!("stopping, as asked by a signal");
            stop.cancel();
        });
    }
    Ok(stop)
}
