//! "Synchronous replication costs latency": writes at each level, with one follower behind a slow link.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::load::{Load, Work};
use crate::table::{markdown, milliseconds};

/// How long every byte takes to the slow follower, and back.
const ONE_WAY: Duration = Duration::from_micros(2_500);
const CLIENTS: usize = 4;
const MEASURED: Duration = Duration::from_secs(5);
const NODES: usize = 3;

pub(crate) async fn table() -> String {
    let mut rows = Vec::new();
    for replication in ["async", "semi-sync:1", "majority", "semi-sync:2", "sync"] {
        let cluster = Cluster::start_with_links(NODES, &[&format!("replication={replication}")]).await;
        let leader = cluster.leader().await;
        let mut row = vec![replication.to_owned()];
        for slow in [false, true] {
            if slow {
                cluster.slow_down((leader + 1) % NODES, ONE_WAY);
            }
            let leader = [cluster.clients[leader]];
            Load::closed(&leader, CLIENTS, Work::Write).end_after(Duration::from_secs(1)).await;
            let measured = Load::closed(&leader, CLIENTS, Work::Write).end_after(MEASURED).await;
            row.extend([milliseconds(measured.latency(0.5)), milliseconds(measured.latency(0.99))]);
        }
        rows.push(row);
    }
    let title = "Latency of writes in ms, three nodes, without and with 5 ms (there and back) to one follower";
    markdown(title, &["replication", "p50", "p99", "p50, slow", "p99, slow"], &rows)
}
