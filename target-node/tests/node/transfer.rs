//! Handing the leadership over while clients write.

use serde_json::{Value, json};

use crate::support::{Cluster, Load, eventually};

#[tokio::test]
async fn leadership_moves_to_every_node_in_turn_under_load_and_nothing_is_lost() {
    let cluster = Cluster::start(3, &[]);
    let first = cluster.leader().await;
    let load = Load::start(&cluster);
    load.goes_on(&cluster).await;
    for target in [first + 1, first + 2, first].map(|index| index % 3) {
        let body = json!({"to": cluster.nodes[target].name});
        eventually("the leader", || async {
            let leader = cluster.leader().await;
            if leader == target {
                return Ok(());
            }
            let answer = cluster.post(leader, "/admin/transfer", &body).await?;
            Err(format!("{answer:?}"))
        })
        .await;
        load.goes_on(&cluster).await;
    }
    let transferred = |index: usize| {
        let reasons = cluster.events(index).into_iter().filter(|event| event["event"] == "stepped-down");
        reasons.filter(|event| event["reason"] == "transferred").count()
    };
    let counts: Vec<usize> = (0..3).map(transferred).collect();
    assert!(counts.iter().sum::<usize>() >= 3, "leaders that handed over: {counts:?}");
    load.check(&cluster).await;
}

#[tokio::test]
async fn a_transfer_says_who_leads_and_what_cannot_be_done() {
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let name = |index: usize| Value::from(cluster.nodes[index].name.clone());
    let elsewhere = cluster.post((leader + 1) % 3, "/admin/transfer", &json!({})).await.unwrap().expect(421);
    assert_eq!(elsewhere["leader"], name(leader));
    let stranger = cluster.post(leader, "/admin/transfer", &json!({"to": "n9"})).await.unwrap().expect(409);
    assert!(stranger["message"].as_str().unwrap().contains("n9 is no voter"), "{stranger}");
    cluster.post(leader, "/admin/transfer", &json!({"to": name(leader)})).await.unwrap().expect(200);
    assert_eq!(cluster.leader().await, leader, "it leads already");
}
