//! "Read throughput triples with two followers": local reads of every node, each node at the same service rate.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::load::{Load, Work};
use crate::table::markdown;

/// Operations a second that each node serves.
const SERVICE_RATE: u64 = 3_000;
const CLIENTS_PER_NODE: usize = 16;
const MEASURED: Duration = Duration::from_secs(5);

pub(crate) async fn table() -> String {
    let setting = format!("service-rate={SERVICE_RATE}");
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut alone = None;
    for nodes in [1, 2, 3, 5] {
        let cluster = Cluster::start(nodes, &[&setting, "read=local"]).await;
        Load::closed(&cluster.clients, 4, Work::Write).end_after(Duration::from_secs(1)).await;
        let load = Load::closed(&cluster.clients, CLIENTS_PER_NODE * nodes, Work::Read("local"));
        let rate = load.end_after(MEASURED).await.rate();
        let one = *alone.get_or_insert(rate);
        rows.push(vec![nodes.to_string(), format!("{rate:.0}"), format!("{:.2}", rate / one)]);
    }
    let title = format!("Reads of any node (`read=local`), every node serving {SERVICE_RATE} operations a second");
    markdown(&title, &["nodes", "reads/s", "times one node"], &rows)
}
