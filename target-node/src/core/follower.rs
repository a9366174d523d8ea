//! Taking a leader's log: agreement, truncation at the first conflict, and what truncation takes with it.

use super::{
    interface::{AcknowledgedWrite, ChangeKind, Effect, ProtocolEvent},
    log::{Log, Slot},
    message::{Append, AppendResult, Appended, Message},
    node::{Core, RoleState},
    types::{Change, Claim, Command, Entry, NodeId, Position, Term},
    value::Value,
};
use crate::settings::{AckPoint, Failover, Rejoin};

/// What a follower knows to agree with its leader's log, and what of it the leader knows to be visible here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreed {
    leader: NodeId,
    term: Term,
    position: Position,
    told: Position,
}

impl Agreed {
    /// With the news that the logs agree up to `position`.
    fn with(before: Option<Self>, leader: NodeId, term: Term, position: Position) -> Option<Self> {
        let same = before.filter(|before| (before.leader, before.term) == (leader, term));
        let before = same.unwrap_or(Self { leader, term, position, told: Position(0) });
        Some(Self { position: before.position.max(position), ..before })
    }
}

/// What an answer says of the append that is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    term: Term,
    round: u64,
    probe: u64,
}

impl Asked {
    fn by(append: &Append) -> Self {
        Self { term: append.term, round: append.round, probe: append.probe }
    }

    /// That of news that the leader of `term` did not ask for.
    pub(super) fn unasked(term: Term) -> Self {
        Self { term, round: 0, probe: 0 }
    }
}

impl Core {
    /// Takes a leader's append, if this node may follow it.
    pub(super) fn take_append(&mut self, from: NodeId, append: Append) {
        let well_formed = append.entries.iter().zip(append.previous.0 + 1..).all(|(entry, at)| entry.position.0 == at);
        if !well_formed || !self.may_take(from, append.term) {
            return;
        }
        let asked = Asked::by(&append);
        if let Some(result) = self.refusal(&append) {
            return self.send(from, self.appended(asked, result));
        }
        if self.settings.rejoin == Rejoin::Keep && self.conflicts_with(&append) {
            return;
        }
        if self.settings.rejoin == Rejoin::Resync && self.conflicts_with(&append) {
            // Nothing of the own log is trusted: the leader's state comes whole.
            self.snapshots.is_wanted = true;
            return self.send(from, self.appended(asked, AppendResult::SnapshotWanted));
        }
        let is_heartbeat = append.entries.is_empty();
        let matched = Position(append.previous.0 + append.entries.len() as u64);
        let term = append.term;
        append.entries.into_iter().for_each(|entry| self.take_entry(term, entry));
        self.committed = self.committed.max(append.commit.min(matched));
        self.agreed = Agreed::with(self.agreed, from, append.term, matched);
        // A heartbeat is answered at once, so that a slow disk is not taken for a dead follower; it claims as durable only
        // what is. Entries are answered at once where what is received counts.
        if is_heartbeat || self.settings.ack_point == AckPoint::Received {
            let position = matched.min(self.durability.durable());
            self.send(from, self.appended(asked, self.matched(position, matched)));
        }
        if !is_heartbeat {
            self.send_when_durable(from, self.appended(asked, self.matched(matched, matched)));
        }
    }

    /// Whether this node has other entries where the leader sends its own.
    fn conflicts_with(&self, append: &Append) -> bool {
        let differs = |entry: &Entry| self.log.claim_at(entry.position).is_some_and(|claim| claim != entry.claim);
        append.entries.iter().any(differs)
    }

    fn matched(&self, position: Position, received: Position) -> AppendResult {
        AppendResult::Matched { position, received, applied: self.state.position().min(received) }
    }

    /// Tells the leader what has become visible, where that counts.
    pub(super) fn tell_applied(&mut self) {
        let (Some(agreed), AckPoint::Applied) = (&mut self.agreed, self.settings.ack_point) else { return };
        let applied = self.state.position().min(agreed.position);
        if matches!(self.role, RoleState::Leader(_)) || applied <= agreed.told {
            return;
        }
        agreed.told = applied;
        let Agreed { leader, term, position, .. } = *agreed;
        let result = self.matched(position.min(self.durability.durable()), position);
        self.send(leader, self.appended(Asked::unasked(term), result));
    }

    /// Why nothing is done with an append of the leader that this node follows, if so.
    fn refusal(&mut self, append: &Append) -> Option<AppendResult> {
        if self.snapshots.is_wanted {
            return Some(AppendResult::SnapshotWanted);
        }
        let previous = append.previous;
        if self.claim_at(previous) != Some(append.previous_claim) {
            let (hint, hint_claim) = self.agreement_hint(previous.previous(), append.previous_claim);
            return Some(AppendResult::Mismatch { previous, hint, hint_claim });
        }
        let floor = match self.settings.failover {
            Failover::Consensus => return None,
            Failover::Timeout | Failover::Manual => self.snapshots.floor(),
        };
        let below_floor = append.entries.iter().take_while(|entry| entry.position <= floor);
        if below_floor.into_iter().any(|entry| self.claim_at(entry.position).is_some_and(|claim| claim != entry.claim))
        {
            self.snapshots.is_wanted = true;
            return Some(AppendResult::SnapshotWanted);
        }
        None
    }

    /// As [`Log::agreement_hint`](super::log::Log::agreement_hint), also where a snapshot stands for the log.
    fn agreement_hint(&self, position: Position, claim: Claim) -> (Position, Claim) {
        let (hint, hint_claim) = self.log.agreement_hint(position, claim);
        if hint <= position && hint_claim <= claim {
            return (hint, hint_claim);
        }
        let state = self.state.visible();
        let hint = state.last_not_above(position.min(self.log.base()), claim);
        (hint, state.claim_at(hint).unwrap_or(Claim::NONE))
    }

    pub(super) fn appended(&self, asked: Asked, result: AppendResult) -> Message {
        let Asked { term: append_term, round, probe } = asked;
        Message::Appended(Appended { term: self.hard_state.term, append_term, round, probe, result })
    }

    fn take_entry(&mut self, term: Term, entry: Entry) {
        match self.claim_at(entry.position) {
            Some(claim) if claim == entry.claim => return,
            Some(_) => self.truncate(entry.position),
            None => {}
        }
        let (position, claim) = (entry.position, entry.claim);
        self.durability.append(entry.clone());
        self.log.push(entry);
        self.note_taken(term, position, position);
        self.report_restored(position, claim);
    }

    /// Removes the log from `from` on, undoes what it did, and reports what was acknowledged.
    fn truncate(&mut self, from: Position) {
        if self.settings.failover == Failover::Consensus {
            assert!(from > self.committed, "a committed entry is never truncated: {from} of {}", self.committed);
        }
        self.report_taken();
        self.state.go_back(from.previous());
        self.questions.forget_fresh();
        self.agreed = None;
        self.committed = self.committed.min(from.previous());
        self.acknowledged = self.acknowledged.min(from.previous());
        for slot in self.log.truncate(from) {
            let place = (slot.entry.position, slot.entry.claim);
            if self.ledger.has_acknowledged(place.0, place.1) && !self.ledger.missing().contains_key(&place) {
                self.account(ProtocolEvent::TruncatedAcked(describe(&slot)));
            }
        }
        self.durability.truncate(from);
    }

    /// Reports what concerns acknowledged writes, and keeps account of it.
    pub(super) fn account(&mut self, event: ProtocolEvent) {
        self.ledger.record(&event);
        self.effects.push(Effect::Event(event));
    }

    /// Reports that an entry is in the log again, if it was reported as truncated.
    fn report_restored(&mut self, position: Position, claim: Claim) {
        if let Some(write) = self.ledger.missing().get(&(position, claim)).cloned() {
            self.account(ProtocolEvent::RestoredAcked(write));
        }
    }

    /// Compares what this node acknowledged in its past with the log that its disk gave back, or that a snapshot has put
    /// in the place of the one `before`.
    pub(super) fn reconcile(&mut self, before: Option<&Log>) {
        // The node may have been killed between a report and the truncation.
        let back: Vec<_> = self.ledger.missing().keys().copied().collect();
        for (position, claim) in back {
            if self.claim_at(position) == Some(claim) {
                self.report_restored(position, claim);
            }
        }
        let mut lost = Vec::new();
        let mut acknowledged = Position(0);
        for (claim, from, to) in self.ledger.ranges() {
            // Of each claim a log has one unbroken stretch, or nothing.
            let (first, last) = self.span_of(claim).unwrap_or_else(|| (to.next(), to.next()));
            if from.max(first) <= to.min(last) {
                acknowledged = acknowledged.max(to.min(last));
            }
            let missing = (from.0..=to.0).map(Position).filter(|position| *position < first || *position > last);
            lost.extend(missing.map(|position| (position, claim)));
        }
        lost.retain(|place| !self.ledger.missing().contains_key(place));
        for (position, claim) in lost {
            let slot = before.and_then(|log| log.get(position)).filter(|slot| slot.entry.claim == claim);
            let write = slot.map_or_else(|| AcknowledgedWrite::at(position, claim), describe);
            self.account(ProtocolEvent::TruncatedAcked(write));
        }
        self.acknowledged = acknowledged;
    }

    /// The first and the last position of the entries of one claim, also where a snapshot stands for them.
    fn span_of(&self, claim: Claim) -> Option<(Position, Position)> {
        let in_log = self.log.span_of(claim);
        let before = self.state.visible().span_of(claim, self.log.base());
        match (before, in_log) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (before, in_log) => before.or(in_log),
        }
    }
}

/// What is known of the write in `slot`.
fn describe(slot: &Slot) -> AcknowledgedWrite {
    let mut write = AcknowledgedWrite::at(slot.entry.position, slot.entry.claim);
    if let Some(origin) = &slot.entry.origin {
        write.client = Some(origin.client.clone());
        write.operation = Some(origin.operation);
    }
    match &slot.entry.command {
        Command::Change(change) => {
            write.f = Some(kind_of(change));
            write.key = Some(change.key().to_owned());
            write.value = value_of(change);
        }
        Command::Transaction(_) => write.f = Some(ChangeKind::Transaction),
        Command::Noop | Command::Members(_) => {}
    }
    write
}

fn kind_of(change: &Change) -> ChangeKind {
    match change {
        Change::Write { .. } => ChangeKind::Write,
        Change::Cas { .. } => ChangeKind::Cas,
        Change::Delete { .. } => ChangeKind::Delete,
        Change::Add { .. } => ChangeKind::Add,
        Change::Append { .. } => ChangeKind::Append,
        Change::Take { .. } => ChangeKind::Take,
        Change::Increment { .. } => ChangeKind::Increment,
    }
}

/// The value written or added; of a compare-and-set the array of the old and the new one.
fn value_of(change: &Change) -> Option<Value> {
    match change {
        Change::Write { value, .. } | Change::Add { value, .. } | Change::Append { value, .. } => Some(value.clone()),
        Change::Cas { old, new, .. } => Some(Value::list([old, new])),
        Change::Increment { by, .. } => Some(Value::integer(*by)),
        Change::Delete { .. } | Change::Take { .. } => None,
    }
}
