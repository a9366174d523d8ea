//! One logical process's connection to one node.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use schism_workloads::workload::Operation;
use serde_json::Value;

use super::compound;
use super::outcome::{self, Meaning};
use super::protocol::{self, Origin, Request, Voice};
use super::settings::Known;
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
    known: Known,
    name: String,
    operations: u64,
    /// The highest position of the log that an answer has told.
    seen: u64,
}

impl NodeClient {
    pub(super) fn new(context: ClientContext, known: Known) -> Self {
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        Self {
            http: JsonClient::new(context.timeout),
            addresses: context.addresses,
            node: NodeId(1),
            known,
            name: format!("{}-{number}", context.place),
            operations: 0,
            seen: 0,
        }
    }

    fn voice(&self) -> Voice<'_> {
        Voice {
            origin: Origin { client: &self.name, operation: self.operations },
            strongest_read: self.known.strongest_read,
            at_least: Some(self.seen).filter(|_| self.known.reads_are_of_session),
        }
    }

    async fn perform(&mut self, operation: &Operation) -> Completion {
        self.operations += 1;
        let request = match self.request(operation).await {
            Ok(request) => request,
            Err(refused) => return refused,
        };
        let (meaning, body) = self.post(&request).await;
        match meaning {
            Meaning::Done => {
                let completion = done(operation, &body);
                self.seen = self.seen.max(completion.position.unwrap_or(0));
                completion
            }
            Meaning::Refused(why, leader) => Completion { leader_hint: leader, ..fail(why) },
            Meaning::InDoubt(why) => Completion::new(Outcome::Info(why)),
        }
    }

    /// The request that decides an operation. The error is its completion: nothing was changed.
    async fn request(&self, operation: &Operation) -> Result<Request, Completion> {
        let Some(look) = compound::look(operation, self.voice()) else {
            return protocol::request(operation, self.voice()).map_err(fail);
        };
        match self.post(&look).await {
            (Meaning::Done, looked) => compound::change_after(operation, &looked, self.voice()).map_err(|why| {
                // It is the node's state that refuses, so there is no reason to leave the node.
                Completion { leader_hint: Some(self.node), ..fail(why) }
            }),
            (Meaning::Refused(why, leader), _) => Err(Completion { leader_hint: leader, ..fail(why) }),
            (Meaning::InDoubt(_), _) => Err(fail("nothing was changed: the look before it did not succeed".to_owned())),
        }
    }

    async fn post(&self, request: &Request) -> (Meaning, Value) {
        match self.http.post(self.addresses[self.node.index()], request.path, &request.body).await {
            Ok((status, body)) => (outcome::of_answer(self.node, status, &body), body),
            Err(silence) => (outcome::of_silence(silence), Value::Null),
        }
    }
}

fn fail(why: String) -> Completion {
    Completion::new(Outcome::Fail(why))
}

/// A completion with what the answer says about itself. An answer without the result that it should hold decides nothing.
fn done(operation: &Operation, body: &Value) -> Completion {
    let value = match protocol::result(operation, body) {
        Ok(value) => value,
        Err(why) => return Completion::new(Outcome::Info(why)),
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
    use schism_workloads::object::Object;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_completion_says_what_the_answer_says() {
        let body = json!({"value": 1, "node": "n2", "term": 3, "position": 9, "ack": "semi-sync:1"});
        let completion = done(&Operation::new(Object::Set, "add", Some("k1"), json!(1)), &body);
        assert_eq!((completion.term, completion.position), (Some(3), Some(9)));
        assert_eq!((completion.ack.as_deref(), completion.level), (Some("semi-sync:1"), None));
        assert_eq!(completion.outcome, Outcome::Ok(json!(1)));
    }

    #[test]
    fn a_read_without_a_value_decides_nothing() {
        let completion = done(&Operation::read(Object::Register, "k1"), &json!({"node": "n1"}));
        assert!(matches!(completion.outcome, Outcome::Info(_)));
    }
}
