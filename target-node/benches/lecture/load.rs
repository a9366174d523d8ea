//! Load: clients that ask as fast as they are answered (closed loop), or at a rate of their own (open loop).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::Client;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Write registers through the leader.
    Write,
    /// Read registers at this level.
    Read(&'static str),
}

/// So many keys are in use.
const KEYS: u64 = 10_000;
/// The bytes of a written value.
const VALUE_BYTES: usize = 256;

impl Work {
    fn request(self, number: u64) -> (&'static str, String) {
        let key = number % KEYS;
        match self {
            Work::Write => ("/v1/write", format!(r#"{{"key":"k{key}","value":"{number:0>VALUE_BYTES$}"}}"#)),
            Work::Read(level) => ("/v1/read", format!(r#"{{"key":"k{key}","level":"{level}"}}"#)),
        }
    }
}

/// What a load came to.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// For each operation that ended well: when it was due and when it ended, since the start of the load.
    pub(crate) ok: Vec<(Duration, Duration)>,
    /// Operations that ended otherwise.
    pub(crate) failed: u64,
    pub(crate) took: Duration,
}

impl Measured {
    /// Operations a second.
    pub(crate) fn rate(&self) -> f64 {
        self.ok.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency that this share of the operations did not exceed.
    pub(crate) fn latency(&self, share: f64) -> Duration {
        let mut latencies: Vec<_> = self.ok.iter().map(|(due, ended)| *ended - *due).collect();
        latencies.sort_unstable();
        let index = ((latencies.len() as f64 * share) as usize).min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().unwrap_or_default()
    }

    /// The smallest number of operations that ended in one second, and the mean over the seconds.
    pub(crate) fn worst_second(&self) -> (u64, f64) {
        let seconds = self.took.as_secs() as usize;
        let mut ended = vec![0_u64; seconds];
        for (_, at) in &self.ok {
            if let Some(second) = ended.get_mut(at.as_secs() as usize) {
                *second += 1;
            }
        }
        let mean = ended.iter().sum::<u64>() as f64 / seconds.max(1) as f64;
        (ended.into_iter().min().unwrap_or_default(), mean)
    }
}

/// Clients at work.
pub(crate) struct Load {
    tasks: JoinSet<Measured>,
    stop: Arc<AtomicBool>,
    started: Instant,
}

impl Load {
    /// So many clients, each asking again once it is answered; client i begins with node i mod n.
    pub(crate) fn closed(nodes: &[SocketAddr], clients: usize, work: Work) -> Self {
        Self::start(nodes, clients, work, None)
    }

    /// So many clients that together ask `rate` times a second, however long the answers take.
    pub(crate) fn open(nodes: &[SocketAddr], clients: usize, work: Work, rate: f64) -> Self {
        Self::start(nodes, clients, work, Some(Duration::from_secs_f64(clients as f64 / rate)))
    }

    fn start(nodes: &[SocketAddr], clients: usize, work: Work, interval: Option<Duration>) -> Self {
        let (stop, started) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let numbers = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for index in 0..clients {
            let worker = Worker {
                nodes: nodes.to_vec(),
                aim: index % nodes.len(),
                work,
                numbers: Arc::clone(&numbers),
                stop: Arc::clone(&stop),
                started,
                interval,
                offset: interval.unwrap_or_default().mul_f64(index as f64 / clients as f64),
            };
            tasks.spawn(worker.run());
        }
        Self { tasks, stop, started }
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends it after so long from its start.
    pub(crate) async fn end_after(mut self, duration: Duration) -> Measured {
        tokio::time::sleep_until((self.started + duration).into()).await;
        self.stop.store(true, Ordering::Relaxed);
        let took = self.started.elapsed();
        let mut all = Measured { took, ..Measured::default() };
        while let Some(Ok(measured)) = self.tasks.join_next().await {
            all.ok.extend(measured.ok);
            all.failed += measured.failed;
        }
        all
    }
}

struct Worker {
    nodes: Vec<SocketAddr>,
    aim: usize,
    work: Work,
    numbers: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    started: Instant,
    interval: Option<Duration>,
    offset: Duration,
}

impl Worker {
    async fn run(mut self) -> Measured {
        let mut client = Client::with_patience(self.nodes[self.aim], Duration::from_secs(2));
        let mut measured = Measured::default();
        let mut turn = 0_u32;
        while !self.stop.load(Ordering::Relaxed) {
            let mut due = self.started.elapsed();
            if let Some(interval) = self.interval {
                due = self.offset + interval * turn;
                turn += 1;
                tokio::time::sleep_until((self.started + due).into()).await;
            }
            if self.operate(&mut client).await {
                measured.ok.push((due, self.started.elapsed()));
            } else {
                measured.failed += 1;
            }
        }
        measured
    }

    /// One operation; one that was refused by a node that does not lead is asked of the next one.
    async fn operate(&mut self, client: &mut Client) -> bool {
        let (path, body) = self.work.request(self.numbers.fetch_add(1, Ordering::Relaxed));
        for _ in 0..200 {
            match client.post(path, &body).await {
                Some(answer) if answer.status == 200 => return true,
                Some(answer) if answer.status == 421 => {
                    let leader = answer.json()["leader"].as_str().and_then(|name| name[1..].parse::<usize>().ok());
                    let known = leader.and_then(|number| number.checked_sub(1)).filter(|node| *node < self.nodes.len());
                    if known.is_none() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    self.aim = known.unwrap_or((self.aim + 1) % self.nodes.len());
                }
                _ => {
                    self.aim = (self.aim + 1) % self.nodes.len();
                    client.turn_to(self.nodes[self.aim]);
                    return false;
                }
            }
            client.turn_to(self.nodes[self.aim]);
        }
        false
    }
}
