//! One logical process's connection to one etcd member.

use std::net::SocketAddr;

use schism_workloads::object::Object;
use schism_workloads::workload::{Level, Operation};
use serde_json::Value;

use super::lists;
use super::lock::LockSession;
use super::outcome::{self, Meaning};
use super::protocol::{self, ReadLevel, Request};
use crate::client::{Client, Completion, Outcome};
use crate::environment::{BoxFuture, NodeId, Place};
use crate::systems::ClientContext;
use crate::systems::http::{JsonClient, NoAnswer};

pub(super) struct EtcdClient {
    http: JsonClient,
    addresses: Vec<SocketAddr>,
    node: NodeId,
    default_level: ReadLevel,
    locks: LockSession,
}

/// Why there is no answer to go on with.
pub(super) enum Trouble {
    /// It certainly did nothing.
    Refused(String),
    /// It may have done something.
    InDoubt(String),
}

impl From<Trouble> for Completion {
    fn from(trouble: Trouble) -> Self {
        Self::new(match trouble {
            Trouble::Refused(why) => Outcome::Fail(why),
            Trouble::InDoubt(why) => Outcome::Info(why),
        })
    }
}

impl EtcdClient {
    pub(super) fn new(context: ClientContext, default_level: ReadLevel) -> Self {
        let home = match context.place {
            Place::Clients(node) | Place::Node(node) => node,
            Place::Observer => NodeId(1),
        };
        Self {
            http: JsonClient::new(context.timeout),
            locks: LockSession::new(context.addresses[home.index()], context.timeout),
            addresses: context.addresses,
            node: NodeId(1),
            default_level,
        }
    }

    fn level(&self, operation: &Operation) -> ReadLevel {
        match operation.level {
            Level::Default => self.default_level,
            Level::Strongest => ReadLevel::Linearizable,
            Level::Local => ReadLevel::Serializable,
        }
    }

    async fn perform(&mut self, operation: &Operation) -> Completion {
        let level = self.level(operation);
        match (operation.object, operation.f) {
            (Object::Lists, "txn") => self.transaction(operation, level).await,
            (Object::Lock | Object::FencedLock, "acquire") => self.acquire(operation).await,
            (Object::Lock | Object::FencedLock, "release") => self.release(operation).await,
            (Object::FencedLock, "write") => self.fenced_write(operation).await,
            _ => match protocol::request(operation, level) {
                Ok(request) => match self.post(&request).await {
                    Ok(body) => done(operation, level, &body),
                    Err(trouble) => trouble.into(),
                },
                Err(why) => fail(&why),
            },
        }
    }

    /// The body of an answer that says that the request was performed.
    async fn post(&self, request: &Request) -> Result<Value, Trouble> {
        let answer = self.http.post(self.addresses[self.node.index()], request.path, &request.body).await;
        let (status, body) = answer.map_err(|silence| match silence {
            NoAnswer::NotSent(why) => Trouble::Refused(why),
            NoAnswer::InDoubt(why) => Trouble::InDoubt(why),
        })?;
        match outcome::meaning(status, &body) {
            Meaning::Refused(why) => Err(Trouble::Refused(why)),
            Meaning::Undecided(why) => Err(Trouble::InDoubt(why)),
            Meaning::Done => Ok(body),
        }
    }

    /// As [`Self::post`], before anything is changed: if it does not succeed, nothing was.
    async fn look(&self, request: &Request) -> Result<Value, Completion> {
        self.post(request).await.map_err(|trouble| match trouble {
            refused @ Trouble::Refused(_) => refused.into(),
            Trouble::InDoubt(_) => fail("nothing was changed: the look before it did not succeed"),
        })
    }

    async fn transaction(&self, operation: &Operation, level: ReadLevel) -> Completion {
        let result = async {
            let keys = lists::keys(&operation.value).map_err(|why| fail(&why))?;
            let looked = self.look(&lists::look(&keys, level)).await?;
            let seen = lists::seen(&keys, &looked).map_err(|why| fail(&why))?;
            let (result, change) = lists::performed(&operation.value, &seen).map_err(|why| fail(&why))?;
            if let Some(change) = change {
                let answer = self.post(&change).await?;
                if !outcome::succeeded(&answer) {
                    return Err(fail("something was written between the look and the change"));
                }
                return Ok(acknowledged(result));
            }
            Ok(Completion { level: Some(level.word().into()), ..Completion::new(Outcome::Ok(result)) })
        };
        result.await.unwrap_or_else(|ended| ended)
    }

    async fn acquire(&mut self, operation: &Operation) -> Completion {
        let key = operation.key.as_deref().unwrap_or_default();
        let lease = match self.locks.lease() {
            Some(lease) => lease,
            None => match self.look(&LockSession::grant()).await {
                Ok(granted) => self.locks.begin(&granted),
                Err(ended) => return ended,
            },
        };
        match self.post(&LockSession::acquire(key, &lease)).await {
            Ok(answer) if outcome::succeeded(&answer) => {
                let token = self.locks.acquired(key, &answer);
                acknowledged(token.into())
            }
            Ok(_) => fail("somebody holds the lock"),
            Err(Trouble::Refused(why)) => {
                // Its lease may have run out: the next acquire begins with a new one.
                self.locks.end();
                fail(&why)
            }
            Err(trouble) => trouble.into(),
        }
    }

    async fn release(&mut self, operation: &Operation) -> Completion {
        let key = operation.key.as_deref().unwrap_or_default();
        let Some(release) = self.locks.release(key) else { return fail("this client does not hold the lock") };
        match self.post(&release).await {
            Ok(answer) if outcome::succeeded(&answer) => {
                self.locks.released(key);
                acknowledged(operation.value.clone())
            }
            Ok(_) => fail("the lock is no longer this client's"),
            Err(trouble) => trouble.into(),
        }
    }

    async fn fenced_write(&self, operation: &Operation) -> Completion {
        let result = async {
            let key = protocol::resource(operation.key.as_deref().unwrap_or_default());
            let looked = self.look(&protocol::range(&key, ReadLevel::Linearizable)).await?;
            let change = protocol::fenced_put(&key, &operation.value, &looked).map_err(|why| fail(&why))?;
            if outcome::succeeded(&self.post(&change).await?) {
                return Ok(acknowledged(operation.value.clone()));
            }
            Err(fail("something was written between the look and the change"))
        };
        result.await.unwrap_or_else(|ended: Completion| ended)
    }
}

fn fail(why: &str) -> Completion {
    Completion::new(Outcome::Fail(why.to_owned()))
}

/// Neither term nor position is passed on: any member answers for the leader, so "two nodes acknowledged under one term"
/// would accuse a healthy cluster.
fn acknowledged(result: Value) -> Completion {
    Completion { ack: Some("majority".into()), ..Completion::new(Outcome::Ok(result)) }
}

fn done(operation: &Operation, level: ReadLevel, body: &Value) -> Completion {
    match operation.f {
        "read" => match protocol::range_value(body) {
            Ok(value) => {
                let value = value.unwrap_or_else(|| operation.object.absent());
                Completion { level: Some(level.word().into()), ..Completion::new(Outcome::Ok(value)) }
            }
            Err(why) => Completion::new(Outcome::Info(why)),
        },
        "cas" if !outcome::succeeded(body) => fail("the value is not the expected one"),
        _ => acknowledged(operation.value.clone()),
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
        Box::pin(async {
            self.locks.end();
            self.http.close();
        })
    }
}
