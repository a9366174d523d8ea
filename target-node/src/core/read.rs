//! Reads that wait for a majority to confirm their leader (ReadIndex, Raft dissertation, section 6.4).
//!
//! A read remembers the position that was visible when it arrived. A round of confirmation, begun after that, asks
//! every follower whether it still follows; once a majority said so, no newer leader can have acknowledged anything
//! before the read arrived, and the read is answered. All reads that arrive during a round share the next one.

use super::{
    interface::ClientResponse,
    state::State,
    types::{Position, Term},
};
use crate::settings::ReadLevel;

/// What a read asks of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Key(String),
    Scan { prefix: String, after: Option<String>, limit: usize },
}

impl Question {
    /// The answer of `state` in a node that knows `term`.
    pub(super) fn answer(&self, state: &State, term: Term, level: ReadLevel) -> ClientResponse {
        let position = state.position();
        match self {
            Question::Key(key) => ClientResponse::Value { value: state.read(key), term, position, level },
            Question::Scan { prefix, after, limit } => {
                let mut found = state.scan(prefix, after.as_deref()).map(|(key, value)| (key.to_owned(), value));
                let items = found.by_ref().take(*limit).collect();
                ClientResponse::Items { items, more: found.next().is_some(), term, position, level }
            }
        }
    }
}

/// A read that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WaitingRead {
    pub(super) request: u64,
    pub(super) question: Question,
    /// The least position of the state that may be shown.
    pub(super) index: Position,
}

/// The reads that wait in one leader, and its rounds of confirmation.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadRounds {
    /// The last round begun; 0 before the first.
    round: u64,
    in_round: Vec<WaitingRead>,
    for_next_round: Vec<WaitingRead>,
}

impl ReadRounds {
    /// The last round begun: what the leader's appends carry.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    pub(super) fn push(&mut self, read: WaitingRead) {
        self.for_next_round.push(read);
    }

    /// Begins a round if reads wait for one and none is under way; true if it did.
    pub(super) fn begin(&mut self) -> bool {
        if self.for_next_round.is_empty() || !self.in_round.is_empty() {
            return false;
        }
        self.round += 1;
        self.in_round = std::mem::take(&mut self.for_next_round);
        true
    }

    /// Takes out the reads that are confirmed once a majority has answered the round `confirmed`.
    pub(super) fn take_confirmed(&mut self, confirmed: u64) -> Vec<WaitingRead> {
        if confirmed >= self.round { std::mem::take(&mut self.in_round) } else { Vec::new() }
    }

    /// Every read that waits.
    pub(super) fn into_reads(self) -> impl Iterator<Item = WaitingRead> {
        self.in_round.into_iter().chain(self.for_next_round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: u64) -> WaitingRead {
        WaitingRead { request, question: Question::Key("k".to_owned()), index: Position(5) }
    }

    #[test]
    fn a_read_is_confirmed_only_by_a_round_that_began_after_it() {
        let mut rounds = ReadRounds::default();
        assert!(!rounds.begin(), "nobody waits");
        rounds.push(read(1));
        assert!(rounds.begin());
        rounds.push(read(2));
        assert!(!rounds.begin(), "one round at a time");
        assert_eq!(rounds.take_confirmed(0), []);
        assert_eq!(rounds.take_confirmed(1), [read(1)]);
        assert!(rounds.begin());
        assert_eq!(rounds.take_confirmed(1), []);
        assert_eq!(rounds.take_confirmed(rounds.round()), [read(2)]);
    }
}
