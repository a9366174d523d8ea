//! What one client does must not hurt another: silence, slowness, size, number, nonsense.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::support::{Cluster, eventually};

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends `count` writes one after another, and returns how many were answered by 200 and how long the slowest took.
async fn writes(cluster: &Cluster, leader: usize, count: u64) -> (u64, Duration) {
    let (mut ok, mut slowest) = (0, Duration::ZERO);
    for value in 0..count {
        let began = Instant::now();
        let answer = cluster.post(leader, "/v1/write", &json!({"key": "k", "value": value})).await;
        ok += u64::from(answer.is_ok_and(|answer| answer.status == 200));
        slowest = slowest.max(began.elapsed());
    }
    (ok, slowest)
}

/// The memory that a process occupies, in KiB.
fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "what is measured is told")]
async fn thousands_of_idle_connections_cost_little_and_delay_nobody() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let connections = (hard.saturating_sub(500) as usize).min(10_000);
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    writes(&cluster, leader, 20).await;
    let process = cluster.process_id(leader);
    let before_kib = resident_kib(process);
    let address = cluster.nodes[leader].client_address;
    let idle: Vec<TcpStream> = (0..connections).map(|_| TcpStream::connect(address).unwrap()).collect();
    // Every one is accepted when a later one is answered.
    let (ok, slowest) = writes(&cluster, leader, 100).await;
    let each_kib = resident_kib(process).saturating_sub(before_kib) as f64 / connections as f64;
    eprintln!("{connections} idle connections: {each_kib:.1} KiB each, slowest write beside them {slowest:?}");
    assert_eq!(ok, 100, "writes beside idle connections were not answered");
    assert!(each_kib < 24.0, "{each_kib:.1} KiB for an idle connection");
    drop(idle);
    cluster.write("k", 1_000).await;
}

#[tokio::test]
async fn a_connection_too_many_is_told_so() {
    let cluster = Cluster::prepare(1, &[], &[]);
    let node = cluster.command(0);
    // 300 files, of which 256 are kept for other things than clients.
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n 300 && exec "$0" "$@""#]).arg(node.get_program()).args(node.get_args());
    let _node = Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    eventually("answered", || async { cluster.status(0).await }).await;
    let address = cluster.nodes[0].client_address;
    let mut streams: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut refusal = String::new();
    let last = streams.last_mut().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    last.read_to_string(&mut refusal).unwrap();
    assert!(refusal.starts_with("HTTP/1.1 429 ") && refusal.contains("connection: close"), "{refusal}");
    let (_, body) = refusal.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["error"], "overloaded");
    assert!(body["message"].as_str().unwrap().contains("44 connections are open already"), "{body}");
    drop(streams);
    eventually("answered again", || async { cluster.status(0).await }).await;
}

#[tokio::test]
async fn slow_and_malformed_requests_do_not_hurt_others() {
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let address = cluster.nodes[leader].client_address;
    let begin = |text: &[u8]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(text).unwrap();
        stream
    };
    let head = b"POST /v1/write HTTP/1.1\r\nhost: n1\r\n";
    let body = [&head[..], b"content-length: 4000000\r\n\r\n{\"key\":\"slow\",\"value\":"].concat();
    let mut slow: Vec<TcpStream> = (0..300).flat_map(|_| [begin(head), begin(&body)]).collect();
    let nonsense: [&[u8]; 6] = [
        b"\0\0\0\0",
        b"GET /status HTTP/9.9\r\n\r\n",
        b"POST /v1/write HTTP/1.1\r\nhost: n1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/write HTTP/1.1\r\nhost: n1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/write HTTP/1.1\r\nhost: n1\r\ncontent-length: 3\r\n\r\n\xff\xfe\xfd",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let mut ok = 0;
    for round in 0..20 {
        for stream in &mut slow {
            // One more byte of a head that never ends, and of a body that never does.
            stream.write_all(b"x").unwrap();
        }
        let mut sent: Vec<TcpStream> = nonsense.iter().map(|text| begin(text)).collect();
        ok += writes(&cluster, leader, 10).await.0;
        assert_eq!(cluster.leader().await, leader, "the leader was deposed in round {round}");
        for stream in &mut sent {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    }
    assert_eq!(ok, 200, "writes beside slow and malformed requests were not answered");
}

#[tokio::test]
async fn large_values_are_replicated_whole_and_larger_ones_refused() {
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let text = "x".repeat(10 << 20);
    let answer = cluster.post(leader, "/v1/write", &json!({"key": "large", "value": text})).await.unwrap();
    let position = answer.expect(200)["position"].as_u64().unwrap();
    for index in 0..3 {
        let value = eventually("replicated", || async {
            let answer = cluster.post(index, "/v1/read", &json!({"key": "large", "level": "local"})).await?;
            let reached = answer.body["position"].as_u64() >= Some(position);
            if reached { Ok(answer.body["value"].clone()) } else { Err(format!("{:?}", answer.body["position"])) }
        })
        .await;
        assert!(value == json!(text), "n{} has another value", index + 1);
    }
    let larger = json!({"key": "large", "value": "x".repeat(17 << 20)});
    let refused = cluster.post(leader, "/v1/write", &larger).await.unwrap().expect(413);
    assert_eq!(refused["error"], "too-large");
    // Four bytes on the way are eighteen in the log.
    let numbers = format!(r#"{{"key":"large","value":[{}]}}"#, vec!["1e15"; 1 << 20].join(","));
    let url = format!("http://{}/v1/write", cluster.nodes[leader].client_address);
    let refused = cluster.http.post(url).body(numbers).send().await.unwrap();
    assert_eq!(refused.status(), 413);
    assert_eq!(cluster.leader().await, leader, "large values cost the leader its place");
}

#[tokio::test]
async fn a_scan_of_large_values_is_cut_and_goes_on() {
    let cluster = Cluster::start(1, &[]);
    cluster.write("k", 1).await;
    let text = "x".repeat(3 << 20);
    for key in ["a/1", "a/2", "a/3"] {
        cluster.post(0, "/v1/write", &json!({"key": key, "value": text})).await.unwrap().expect(200);
    }
    let mut after = Value::Null;
    for key in ["a/1", "a/2", "a/3"] {
        let found = cluster.post(0, "/v1/scan", &json!({"prefix": "a/", "after": after})).await.unwrap().expect(200);
        after = found["items"][0][0].clone();
        assert_eq!((after.as_str(), found["items"].as_array().unwrap().len()), (Some(key), 1));
        assert_eq!(found["more"], key != "a/3");
    }
}

#[tokio::test]
async fn a_service_rate_is_kept() {
    let cluster = Cluster::start(1, &["service-rate=400"]);
    cluster.write("k", 1).await;
    let (clients, duration) = (8, Duration::from_secs(2));
    let began = Instant::now();
    let reading = (0..clients).map(|_| async {
        let mut ok = 0;
        while began.elapsed() < duration {
            ok += u64::from(cluster.post(0, "/v1/read", &json!({"key": "k"})).await.unwrap().status == 200);
        }
        ok
    });
    let ok: u64 = futures_util::future::join_all(reading).await.into_iter().sum();
    let rate = ok as f64 / began.elapsed().as_secs_f64();
    assert!((200.0..=420.0).contains(&rate), "{rate:.0} reads a second");
}
