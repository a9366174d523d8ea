//! How much three nodes do: operations a second, latency, and what an operation costs the processors.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::load::{Load, Work};
use crate::table::{markdown, milliseconds};

const NODES: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);

pub(crate) async fn table() -> String {
    let cluster = Cluster::start(NODES, &[]).await;
    let leader = [cluster.clients[cluster.leader().await]];
    let mut rows = Vec::new();
    for (what, work) in [
        ("write", Work::Write),
        ("read, `read-index`", Work::Read("read-index")),
        ("read, `lease`", Work::Read("lease")),
        ("read, `leader`", Work::Read("leader")),
    ] {
        for clients in [1, 64] {
            Load::closed(&leader, clients, work).end_after(WARM_UP).await;
            let before = processor_time(&cluster);
            let measured = Load::closed(&leader, clients, work).end_after(MEASURED).await;
            let spent = processor_time(&cluster).saturating_sub(before);
            rows.push(vec![
                what.to_owned(),
                clients.to_string(),
                format!("{:.0}", measured.rate()),
                milliseconds(measured.latency(0.5)),
                milliseconds(measured.latency(0.99)),
                format!("{:.0}", spent.as_secs_f64() * 1e6 / measured.ok.len().max(1) as f64),
            ]);
        }
    }
    let title = "Operations of clients that wait for each answer, three nodes, default settings, values of 256 bytes";
    markdown(title, &["operation", "clients", "a second", "p50 ms", "p99 ms", "processor µs of all nodes"], &rows)
}

/// How long the nodes' processes have used processors.
fn processor_time(cluster: &Cluster) -> Duration {
    /// `USER_HZ`, the unit of `/proc/PID/stat`, which is the same on every Linux.
    const TICKS_PER_SECOND: u64 = 100;
    let ticks: u64 = cluster.running().into_iter().filter_map(|node| ticks_of(cluster.process_id(node)?)).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

fn ticks_of(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name is in parentheses and may hold anything; what is wanted are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().ok()).sum()
}
