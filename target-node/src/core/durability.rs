//! What is on disk and what waits for it: records to be written, tokens under way, messages held back.
//!
//! Disks finish in the order in which they were asked. A truncation lowers the durable position at once, also for what
//! is still under way, so that the late completion of a removed entry never counts for the entry that took its place.

use std::collections::VecDeque;

use super::{
    interface::{Effect, Token},
    message::Message,
    snapshot::Snapshot,
    types::{Entry, HardState, NodeId, Position, Record},
};

/// The core's knowledge of its own disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Durability {
    /// Not handed to the driver yet.
    records: Vec<Record>,
    last_token: Token,
    confirmed_token: Token,
    /// The token that makes the present hard state durable.
    hard_state_token: Token,
    /// For each token under way the last position that is durable with it.
    under_way: VecDeque<(Token, Position)>,
    durable: Position,
    held: VecDeque<(Token, NodeId, Message)>,
}

impl Durability {
    /// A disk that holds a log up to `last`.
    pub(super) fn restore(last: Position) -> Self {
        Self { durable: last, ..Self::default() }
    }

    /// Up to where the log, as it is now, is on disk.
    pub(super) fn durable(&self) -> Position {
        self.durable
    }

    pub(super) fn append(&mut self, entry: Entry) {
        self.records.push(Record::Append(entry));
    }

    pub(super) fn truncate(&mut self, from: Position) {
        self.records.push(Record::Truncate { from });
        let kept = from.previous();
        self.durable = self.durable.min(kept);
        for (_, position) in &mut self.under_way {
            *position = (*position).min(kept);
        }
    }

    pub(super) fn hard_state(&mut self, hard_state: HardState) {
        self.records.push(Record::HardState(hard_state));
        self.hard_state_token = self.covering_token();
    }

    /// Hands over a snapshot that takes the place of the log, after the records of the log before it, which ended at
    /// `last`. Of the new log what is up to `kept` is on disk already, as far as it was durable.
    pub(super) fn install(&mut self, snapshot: Snapshot, last: Position, kept: Position) -> Vec<Effect> {
        let mut effects: Vec<_> = self.flush(last).into_iter().collect();
        self.durable = self.durable.min(kept);
        for (_, position) in &mut self.under_way {
            *position = (*position).min(kept);
        }
        self.last_token = Token(self.last_token.0 + 1);
        self.under_way.push_back((self.last_token, snapshot.position));
        effects.push(Effect::InstallSnapshot { token: self.last_token, snapshot });
        effects
    }

    /// The token with which everything recorded so far is durable.
    fn covering_token(&self) -> Token {
        if self.records.is_empty() { self.last_token } else { Token(self.last_token.0 + 1) }
    }

    /// Returns the message if it may leave now, that is if the hard state is durable; else holds it back.
    pub(super) fn hold_for_hard_state(&mut self, to: NodeId, message: Message) -> Option<Message> {
        self.hold(self.hard_state_token, to, message)
    }

    /// Returns the message if it may leave now, that is if everything is durable; else holds it back.
    pub(super) fn hold_for_log(&mut self, to: NodeId, message: Message) -> Option<Message> {
        self.hold(self.covering_token(), to, message)
    }

    fn hold(&mut self, token: Token, to: NodeId, message: Message) -> Option<Message> {
        if token <= self.confirmed_token {
            return Some(message);
        }
        self.held.push_back((token, to, message));
        None
    }

    /// Hands the records over, for a log that ends at `last`.
    pub(super) fn flush(&mut self, last: Position) -> Option<Effect> {
        if self.records.is_empty() {
            return None;
        }
        self.last_token = self.covering_token();
        self.under_way.push_back((self.last_token, last));
        Some(Effect::Persist { token: self.last_token, records: std::mem::take(&mut self.records) })
    }

    /// Takes in a completion and releases what waited for it, in the order in which it was held back.
    pub(super) fn persisted(&mut self, token: Token) -> Vec<(NodeId, Message)> {
        debug_assert!(token > self.confirmed_token && token <= self.last_token, "{token:?} was not under way");
        self.confirmed_token = self.confirmed_token.max(token);
        while self.under_way.front().is_some_and(|(under_way, _)| *under_way <= token) {
            if let Some((_, position)) = self.under_way.pop_front() {
                self.durable = self.durable.max(position);
            }
        }
        let (released, held) = std::mem::take(&mut self.held).into_iter().partition(|(after, ..)| *after <= token);
        self.held = held;
        let released: VecDeque<(Token, NodeId, Message)> = released;
        released.into_iter().map(|(_, to, message)| (to, message)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{Claim, Command, Term};

    fn entry(position: u64) -> Entry {
        let claim = Claim { term: Term(1), leader: NodeId(1) };
        Entry { claim, position: Position(position), command: Command::Noop, origin: None }
    }

    #[test]
    fn a_late_completion_does_not_count_for_what_replaced_the_entry() {
        let mut durability = Durability::default();
        for position in 1..=3 {
            durability.append(entry(position));
        }
        assert!(durability.flush(Position(3)).is_some());
        durability.truncate(Position(2));
        durability.append(entry(2));
        assert!(durability.flush(Position(2)).is_some());
        durability.persisted(Token(1));
        assert_eq!(durability.durable(), Position(1), "positions 2 and 3 of the first token are gone");
        durability.persisted(Token(2));
        assert_eq!(durability.durable(), Position(2));
        assert!(durability.flush(Position(2)).is_none());
    }

    #[test]
    fn messages_wait_for_what_they_depend_on_and_no_longer() {
        let vote = |granted| {
            let ballot = crate::core::Ballot::Binding;
            Message::Vote(crate::core::Vote { ballot, requested_term: Term(1), term: Term(1), granted })
        };
        let mut durability = Durability::default();
        assert!(durability.hold_for_log(NodeId(2), vote(false)).is_some(), "nothing is under way");
        durability.hard_state(HardState { term: Term(1), voted_for: None });
        assert!(durability.hold_for_hard_state(NodeId(2), vote(true)).is_none());
        assert!(durability.flush(Position(0)).is_some());
        durability.append(entry(1));
        assert!(durability.hold_for_hard_state(NodeId(3), vote(false)).is_none());
        assert!(durability.hold_for_log(NodeId(4), vote(false)).is_none());
        assert!(durability.flush(Position(1)).is_some());
        let receivers = |released: Vec<(NodeId, Message)>| released.iter().map(|(to, _)| to.0).collect::<Vec<_>>();
        assert_eq!(receivers(durability.persisted(Token(1))), [2, 3]);
        assert!(durability.hold_for_hard_state(NodeId(2), vote(true)).is_some());
        assert_eq!(receivers(durability.persisted(Token(2))), [4]);
    }
}
