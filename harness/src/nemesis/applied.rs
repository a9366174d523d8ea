//! One fault being applied: the steps it may take, and the record of what it did.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use schism_checkers::history::{Event, EventType, Process};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::evidence::Evidence;
use super::fault::NotApplied;
use super::interventions::{Interventions, StepKind};
use super::partition::Partition;
use super::target::Target;
use super::{Claims, Cluster, ExecutedFault, leader_of, proof};
use crate::environment::NodeId;
use crate::plan::ScheduledFault;
use crate::systems::Role;

/// How long a fault that needs a leader waits for one.
const LEADER_WAIT: Duration = Duration::from_secs(3);

/// How long a kill or a stop may take to show.
const SIGNAL_WAIT: Duration = Duration::from_secs(2);

/// How often it is looked for.
const SIGNAL_POLL: Duration = Duration::from_millis(2);

/// What a fault has done so far, how to undo it, and what shows it. It is filled while the fault is applied, so it holds
/// wherever the fault is cut short.
pub struct Applied {
    cluster: Cluster,
    interventions: Arc<Interventions>,
    duration: Duration,
    random: ChaCha8Rng,
    leader_before: Option<NodeId>,
    killed_ns: u64,
    executed: ExecutedFault,
}

impl Applied {
    pub(super) fn new(
        cluster: Cluster,
        interventions: Arc<Interventions>,
        entry: &ScheduledFault,
        load_start_ns: u64,
    ) -> Self {
        let at_ns = load_start_ns.saturating_add(entry.at_ms.saturating_mul(1_000_000));
        Self {
            cluster,
            interventions,
            duration: Duration::from_millis(entry.duration_ms),
            random: ChaCha8Rng::seed_from_u64(entry.seed),
            leader_before: None,
            killed_ns: 0,
            executed: ExecutedFault::new(entry, at_ns),
        }
    }

    /// Notes the target as asked for.
    pub(super) fn set_asked(&mut self, asked: String) {
        self.executed.asked = asked;
    }

    /// Sleeps until the entry is due.
    pub(super) async fn wait_until_due(&self) {
        let ahead_ns = self.executed.at_ns.saturating_sub(self.cluster.clock.now_ns());
        tokio::time::sleep(Duration::from_nanos(ahead_ns)).await;
    }

    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> u16 {
        self.cluster.environment.nodes()
    }

    /// How long the schedule wants it to stay in force.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// All nodes in an order that follows from the seed.
    #[must_use]
    pub fn shuffled_nodes(&mut self) -> Vec<NodeId> {
        let mut order: Vec<NodeId> = NodeId::all(self.nodes()).collect();
        order.shuffle(&mut self.random);
        order
    }

    /// The node that claims to lead with the highest term; waits a bounded time for one.
    ///
    /// # Errors
    /// There was none, or two under the same term.
    pub async fn leader(&mut self) -> Result<NodeId, NotApplied> {
        let started_ns = self.cluster.clock.now_ns();
        if let Some(leader) = self.cluster.leader() {
            return Ok(leader);
        }
        self.executed.notes.push(format!("no single leader when it was due: {}", self.claims_in_words()));
        let mut claims = self.cluster.claims.clone();
        let found = tokio::time::timeout(LEADER_WAIT, claims.wait_for(|claims| leader_of(claims).is_some())).await;
        let leader = found.ok().and_then(Result::ok).and_then(|claims| leader_of(&claims));
        let waited_ms = (self.cluster.clock.now_ns() - started_ns) / 1_000_000;
        let leader = leader.ok_or_else(|| NotApplied::NoLeader { waited_ms, claims: self.claims_in_words() })?;
        self.executed.notes.push(format!("{leader} led {waited_ms} ms later"));
        Ok(leader)
    }

    /// The nodes that a target means now.
    ///
    /// # Errors
    /// It needs a leader and there was none.
    pub async fn resolve(&mut self, target: &Target) -> Result<Vec<NodeId>, NotApplied> {
        let leader = if target.needs_leader() { Some(self.leader().await?) } else { None };
        let nodes = self.nodes();
        let resolved = target.resolve(nodes, leader, &mut self.random);
        resolved
            .filter(|resolved| !resolved.is_empty())
            .ok_or_else(|| NotApplied::Plan(format!("the target {target} means no node among {nodes}")))
    }

    /// The node that takes over from a leader, where the system fixes that.
    ///
    /// # Errors
    /// It is the leader itself, which has no link to itself.
    pub fn next_in_line(&self, leader: NodeId) -> Result<NodeId, NotApplied> {
        let next = self.cluster.system.next_in_line(leader, self.nodes(), &self.cluster.settings);
        if next == leader || next.0 == 0 || next.0 > self.nodes() {
            return Err(NotApplied::Plan(format!("nobody is next in line after {leader}")));
        }
        Ok(next)
    }

    /// Notes whom the fault hits and what it is going to cut, and writes its first line into the history: from here on
    /// it may have an effect.
    pub fn begin(&mut self, nodes: &[NodeId], partition: &Partition) {
        self.leader_before = self.cluster.leader();
        self.executed.resolved = nodes.to_vec();
        self.executed.cut = partition.cut.iter().copied().collect();
        self.executed.sides.clone_from(&partition.sides);
        self.executed.applied_ns = Some(self.record(Some("applied"), Map::new()));
    }

    /// Cuts links; when, for what follows.
    ///
    /// # Errors
    /// The environment refused.
    pub fn cut(&self, partition: &Partition) -> Result<Instant, NotApplied> {
        self.interventions.cut(self.executed.id, &partition.cut)?;
        Ok(Instant::now())
    }

    /// Links up.
    pub fn links_up(&self) {
        self.interventions.end(self.executed.id, StepKind::Cut);
    }

    /// Cuts links for as long as the schedule wants.
    ///
    /// # Errors
    /// The environment refused.
    pub async fn hold_partition(&mut self, nodes: &[NodeId], partition: &Partition) -> Result<(), NotApplied> {
        self.begin(nodes, partition);
        let end = self.cut(partition)? + self.duration;
        self.wait_until(end).await;
        self.links_up();
        Ok(())
    }

    /// Stops nodes; when, for what follows.
    ///
    /// # Errors
    /// One was not running, or the environment refused.
    pub fn stop(&self, nodes: &[NodeId]) -> Result<Instant, NotApplied> {
        for node in nodes {
            self.interventions.stop(self.executed.id, *node)?;
        }
        Ok(Instant::now())
    }

    /// Looks until all threads of the stopped nodes are seen stopped, but not longer than until `end`.
    pub async fn confirm_stopped(&self, end: Instant) {
        let end = end.min(Instant::now() + SIGNAL_WAIT);
        while !self.interventions.look_at_stopped(self.executed.id) && Instant::now() < end {
            tokio::time::sleep(SIGNAL_POLL).await;
        }
    }

    /// Continues what it stopped; when, for what follows.
    pub fn resume(&self) -> Instant {
        self.interventions.end(self.executed.id, StepKind::Stop);
        Instant::now()
    }

    /// Kills nodes and looks, for a bounded time, until they are gone.
    ///
    /// # Errors
    /// One was not running, or the environment refused.
    pub async fn kill(&mut self, nodes: &[NodeId]) -> Result<(), NotApplied> {
        for node in nodes {
            self.interventions.kill(self.executed.id, *node)?;
        }
        self.killed_ns = self.cluster.clock.now_ns();
        let end = Instant::now() + SIGNAL_WAIT;
        while !self.interventions.look_at_killed(self.executed.id) && Instant::now() < end {
            tokio::time::sleep(SIGNAL_POLL).await;
        }
        Ok(())
    }

    /// Waits until a node acknowledged a write that is neither the leader of before nor was killed, at most for `bound`
    /// since the kill.
    pub async fn until_another_leads(&mut self, bound: Duration) {
        let killed_ns = self.killed_ns;
        let mut excluded: BTreeSet<NodeId> = self.executed.resolved.iter().copied().collect();
        excluded.extend(self.leader_before);
        let since_ns = self.cluster.clock.now_ns().saturating_sub(killed_ns);
        let end = Instant::now() + bound.saturating_sub(Duration::from_nanos(since_ns));
        let mut acknowledgements = self.cluster.acknowledgements.clone();
        let another = |acknowledged: &super::Acknowledgements| {
            acknowledged.iter().any(|(node, at_ns)| !excluded.contains(node) && *at_ns > killed_ns)
        };
        let acknowledged = match tokio::time::timeout_at(end, acknowledgements.wait_for(another)).await {
            Ok(Ok(_)) => true,
            Ok(Err(_)) | Err(_) => false,
        };
        if !acknowledged {
            self.wait_until(end).await;
        }
        let after_ms = self.cluster.clock.now_ns().saturating_sub(killed_ns) / 1_000_000;
        self.executed.notes.push(if acknowledged {
            format!("another leader acknowledged a write within {after_ms} ms of the kill")
        } else {
            format!("no other leader acknowledged a write within {after_ms} ms of the kill")
        });
    }

    /// Starts again what it killed.
    pub fn restart(&self) {
        self.interventions.end(self.executed.id, StepKind::Kill);
    }

    /// Does nothing until then.
    pub async fn wait_until(&self, end: Instant) {
        tokio::time::sleep_until(end).await;
    }

    /// Undoes whatever is left, writes the last line into the history, and gathers the proof.
    pub(super) async fn finish(mut self, outcome: Result<(), NotApplied>) -> ExecutedFault {
        let id = self.executed.id;
        self.interventions.heal(id);
        let (evidence, errors) = self.interventions.evidence(id);
        if self.executed.applied_ns.is_some() {
            let dropped: Vec<u64> = evidence.iter().filter_map(packets_dropped).collect();
            let mut value = Map::new();
            if !dropped.is_empty() {
                value.insert("dropped".to_owned(), json!(dropped.iter().sum::<u64>()));
            }
            self.executed.healed_ns = Some(self.record(Some("healed"), value));
        }
        self.executed.notes.extend(errors.iter().map(|error| format!("failed to heal: {error}")));
        if let Err(reason) = &outcome {
            let what = if self.executed.applied_ns.is_some() { "cut short" } else { "not applied" };
            self.executed.notes.push(format!("{what}: {reason}"));
            if self.executed.applied_ns.is_none() {
                self.record(None, Map::from_iter([("not_applied".to_owned(), json!(reason.to_string()))]));
            }
        }
        self.executed.proof = proof::prove(&self.cluster, &evidence).await;
        if !matches!(outcome, Ok(()) | Err(NotApplied::Cancelled(_))) || !errors.is_empty() {
            self.executed.proof.in_force = false;
            self.executed.proof.effect = false;
        }
        self.executed
    }

    /// Appends a line to the history; its time.
    fn record(&self, step: Option<&str>, more: Map<String, Value>) -> u64 {
        let executed = &self.executed;
        let mut value = Map::from_iter([
            ("target".to_owned(), json!(executed.asked)),
            ("resolved".to_owned(), json!(executed.resolved)),
            ("cut".to_owned(), json!(executed.cut)),
        ]);
        value.extend(more);
        let nemesis = Process::Named(Process::NEMESIS.to_owned());
        let (_, time_ns) = self.cluster.recorder.record(Event {
            // A line that names an entry says that the entry had an effect.
            id: step.map(|_| executed.id),
            step: step.map(str::to_owned),
            ..Event::new(EventType::Info, nemesis, executed.fault.name.clone(), Value::Object(value))
        });
        time_ns
    }

    fn claims_in_words(&self) -> String {
        claims_in_words(&self.cluster.claims.borrow())
    }
}

fn packets_dropped(evidence: &Evidence) -> Option<u64> {
    match evidence {
        Evidence::Cut(cut) => Some(cut.dropped),
        Evidence::Stop(_) | Evidence::Kill(_) => None,
    }
}

fn claims_in_words(claims: &Claims) -> String {
    let words = claims.iter().map(|(node, claim)| match claim {
        None => format!("{node} is silent"),
        Some(claim) => {
            let role = match claim.role {
                Role::Leader => "leads",
                Role::Follower => "follows",
                Role::Candidate => "stands for election",
            };
            format!("{node} {role} in term {}", claim.term)
        }
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "nobody claims anything".to_owned() } else { words.join(", ") }
}
