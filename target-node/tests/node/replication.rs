//! Real nodes on loopback: they elect, replicate, survive kills and come back.

use crate::support::{Cluster, eventually};
use serde_json::{Value, json};

#[tokio::test]
async fn three_nodes_elect_a_leader_and_serve() {
    let cluster = Cluster::start(3, &[]);
    let written = cluster.write("k", 7).await;
    assert_eq!((&written["value"], &written["ack"]), (&json!(7), &json!("majority")));
    assert!(written["term"].as_u64() >= Some(1) && written["position"].as_u64() >= Some(1), "{written}");
    let leader = cluster.leader().await;
    assert_eq!(written["node"], json!(cluster.nodes[leader].name));

    let read = cluster.post(leader, "/v1/read", &json!({"key": "k"})).await.unwrap().expect(200);
    assert_eq!((&read["value"], &read["level"]), (&json!(7), &json!("read-index")));
    let missing = cluster.post(leader, "/v1/read", &json!({"key": "nowhere"})).await.unwrap().expect(200);
    assert_eq!(missing["value"], Value::Null);

    let swap = json!({"key": "k", "old": 7, "new": {"b": [1], "a": "x"}});
    cluster.post(leader, "/v1/cas", &swap).await.unwrap().expect(200);
    assert_eq!(cluster.read("k").await, json!({"a": "x", "b": [1]}));
    for value in [3, 1, 3] {
        cluster.post(leader, "/v1/add", &json!({"key": "s", "value": value})).await.unwrap().expect(200);
    }
    let mut set: Vec<u64> = serde_json::from_value(cluster.read("s").await).unwrap();
    set.sort_unstable();
    assert_eq!(set, [1, 3]);

    // A follower shows the same from its own state before long.
    let follower = (leader + 1) % 3;
    eventually("visible on a follower", || async {
        let read = cluster.post(follower, "/v1/read", &json!({"key": "k", "level": "local"})).await?;
        (read.get("value") == &json!({"a": "x", "b": [1]})).then_some(()).ok_or_else(|| read.body.to_string())
    })
    .await;
}

#[tokio::test]
async fn another_leads_when_the_leader_is_killed_and_it_catches_up_afterwards() {
    let mut cluster = Cluster::start(3, &[]);
    cluster.write("k", 1).await;
    let first = cluster.leader().await;
    cluster.kill(first);
    let written = cluster.write("k", 2).await;
    assert_ne!(written["node"], json!(cluster.nodes[first].name));
    assert_eq!(cluster.read("k").await, json!(2));

    cluster.restart(first);
    cluster.leader().await;
    let position = written["position"].as_u64().unwrap();
    eventually("caught up", || async {
        let status = cluster.status(first).await?;
        (status["positions"]["visible"].as_u64() >= Some(position)).then_some(()).ok_or_else(|| status.to_string())
    })
    .await;
    let read = cluster.post(first, "/v1/read", &json!({"key": "k", "level": "local"})).await.unwrap().expect(200);
    assert_eq!(read["value"], 2);
}

#[tokio::test]
async fn acknowledged_writes_survive_the_kill_of_all() {
    for fsync in ["always", "interval:20", "never"] {
        let mut cluster = Cluster::start(3, &[&format!("fsync={fsync}")]);
        for value in 1..=20 {
            cluster.write(&format!("k{value}"), value).await;
        }
        (0..3).for_each(|index| cluster.kill(index));
        (0..3).for_each(|index| cluster.restart(index));
        for value in 1..=20 {
            assert_eq!(cluster.read(&format!("k{value}")).await, json!(value), "with fsync={fsync}");
        }
    }
}

#[tokio::test]
async fn a_follower_that_stopped_at_one_position_is_sent_what_follows() {
    let mut cluster = Cluster::start(3, &[]);
    for value in 1..=50 {
        cluster.write("k", value).await;
    }
    let leader = cluster.leader().await;
    let follower = (leader + 1) % 3;
    let name = cluster.nodes[follower].name.clone();
    let last = |status: &Value| status["positions"]["last"].as_u64().unwrap();
    let behind = last(&cluster.status(leader).await.unwrap());
    // Until the leader has heard that it is all on the follower's disk.
    eventually("as far as the leader", || async {
        let status = cluster.status(leader).await?;
        (status["followers"][&name]["matched"] == behind).then_some(()).ok_or_else(|| status.to_string())
    })
    .await;

    cluster.kill(follower);
    for value in 51..=70 {
        cluster.post(leader, "/v1/write", &json!({"key": "k", "value": value})).await.unwrap().expect(200);
    }
    let status = cluster.status(leader).await.unwrap();
    assert_eq!(last(&status), behind + 20);
    assert_eq!(status["followers"][&name]["matched"], behind, "{status}");
    assert_eq!(status["followers"][&name]["lag"], 20, "{status}");

    cluster.restart(follower);
    eventually("caught up", || async {
        let (leader, follower) = (cluster.status(leader).await?, cluster.status(follower).await?);
        let done = leader["followers"][&name]["lag"] == 0 && last(&follower) == last(&leader);
        done.then_some(()).ok_or_else(|| format!("{leader} {follower}"))
    })
    .await;
    assert!(
        cluster.log(follower).contains(&format!("entries_after={behind}")),
        "it did not start from its own position"
    );
    eventually("told in its events", || async {
        let events = cluster.events(follower);
        let is_the_rest = |event: &&Value| event["event"] == "appended" && event["previous"] == behind;
        let from = events.iter().find(is_the_rest).map(|event| event["from"].clone());
        (from == Some(json!(behind + 1))).then_some(()).ok_or_else(|| format!("{events:?}"))
    })
    .await;
}

#[tokio::test]
async fn a_write_may_ask_for_more_than_the_cluster_does() {
    let mut cluster = Cluster::start(3, &["replication=async"]);
    let leader = cluster.leader().await;
    for ack in ["async", "semi-sync:1", "majority", "sync"] {
        let body = json!({"key": "k", "value": ack, "ack": ack});
        let written = cluster.post(leader, "/v1/write", &body).await.unwrap().expect(200);
        assert_eq!(written["ack"], ack);
    }
    let follower = (leader + 1) % 3;
    cluster.kill(follower);
    let body = json!({"key": "k", "value": 1, "client": "w1", "operation": 4});
    assert_eq!(cluster.post(leader, "/v1/write", &body).await.unwrap().expect(200)["ack"], "async");
}

#[tokio::test]
async fn an_async_write_that_only_the_old_leader_had_is_reported_as_truncated() {
    let mut cluster = Cluster::start(3, &["replication=async"]);
    let leader = cluster.leader().await;
    cluster.post(leader, "/v1/write", &json!({"key": "k", "value": 1, "ack": "sync"})).await.unwrap().expect(200);
    // With both followers gone nobody else can have it; the leader goes before its followers come back.
    for index in (0..3).filter(|index| *index != leader) {
        cluster.kill(index);
    }
    let body = json!({"key": "lost", "value": 5, "client": "w1", "operation": 9});
    let written = cluster.post(leader, "/v1/write", &body).await.unwrap().expect(200);
    cluster.kill(leader);
    for index in (0..3).filter(|index| *index != leader) {
        cluster.restart(index);
    }
    cluster.write("k", 2).await;
    cluster.restart(leader);
    let event = eventually("reported", || async {
        let events = cluster.events(leader);
        let found = events.iter().find(|event| event["event"] == "truncated-acked").cloned();
        found.ok_or_else(|| format!("{events:?}"))
    })
    .await;
    assert_eq!((&event["position"], &event["term"]), (&written["position"], &written["term"]));
    assert_eq!((&event["client"], &event["operation"]), (&json!("w1"), &json!(9)));
    assert_eq!((&event["f"], &event["key"], &event["value"]), (&json!("write"), &json!("lost"), &json!(5)));
    let acknowledged = cluster.events(leader).iter().any(|event| {
        event["event"] == "acknowledged"
            && event["from"].as_u64() <= written["position"].as_u64()
            && event["to"].as_u64() >= written["position"].as_u64()
    });
    assert!(acknowledged, "{:?}", cluster.events(leader));
    assert!(cluster.log(leader).contains("truncated a write that this node had acknowledged"));
    assert_eq!(cluster.read("lost").await, Value::Null);
}
