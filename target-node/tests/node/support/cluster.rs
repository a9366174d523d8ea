//! A cluster of node processes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::eventually;

/// An answer of a node.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The member of the body, or null.
    pub(crate) fn get(&self, name: &str) -> &Value {
        &self.body[name]
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// An address that nobody else uses: the process id is in the IP address, all of 127.0.0.0/8 being local. The port is
/// below those that the kernel gives to outgoing connections, any of which might take it first.
fn unused_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(10_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 64 | high, middle, low.clamp(1, 254)], port))
}

/// One node: its addresses, and its process while it runs.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) client_address: SocketAddr,
    pub(crate) peer_address: SocketAddr,
    process: Option<Child>,
}

impl Node {
    fn new(index: usize) -> Self {
        let (client_address, peer_address) = (unused_address(), unused_address());
        Self { name: format!("n{}", index + 1), client_address, peer_address, process: None }
    }
}

/// Nodes with one set of settings.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) directory: TempDir,
    pub(crate) http: reqwest::Client,
    /// How many nodes founded it; those after them join.
    founders: usize,
    arguments: Vec<String>,
}

impl Cluster {
    /// Starts `size` nodes with these settings.
    pub(crate) fn start(size: usize, settings: &[&str]) -> Self {
        Self::start_with(size, settings, &[])
    }

    /// Starts `size` nodes with these settings and further arguments.
    pub(crate) fn start_with(size: usize, settings: &[&str], further: &[&str]) -> Self {
        let mut cluster = Self::prepare(size, settings, further);
        (0..size).for_each(|index| cluster.restart(index));
        cluster
    }

    /// Chooses addresses and starts nothing.
    pub(crate) fn prepare(size: usize, settings: &[&str], further: &[&str]) -> Self {
        let nodes = (0..size).map(Node::new).collect();
        let mut arguments: Vec<String> = further.iter().map(|text| (*text).to_owned()).collect();
        for setting in settings {
            arguments.extend(["--set".to_owned(), (*setting).to_owned()]);
        }
        let http =
            reqwest::Client::builder().no_proxy().tcp_nodelay(true).timeout(Duration::from_secs(10)).build().unwrap();
        Self { nodes, directory: tempfile::tempdir().unwrap(), http, founders: size, arguments }
    }

    /// Starts a further node, which waits to be added; returns its index.
    pub(crate) fn join(&mut self) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node::new(index));
        self.restart(index);
        index
    }

    /// Where a node keeps its data.
    pub(crate) fn data(&self, index: usize) -> PathBuf {
        self.directory.path().join(&self.nodes[index].name)
    }

    /// The command that starts a node.
    pub(crate) fn command(&self, index: usize) -> Command {
        let node = &self.nodes[index];
        let joins = index >= self.founders;
        let known = if joins { self.nodes.as_slice() } else { &self.nodes[..self.founders] };
        let peers: Vec<String> = known.iter().map(|node| format!("{}={}", node.name, node.peer_address)).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_target-node"));
        command.args(joins.then_some("--join"));
        command
            .args(["--id", &node.name, "--peers", &peers.join(",")])
            .args(["--listen-client", &node.client_address.to_string()])
            .arg("--data")
            .arg(self.data(index))
            .args(&self.arguments);
        command
    }

    /// Starts a node that is not running. Its log goes to a file beside its data.
    pub(crate) fn restart(&mut self, index: usize) {
        assert!(self.nodes[index].process.is_none(), "it runs already");
        let path = self.directory.path().join(format!("{}.log", self.nodes[index].name));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        let process = self.command(index).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.nodes[index].process = Some(process);
    }

    /// What a node logged so far.
    pub(crate) fn log(&self, index: usize) -> String {
        std::fs::read_to_string(self.directory.path().join(format!("{}.log", self.nodes[index].name))).unwrap()
    }

    /// Ends a node as `kill -9` does.
    pub(crate) fn kill(&mut self, index: usize) {
        let mut process = self.nodes[index].process.take().expect("it does not run");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// The process of a running node.
    pub(crate) fn process_id(&self, index: usize) -> u32 {
        self.nodes[index].process.as_ref().expect("it does not run").id()
    }

    /// Sends a signal to a running node.
    pub(crate) fn signal(&self, index: usize, signal: nix::sys::signal::Signal) {
        let process = self.nodes[index].process.as_ref().expect("it does not run");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(process.id() as i32), signal).unwrap();
    }

    /// How much memory a running node holds, in KB.
    pub(crate) fn memory_kb(&self, index: usize) -> u64 {
        let process = self.nodes[index].process.as_ref().expect("it does not run");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits for a node that was told to end, and returns its exit code.
    pub(crate) async fn exit_code(&mut self, index: usize) -> i32 {
        let mut process = self.nodes[index].process.take().expect("it does not run");
        let status = eventually("ended", || {
            let status = process.try_wait().unwrap();
            async move { status.ok_or_else(|| "it still runs".to_owned()) }
        })
        .await;
        status.code().unwrap_or(-1)
    }

    /// Sends a body to a node; `Err` where no answer came.
    pub(crate) async fn post(&self, index: usize, path: &str, body: &Value) -> Result<Answer, String> {
        let url = format!("http://{}{path}", self.nodes[index].client_address);
        let response = self.http.post(url).json(body).send().await.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let body = response.json().await.map_err(|error| format!("{error:?}"))?;
        Ok(Answer { status, body })
    }

    /// A node's account of itself.
    pub(crate) async fn status(&self, index: usize) -> Result<Value, String> {
        let url = format!("http://{}/status", self.nodes[index].client_address);
        let response = self.http.get(url).send().await.map_err(|error| format!("{error:?}"))?;
        response.json().await.map_err(|error| format!("{error:?}"))
    }

    /// Waits until a node leads and all the running ones follow it; returns its index.
    pub(crate) async fn leader(&self) -> usize {
        eventually("one leader", || async {
            let mut claims = Vec::new();
            for index in self.running() {
                claims.push((index, self.status(index).await?));
            }
            let leaders: Vec<_> = claims.iter().filter(|(_, status)| status["role"] == "leader").collect();
            let [(leader, status)] = leaders[..] else { return Err(format!("{claims:?}")) };
            let agreed = claims.iter().all(|(_, other)| other["leader"] == status["node"]);
            if agreed { Ok(*leader) } else { Err(format!("{claims:?}")) }
        })
        .await
    }

    /// The indexes of the nodes that run.
    pub(crate) fn running(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|index| self.nodes[*index].process.is_some()).collect()
    }

    /// Writes through whoever leads, and waits for the acknowledgement. The value must be unique: after an undecided
    /// answer it is written again.
    pub(crate) async fn write(&self, key: &str, value: u64) -> Value {
        eventually("acknowledged", || async {
            let leader = self.leader().await;
            let answer = self.post(leader, "/v1/write", &json!({"key": key, "value": value})).await?;
            if answer.status == 200 { Ok(answer.body) } else { Err(answer.body.to_string()) }
        })
        .await
    }

    /// Reads through whoever leads.
    pub(crate) async fn read(&self, key: &str) -> Value {
        eventually("read", || async {
            let leader = self.leader().await;
            let answer = self.post(leader, "/v1/read", &json!({"key": key})).await?;
            if answer.status == 200 { Ok(answer.body["value"].clone()) } else { Err(answer.body.to_string()) }
        })
        .await
    }

    /// The events a node has written.
    pub(crate) fn events(&self, index: usize) -> Vec<Value> {
        let text = std::fs::read_to_string(self.data(index).join("events.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }
}

impl Drop for Cluster {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the nodes logged")]
    fn drop(&mut self) {
        for index in self.running() {
            self.kill(index);
        }
        if std::thread::panicking() {
            for index in 0..self.nodes.len() {
                let path = self.directory.path().join(format!("{}.log", self.nodes[index].name));
                let log = std::fs::read_to_string(path).unwrap_or_default();
                eprintln!("--- {}\n{log}", self.nodes[index].name);
            }
        }
    }
}
