//! "A follower at 50 asks a leader at 70 for 51 to 70", as the follower's own events tell it; and the same with a million.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Client;
use crate::cluster::{Cluster, name};
use crate::load::{Load, Work};
use crate::table::markdown;

/// Entries that the follower misses in the large experiment.
const MISSED: u64 = 1_000_000;
const NODES: usize = 3;

pub(crate) async fn table() -> String {
    let mut cluster = Cluster::start(NODES, &[]).await;
    let leader = cluster.leader().await;
    let follower = (leader + 1) % NODES;
    let mut client = Client::new(cluster.clients[leader]);
    write_to(&mut client, 50).await;
    caught_up(&cluster, follower, 50).await;
    cluster.kill(follower);
    write_to(&mut client, 70).await;
    let seen = cluster.events(follower).len();
    cluster.spawn(follower);
    caught_up(&cluster, follower, 70).await;
    let rows: Vec<_> = cluster.events(follower)[seen..]
        .iter()
        .filter(|event| event["event"] == "appended")
        .map(|event| ["event", "term", "previous", "from", "to"].map(|member| plain(&event[member])).to_vec())
        .collect();
    let title = format!("What {} took from {} after it had been dead from 50 on", name(follower), name(leader));
    markdown(&title, &["event", "term", "previous", "from", "to"], &rows)
}

pub(crate) async fn bulk_table() -> String {
    let mut cluster = Cluster::start(NODES, &["catch-up=log-keep:3000000"]).await;
    let leader = cluster.leader().await;
    let follower = (leader + 1) % NODES;
    let nodes = [cluster.clients[leader]];
    cluster.kill(follower);
    let (began_at, began) = (last(&cluster, leader).await, Instant::now());
    while last(&cluster, leader).await < began_at + MISSED {
        Load::closed(&nodes, 128, Work::Write).end_after(Duration::from_secs(2)).await;
    }
    let written = last(&cluster, leader).await - began_at;
    let steady = written as f64 / began.elapsed().as_secs_f64();
    let saturated = Load::closed(&nodes, 64, Work::Write).end_after(Duration::from_secs(3)).await.rate();

    let rate = saturated * 0.3;
    let before = Load::open(&nodes, 64, Work::Write, rate).end_after(Duration::from_secs(5)).await;
    let load = Load::open(&nodes, 64, Work::Write, rate);
    let (from, started) = (last(&cluster, leader).await, Instant::now());
    cluster.spawn(follower);
    let took = cluster
        .wait("the follower caught up", async |cluster: &Cluster| {
            let end = cluster.status(leader).await?["positions"]["last"].as_u64()?;
            let own = cluster.status(follower).await?["positions"]["durable"].as_u64()?;
            (own + 1_000 >= end).then(|| started.elapsed())
        })
        .await;
    let during = load.end_after(took.max(Duration::from_secs(2))).await;
    let rate_of = from as f64 / took.as_secs_f64();
    let (worst, _) = during.worst_second();
    let (usual, mean) = before.worst_second();
    let row = vec![
        written.to_string(),
        format!("{steady:.0}"),
        format!("{:.1}", took.as_secs_f64()),
        format!("{rate_of:.0}"),
        format!("{:.2}", rate_of / steady),
        format!("{mean:.0} ({usual})"),
        worst.to_string(),
        format!("{:.1} %", (1.0 - worst as f64 / mean) * 100.0),
    ];
    let header = [
        "missed",
        "written/s",
        "caught up in s",
        "entries/s",
        "ratio",
        "writes/s before (least)",
        "least during",
        "dip",
    ];
    markdown("A follower that missed a million entries catches up from the log, under open-loop load", &header, &[row])
}

async fn last(cluster: &Cluster, node: usize) -> u64 {
    let last = cluster.wait("a status", async |cluster: &Cluster| cluster.status(node).await);
    last.await["positions"]["last"].as_u64().unwrap_or_default()
}

/// Writes until the log ends at `position`.
async fn write_to(client: &mut Client, position: u64) {
    loop {
        let answer = client.post("/v1/write", r#"{"key":"k","value":1}"#).await;
        if answer.is_some_and(|answer| answer.json()["position"].as_u64() >= Some(position)) {
            return;
        }
    }
}

async fn caught_up(cluster: &Cluster, node: usize, position: u64) {
    let reached = async |cluster: &Cluster| {
        let status = cluster.status(node).await?;
        (status["positions"]["visible"].as_u64()? >= position).then_some(())
    };
    cluster.wait("the position", reached).await;
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
