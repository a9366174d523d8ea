//! [`Core`]: one node's replication, from input to effects.
//!
//! This file takes inputs apart and ends every step; the rest of a node's behaviour is in the files beside it, one a
//! subject: `client` (requests), `leader` (commit, acknowledgement, reads), `replication` (the leader's view of its
//! followers), `follower` (taking a leader's log), `succession` (who leads).

use std::collections::BTreeMap;

use super::{
    dice::Dice,
    durability::Durability,
    follower::Agreed,
    interface::{ClientResponse, Effect, Input, Restored, Role, Status},
    leader::Leadership,
    ledger::Ledger,
    log::Log,
    members::Members,
    message::{Ballot, Message},
    read::{Positions, Questions},
    replication::Progress,
    report::Reports,
    snapshot::{Snapshot, Snapshots},
    state::{State, Versions},
    succession::Handover,
    types::{Claim, Entry, HardState, NodeId, Position, Term},
    value::Value,
};
use crate::settings::{Failover, Fencing, Settings};

/// What a node does, with what it needs for that.
#[derive(Debug, Clone)]
pub(super) enum RoleState {
    Follower,
    Candidate { ballot: Ballot, votes: std::collections::BTreeSet<NodeId> },
    Leader(Box<Leadership>),
}

/// The pure core of one node.
#[derive(Debug, Clone)]
pub struct Core {
    pub(super) id: NodeId,
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    pub(super) now_us: u64,
    pub(super) hard_state: HardState,
    pub(super) role: RoleState,
    /// Whom this node follows, itself if it leads.
    pub(super) leader: Option<NodeId>,
    /// Until when this node has promised to vote for nobody; consensus only.
    pub(super) withholds_vote_until_us: u64,
    /// When a node that does not lead acts on silence.
    pub(super) succession_due_us: u64,
    pub(super) log: Log,
    /// The members that the events told last, or that were in force at the start.
    pub(super) reported_members: Members,
    pub(super) durability: Durability,
    pub(super) state: Versions,
    pub(super) committed: Position,
    /// The last position in the log that this node answered, as leader.
    pub(super) acknowledged: Position,
    /// What agrees with the log of the leader that was heard last.
    pub(super) agreed: Option<Agreed>,
    /// What this node acknowledged as leader, and what of that its log has lost.
    pub(super) ledger: Ledger,
    pub(super) snapshots: Snapshots,
    /// The reads for which this node asks its leader.
    pub(super) questions: Questions,
    /// The reads that wait for a position.
    pub(super) positions: Positions,
    pub(super) handover: Option<Handover>,
    pub(super) reports: Reports,
    pub(super) effects: Vec<Effect>,
}

impl Core {
    /// A node that has just started with what its disk holds. Its first tick is due at once.
    ///
    /// # Panics
    /// If the entries restored do not follow the snapshot, or position 0 without one, or have a gap.
    #[must_use]
    pub fn new(id: NodeId, members: Members, settings: Settings, restored: Restored, seed: u64, now_us: u64) -> Self {
        let (mut log, state) = match restored.snapshot {
            Some(Snapshot { position, claim, members, state }) => (Log::after(position, claim, members), state),
            None => (Log::after(Position(0), Claim::NONE, members), State::default()),
        };
        let committed = log.base();
        restored.entries.into_iter().for_each(|entry| log.push(entry));
        let mut hard_state = restored.hard_state;
        hard_state.term = hard_state.term.max(log.last_claim().term);
        let mut core = Self {
            id,
            settings,
            dice: Dice::new(seed ^ u64::from(id.0)),
            now_us,
            hard_state,
            role: RoleState::Follower,
            leader: None,
            withholds_vote_until_us: 0,
            succession_due_us: now_us,
            reported_members: log.members().clone(),
            durability: Durability::restore(log.last()),
            reports: Reports::at(committed, log.last()),
            log,
            state: Versions::new(state),
            committed,
            acknowledged: Position(0),
            agreed: None,
            ledger: restored.ledger,
            snapshots: Snapshots::at(committed),
            questions: Questions::new(restored.incarnation),
            positions: Positions::default(),
            handover: None,
            effects: Vec::new(),
        };
        core.reconcile(None);
        core.settle();
        core.begin_succession();
        core
    }

    /// Takes one input at the time `now_us` (microseconds, monotonic, from any origin) and returns what to do.
    pub fn step(&mut self, now_us: u64, input: Input) -> Vec<Effect> {
        self.step_all(now_us, [input])
    }

    /// Takes several inputs that have arrived together. Their records are persisted together and their entries are sent
    /// together.
    pub fn step_all(&mut self, now_us: u64, inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
        self.now_us = self.now_us.max(now_us);
        for input in inputs {
            self.take(input);
        }
        self.settle();
        self.report_progress();
        self.effects.extend(self.durability.flush(self.log.last()));
        self.replicate();
        std::mem::take(&mut self.effects)
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => self.tick(),
            Input::Peer { from, message } => self.take_message(from, message),
            Input::Persisted { token } => {
                let released = self.durability.persisted(token);
                self.effects.extend(released.into_iter().map(|(to, message)| Effect::Send { to, message }));
            }
            Input::Client { request, body } => self.take_request(request, body),
            Input::Abandoned { requests } => {
                self.forget_reads(&requests);
                self.forget_held(&requests);
            }
            Input::SnapshotSaved { position } => self.snapshot_saved(position),
            Input::Operator { request, body } => self.take_operator_request(request, body),
        }
    }

    fn take_message(&mut self, from: NodeId, message: Message) {
        if from == self.id {
            return;
        }
        let consensus = self.settings.failover == Failover::Consensus;
        match message {
            Message::Append(append) => self.take_append(from, append),
            Message::Appended(appended) => self.take_appended(from, &appended),
            Message::VoteRequest(request) if consensus => self.take_vote_request(from, &request),
            Message::Vote(vote) if consensus => self.take_vote(from, &vote),
            // Without consensus nobody votes: the sender has other settings.
            Message::TransferNow { term } if consensus => self.take_transfer_now(from, term),
            Message::VoteRequest(_) | Message::Vote(_) | Message::TransferNow { .. } => {}
            Message::ReadIndex { id } => self.take_read_index(from, id),
            Message::ReadIndexed { id, index } => self.take_read_indexed(from, id, index),
            Message::SnapshotChunk(chunk) => self.take_snapshot_chunk(from, chunk),
            Message::SnapshotTaken(taken) => self.take_snapshot_taken(from, &taken),
        }
    }

    fn tick(&mut self) {
        match &mut self.role {
            RoleState::Leader(leadership) => {
                if leadership.heartbeat_due_us > self.now_us {
                    return;
                }
                leadership.heartbeat_due_us = self.now_us + self.settings.heartbeat_ms * 1_000;
                leadership.progress.values_mut().for_each(Progress::beat);
                if self.settings.failover == Failover::Consensus || self.settings.fencing == Fencing::Lease {
                    leadership.reads.begin(self.now_us);
                }
                if self.settings.failover == Failover::Consensus {
                    if self.settings.check_quorum {
                        self.check_quorum();
                    }
                    self.beat_handover();
                }
                self.lose_patience();
                self.guard_lease();
            }
            RoleState::Follower | RoleState::Candidate { .. } => {
                self.ask_again();
                if self.succession_due_us <= self.now_us {
                    self.act_on_silence();
                }
            }
        }
    }

    /// When the next [`Input::Tick`] is due, in microseconds on the clock of [`Core::step`]; `u64::MAX` for never.
    #[must_use]
    pub fn deadline_us(&self) -> u64 {
        match &self.role {
            RoleState::Leader(leadership) => leadership.heartbeat_due_us,
            RoleState::Follower | RoleState::Candidate { .. } => self.succession_due_us.min(self.questions.due_us()),
        }
    }

    /// What the node does.
    #[must_use]
    pub fn role(&self) -> Role {
        match &self.role {
            RoleState::Follower => Role::Follower,
            RoleState::Candidate { .. } => Role::Candidate,
            RoleState::Leader(_) => Role::Leader,
        }
    }

    /// The term it leads in, or the highest it knows.
    #[must_use]
    pub fn term(&self) -> Term {
        self.hard_state.term
    }

    /// The leader that it follows: itself if it leads.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The last position of its log.
    #[must_use]
    pub fn last(&self) -> Position {
        self.log.last()
    }

    /// Up to where its log is durable.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.durability.durable()
    }

    /// Up to where its state is visible to reads.
    #[must_use]
    pub fn visible(&self) -> Position {
        self.state.position()
    }

    /// Up to where its log is committed, as far as it knows.
    #[must_use]
    pub fn committed(&self) -> Position {
        self.committed
    }

    /// What the node knows about itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let matched = match &self.role {
            RoleState::Follower | RoleState::Candidate { .. } => BTreeMap::new(),
            RoleState::Leader(leadership) => leadership.matched(),
        };
        Status {
            node: self.id,
            role: self.role(),
            term: self.hard_state.term,
            leader: self.leader,
            last: self.log.last(),
            durable: self.durability.durable(),
            committed: self.committed,
            visible: self.state.position(),
            matched,
            base: self.log.base(),
            members: self.log.members().clone(),
            lease_us: self.lease_until_us().map(|until_us| until_us.saturating_sub(self.now_us)),
            waiting_reads: self.waiting_reads(),
            settings: self.settings.to_map(),
        }
    }

    /// The members in force.
    #[must_use]
    pub fn members(&self) -> &Members {
        self.log.members()
    }

    /// Up to where a snapshot stands for the log.
    #[must_use]
    pub fn base(&self) -> Position {
        self.log.base()
    }

    /// The visible state.
    #[must_use]
    pub fn state(&self) -> &State {
        self.state.visible()
    }

    /// The entries of the log, from the one after [`Core::base`].
    pub fn entries(&self) -> impl Iterator<Item = &Entry> + '_ {
        self.log.slots().iter().map(|slot| &slot.entry)
    }

    /// The entry at `position`, if the log reaches so far.
    #[must_use]
    pub fn entry(&self, position: Position) -> Option<&Entry> {
        self.log.get(position).map(|slot| &slot.entry)
    }

    /// The visible state: every key with its value, by key.
    pub fn contents(&self) -> impl Iterator<Item = (&str, Value)> + '_ {
        self.state.visible().scan("", None)
    }

    /// The claim under which this node leads or would lead in its term.
    pub(super) fn own_claim(&self) -> Claim {
        Claim { term: self.hard_state.term, leader: self.id }
    }

    /// Every other member.
    pub(super) fn peers(&self) -> Vec<NodeId> {
        self.log.members().all().filter(|node| *node != self.id).collect()
    }

    /// How many voters are a majority.
    pub(super) fn majority(&self) -> usize {
        self.log.members().majority()
    }

    pub(super) fn set_hard_state(&mut self, hard_state: HardState) {
        debug_assert!(hard_state.term >= self.hard_state.term, "terms never decrease");
        if hard_state != self.hard_state {
            self.hard_state = hard_state;
            self.durability.hard_state(hard_state);
        }
    }

    /// Up to where entries are never taken back.
    pub(super) fn safe_position(&self) -> Position {
        match self.settings.failover {
            Failover::Consensus => self.committed,
            Failover::Timeout | Failover::Manual => self.snapshots.floor(),
        }
    }

    /// The claim of the entry at `position`, also where a snapshot stands for it.
    #[must_use]
    pub fn claim_at(&self, position: Position) -> Option<Claim> {
        if position < self.log.base() { self.state.visible().claim_at(position) } else { self.log.claim_at(position) }
    }

    pub(super) fn reply(&mut self, request: u64, response: ClientResponse) {
        self.effects.push(Effect::Reply { request, response });
    }

    /// Sends as soon as the hard state is durable.
    pub(super) fn send(&mut self, to: NodeId, message: Message) {
        if let Some(message) = self.durability.hold_for_hard_state(to, message) {
            self.effects.push(Effect::Send { to, message });
        }
    }

    /// Sends as soon as everything that the log holds now is durable.
    pub(super) fn send_when_durable(&mut self, to: NodeId, message: Message) {
        if let Some(message) = self.durability.hold_for_log(to, message) {
            self.effects.push(Effect::Send { to, message });
        }
    }

    /// Checks what must hold between steps, whatever has happened.
    ///
    /// # Panics
    /// If anything does not: the core has a bug.
    pub fn validate(&self) {
        let (last, visible) = (self.log.last(), self.state.position());
        assert!(self.durability.durable() <= last, "durable beyond the log: {self:?}");
        assert!(self.committed <= last, "committed beyond the log: {self:?}");
        assert!(self.acknowledged <= last, "acknowledged beyond the log: {self:?}");
        assert_eq!(visible, self.showable(), "what may be shown is shown");
        assert!(self.log.last_claim().term <= self.hard_state.term, "an entry of a term not known: {self:?}");
        let safe = self.safe_position().min(visible);
        assert_eq!(self.state.earliest().position(), safe, "states are kept back to what is safe");
        assert!(self.effects.is_empty(), "effects outlive a step");
        match &self.role {
            RoleState::Leader(leadership) => {
                assert_eq!(self.leader, Some(self.id), "a leader follows itself");
                assert_eq!(leadership.claim, self.own_claim(), "a leader leads in its term");
                leadership.validate(last);
            }
            RoleState::Follower => assert_ne!(self.leader, Some(self.id), "a follower does not follow itself"),
            RoleState::Candidate { .. } => assert_eq!(self.leader, None, "a candidate follows nobody"),
        }
    }
}
