//! "Followers are added and removed without disruption": open-loop writes while a node joins and while others leave.

use std::time::Duration;

use crate::client::Client;
use crate::cluster::{Cluster, name};
use crate::load::{Load, Work};
use crate::table::markdown;

const NODES: usize = 3;
/// What is open-loop load, of the rate at which closed-loop load saturates the cluster.
const SHARE: f64 = 0.3;
const WATCHED: Duration = Duration::from_secs(8);

pub(crate) async fn table() -> String {
    let mut cluster = Cluster::start_with_spares(NODES, 1, &[]).await;
    let nodes = cluster.clients.clone();
    let voters = &nodes[..NODES];
    let saturated = Load::closed(voters, 64, Work::Write).end_after(Duration::from_secs(3)).await.rate();
    let rate = saturated * SHARE;
    let mut rows = Vec::new();
    let load = Load::open(voters, 64, Work::Write, rate);
    rows.push(row("nothing changes", &load.end_after(WATCHED).await));

    let load = Load::open(voters, 64, Work::Write, rate);
    cluster.spawn(NODES);
    change(&cluster, "add", NODES).await;
    let took = load.elapsed();
    rows.push(row(&format!("{} joins ({:.1} s)", name(NODES), took.as_secs_f64()), &load.end_after(WATCHED).await));

    let leader = cluster.leader().await;
    let follower = (0..NODES).find(|node| *node != leader).unwrap_or_default();
    for (node, role) in [(follower, "a follower"), (leader, "the leader")] {
        let load = Load::open(&nodes, 64, Work::Write, rate);
        change(&cluster, "remove", node).await;
        let what = format!("{} leaves, {role} ({:.1} s)", name(node), load.elapsed().as_secs_f64());
        rows.push(row(&what, &load.end_after(WATCHED).await));
    }

    let title = format!(
        "Writes at {rate:.0}/s ({:.0} % of the saturated rate), open loop, while the members change",
        SHARE * 100.0
    );
    markdown(&title, &["change", "ok/s", "least in a second", "dip", "not ok", "p99 ms"], &rows)
}

fn row(what: &str, measured: &crate::load::Measured) -> Vec<String> {
    let (worst, mean) = measured.worst_second();
    vec![
        what.to_owned(),
        format!("{mean:.0}"),
        worst.to_string(),
        format!("{:.1} %", (1.0 - worst as f64 / mean) * 100.0),
        measured.failed.to_string(),
        crate::table::milliseconds(measured.latency(0.99)),
    ]
}

/// Adds or removes a node, by whoever leads.
async fn change(cluster: &Cluster, what: &str, node: usize) {
    let path = format!("/admin/members/{what}");
    cluster
        .wait("the change", async |cluster: &Cluster| {
            let leader = cluster.leader().await;
            let body = match what {
                "add" => {
                    let address = cluster.peer_address(node);
                    format!(r#"{{"node":"{}","address":"{address}"}}"#, name(node))
                }
                _ => format!(r#"{{"node":"{}"}}"#, name(node)),
            };
            let answer = Client::new(cluster.clients[leader]).post(&path, &body).await?;
            (answer.status == 200).then_some(())
        })
        .await;
}
