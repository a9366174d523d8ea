//! Nodes as processes on loopback, connected by [`Link`]s where the way between them matters.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::link::Link;

/// No condition takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nodes with one set of settings.
pub(crate) struct Cluster {
    directory: TempDir,
    settings: Vec<String>,
    voters: usize,
    pub(crate) clients: Vec<SocketAddr>,
    peers: Vec<SocketAddr>,
    links: BTreeMap<(usize, usize), Link>,
    processes: Vec<Option<Child>>,
}

/// An address that nobody else uses: the process id is in the IP address, all of 127.0.0.0/8 being local. The port is
/// below those that the kernel gives to outgoing connections, any of which might take it first.
pub(crate) fn unused_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(10_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 64 | high, middle, low.clamp(1, 254)], port))
}

impl Cluster {
    /// Starts `size` nodes and waits for a leader.
    pub(crate) async fn start(size: usize, settings: &[&str]) -> Self {
        Self::start_with_spares(size, 0, settings).await
    }

    /// Starts `size` nodes and waits for a leader; so many further ones have addresses and are not started.
    pub(crate) async fn start_with_spares(size: usize, spares: usize, settings: &[&str]) -> Self {
        Self::prepared(size, spares, settings).started().await
    }

    /// Starts `size` nodes whose ways to each other can be [slowed down](Self::slow_down), and waits for a leader.
    pub(crate) async fn start_with_links(size: usize, settings: &[&str]) -> Self {
        let mut cluster = Self::prepared(size, 0, settings);
        for from in 0..size {
            for to in (0..size).filter(|to| *to != from) {
                let link = Link::to(cluster.peers[to]).await.expect("a relay on loopback");
                cluster.links.insert((from, to), link);
            }
        }
        cluster.started().await
    }

    fn prepared(size: usize, spares: usize, settings: &[&str]) -> Self {
        let total = size + spares;
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            settings: settings.iter().map(|text| (*text).to_owned()).collect(),
            voters: size,
            clients: (0..total).map(|_| unused_address()).collect(),
            peers: (0..total).map(|_| unused_address()).collect(),
            links: BTreeMap::new(),
            processes: (0..total).map(|_| None).collect(),
        }
    }

    async fn started(mut self) -> Self {
        (0..self.voters).for_each(|node| self.spawn(node));
        self.leader().await;
        self
    }

    /// Starts a node's process.
    pub(crate) fn spawn(&mut self, node: usize) {
        let name = name(node);
        let known = |other: &usize| *other < self.voters || node >= self.voters || *other == node;
        let peers: Vec<_> = (0..self.clients.len())
            .filter(known)
            .map(|other| {
                let address = self.links.get(&(node, other)).map_or(self.peers[other], |link| link.address);
                format!("{}={address}", crate::cluster::name(other))
            })
            .collect();
        let log = self.directory.path().join(format!("{name}.log"));
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_target-node"));
        command
            .args(["--id", &name, "--peers", &peers.join(","), "--listen-peer", &self.peers[node].to_string()])
            .args(["--listen-client", &self.clients[node].to_string(), "--data"])
            .arg(self.directory.path().join(&name));
        if node >= self.voters {
            command.arg("--join");
        }
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.processes[node] = Some(process.expect("target-node starts"));
    }

    /// Ends a node as `kill -9` does.
    pub(crate) fn kill(&mut self, node: usize) {
        if let Some(mut process) = self.processes[node].take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Where a node listens for its peers.
    pub(crate) fn peer_address(&self, node: usize) -> SocketAddr {
        self.peers[node]
    }

    /// Makes every [`Link`] to and from a node take so long.
    pub(crate) fn slow_down(&self, node: usize, one_way: Duration) {
        for ((from, to), link) in &self.links {
            if *from == node || *to == node {
                link.delay(one_way);
            }
        }
    }

    /// A node's account of itself.
    pub(crate) async fn status(&self, node: usize) -> Option<Value> {
        self.ask(node, "/status").await
    }

    async fn ask(&self, node: usize, path: &str) -> Option<Value> {
        let mut client = Client::with_patience(self.clients[node], Duration::from_millis(500));
        Some(client.get(path).await?.json())
    }

    /// Waits until a running node leads and all of its voters that run follow it.
    pub(crate) async fn leader(&self) -> usize {
        self.wait("a leader", async |cluster: &Self| {
            let mut leader = None;
            let mut followed = BTreeMap::new();
            for node in cluster.running() {
                let status = cluster.status(node).await?;
                if status["role"] == "leader" {
                    leader = Some(node);
                }
                followed.insert(name(node), status["leader"].clone());
            }
            let config = cluster.ask(leader?, "/config").await?;
            let running = config["members"]["voters"].as_object()?.keys().filter_map(|voter| followed.get(voter));
            leader.filter(|leader| running.into_iter().all(|of| *of == name(*leader).as_str()))
        })
        .await
    }

    /// Asks until there is an answer.
    pub(crate) async fn wait<T>(&self, what: &str, condition: impl AsyncFn(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(answer) = condition(self).await {
                return answer;
            }
            assert!(started.elapsed() < PATIENCE, "{what} is not there after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The nodes that run.
    pub(crate) fn running(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|node| self.processes[*node].is_some()).collect()
    }

    /// The process of a node.
    pub(crate) fn process_id(&self, node: usize) -> Option<u32> {
        self.processes[node].as_ref().map(Child::id)
    }

    /// Where a node keeps its data.
    pub(crate) fn data(&self, node: usize) -> PathBuf {
        self.directory.path().join(name(node))
    }

    /// The events a node has written.
    pub(crate) fn events(&self, node: usize) -> Vec<Value> {
        let path = self.data(node).join("events.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// The name of a node.
pub(crate) fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.running() {
            self.kill(node);
        }
    }
}
