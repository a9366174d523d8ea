//! A client that never rests, and knows what it was promised.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Cluster, eventually};

/// One client that appends one number after the other to a list, each until it is acknowledged.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    client: JoinHandle<Vec<u64>>,
}

impl Load {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let addresses: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.client_address).collect();
        let (http, stopped) = (cluster.http.clone(), Arc::clone(&stop));
        let client = tokio::spawn(async move {
            let (mut acknowledged, mut aim) = (Vec::new(), 0);
            for number in 1_u64.. {
                // Under its own number an operation takes effect once, however often it is sent.
                let body = json!({"key": "list", "value": number, "client": "load", "operation": number});
                loop {
                    if stopped.load(Ordering::Relaxed) {
                        return acknowledged;
                    }
                    let url = format!("http://{}/v1/append", addresses[aim]);
                    match http.post(url).json(&body).send().await {
                        Ok(answer) if answer.status() == 200 => break,
                        Ok(_) | Err(_) => {
                            aim = (aim + 1) % addresses.len();
                            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                        }
                    }
                }
                acknowledged.push(number);
            }
            acknowledged
        });
        Self { stop, client }
    }

    /// Waits until more has been acknowledged than now.
    pub(crate) async fn goes_on(&self, cluster: &Cluster) {
        let count = |list: Value| list.as_array().map_or(0, Vec::len);
        let before = count(read_list(cluster).await);
        eventually("went on", || async {
            let now = count(read_list(cluster).await);
            if now > before + 5 { Ok(()) } else { Err(format!("{before} then, {now} now")) }
        })
        .await;
    }

    /// Ends it, and compares what was acknowledged with what is there.
    pub(crate) async fn check(self, cluster: &Cluster) {
        self.stop.store(true, Ordering::Relaxed);
        let acknowledged = self.client.await.unwrap();
        let list: Vec<u64> = serde_json::from_value(read_list(cluster).await).unwrap();
        assert!(acknowledged.len() > 10, "{acknowledged:?}");
        // The last one may have been performed without having been acknowledged.
        assert_eq!(list[..acknowledged.len()], acknowledged);
        assert!(list.len() <= acknowledged.len() + 1, "{list:?}");
    }
}

/// Reads the list from whoever answers.
async fn read_list(cluster: &Cluster) -> Value {
    eventually("read", || async {
        let mut reasons = Vec::new();
        for index in cluster.running() {
            match cluster.post(index, "/v1/read", &json!({"key": "list"})).await {
                Ok(answer) if answer.status == 200 => return Ok(answer.body["value"].clone()),
                other => reasons.push(format!("{other:?}")),
            }
        }
        Err(reasons.join("; "))
    })
    .await
}
