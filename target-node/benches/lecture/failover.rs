//! "Consensus elects one leader": from the death of the leader to the first write acknowledged after it.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::cluster::Cluster;
use crate::table::{markdown, milliseconds};

const ROUNDS: usize = 100;
const NODES: usize = 3;
/// The largest election timeout of the default settings.
const ELECTION_TIMEOUT_MAX: Duration = Duration::from_millis(600);

pub(crate) async fn table() -> String {
    let mut cluster = Cluster::start(NODES, &[]).await;
    let mut outages = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let leader = cluster.leader().await;
        write_once(&cluster, leader, round).await;
        cluster.kill(leader);
        let killed = Instant::now();
        let mut node = leader;
        loop {
            node = (node + 1) % NODES;
            if node != leader && write_once(&cluster, node, round).await {
                break;
            }
        }
        outages.push(killed.elapsed());
        cluster.spawn(leader);
    }
    outages.sort_unstable();
    let at = |share: f64| outages[((ROUNDS as f64 * share) as usize).min(ROUNDS - 1)];
    let times = at(0.99).as_secs_f64() / ELECTION_TIMEOUT_MAX.as_secs_f64();
    let mut row = vec![ROUNDS.to_string()];
    row.extend([at(0.0), at(0.5), at(0.99), at(1.0)].map(milliseconds));
    row.push(format!("{times:.2}"));
    let title = "From `kill -9` of the leader to the first acknowledged write, in ms, three nodes, default settings";
    let header = ["rounds", "least", "median", "p99", "most", "p99 / largest election timeout"];
    markdown(title, &header, &[row])
}

async fn write_once(cluster: &Cluster, node: usize, value: usize) -> bool {
    let mut client = Client::with_patience(cluster.clients[node], Duration::from_millis(200));
    let answer = client.post("/v1/write", &format!(r#"{{"key":"k","value":{value}}}"#)).await;
    answer.is_some_and(|answer| answer.status == 200)
}
