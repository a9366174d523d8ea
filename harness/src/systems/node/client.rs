//! One logical process's connection to one node.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use schism_workloads::workload::Operation;
use serde_json::Value;

use super::outcome::{self, Meaning};
use super::protocol::{self, Origin};
use crate::client::{Client, Completion, Outcome};
use crate::environment::{BoxFuture, NodeId};
use crate::systems::ClientContext;
use crate::systems::http::JsonClient;

/// Names clients apart, so that the node's log can tell whose write it threw away.
static CLIENTS: AtomicU64 = AtomicU64::new(1);

pub(super) struct NodeClient {
    http: JsonClient,
    addresses: Vec<SocketAddr>,
    node: NodeId,
    strongest_read: &'static str,
    name: String,
    operations: u64,
}

impl NodeClient {
    pub(super) fn new(context: ClientContext, strongest_read: &'static str) -> Self {
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        Self {
            http: JsonClient::new(context.timeout),
            addresses: context.addresses,
            node: NodeId(1),
            strongest_read,
            name: format!("{}-{number}", context.place),
            operations: 0,
        }
    }

    async fn perform(&mut self, operation: &Operation) -> Completion {
        self.operations += 1;
        let origin = Origin { client: &self.name, operation: self.operations };
        let request = match protocol::request(operation, self.strongest_read, origin) {
            Ok(request) => request,
            Err(why) => return Completion::new(Outcome::Fail(why)),
        };
        let answer = self.http.post(self.addresses[self.node.index()], request.path, &request.body).await;
        let (meaning, body) = match answer {
            Ok((status, body)) => (outcome::of_answer(self.node, status, &body), body),
            Err(silence) => (outcome::of_silence(silence), Value::Null),
        };
        match meaning {
            Meaning::Done => done(operation, &body),
            Meaning::Refused(why, leader) => Completion { leader_hint: leader, ..Completion::new(Outcome::Fail(why)) },
            Meaning::InDoubt(why) => Completion::new(Outcome::Info(why)),
        }
    }
}

/// A completion with what the answer says about itself. An answer without a value where one was read decides nothing.
fn done(operation: &Operation, body: &Value) -> Completion {
    let value = match (operation.f, body.get("value")) {
        ("read", Some(Value::Null)) => operation.absent.clone(),
        ("read", Some(value)) => value.clone(),
        ("read", None) => return Completion::new(Outcome::Info("the answer holds no value".to_owned())),
        _ => operation.value.clone(),
    };
    let number = |name: &str| body.get(name).and_then(Value::as_u64);
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    Completion {
        term: number("term"),
        position: number("position"),
        ack: text("ack"),
        level: text("level"),
        ..Completion::new(Outcome::Ok(value))
    }
}

impl Client for NodeClient {
    fn open(&mut self, node: NodeId) -> BoxFuture<'_, ()> {
        if node != self.node {
            self.http.close();
            self.node = node;
        }
        Box::pin(std::future::ready(()))
    }

    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> BoxFuture<'a, Completion> {
        Box::pin(self.perform(operation))
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.http.close();
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use schism_workloads::workload::Level;
    use serde_json::json;

    use super::*;

    fn check(f: &'static str, value: Value, absent: Value, body: &Value, expected: Value) {
        let operation = Operation { f, key: Some("k1".to_owned()), value, level: Level::Default, absent };
        assert_eq!(done(&operation, body).outcome, Outcome::Ok(expected), "{body}");
    }

    #[test]
    fn a_result_is_what_was_read_or_the_argument_again() {
        check("read", Value::Null, json!([]), &json!({"value": null}), json!([]));
        check("read", Value::Null, json!([]), &json!({"value": [1]}), json!([1]));
        check("read", Value::Null, Value::Null, &json!({"value": null}), Value::Null);
        check("cas", json!([1, 2]), Value::Null, &json!({"value": 2}), json!([1, 2]));
    }

    #[test]
    fn a_completion_says_what_the_answer_says() {
        let body = json!({"value": 1, "node": "n2", "term": 3, "position": 9, "ack": "semi-sync:1"});
        let operation = Operation {
            f: "add",
            key: Some("k1".to_owned()),
            value: json!(1),
            level: Level::Default,
            absent: json!([]),
        };
        let completion = done(&operation, &body);
        assert_eq!((completion.term, completion.position), (Some(3), Some(9)));
        assert_eq!((completion.ack.as_deref(), completion.level), (Some("semi-sync:1"), None));
    }

    #[test]
    fn a_read_without_a_value_decides_nothing() {
        let operation =
            Operation { f: "read", key: None, value: Value::Null, level: Level::Default, absent: Value::Null };
        assert!(matches!(done(&operation, &json!({"node": "n1"})).outcome, Outcome::Info(_)));
    }
}
