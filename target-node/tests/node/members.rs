//! Members come and go under load: nothing acknowledged is lost, and writes go on.

use serde_json::{Value, json};

use crate::support::{Cluster, Load, eventually};

/// Asks whoever leads, again and again, until `done` says that the change is made.
async fn change(cluster: &Cluster, path: &str, body: &Value, done: &str) {
    eventually(done, || async {
        let mut reasons = Vec::new();
        for index in cluster.running() {
            match cluster.post(index, path, body).await {
                Ok(answer) if answer.status == 200 || answer.body.to_string().contains(done) => return Ok(()),
                other => reasons.push(format!("{other:?}")),
            }
        }
        Err(reasons.join("; "))
    })
    .await;
}

/// Waits until all these nodes have the same voters, by name, and no learners.
async fn agree_on(cluster: &Cluster, indexes: &[usize], voters: &[&str]) {
    eventually("agreed on the members", || async {
        for index in indexes {
            let url = format!("http://{}/config", cluster.nodes[*index].client_address);
            let response = cluster.http.get(url).send().await.map_err(|error| error.to_string())?;
            let config: Value = response.json().await.map_err(|error| error.to_string())?;
            let names: Vec<_> =
                config["members"]["voters"].as_object().into_iter().flat_map(|map| map.keys()).collect();
            let learners = config["members"]["learners"].as_object().map_or(0, |map| map.len());
            if names != voters || learners > 0 {
                return Err(format!("{} has {}", cluster.nodes[*index].name, config["members"]));
            }
        }
        Ok(())
    })
    .await;
}

fn add(cluster: &Cluster, index: usize) -> Value {
    json!({"node": cluster.nodes[index].name, "address": cluster.nodes[index].peer_address})
}

#[tokio::test]
async fn a_fourth_node_is_added_under_load_and_takes_part() {
    let mut cluster = Cluster::start(3, &[]);
    cluster.leader().await;
    let fourth = cluster.join();
    let load = Load::start(&cluster);
    load.goes_on(&cluster).await;
    change(&cluster, "/admin/members/add", &add(&cluster, fourth), "n4 is a member already").await;
    load.goes_on(&cluster).await;
    agree_on(&cluster, &[0, 1, 2, 3], &["n1", "n2", "n3", "n4"]).await;
    // Of four nodes three are a majority: without one of the first three the new one is needed.
    let leader = cluster.leader().await;
    let victim = (0..3).find(|index| *index != leader).unwrap();
    cluster.kill(victim);
    load.goes_on(&cluster).await;
    cluster.restart(victim);
    load.check(&cluster).await;
}

#[tokio::test]
async fn the_leader_is_removed_under_load_and_the_others_go_on() {
    let mut cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let name = cluster.nodes[leader].name.clone();
    let load = Load::start(&cluster);
    load.goes_on(&cluster).await;
    change(&cluster, "/admin/members/remove", &json!({"node": name}), &format!("{name} is no member")).await;
    load.goes_on(&cluster).await;
    let others: Vec<usize> = (0..3).filter(|index| *index != leader).collect();
    let names: Vec<_> = others.iter().map(|index| cluster.nodes[*index].name.clone()).collect();
    agree_on(&cluster, &[0, 1, 2], &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let removed = cluster.status(leader).await.unwrap();
    assert_eq!(removed["role"], "follower", "{removed}");
    let reasons: Vec<_> = cluster.events(leader).iter().filter_map(|event| event.get("reason").cloned()).collect();
    assert!(reasons.contains(&json!("removed")), "{reasons:?}");
    cluster.kill(leader);
    load.goes_on(&cluster).await;
    load.check(&cluster).await;
}

#[tokio::test]
async fn a_leader_that_is_killed_while_members_change_leaves_one_truth() {
    let mut cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let fourth = cluster.join();
    let load = Load::start(&cluster);
    load.goes_on(&cluster).await;
    let body = add(&cluster, fourth);
    let url = format!("http://{}/admin/members/add", cluster.nodes[leader].client_address);
    let asked = tokio::spawn(cluster.http.post(url).json(&body).send());
    eventually("in force somewhere", || async {
        let in_force = cluster
            .running()
            .into_iter()
            .any(|index| cluster.events(index).iter().any(|event| event["event"] == "members-in-force"));
        if in_force { Ok(()) } else { Err("no event yet".to_owned()) }
    })
    .await;
    cluster.kill(leader);
    load.goes_on(&cluster).await;
    let _ = asked.await.unwrap();
    change(&cluster, "/admin/members/add", &body, "n4 is a member already").await;
    cluster.restart(leader);
    agree_on(&cluster, &[0, 1, 2, 3], &["n1", "n2", "n3", "n4"]).await;
    load.check(&cluster).await;
}
