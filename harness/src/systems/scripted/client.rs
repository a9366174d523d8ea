//! A client of the scripted cluster.

use std::sync::Arc;
use std::time::Duration;

use schism_workloads::workload::Operation;

use super::world::{Answer, World};
use crate::client::{Client, Completion, Outcome};
use crate::environment::{BoxFuture, NodeId, Place};

pub(super) struct ScriptedClient {
    pub(super) world: Arc<World>,
    pub(super) place: Place,
    pub(super) timeout: Duration,
    pub(super) node: NodeId,
}

impl Client for ScriptedClient {
    fn open(&mut self, node: NodeId) -> BoxFuture<'_, ()> {
        self.node = node;
        Box::pin(std::future::ready(()))
    }

    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            // Let others run, as a real exchange would.
            tokio::task::yield_now().await;
            let answer = self.world.now().perform(self.place, self.node, operation);
            if answer == Answer::Silence {
                tokio::time::sleep(self.timeout).await;
            }
            completion_of(answer, self.node)
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn completion_of(answer: Answer, asked: NodeId) -> Completion {
    let fail = |why: &str| Completion::new(Outcome::Fail(why.to_owned()));
    match answer {
        Answer::Done(value, term, position) => {
            Completion { term: Some(term), position: Some(position), ..Completion::new(Outcome::Ok(value)) }
        }
        Answer::Refused(why) => Completion { leader_hint: Some(asked), ..fail(why) },
        Answer::NotLeader(leader) => Completion { leader_hint: leader, ..fail("not-leader") },
        Answer::NobodyThere => fail("connection refused"),
        Answer::Silence => Completion::new(Outcome::Info("timeout".to_owned())),
    }
}
