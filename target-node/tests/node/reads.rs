//! Fresh reads of real nodes: at followers, and by lease.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{Cluster, eventually};

#[tokio::test]
async fn a_read_index_read_of_any_node_sees_every_acknowledged_write() {
    let cluster = Cluster::start(3, &[]);
    cluster.write("k", 0).await;
    let (writes, mut answered) = (100, 0);
    for value in 1..=writes {
        cluster.write("k", value).await;
        let body = json!({"key": "k", "level": "read-index"});
        let hands_over = async {
            // Reads that are under way when the leader changes must be as fresh.
            if value % 20 == 0 {
                let leader = cluster.leader().await;
                let _ = cluster.post(leader, "/admin/transfer", &json!({})).await;
            }
        };
        let reads = futures_util::future::join_all((0..3).map(|index| cluster.post(index, "/v1/read", &body)));
        let (answers, ()) = tokio::join!(reads, hands_over);
        for (index, answer) in answers.into_iter().enumerate() {
            let answer = answer.unwrap();
            // Nobody leads for a moment now and then.
            if answer.status == 200 {
                answered += 1;
                assert_eq!(answer.body["value"], value, "n{}: {}", index + 1, answer.body);
            }
        }
    }
    assert!(answered > writes * 2, "{answered} of {} reads were answered", writes * 3);
}

#[tokio::test]
async fn a_leader_answers_by_lease_alone_and_not_a_moment_longer() {
    let lease = Duration::from_millis(1_500);
    let settings = ["read=lease", "election-timeout=2000-3000", "lease=1500"];
    let cluster = Cluster::start(3, &settings);
    cluster.write("k", 1).await;
    let leader = cluster.leader().await;
    let body = json!({"key": "k"});
    let elsewhere = cluster.post((leader + 1) % 3, "/v1/read", &body).await.unwrap().expect(421);
    assert_eq!(elsewhere["leader"], json!(cluster.nodes[leader].name));

    // The first read is the first question to the others, too: from their answers on there is a lease.
    cluster.post(leader, "/v1/read", &body).await.unwrap().expect(200);
    let followers = [(leader + 1) % 3, (leader + 2) % 3];
    followers.iter().for_each(|index| cluster.signal(*index, Signal::SIGSTOP));
    let stopped = Instant::now();
    let mut answered = Vec::new();
    let refused = loop {
        let invoked = stopped.elapsed();
        let answer = cluster.post(leader, "/v1/read", &body).await.unwrap();
        if answer.status != 200 {
            break answer;
        }
        assert_eq!((&answer.body["value"], &answer.body["level"]), (&json!(1), &json!("lease")));
        answered.push(invoked);
    };
    followers.iter().for_each(|index| cluster.signal(*index, Signal::SIGCONT));
    let Some(last) = answered.last().copied() else { panic!("no answer in the time of the lease: {refused:?}") };
    // A signal may take a moment to stop a process.
    assert!(last < lease + Duration::from_millis(100), "answered {last:?} after nobody followed any more");
    eventually("answered again", || async {
        let leader = cluster.leader().await;
        let answer = cluster.post(leader, "/v1/read", &body).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.body.to_string()) }
    })
    .await;
}
