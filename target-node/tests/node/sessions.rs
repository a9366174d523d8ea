//! Operations that clients repeat because they do not know what became of them.

use serde_json::{Value, json};

use crate::support::{Cluster, eventually};

/// Performs an operation at whoever leads, until it is acknowledged.
async fn perform(cluster: &Cluster, path: &str, body: &Value) -> Value {
    eventually("acknowledged", || async {
        let leader = cluster.leader().await;
        let answer = cluster.post(leader, path, body).await?;
        if answer.status == 200 { Ok(answer.body) } else { Err(answer.body.to_string()) }
    })
    .await
}

fn place(answer: &Value) -> (&Value, &Value) {
    (&answer["term"], &answer["position"])
}

#[tokio::test]
async fn an_operation_that_is_repeated_at_a_new_leader_takes_effect_once() {
    let mut cluster = Cluster::start(3, &[]);
    let append = json!({"key": "list", "value": 1, "client": "c", "operation": 1});
    let increment = json!({"key": "counter", "by": 5, "client": "c", "operation": 2});
    let appended = perform(&cluster, "/v1/append", &append).await;
    let incremented = perform(&cluster, "/v1/increment", &increment).await;
    assert_eq!(incremented["value"], 5);

    let old = cluster.leader().await;
    cluster.kill(old);
    let again = perform(&cluster, "/v1/increment", &increment).await;
    assert_ne!(again["node"], json!(cluster.nodes[old].name));
    assert_eq!((place(&again), &again["value"]), (place(&incremented), &json!(5)), "it is the first one's answer");
    assert_eq!(cluster.read("counter").await, 5);

    // An earlier operation than the client's last one is refused, whoever leads: nobody knows its answer any more.
    let leader = cluster.leader().await;
    let late = cluster.post(leader, "/v1/append", &append).await.unwrap().expect(409);
    assert_eq!(late["error"], "out-of-order", "{appended}");
    assert_eq!(cluster.read("list").await, json!([1]));

    // So it is when every node has started anew, from snapshots.
    cluster.restart(old);
    cluster.leader().await;
    for index in 0..3 {
        cluster.post(index, "/admin/snapshot", &json!({})).await.unwrap().expect(200);
    }
    (0..3).for_each(|index| cluster.kill(index));
    (0..3).for_each(|index| cluster.restart(index));
    let again = perform(&cluster, "/v1/increment", &increment).await;
    assert_eq!((place(&again), &again["value"]), (place(&incremented), &json!(5)));
    assert_eq!(cluster.read("counter").await, 5);
}
