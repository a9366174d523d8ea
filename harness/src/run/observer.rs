//! The observer: asks every node for its claim every 50 ms, from a place that is never cut off.
//!
//! It publishes the latest claims for the nemesis and for the end of the run, records every change of a claim, and
//! knows the longest time a node kept silent. It stores no leader: whoever needs one derives it from the claims.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schism_checkers::history::Process;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::environment::{Environment, NodeId, Place};
use crate::nemesis::Claims;
use crate::record::{Clock, Recorder};
use crate::systems::{Claim, Role, System};

/// How often every node is asked.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(50);

/// How long an answer may take before the node counts as silent.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_millis(150);

/// The running observer; it stops when dropped.
pub(super) struct Observer {
    claims: watch::Receiver<Claims>,
    silences: Arc<Silences>,
    clock: Clock,
    _stop: DropGuard,
}

impl Observer {
    /// Starts asking, one task a node, on the observer's own place.
    pub(super) fn start(
        environment: &Arc<dyn Environment>,
        system: &Arc<dyn System>,
        clock: Clock,
        recorder: &Recorder,
    ) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(1)
            .timeout(ANSWER_WITHIN)
            .build()?;
        let nodes = NodeId::all(environment.nodes());
        let (publish, claims) = watch::channel(nodes.clone().map(|node| (node, None)).collect());
        let publish = Arc::new(publish);
        let silences = Arc::new(Silences::default());
        let stop = CancellationToken::new();
        for node in nodes {
            let watcher = Watcher {
                node,
                address: environment.address(Place::Observer, node, system.client_port()),
                http: http.clone(),
                system: Arc::clone(system),
                clock,
                recorder: recorder.clone(),
                publish: Arc::clone(&publish),
                silences: Arc::clone(&silences),
            };
            environment.runtime(Place::Observer).spawn(stop.clone().run_until_cancelled_owned(watcher.watch()));
        }
        Ok(Self { claims, silences, clock, _stop: stop.drop_guard() })
    }

    /// The latest claims, as they change.
    #[must_use]
    pub(super) fn claims(&self) -> watch::Receiver<Claims> {
        self.claims.clone()
    }

    /// Forgets the silences so far: the load begins.
    pub(super) fn forget_silences(&self) {
        self.silences.forget(self.clock.now_ns());
    }

    /// The longest time, in nanoseconds, that each node kept silent since [`Self::forget_silences`].
    #[must_use]
    pub(super) fn longest_silences_ns(&self) -> BTreeMap<NodeId, u64> {
        self.silences.longest_ns(self.clock.now_ns())
    }
}

/// Asks one node.
struct Watcher {
    node: NodeId,
    address: std::net::SocketAddr,
    http: reqwest::Client,
    system: Arc<dyn System>,
    clock: Clock,
    recorder: Recorder,
    publish: Arc<watch::Sender<Claims>>,
    silences: Arc<Silences>,
}

impl Watcher {
    async fn watch(self) {
        let mut turns = tokio::time::interval(ASK_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            turns.tick().await;
            let answer = tokio::time::timeout(ANSWER_WITHIN, self.system.claim(&self.http, self.address)).await;
            let claim = answer.ok().and_then(Result::ok);
            if claim.is_some() {
                self.silences.heard(self.node, self.clock.now_ns());
            }
            // A position moves with every write; only role and term make a claim a different one.
            let now = claim.as_ref().map(|claim| (claim.role, claim.term));
            if now != told {
                self.record(claim.as_ref());
                told = now;
            }
            self.publish.send_if_modified(|claims| {
                let changed = claims.get(&self.node) != Some(&claim);
                claims.insert(self.node, claim);
                changed
            });
        }
    }

    fn record(&self, claim: Option<&Claim>) {
        let role: Option<Role> = claim.map(|claim| claim.role);
        let value = json!({
            "node": self.node,
            "role": role,
            "term": claim.map(|claim| claim.term),
            "position": claim.map(|claim| claim.position),
        });
        self.recorder.note(Process::OBSERVER, "claim", value);
    }
}

/// When each node was last heard, and how long it ever kept silent.
#[derive(Default)]
struct Silences(Mutex<BTreeMap<NodeId, Silence>>);

#[derive(Clone, Copy)]
struct Silence {
    heard_ns: u64,
    longest_ns: u64,
}

impl Silences {
    fn heard(&self, node: NodeId, now_ns: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = all.entry(node).or_insert(Silence { heard_ns: now_ns, longest_ns: 0 });
        silence.longest_ns = silence.longest_ns.max(now_ns.saturating_sub(silence.heard_ns));
        silence.heard_ns = now_ns;
    }

    fn forget(&self, now_ns: u64) {
        for silence in self.0.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            *silence = Silence { heard_ns: now_ns, longest_ns: 0 };
        }
    }

    fn longest_ns(&self, now_ns: u64) -> BTreeMap<NodeId, u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(node, silence)| (*node, silence.longest_ns.max(now_ns.saturating_sub(silence.heard_ns))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silence_counts_also_the_one_that_lasts() {
        let silences = Silences::default();
        for now_ns in [0, 50, 350, 400] {
            silences.heard(NodeId(1), now_ns);
        }
        assert_eq!(silences.longest_ns(410)[&NodeId(1)], 300);
        assert_eq!(silences.longest_ns(900)[&NodeId(1)], 500);
        silences.forget(900);
        assert_eq!(silences.longest_ns(910)[&NodeId(1)], 10);
    }
}
