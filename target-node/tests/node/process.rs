//! A node as a process: what it refuses to start with, how it ends, and what its disk may look like.

use std::os::unix::fs::FileExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::{Cluster, eventually};
use nix::sys::signal::Signal;
use serde_json::json;

fn output(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code().unwrap_or(-1), text)
}

fn node(arguments: &[&str]) -> (i32, String) {
    output(Command::new(env!("CARGO_BIN_EXE_target-node")).env("COLUMNS", "80").args(arguments))
}

#[test]
fn help_explains_every_argument_and_usage_errors_are_64() {
    let (code, help) = node(&["--help"]);
    assert_eq!(code, 0);
    for argument in
        ["--id", "--peers", "--listen-peer", "--listen-client", "--data", "--set", "--seed", "--request-timeout"]
    {
        assert!(help.contains(argument), "{argument} is missing in\n{help}");
    }
    for explained in
        ["on-ack-timeout = wait | degrade | fail", "[default: read-index under consensus, else leader]", "raft-lease"]
    {
        assert!(help.contains(explained), "{explained} is missing in\n{help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 80), "wider than a terminal:\n{help}");
    let (code, text) = node(&["--id", "n1"]);
    assert_eq!(code, 64, "{text}");
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let common = ["--id", "n1", "--listen-client", "127.0.0.1:0", "--data", data];
    let (code, text) = node(&[&common[..], &["--set", "replicaton=async"]].concat());
    assert!(code == 64 && text.contains("did you mean `replication`?"), "{code}: {text}");
}

#[tokio::test]
async fn signals_end_a_node_in_order_and_its_data_directory_belongs_to_one() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut cluster = Cluster::start(1, &["fsync=interval:10000"]);
        cluster.write("k", 1).await;
        let (code, text) = output(&mut cluster.command(0));
        assert!(code == 69 && text.contains("in use by another node"), "{code}: {text}");
        cluster.signal(0, signal);
        assert_eq!(cluster.exit_code(0).await, 0);
        cluster.restart(0);
        assert_eq!(cluster.read("k").await, 1);
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let mut cluster = Cluster::prepare(1, &[], &[]);
    let held = std::net::TcpListener::bind(cluster.nodes[0].client_address).unwrap();
    let (code, text) = output(&mut cluster.command(0));
    assert!(code == 69 && text.contains("--listen-client"), "{code}: {text}");
    drop(held);
    cluster.restart(0);
    cluster.leader().await;
}

#[tokio::test]
async fn a_torn_tail_is_dropped_with_a_warning() {
    let mut cluster = Cluster::start(1, &["fsync=never"]);
    cluster.write("k", 1).await;
    cluster.kill(0);
    let path = cluster.data(0).join("wal/00000001.wal");
    let file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &file, &[40, 0, 0, 0, 1, 2, 3]).unwrap();
    cluster.restart(0);
    assert_eq!(cluster.read("k").await, 1);
    assert!(cluster.log(0).contains("dropped a torn tail"), "{}", cluster.log(0));
}

#[tokio::test]
async fn damage_in_the_middle_of_the_log_is_refused() {
    let mut cluster = Cluster::start(1, &[]);
    for value in 1..=5 {
        cluster.write("k", value).await;
    }
    cluster.kill(0);
    let path = cluster.data(0).join("wal/00000001.wal");
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], 100).unwrap();
    let (code, text) = output(&mut cluster.command(0));
    assert_eq!(code, 65, "{text}");
    assert!(text.contains("00000001.wal is damaged at byte "), "{text}");
}

/// Writing beyond the limit fails as on a full disk; the signal that comes with it is ignored by the shell's child.
fn start_on_a_small_disk(cluster: &Cluster) -> std::process::Child {
    let command = cluster.command(0);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""]).arg(command.get_program());
    limited.args(command.get_args()).stderr(std::process::Stdio::piped()).spawn().unwrap()
}

async fn ended(child: std::process::Child) -> (Option<i32>, String) {
    let finished = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    (finished.status.code(), String::from_utf8_lossy(&finished.stderr).into_owned())
}

#[tokio::test]
async fn a_disk_without_space_for_a_segment_is_named_at_the_start() {
    let cluster = Cluster::prepare(1, &[], &[]);
    let (code, text) = ended(start_on_a_small_disk(&cluster)).await;
    assert_eq!(code, Some(74), "{text}");
    assert!(text.contains("sizing") && text.contains("wal/next.tmp failed"), "{text}");
}

#[tokio::test]
async fn a_full_disk_stops_the_node_with_its_reason() {
    let cluster = Cluster::prepare(1, &["fsync=never"], &[]);
    let child = start_on_a_small_disk(&cluster);
    let led = eventually("a leader", || async {
        let status = cluster.status(0).await?;
        if status["role"] == "leader" { Ok(()) } else { Err(status.to_string()) }
    });
    led.await;
    let value = "x".repeat(50_000);
    // The limit is reached on the way, and the node is gone.
    while cluster.post(0, "/v1/write", &json!({"key": "k", "value": value})).await.is_ok() {}
    let (code, text) = ended(child).await;
    assert_eq!(code, Some(74), "{text}");
    assert!(text.contains("writing") && text.contains("wal/00000001.wal failed"), "{text}");
}

#[tokio::test]
async fn a_node_that_is_told_to_stop_answers_what_waits_and_takes_nothing_more() {
    let mut cluster = Cluster::start(3, &["failover=manual", "replication=sync"]);
    cluster.write("k", 1).await;
    cluster.kill(2);
    // Nobody can acknowledge this while n3 is gone.
    let waiting = json!({"key": "k", "value": 2});
    let waiting = cluster.post(0, "/v1/write", &waiting);
    let stop = async {
        eventually("waiting", || async {
            let status = cluster.status(0).await?;
            let (last, visible) = (status["positions"]["last"].as_u64(), status["positions"]["visible"].as_u64());
            if last > visible { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
        cluster.signal(0, Signal::SIGTERM);
        Instant::now()
    };
    let (answer, told) = tokio::join!(waiting, stop);
    assert_eq!(answer.unwrap().expect(503)["error"], "unknown");
    assert_eq!(cluster.exit_code(0).await, 0);
    assert!(told.elapsed() < Duration::from_secs(3), "it took {:?} to stop", told.elapsed());
}

#[tokio::test]
async fn a_leader_that_is_told_to_stop_under_load_loses_nothing_and_another_leads() {
    let mut cluster = Cluster::start(3, &[]);
    cluster.write("before", 1).await;
    let leader = cluster.leader().await;
    let write = |client: u64| {
        let cluster = &cluster;
        async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let value = client * 1_000_000 + number;
                match cluster.post(leader, "/v1/add", &json!({"key": "set", "value": value})).await {
                    Ok(answer) if answer.status == 200 => acknowledged.push(value),
                    _ => break,
                }
            }
            acknowledged
        }
    };
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.signal(leader, Signal::SIGTERM);
    };
    let (acknowledged, ()) = tokio::join!(futures_util::future::join_all((0..16).map(write)), stop);
    assert_eq!(cluster.exit_code(leader).await, 0);
    assert_ne!(cluster.leader().await, leader);
    let kept: std::collections::BTreeSet<u64> = serde_json::from_value(cluster.read("set").await).unwrap();
    let acknowledged: Vec<u64> = acknowledged.into_iter().flatten().collect();
    assert!(acknowledged.len() > 16, "{} writes are no load", acknowledged.len());
    let lost: Vec<&u64> = acknowledged.iter().filter(|value| !kept.contains(value)).collect();
    assert!(lost.is_empty(), "{lost:?} are lost");
}
