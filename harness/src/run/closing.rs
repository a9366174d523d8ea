//! The closing operations: everything through the leader, then every node's own state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use schism_checkers::history::{Event, EventType, Process};
use schism_workloads::workload::{Level, Operation, Workload};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::RunError;
use crate::client::{Outcome, Workshop};
use crate::environment::{NodeId, Place};
use crate::nemesis::{Claims, leader_of};

/// A closing operation that fails is invoked again, as a new operation, this often at most.
const ATTEMPTS: usize = 10;

/// How long a closing operation waits for a leader. A busy machine may keep one from telling its claim for a moment.
const LEADER_WAIT: Duration = Duration::from_secs(3);

/// How many readers share the closing operations of one round.
const READERS: usize = 4;

/// Keys that some write was invoked on, in order of first use.
#[must_use]
pub(super) fn written_keys(workload: &dyn Workload, events: &[Event]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let invoked = events.iter().filter(|event| event.event_type == EventType::Invoke);
    let of_clients = invoked.filter(|event| matches!(event.process, Process::Client(_)));
    let written = of_clients.flat_map(|event| {
        let key = event.key.as_ref().and_then(Value::as_str);
        workload.written_keys(&event.f, key, &event.value)
    });
    written.filter(|key| seen.insert(key.clone())).collect()
}

/// Performs closing operations under fresh process ids.
pub(super) struct Closing {
    shop: Arc<Workshop>,
    claims: watch::Receiver<Claims>,
}

impl Closing {
    pub(super) fn new(shop: Arc<Workshop>, claims: watch::Receiver<Claims>) -> Self {
        Self { shop, claims }
    }

    /// What closes everything that was written, through the leader, at the strongest level.
    pub(super) async fn close_through_leader(&self, operations: Vec<Operation>) -> Result<(), RunError> {
        let strongest = operations.into_iter().map(|operation| operation.at(Level::Strongest));
        self.perform_all(strongest.collect(), None).await
    }

    /// Every read at one node after another, from its own state; marked `final`.
    pub(super) async fn read_locally(&self, reads: &[Operation]) -> Result<(), RunError> {
        for node in NodeId::all(self.shop.environment.nodes()) {
            let local = reads.iter().map(|read| read.clone().at(Level::Local));
            self.perform_all(local.collect(), Some(node)).await?;
        }
        Ok(())
    }

    async fn perform_all(&self, operations: Vec<Operation>, at: Option<NodeId>) -> Result<(), RunError> {
        let share = operations.len().div_ceil(READERS).max(1);
        let next_process = self.shop.next_process.load(Ordering::Relaxed);
        let mut readers = JoinSet::new();
        for (index, operations) in operations.chunks(share).enumerate() {
            let reader = Reader {
                shop: Arc::clone(&self.shop),
                claims: self.claims.clone(),
                at,
                process: next_process + index as u64,
                stride: READERS as u64,
            };
            let place = Place::Clients(at.or_else(|| leader_of(&self.claims.borrow())).unwrap_or(NodeId(1)));
            readers.spawn_on(reader.perform(operations.to_vec(), place), &self.shop.environment.runtime(place));
        }
        while let Some(read) = readers.join_next().await {
            read.map_err(|error| RunError::Worker(error.to_string()))?;
        }
        Ok(())
    }
}

/// Performs some of the operations of one round, one after another.
struct Reader {
    shop: Arc<Workshop>,
    claims: watch::Receiver<Claims>,
    /// The node to ask; the leader of the moment if none is given.
    at: Option<NodeId>,
    process: u64,
    stride: u64,
}

impl Reader {
    async fn perform(mut self, operations: Vec<Operation>, place: Place) {
        let mut client = self.shop.client_at(place);
        for operation in &operations {
            let mut attempts = 0..ATTEMPTS;
            while attempts.next().is_some() {
                let asked = if self.at.is_some() { self.at } else { leader(&mut self.claims).await };
                let Some(node) = asked else { break };
                let is_final = self.at.is_some();
                let completion = self.shop.perform(&mut *client, self.process, node, operation, is_final).await;
                match completion.outcome {
                    Outcome::Ok(result) if operation.until_null && !result.is_null() => {
                        attempts = 0..ATTEMPTS;
                        continue;
                    }
                    Outcome::Ok(_) => break,
                    Outcome::Fail(_) => {}
                    Outcome::Info(_) => {
                        self.process += self.stride;
                        client = self.shop.client_at(place);
                    }
                }
                // Whoever leads now may have changed: the next claims tell.
                let _ = tokio::time::timeout(super::observer::ASK_EVERY, self.claims.changed()).await;
            }
        }
        client.close().await;
    }
}

/// Who leads now; none if nobody does for too long.
async fn leader(claims: &mut watch::Receiver<Claims>) -> Option<NodeId> {
    let led = claims.wait_for(|claims| leader_of(claims).is_some());
    let claims = tokio::time::timeout(LEADER_WAIT, led).await.ok()?.ok()?;
    leader_of(&claims)
}

#[cfg(test)]
mod tests {
    use schism_workloads::set::SetWorkload;

    use super::*;
    use crate::record::{Clock, Recorder};
    use crate::systems::{Claim, Role};

    #[tokio::test]
    async fn a_leader_that_does_not_answer_for_a_moment_is_waited_for() {
        let leads = Claim { role: Role::Leader, term: 1, position: 7, applied: 7 };
        let (observer, mut claims) = watch::channel(Claims::from([(NodeId(2), None)]));
        let asking = tokio::spawn(async move { leader(&mut claims).await });
        tokio::task::yield_now().await;
        assert!(!asking.is_finished(), "gave up at once");
        observer.send(Claims::from([(NodeId(2), Some(leads))])).unwrap();
        assert_eq!(asking.await.unwrap(), Some(NodeId(2)));
    }

    #[test]
    fn keys_come_in_order_of_first_use_and_reads_do_not_count() {
        let recorder = Recorder::in_memory(Clock::start());
        for (f, key) in [("read", "k9"), ("add", "k2"), ("add", "k1"), ("add", "k2")] {
            let event = recorder.note("observer", f, Value::Null);
            let mut line = recorder.events()[event.0 as usize].clone();
            line.event_type = EventType::Invoke;
            line.process = Process::Client(0);
            line.key = Some(key.into());
            recorder.record(line);
        }
        assert_eq!(written_keys(&SetWorkload, &recorder.events()), ["k2", "k1"]);
    }
}
