//! A node's disk over a longer life: the log lets go of what a snapshot stands for, and a restart finds everything.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Cluster, eventually};

/// Writers at once; each has a key of its own.
const WRITERS: u64 = 30;
const WRITES_EACH: u64 = 1000;

/// Writes `WRITES_EACH` values of about 2 KB one after the other under a key.
async fn write_all(http: reqwest::Client, url: String, key: String) {
    for number in 1..=WRITES_EACH {
        let value = json!([number, "x".repeat(2000)]);
        let answer = http.post(&url).json(&json!({"key": key, "value": value})).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    }
}

fn segments(cluster: &Cluster) -> Vec<String> {
    let files = std::fs::read_dir(cluster.data(0).join("wal")).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_log_lets_go_of_what_a_snapshot_stands_for() {
    let mut cluster = Cluster::start(1, &["catch-up=log-keep:1000"]);
    cluster.leader().await;
    let url = format!("http://{}/v1/write", cluster.nodes[0].client_address);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write_all(cluster.http.clone(), url.clone(), format!("key-{writer}")));
    }
    while let Some(outcome) = writers.join_next().await {
        outcome.unwrap();
    }
    // Some 60 MB were written; a thousand entries or two are 4 MB at most, in one or two segments, and one is ready.
    let few = eventually("the oldest segments gone", || async {
        let segments = segments(&cluster);
        let first_is_gone = !segments.contains(&"00000001.wal".to_owned());
        if first_is_gone && segments.len() <= 4 { Ok(segments) } else { Err(format!("{segments:?}")) }
    });
    few.await;
    let memory_kb = cluster.memory_kb(0);
    assert!(memory_kb < 120_000, "the node holds {memory_kb} KB");

    cluster.kill(0);
    cluster.restart(0);
    for writer in 0..WRITERS {
        let found: Value = cluster.read(&format!("key-{writer}")).await;
        assert_eq!(found[0], WRITES_EACH, "under key-{writer}");
    }
    let log = cluster.log(0);
    assert!(log.contains("stored a snapshot") && !log.contains("snapshot=0 entries_after=30"), "{log}");
}
