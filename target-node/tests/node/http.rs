//! The HTTP interface of a real node: each answer has its status, and nothing malformed gets through.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Cluster, eventually};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

#[tokio::test]
async fn definite_refusals_have_a_status_each() {
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let post = |path: &'static str, body: Value| {
        let cluster = &cluster;
        async move { cluster.post(leader, path, &body).await.unwrap() }
    };
    post("/v1/write", json!({"key": "register", "value": 1})).await.expect(200);
    post("/v1/add", json!({"key": "set", "value": 1})).await.expect(200);

    let failed = post("/v1/cas", json!({"key": "register", "old": 2, "new": 3})).await.expect(409);
    assert_eq!(failed["error"], "precondition-failed");
    let wrong = post("/v1/add", json!({"key": "register", "value": 1})).await.expect(422);
    assert_eq!(wrong["error"], "wrong-type");
    post("/v1/write", json!({"key": "set", "value": 1})).await.expect(422);
    let refused = post("/v1/write", json!({"key": "k", "value": 1, "ack": "semi-sync:3"})).await.expect(400);
    assert!(refused["message"].as_str().unwrap().contains("can never be satisfied"), "{refused}");
    let unknown_field = post("/v1/write", json!({"key": "k", "value": 1, "akc": "async"})).await.expect(400);
    assert!(unknown_field["message"].as_str().unwrap().contains("unknown field `akc`"), "{unknown_field}");
    let large = post("/v1/write", json!({"key": "k", "value": "x".repeat(17 << 20)})).await.expect(413);
    assert_eq!(large["error"], "too-large");
    let promoted = post("/admin/promote", json!(null)).await.expect(409);
    assert!(promoted["message"].as_str().unwrap().contains("needs failover=manual"), "{promoted}");
    assert_eq!(post("/v1/remove", json!({})).await.expect(404)["error"], "not-found");
    assert_eq!(post("/status", json!({})).await.expect(405)["error"], "method-not-allowed");

    let follower = (leader + 1) % 3;
    let elsewhere = cluster.post(follower, "/v1/write", &json!({"key": "k", "value": 1})).await.unwrap().expect(421);
    assert_eq!(elsewhere["error"], "not-leader");
    assert_eq!(elsewhere["leader"], json!(cluster.nodes[leader].name));
    assert_eq!(cluster.read("k").await, Value::Null, "a refused write took effect");
}

#[tokio::test]
async fn what_cannot_be_decided_is_answered_as_open() {
    let mut cluster = Cluster::start_with(3, &[], &["--request-timeout", "150"]);
    cluster.write("k", 1).await;
    let leader = cluster.leader().await;
    for index in (0..3).filter(|index| *index != leader) {
        cluster.kill(index);
    }
    // The leader waits for a majority that does not exist: first until the time is up, then until it steps down.
    let answer = cluster.post(leader, "/v1/write", &json!({"key": "k", "value": 2})).await.unwrap();
    match answer.status {
        504 => assert_eq!(answer.body["error"], "timeout"),
        503 => assert_eq!(answer.body["error"], "unknown"),
        other => panic!("{other}: {}", answer.body),
    }
    eventually("leaderless", || async {
        let answer = cluster.post(leader, "/v1/write", &json!({"key": "k", "value": 3})).await?;
        let refused = answer.status == 421 && answer.body["leader"].is_null();
        refused.then_some(()).ok_or_else(|| answer.body.to_string())
    })
    .await;
}

#[tokio::test]
async fn a_waiting_write_learns_that_its_leader_stepped_down() {
    let mut cluster = Cluster::start(3, &[]);
    cluster.write("k", 1).await;
    let leader = cluster.leader().await;
    for index in (0..3).filter(|index| *index != leader) {
        cluster.kill(index);
    }
    let answer = cluster.post(leader, "/v1/write", &json!({"key": "k", "value": 2})).await.unwrap().expect(503);
    assert_eq!(answer["error"], "unknown");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let mut cluster = Cluster::start(3, &["failover=manual", "replication=sync"]);
    eventually("answered", || async { cluster.status(0).await }).await;
    cluster.post(0, "/admin/promote", &json!(null)).await.unwrap().expect(200);
    cluster.leader().await;
    cluster.kill(2);
    // Nobody answers these while n3 is gone.
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(cluster.nodes[0].client_address).unwrap();
        let body = r#"{"key":"k","value":1}"#;
        write!(stream, "POST /v1/write HTTP/1.1\r\nhost: n1\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        streams.push(stream);
    }
    eventually("waiting", || waiting_is(&cluster, 20)).await;
    drop(streams);
    eventually("forgotten", || waiting_is(&cluster, 0)).await;
}

async fn waiting_is(cluster: &Cluster, expected: u64) -> Result<(), String> {
    let metrics = metrics(cluster, 0).await?;
    let found = metric(&metrics, "schism_node_requests_waiting");
    (found == expected as f64).then_some(()).ok_or_else(|| format!("{found} wait"))
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_node_goes_on() {
    let cluster = Cluster::start(1, &[]);
    cluster.write("k", 1).await;
    let http = &cluster.http;
    let url = format!("http://{}/v1/write", cluster.nodes[0].client_address);
    for body in ["", "{", "[]", "null", "\u{0}", r#"{"key":1,"value":2}"#, r#"{"key":"k","key":"l","value":2}"#] {
        let answer = http.post(&url).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body:?}");
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["message"].as_str().unwrap().contains("expected {"), "{answer}");
    }
    let mut stream = TcpStream::connect(cluster.nodes[0].client_address).unwrap();
    stream.write_all(b"this is not HTTP\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    // A stranger on the peers' port is not listened to.
    let mut stream = TcpStream::connect(cluster.nodes[0].peer_address).unwrap();
    stream.write_all(&[0xff; 64]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    assert_eq!(cluster.read("k").await, 1);
}

#[tokio::test]
async fn status_and_metrics_tell_the_same_story() {
    let cluster = Cluster::start(3, &["replication=sync"]);
    for value in 1..=5 {
        cluster.write("k", value).await;
    }
    let leader = cluster.leader().await;
    let status = cluster.status(leader).await.unwrap();
    assert_eq!((&status["role"], &status["leader"]), (&json!("leader"), &status["node"]));
    assert_eq!(status["settings"]["replication"], "sync");
    assert_eq!(status["settings"]["read"], "read-index");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["followers"].as_object().unwrap().len(), 2);
    let positions = &status["positions"];
    for name in ["last", "durable", "committed", "visible"] {
        assert!(positions[name].as_u64() >= Some(5), "{name} in {positions}");
    }

    let metrics = metrics(&cluster, leader).await.unwrap();
    assert_eq!(metric(&metrics, "schism_node_role{role=\"leader\"}"), 1.0);
    assert_eq!(metric(&metrics, "schism_node_term"), status["term"].as_f64().unwrap());
    assert_eq!(metric(&metrics, "schism_node_position{kind=\"last\"}"), positions["last"].as_f64().unwrap());
    assert_eq!(metric(&metrics, "schism_node_acknowledged_writes_total"), 5.0);
    assert_eq!(metric(&metrics, "schism_node_elections_won_total"), 1.0);
    assert_eq!(metric(&metrics, "schism_node_truncated_entries_total"), 0.0);
    assert!(metric(&metrics, "schism_node_fsync_total") >= 5.0, "{metrics}");
    assert!(metric(&metrics, "schism_node_fsync_seconds_total") > 0.0);
    assert_eq!(metric(&metrics, "schism_node_requests_total{route=\"/v1/write\",outcome=\"ok\"}"), 5.0);
    for peer in (0..3).filter(|index| *index != leader) {
        metric(&metrics, &format!("schism_node_follower_lag_positions{{peer=\"{}\"}}", cluster.nodes[peer].name));
    }
}

async fn metrics(cluster: &Cluster, index: usize) -> Result<String, String> {
    let url = format!("http://{}/metrics", cluster.nodes[index].client_address);
    let answer = cluster.http.get(url).send().await.map_err(|error| error.to_string())?;
    answer.text().await.map_err(|error| error.to_string())
}

#[track_caller]
fn metric(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).parse().unwrap()
}

#[tokio::test]
async fn an_operator_promotes_under_manual_failover() {
    // Under `majority` the operator would have to look first which of the other two has the write.
    let mut cluster = Cluster::start(3, &["failover=manual", "replication=sync"]);
    for index in 0..3 {
        eventually("answered", || async { cluster.status(index).await }).await;
    }
    let answer = cluster.post(1, "/admin/promote", &json!(null)).await.unwrap().expect(200);
    assert_eq!((&answer["role"], &answer["node"]), (&json!("leader"), &json!("n2")));
    assert_eq!(cluster.leader().await, 1);
    cluster.write("k", 1).await;
    cluster.kill(1);
    cluster.post(2, "/admin/promote", &json!(null)).await.unwrap().expect(200);
    assert_eq!(cluster.leader().await, 2);
    assert_eq!(cluster.read("k").await, 1);
}

#[tokio::test]
async fn a_paused_leader_is_succeeded_and_steps_down_when_it_wakes() {
    let mut cluster = Cluster::start(3, &[]);
    cluster.write("k", 1).await;
    let old = cluster.leader().await;
    cluster.signal(old, Signal::SIGSTOP);
    let others: Vec<usize> = (0..3).filter(|index| *index != old).collect();
    eventually("succeeded", || async {
        for index in &others {
            let status = cluster.status(*index).await?;
            if status["role"] == "leader" {
                return Ok(());
            }
        }
        Err("nobody leads".to_owned())
    })
    .await;
    cluster.signal(old, Signal::SIGCONT);
    assert_ne!(cluster.leader().await, old);
    cluster.write("k", 2).await;
    cluster.signal(old, Signal::SIGTERM);
    assert_eq!(cluster.exit_code(old).await, 0);
}
