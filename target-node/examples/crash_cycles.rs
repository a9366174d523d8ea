//! Kills nodes of a small cluster under load with `kill -9` and starts them again, over and over; then, and all the time,
//! every acknowledged write must be there.
//!
//! `cargo run --release -p schism-node --example crash_cycles -- --cycles 1000`
//!
//! Three nodes with `fsync=always` and a short log, so that snapshots are taken and installed all the time. Each cycle has
//! its own sets of numbers; they are checked at the end of the cycle and again some cycles later. What is random follows
//! from the seed. Exits with 1 and says what is missing if a promise was broken.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use target_node::cli::{NodeArgs, run};

const NODES: usize = 3;
const CLIENTS: usize = 4;

/// A cycle's sets are checked a second time after so many cycles, and then deleted.
const CHECKED_AGAIN_AFTER: usize = 5;

/// Nothing in a cycle may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    node: Option<Node>,
    #[command(flatten)]
    cycles: Cycles,
}

#[derive(Debug, Subcommand)]
enum Node {
    /// One node of the cluster: how this program starts itself.
    Node(NodeArgs),
}

#[derive(Debug, Args)]
struct Cycles {
    /// How often nodes are killed and started again.
    #[arg(long, default_value_t = 1000)]
    cycles: usize,
    /// Decides which nodes, and when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.node {
        Some(Node::Node(node)) => run(node),
        None => perform(&arguments.cycles),
    }
}

#[expect(clippy::print_stdout, reason = "the result is for whoever started it")]
fn perform(cycles: &Cycles) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let started = Instant::now();
    match runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(perform_cycles(cycles))) {
        Ok(summary) => {
            println!("{summary}; {:.0} s", started.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("seed {}: {broken}", cycles.seed);
            ExitCode::FAILURE
        }
    }
}

/// The nodes' processes and addresses.
struct Cluster {
    data: tempfile::TempDir,
    peers: Vec<SocketAddr>,
    clients: Vec<SocketAddr>,
    processes: Vec<Option<Child>>,
    http: reqwest::Client,
}

impl Cluster {
    fn new() -> Result<Self, String> {
        let address = |port: u16| {
            let [_, high, middle, low] = std::process::id().to_be_bytes();
            SocketAddr::from(([127, 64 | high, middle, low.clamp(1, 254)], port))
        };
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).timeout(Duration::from_secs(3)).build();
        Ok(Self {
            data: tempfile::tempdir().map_err(|error| error.to_string())?,
            peers: (0..NODES).map(|index| address(20_000 + index as u16)).collect(),
            clients: (0..NODES).map(|index| address(21_000 + index as u16)).collect(),
            processes: (0..NODES).map(|_| None).collect(),
            http: http.map_err(|error| error.to_string())?,
        })
    }

    fn start(&mut self, index: usize) -> Result<(), String> {
        let name = format!("n{}", index + 1);
        let peers: Vec<String> =
            self.peers.iter().enumerate().map(|(index, address)| format!("n{}={address}", index + 1)).collect();
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.data.path().join(format!("{name}.log")));
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let child = Command::new(program)
            .args(["node", "--id", &name, "--peers", &peers.join(","), "--set", "catch-up=log-keep:20"])
            .args(["--listen-client", &self.clients[index].to_string(), "--data"])
            .arg(self.data.path().join(&name))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.map_err(|error| error.to_string())?)
            .spawn();
        self.processes[index] = Some(child.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Ends a node as `kill -9` does. A node that has ended by itself broke a promise.
    fn kill(&mut self, index: usize) -> Result<(), String> {
        let Some(mut process) = self.processes[index].take() else { return Ok(()) };
        match process.try_wait() {
            Ok(None) => process.kill().and_then(|()| process.wait()).map(drop).map_err(|error| error.to_string()),
            ended => {
                Err(format!("n{} ended by itself ({ended:?}): {}", index + 1, last_words(self.data.path(), index)))
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn last_words(data: &Path, index: usize) -> String {
    let log = std::fs::read_to_string(data.join(format!("n{}.log", index + 1))).unwrap_or_default();
    log.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
}

/// How clients reach whoever leads.
#[derive(Clone)]
struct Door {
    http: reqwest::Client,
    clients: Vec<SocketAddr>,
    leader: Arc<AtomicUsize>,
}

impl Door {
    /// Asks whoever led last; on any answer but an ok the next one is asked next time.
    async fn ask(&self, path: &str, body: &Value) -> Option<Value> {
        let index = self.leader.load(Ordering::Relaxed);
        let url = format!("http://{}{path}", self.clients[index]);
        let answer = self.http.post(url).json(body).send().await;
        match answer {
            Ok(answer) if answer.status() == 200 => answer.json().await.ok(),
            _ => {
                let next = (index + 1) % self.clients.len();
                let _ = self.leader.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
                None
            }
        }
    }

    /// Asks until there is an answer.
    async fn insist(&self, path: &str, body: &Value) -> Result<Value, String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(answer) = self.ask(path, body).await {
                return Ok(answer);
            }
        }
        Err(format!("no answer to {path} {body} within {PATIENCE:?}"))
    }
}

/// A set that one client fills during one cycle, and what of it was acknowledged.
struct Written {
    key: String,
    acknowledged: Mutex<BTreeSet<u64>>,
}

impl Written {
    /// Adds numbers until the cycle is over. None is sent twice.
    async fn fill(&self, door: &Door, over: &AtomicBool) {
        for number in 1.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            if door.ask("/v1/add", &json!({"key": self.key, "value": number})).await.is_some() {
                self.acknowledged.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(number);
            }
        }
    }

    /// Reads the set; returns how many numbers were acknowledged.
    async fn check(&self, door: &Door) -> Result<usize, String> {
        let answer = door.insist("/v1/read", &json!({"key": self.key})).await?;
        let found = answer["value"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found: BTreeSet<u64> = found.iter().filter_map(Value::as_u64).collect();
        let acknowledged = self.acknowledged.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        if lost.is_empty() {
            Ok(acknowledged.len())
        } else {
            Err(format!("{}: acknowledged and lost: {lost:?}", self.key))
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress is for whoever waits")]
async fn perform_cycles(cycles: &Cycles) -> Result<String, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(cycles.seed);
    let mut cluster = Cluster::new()?;
    (0..NODES).try_for_each(|index| cluster.start(index))?;
    let leader = Arc::new(AtomicUsize::new(0));
    let door = Door { http: cluster.http.clone(), clients: cluster.clients.clone(), leader };
    let mut kept: VecDeque<Vec<Arc<Written>>> = VecDeque::new();
    let (mut acknowledged, mut kills) = (0, 0);
    for cycle in 1..=cycles.cycles {
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = tokio::task::JoinSet::new();
        let sets: Vec<Arc<Written>> = (0..CLIENTS)
            .map(|client| Arc::new(Written { key: format!("cycle-{cycle}-{client}"), acknowledged: Mutex::default() }))
            .collect();
        for set in &sets {
            let (set, door, over) = (Arc::clone(set), door.clone(), Arc::clone(&over));
            tasks.spawn(async move { set.fill(&door, &over).await });
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..200))).await;
        // One node, two, or all of them, one after the other or at once.
        let victims = [1, 1, 1, 2, 3][rng.random_range(0..5)];
        let first = rng.random_range(0..NODES);
        for victim in 0..victims {
            cluster.kill((first + victim) % NODES)?;
            kills += 1;
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..300))).await;
        for victim in 0..victims {
            cluster.start((first + victim) % NODES)?;
        }
        door.insist("/v1/add", &json!({"key": "alive", "value": cycle % 10})).await?;
        over.store(true, Ordering::Relaxed);
        while tasks.join_next().await.is_some() {}
        for set in &sets {
            acknowledged += set.check(&door).await?;
        }
        kept.push_back(sets);
        if kept.len() > CHECKED_AGAIN_AFTER {
            for set in kept.pop_front().into_iter().flatten() {
                set.check(&door).await?;
                door.insist("/v1/delete", &json!({"key": set.key})).await?;
            }
        }
        if cycle % 50 == 0 {
            eprintln!("{cycle} cycles, {kills} kills, {acknowledged} acknowledged writes");
        }
    }
    for set in kept.iter().flatten() {
        set.check(&door).await?;
    }
    (0..NODES).try_for_each(|index| cluster.kill(index))?;
    let logs: String = (0..NODES)
        .filter_map(|index| std::fs::read_to_string(cluster.data.path().join(format!("n{}.log", index + 1))).ok())
        .collect();
    let count = |what: &str| logs.matches(what).count();
    Ok(format!(
        "{} cycles, {kills} kills, {acknowledged} acknowledged writes, none lost; {} snapshots stored, {} installed, {} \
         torn tails",
        cycles.cycles,
        count("stored a snapshot"),
        count("installed the leader's snapshot"),
        count("dropped a torn tail"),
    ))
}
