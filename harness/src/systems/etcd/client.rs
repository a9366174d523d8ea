//! One logical process's connection to one etcd member.

use std::net::SocketAddr;

use schism_workloads::workload::{Level, Operation};
use serde_json::Value;

use super::outcome::{self, Meaning};
use super::protocol::{self, ReadLevel};
use crate::client::{Client, Completion, Outcome};
use crate::environment::{BoxFuture, NodeId};
use crate::systems::ClientContext;
use crate::systems::http::{JsonClient, NoAnswer};

pub(super) struct EtcdClient {
    http: JsonClient,
    addresses: Vec<SocketAddr>,
    node: NodeId,
    default_level: ReadLevel,
}

impl EtcdClient {
    pub(super) fn new(context: ClientContext, default_level: ReadLevel) -> Self {
        let http = JsonClient::new(context.timeout);
        Self { http, addresses: context.addresses, node: NodeId(1), default_level }
    }

    fn level(&self, operation: &Operation) -> ReadLevel {
        match operation.level {
            Level::Default => self.default_level,
            Level::Strongest => ReadLevel::Linearizable,
            Level::Local => ReadLevel::Serializable,
        }
    }

    async fn perform(&self, operation: &Operation) -> Completion {
        let level = self.level(operation);
        let request = match protocol::request(operation, level) {
            Ok(request) => request,
            Err(why) => return Completion::new(Outcome::Fail(why)),
        };
        let answer = self.http.post(self.addresses[self.node.index()], request.path, &request.body).await;
        let (status, body) = match answer {
            Ok(answer) => answer,
            Err(NoAnswer::NotSent(why)) => return Completion::new(Outcome::Fail(why)),
            Err(NoAnswer::InDoubt(why)) => return Completion::new(Outcome::Info(why)),
        };
        match outcome::meaning(status, &body) {
            Meaning::Refused(why) => Completion::new(Outcome::Fail(why)),
            Meaning::Undecided(why) => Completion::new(Outcome::Info(why)),
            Meaning::Done => done(operation, level, &body),
        }
    }
}

/// Neither term nor position is passed on: any member answers for the leader, so "two nodes acknowledged under one term"
/// would accuse a healthy cluster.
fn done(operation: &Operation, level: ReadLevel, body: &Value) -> Completion {
    match operation.f {
        "read" => match protocol::range_value(body, &operation.absent) {
            Ok(value) => Completion { level: Some(level.word().into()), ..Completion::new(Outcome::Ok(value)) },
            Err(why) => Completion::new(Outcome::Info(why)),
        },
        "cas" if !outcome::succeeded(body) => {
            Completion::new(Outcome::Fail("the value is not the expected one".into()))
        }
        _ => {
            let outcome = Outcome::Ok(operation.value.clone());
            Completion { ack: Some("majority".into()), ..Completion::new(outcome) }
        }
    }
}

impl Client for EtcdClient {
    fn open(&mut self, node: NodeId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if node != self.node {
                self.http.close();
                self.node = node;
            }
        })
    }

    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> BoxFuture<'a, Completion> {
        Box::pin(self.perform(operation))
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.http.close() })
    }
}
