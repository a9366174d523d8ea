//! Taking a leader's log: agreement, truncation at the first conflict, and what truncation takes with it.

use super::{
    interface::{AcknowledgedWrite, ChangeKind, Effect, ProtocolEvent},
    ledger::Ledger,
    log::Slot,
    message::{Append, AppendResult, Appended, Message},
    node::Core,
    types::{Change, Claim, Command, Entry, NodeId, Position, Term},
    value::Value,
};
use crate::settings::Failover;

impl Core {
    /// Takes a leader's append, if this node may follow it.
    pub(super) fn take_append(&mut self, from: NodeId, append: Append) {
        let well_formed = append.entries.iter().zip(append.previous.0 + 1..).all(|(entry, at)| entry.position.0 == at);
        if !well_formed || !self.may_take(from, append.term) {
            return;
        }
        if self.log.claim_at(append.previous) != Some(append.previous_claim) {
            let previous = append.previous;
            let (hint, hint_claim) = self.log.agreement_hint(previous.previous(), append.previous_claim);
            let result = AppendResult::Mismatch { previous, hint, hint_claim };
            return self.send(from, self.appended(append.term, append.round, result));
        }
        let is_heartbeat = append.entries.is_empty();
        let matched = Position(append.previous.0 + append.entries.len() as u64);
        append.entries.into_iter().for_each(|entry| self.take_entry(entry));
        self.committed = self.committed.max(append.commit.min(matched));
        if is_heartbeat {
            // Answered at once, so that a slow disk is not taken for a dead follower; it claims only what is durable.
            let position = matched.min(self.durability.durable());
            let result =
                AppendResult::Matched { position, received: matched, applied: self.state.position().min(matched) };
            self.send(from, self.appended(append.term, append.round, result));
        } else {
            let applied = self.state.position().min(matched);
            let result = AppendResult::Matched { position: matched, received: matched, applied };
            self.send_when_durable(from, self.appended(append.term, append.round, result));
        }
    }

    pub(super) fn appended(&self, append_term: Term, round: u64, result: AppendResult) -> Message {
        Message::Appended(Appended { term: self.hard_state.term, append_term, round, result })
    }

    fn take_entry(&mut self, entry: Entry) {
        match self.log.claim_at(entry.position) {
            Some(claim) if claim == entry.claim => return,
            Some(_) => self.truncate(entry.position),
            None => {}
        }
        let (position, claim) = (entry.position, entry.claim);
        self.durability.append(entry.clone());
        self.log.push(entry);
        if claim.leader == self.id {
            self.restored(position, claim.term);
        }
    }

    /// Removes the log from `from` on, undoes what it did, and reports what was acknowledged.
    fn truncate(&mut self, from: Position) {
        if self.settings.failover == Failover::Consensus {
            assert!(from > self.committed, "a committed entry is never truncated: {from} of {}", self.committed);
        }
        self.state.go_back(from.previous());
        self.questions.forget_fresh();
        self.committed = self.committed.min(from.previous());
        self.acknowledged = self.acknowledged.min(from.previous());
        for slot in self.log.truncate(from) {
            if slot.acknowledged {
                self.report_truncated(describe(&slot));
            }
        }
        self.durability.truncate(from);
    }

    fn report_truncated(&mut self, write: AcknowledgedWrite) {
        self.missing.insert((write.position, write.term), write.clone());
        self.effects.push(Effect::Event(ProtocolEvent::TruncatedAcked(write)));
    }

    /// Marks the entry at `position`, appended by this node in `term`, as acknowledged if it was reported missing.
    fn restored(&mut self, position: Position, term: Term) {
        let Some(write) = self.missing.remove(&(position, term)) else { return };
        if let Some(slot) = self.log.get_mut(position) {
            slot.acknowledged = true;
        }
        self.effects.push(Effect::Event(ProtocolEvent::RestoredAcked(write)));
    }

    /// Compares what this node acknowledged in its past with the log that its disk gave back.
    pub(super) fn reconcile(&mut self, ledger: &Ledger) {
        for (position, term) in ledger.acknowledged() {
            let in_log = self.log.claim_at(position) == Some(Claim { term, leader: self.id });
            match (in_log, self.missing.contains_key(&(position, term))) {
                // The node was killed between the report and the truncation.
                (true, true) => self.restored(position, term),
                (true, false) => {
                    if let Some(slot) = self.log.get_mut(position) {
                        slot.acknowledged = true;
                    }
                }
                // A majority of others held it, but this disk lost it.
                (false, false) => self.report_truncated(AcknowledgedWrite::at(position, term)),
                (false, true) => {}
            }
        }
        let acknowledged = self.log.slots().iter().rev().find(|slot| slot.acknowledged);
        self.acknowledged = acknowledged.map_or(Position(0), |slot| slot.entry.position);
    }
}

fn describe(slot: &Slot) -> AcknowledgedWrite {
    let mut write = AcknowledgedWrite::at(slot.entry.position, slot.entry.claim.term);
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
