//! The interface as it describes itself: what `/openapi.json` promises is what a real node does.

use futures_util::StreamExt;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{Cluster, eventually};

async fn get(cluster: &Cluster, index: usize, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", cluster.nodes[index].client_address);
    let answer = cluster.http.get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Whether `value` is of the type that `schema` names, if it names one.
fn is_of_type(value: &Value, schema: &Value) -> bool {
    let is = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        _ => true,
    }
}

#[track_caller]
fn assert_described(body: &Value, schema: &Value, path: &str) {
    let (members, properties) = (body.as_object().unwrap(), schema["properties"].as_object().unwrap());
    for (name, value) in members {
        let property = properties.get(name).unwrap_or_else(|| panic!("{path}: {name} is not described: {body}"));
        assert!(is_of_type(value, property), "{path}: {name} is {value}, not {property}");
    }
    for name in schema["required"].as_array().unwrap() {
        assert!(members.contains_key(name.as_str().unwrap()), "{path}: {name} is missing in {body}");
    }
}

#[tokio::test]
async fn every_route_does_what_it_is_described_to_do() {
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let (_, document) = get(&cluster, leader, "/openapi.json").await;
    let document: Value = serde_json::from_str(&document).unwrap();
    // A register for the cas to find.
    let before = json!({"key": "/v1/cas", "value": "hello"});
    cluster.post(leader, "/v1/write", &before).await.unwrap().expect(200);
    let mut tried = 0;
    for (operation, (path, described)) in document["paths"].as_object().unwrap().iter().enumerate() {
        let answer_of = |method: &Value| method["responses"]["200"]["content"]["application/json"].clone();
        if let Some(described) = described.get("post").filter(|_| path.starts_with("/v1/")) {
            let mut body = described["requestBody"]["content"]["application/json"]["example"].clone();
            if !body["key"].is_null() {
                body["key"] = json!(path);
            }
            if !body["client"].is_null() {
                body["operation"] = json!(operation);
            }
            let answer = cluster.post(leader, path, &body).await.unwrap().expect(200);
            assert_described(&answer, &answer_of(described)["schema"], path);
            assert_described(&answer_of(described)["example"], &answer_of(described)["schema"], path);
            // What is not understood is refused with what is expected instead.
            let refused = cluster.post(leader, path, &json!({"wrong": 1})).await.unwrap().expect(400);
            assert!(refused["message"].as_str().unwrap().contains("; expected {"), "{path}: {refused}");
            assert_described(&refused, &document["components"]["schemas"]["Error"], path);
            tried += 1;
        } else if let Some(described) = described.get("get") {
            let query = if path == "/events" { "?follow=false" } else { "" };
            let (status, text) = get(&cluster, leader, &format!("{path}{query}")).await;
            assert_eq!(status, 200, "{path}: {text}");
            if let Some(schema) = answer_of(described).get("schema") {
                let answer: Value = serde_json::from_str(&text).unwrap();
                if schema.get("properties").is_some() {
                    assert_described(&answer, schema, path);
                }
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 16, "a route was not tried");
}

#[tokio::test]
async fn objects_of_every_kind_are_changed_read_and_scanned() {
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader().await;
    let post = |path: &'static str, body: Value| {
        let cluster = &cluster;
        async move { cluster.post(leader, path, &body).await.unwrap().expect(200) }
    };
    assert_eq!(post("/v1/increment", json!({"key": "a/counter", "by": 5})).await["value"], 5);
    assert_eq!(post("/v1/increment", json!({"key": "a/counter", "by": -7})).await["value"], -2);
    post("/v1/append", json!({"key": "a/list", "value": "x"})).await;
    post("/v1/append", json!({"key": "a/list", "value": "y"})).await;
    assert_eq!(post("/v1/take", json!({"key": "a/list"})).await["value"], "x");
    assert_eq!(post("/v1/take", json!({"key": "nothing"})).await["value"], Value::Null);
    post("/v1/add", json!({"key": "a/set", "value": 2})).await;
    post("/v1/write", json!({"key": "b", "value": 1})).await;
    assert_eq!(post("/v1/delete", json!({"key": "b"})).await["value"], Value::Null);
    assert_eq!(post("/v1/read", json!({"key": "b"})).await["value"], Value::Null);
    let scan = post("/v1/scan", json!({"prefix": "a/", "limit": 2})).await;
    assert_eq!((&scan["items"], &scan["more"]), (&json!([["a/counter", -2], ["a/list", ["y"]]]), &json!(true)));
    let rest = post("/v1/scan", json!({"prefix": "a/", "after": "a/list"})).await;
    assert_eq!((&rest["items"], &rest["more"]), (&json!([["a/set", [2]]]), &json!(false)));

    let steps = json!({"operations": [
        {"read": {"key": "a/counter"}}, {"increment": {"key": "a/counter", "by": 1}}, {"take": {"key": "a/list"}},
        {"write": {"key": "b", "value": 1}}, {"cas": {"key": "b", "old": 1, "new": 2}}, {"read": {"key": "b"}}
    ]});
    assert_eq!(post("/v1/transaction", steps).await["results"], json!([-2, -1, "y", null, null, 2]));
    let failing = json!({"operations": [
        {"write": {"key": "b", "value": 3}}, {"cas": {"key": "b", "old": 9, "new": 4}}
    ]});
    cluster.post(leader, "/v1/transaction", &failing).await.unwrap().expect(409);
    assert_eq!(post("/v1/read", json!({"key": "b"})).await["value"], 2, "a step of a failed transaction stayed");
}

#[tokio::test]
async fn the_configuration_explains_every_setting() {
    let cluster = Cluster::start(3, &["preset=semi-sync", "heartbeat=40"]);
    let leader = cluster.leader().await;
    let (status, config) = get(&cluster, leader, "/config").await;
    assert_eq!(status, 200);
    let config: Value = serde_json::from_str(&config).unwrap();
    let value = |name: &str| {
        let settings = config["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!((value("replication"), value("on-ack-timeout")), (json!("semi-sync:1"), json!("degrade")));
    assert_eq!(value("heartbeat"), "40");
    for setting in config["settings"].as_array().unwrap() {
        for member in ["value", "default", "values", "description"] {
            assert!(setting[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {setting}");
        }
    }
    assert_eq!(config["members"]["voters"].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn events_are_followed_from_any_line_until_the_node_ends() {
    let mut cluster = Cluster::start(1, &[]);
    cluster.write("k", 1).await;
    let (status, before) = get(&cluster, 0, "/events?follow=false").await;
    assert_eq!(status, 200);
    assert!(before.lines().any(|line| line.contains("\"became-leader\"")), "{before}");

    let url = format!("http://{}/events?after={}", cluster.nodes[0].client_address, before.len());
    let mut stream = cluster.http.get(&url).send().await.unwrap().bytes_stream();
    cluster.write("k", 2).await;
    let mut after = Vec::new();
    while !String::from_utf8_lossy(&after).contains("\"acknowledged\"") {
        after.extend_from_slice(&stream.next().await.unwrap().unwrap());
    }
    cluster.signal(0, Signal::SIGTERM);
    while let Some(more) = stream.next().await {
        after.extend_from_slice(&more.unwrap());
    }
    assert_eq!(cluster.exit_code(0).await, 0);
    let file = std::fs::read_to_string(cluster.data(0).join("events.jsonl")).unwrap();
    assert_eq!(file, format!("{before}{}", String::from_utf8(after).unwrap()));

    cluster.restart(0);
    eventually("answered", || async { cluster.status(0).await }).await;
    for (query, expected) in
        [("after=1", "middle of a line"), ("after=99999999", "beyond"), ("from=1", "expected as query")]
    {
        let (status, text) = get(&cluster, 0, &format!("/events?{query}")).await;
        assert!(status == 400 && text.contains(expected), "{query}: {status} {text}");
    }
}
