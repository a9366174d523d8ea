//! The closing reads: everything through the leader, then every node's own state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use schism_checkers::history::{Event, EventType, Process};
use schism_workloads::workload::{Level, Operation};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::RunError;
use crate::client::{Outcome, Workshop};
use crate::environment::{NodeId, Place};
use crate::nemesis::{Claims, leader_of};

/// A closing read that fails is invoked again, as a new operation, this often at most.
const ATTEMPTS: usize = 10;

/// How long a closing read waits for a leader. A busy machine may keep one from telling its claim for a moment.
const LEADER_WAIT: Duration = Duration::from_secs(3);

/// How many readers share the closing reads of one round.
const READERS: usize = 4;

/// Keys that some write was invoked on, in order of first use.
#[must_use]
pub(super) fn written_keys(events: &[Event]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let writes = events.iter().filter(|event| event.event_type == EventType::Invoke && event.f != "read");
    let of_clients = writes.filter(|event| matches!(event.process, Process::Client(_)));
    of_clients.filter_map(|event| text_of(event.key.as_ref()?)).filter(|key| seen.insert(key.clone())).collect()
}

fn text_of(key: &Value) -> Option<String> {
    key.as_str().map(ToOwned::to_owned)
}

/// Performs closing reads under fresh process ids.
pub(super) struct Closing {
    shop: Arc<Workshop>,
    claims: watch::Receiver<Claims>,
}

impl Closing {
    pub(super) fn new(shop: Arc<Workshop>, claims: watch::Receiver<Claims>) -> Self {
        Self { shop, claims }
    }

    /// One read of everything that was written, through the leader, at the strongest level.
    pub(super) async fn read_through_leader(&self, reads: Vec<Operation>) -> Result<(), RunError> {
        let strongest = reads.into_iter().map(|read| Operation { level: Level::Strongest, ..read });
        self.read_all(strongest.collect(), None).await
    }

    /// Every read again, at one node after another, from its own state; marked `final`.
    pub(super) async fn read_locally(&self, reads: &[Operation]) -> Result<(), RunError> {
        for node in NodeId::all(self.shop.environment.nodes()) {
            let local = reads.iter().map(|read| Operation { level: Level::Local, ..read.clone() });
            self.read_all(local.collect(), Some(node)).await?;
        }
        Ok(())
    }

    async fn read_all(&self, reads: Vec<Operation>, at: Option<NodeId>) -> Result<(), RunError> {
        let share = reads.len().div_ceil(READERS).max(1);
        let next_process = self.shop.next_process.load(Ordering::Relaxed);
        let mut readers = JoinSet::new();
        for (index, reads) in reads.chunks(share).enumerate() {
            let reader = Reader {
                shop: Arc::clone(&self.shop),
                claims: self.claims.clone(),
                at,
                process: next_process + index as u64,
                stride: READERS as u64,
            };
            let place = Place::Clients(at.or_else(|| leader_of(&self.claims.borrow())).unwrap_or(NodeId(1)));
            readers.spawn_on(reader.read(reads.to_vec(), place), &self.shop.environment.runtime(place));
        }
        while let Some(read) = readers.join_next().await {
            read.map_err(|error| RunError::Worker(error.to_string()))?;
        }
        Ok(())
    }
}

/// Performs some of the reads of one round, one after another.
struct Reader {
    shop: Arc<Workshop>,
    claims: watch::Receiver<Claims>,
    /// The node to ask; the leader of the moment if none is given.
    at: Option<NodeId>,
    process: u64,
    stride: u64,
}

impl Reader {
    async fn read(mut self, reads: Vec<Operation>, place: Place) {
        let mut client = self.shop.client_at(place);
        for read in &reads {
            for _ in 0..ATTEMPTS {
                let asked = if self.at.is_some() { self.at } else { leader(&mut self.claims).await };
                let Some(node) = asked else { break };
                let is_final = self.at.is_some();
                let completion = self.shop.perform(&mut *client, self.process, node, read, is_final).await;
                match completion.outcome {
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
        assert_eq!(written_keys(&recorder.events()), ["k2", "k1"]);
    }
}
