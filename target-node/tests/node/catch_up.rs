//! A node that was away for so long that the log cannot serve it is sent the state instead.

use serde_json::{Value, json};

use crate::support::{Cluster, eventually};

/// Keys with values of [`VALUE_BYTES`]: more than ten times what one message carries of a snapshot.
const KEYS: u64 = 60;
const VALUE_BYTES: usize = 50_000;
/// Entries that follow: far more than the log keeps.
const FURTHER_WRITES: u64 = 150;

async fn get(cluster: &Cluster, index: usize, path: &str) -> Result<String, String> {
    let url = format!("http://{}{path}", cluster.nodes[index].client_address);
    let answer = cluster.http.get(url).send().await.map_err(|error| error.to_string())?;
    answer.text().await.map_err(|error| error.to_string())
}

/// A node's digest of its state at a position.
async fn digest(cluster: &Cluster, index: usize, query: &str) -> Result<Value, String> {
    let text = get(cluster, index, &format!("/admin/digest{query}")).await?;
    let body: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if body["digest"].is_string() { Ok(body) } else { Err(text) }
}

/// Waits until a node has the same digest as another at the position that the other shows.
async fn agrees(cluster: &Cluster, index: usize, other: usize) {
    let expected = digest(cluster, other, "").await.unwrap();
    let query = format!("?position={}", expected["position"]);
    let found = eventually("as far", || digest(cluster, index, &query)).await;
    assert_eq!(found["digest"], expected["digest"], "at {}", expected["position"]);
}

#[tokio::test]
async fn a_follower_that_was_away_for_too_long_installs_a_snapshot_and_agrees() {
    let mut cluster = Cluster::start(3, &["catch-up=log-keep:50"]);
    cluster.write("before", 1).await;
    let away = (cluster.leader().await + 1) % 3;
    cluster.kill(away);
    let text = "x".repeat(VALUE_BYTES);
    for key in 0..KEYS {
        eventually("acknowledged", || async {
            let leader = cluster.leader().await;
            let body = json!({"key": format!("key-{key}"), "value": [key, text]});
            let answer = cluster.post(leader, "/v1/write", &body).await?;
            if answer.status == 200 { Ok(()) } else { Err(answer.body.to_string()) }
        })
        .await;
    }
    for value in 0..FURTHER_WRITES {
        cluster.write("counted", value).await;
    }
    // Whoever leads when it comes back has a short log.
    for index in cluster.running() {
        cluster.post(index, "/admin/snapshot", &json!({})).await.unwrap().expect(200);
    }

    cluster.restart(away);
    let installed = eventually("installed", || async {
        let events = get(&cluster, away, "/events?follow=false").await?;
        let mut events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.find(|event| event["event"] == "snapshot-installed").ok_or_else(|| "no event yet".to_owned())
    })
    .await;
    // A leader that was just elected sends what it knows to be committed, which may not be the newest.
    assert!(installed["position"].as_u64() > Some(KEYS), "{installed}");
    let leader = cluster.leader().await;
    cluster.write("after", 2).await;
    agrees(&cluster, away, leader).await;
    let body = json!({"key": format!("key-{}", KEYS - 1), "level": "local"});
    let last = cluster.post(away, "/v1/read", &body).await.unwrap().expect(200);
    assert_eq!(last["value"], json!([KEYS - 1, text]));

    // What was installed is on its disk.
    cluster.kill(away);
    cluster.restart(away);
    cluster.leader().await;
    agrees(&cluster, away, leader).await;
    assert!(!cluster.log(away).contains("panicked"), "{}", cluster.log(away));
}
