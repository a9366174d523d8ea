//! Rounds of confirmation: whether a majority still follows its leader (ReadIndex, Raft dissertation, section 6.4).
//!
//! A read remembers the position that was visible when it arrived. A round, begun after that, asks every follower
//! whether it still follows; once a majority said so, no newer leader can have acknowledged anything before the read
//! arrived. All reads that arrive during a round share the next one. Every heartbeat begins a round, too, so that a round
//! whose messages were lost is replaced, and so that a leader knows since when it was confirmed.

use std::collections::{BTreeSet, VecDeque};

use super::WaitingRead;
use crate::core::types::{NodeId, Position};

/// The most rounds of which is remembered when they began.
const BEGUN_MAX: usize = 64;

/// Who waits for a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::core) enum Asker {
    /// A client.
    Client(WaitingRead),
    /// A node that does not lead, with the number of its question.
    Node(NodeId, u64),
}

/// A round that nobody has confirmed yet.
#[derive(Debug, Clone, Copy)]
struct Begun {
    round: u64,
    began_us: u64,
}

/// The reads that wait in one leader, and its rounds of confirmation.
#[derive(Debug, Clone, Default)]
pub(in crate::core) struct LeaderReads {
    /// The last round begun; 0 before the first.
    round: u64,
    /// The last rounds that are not confirmed.
    begun: VecDeque<Begun>,
    /// When the last round that is confirmed began.
    confirmed_us: Option<u64>,
    /// Those who arrived before this reign has committed anything.
    early: Vec<Asker>,
    for_next_round: Vec<(Asker, Position)>,
    /// With the round that each needs.
    in_rounds: VecDeque<(u64, Asker, Position)>,
    /// Reads with entries of their own in the log.
    in_log: VecDeque<(Position, WaitingRead)>,
}

impl LeaderReads {
    /// The last round begun: what the leader's appends carry.
    pub(in crate::core) fn round(&self) -> u64 {
        self.round
    }

    /// When the last round that a majority has answered began.
    pub(in crate::core) fn confirmed_us(&self) -> Option<u64> {
        self.confirmed_us
    }

    pub(in crate::core) fn len(&self) -> usize {
        self.early.len() + self.for_next_round.len() + self.in_rounds.len() + self.in_log.len()
    }

    /// Adds one who waits for the next round; a question that waits already is not asked twice.
    pub(in crate::core) fn push(&mut self, asker: Asker) {
        let waits = |other: &Asker| matches!(asker, Asker::Node(..)) && *other == asker;
        if !self.early.iter().any(waits) && !self.for_next_round.iter().any(|(other, _)| waits(other)) {
            self.early.push(asker);
        }
    }

    /// Adds a read whose own entry is at `position`.
    pub(in crate::core) fn push_logged(&mut self, position: Position, read: WaitingRead) {
        self.in_log.push_back((position, read));
    }

    /// This reign has committed something: from now on what is visible includes all that its predecessors committed, and
    /// the visible position is what those who have arrived must see.
    pub(super) fn admit(&mut self, visible: Position) {
        self.for_next_round.extend(std::mem::take(&mut self.early).into_iter().map(|asker| (asker, visible)));
    }

    /// Whether a round is wanted: somebody waits for one, and nobody is in one already.
    pub(super) fn wants_round(&self) -> bool {
        !self.for_next_round.is_empty() && self.in_rounds.is_empty()
    }

    /// Begins a round, for all that wait for one.
    pub(in crate::core) fn begin(&mut self, now_us: u64) {
        self.round += 1;
        if self.begun.len() == BEGUN_MAX {
            self.begun.pop_front();
        }
        self.begun.push_back(Begun { round: self.round, began_us: now_us });
        let waiting = std::mem::take(&mut self.for_next_round);
        self.in_rounds.extend(waiting.into_iter().map(|(asker, index)| (self.round, asker, index)));
    }

    /// Takes every round for one that begins now.
    #[cfg(test)]
    pub(super) fn begun_at(&mut self, now_us: u64) {
        self.begun.iter_mut().for_each(|begun| begun.began_us = now_us);
    }

    /// Takes out those who are confirmed once a majority has answered `round`, with the position that each must see.
    pub(super) fn confirm(&mut self, round: u64) -> Vec<(Asker, Position)> {
        while let Some(begun) = self.begun.front().copied().filter(|begun| begun.round <= round) {
            self.confirmed_us = Some(begun.began_us);
            self.begun.pop_front();
        }
        let count = self.in_rounds.partition_point(|(needed, ..)| *needed <= round);
        self.in_rounds.drain(..count).map(|(_, asker, index)| (asker, index)).collect()
    }

    /// Takes out a read whose entry is committed.
    pub(super) fn pop_logged(&mut self, committed: Position) -> Option<WaitingRead> {
        let is_committed = self.in_log.front().is_some_and(|(position, _)| *position <= committed);
        if is_committed { self.in_log.pop_front().map(|(position, read)| read.from(position)) } else { None }
    }

    /// Forgets the reads of clients that are gone.
    pub(super) fn forget(&mut self, requests: &BTreeSet<u64>) {
        let stays = |asker: &Asker| match asker {
            Asker::Client(read) => !requests.contains(&read.request),
            Asker::Node(..) => true,
        };
        self.early.retain(stays);
        self.for_next_round.retain(|(asker, _)| stays(asker));
        self.in_rounds.retain(|(_, asker, _)| stays(asker));
        self.in_log.retain(|(_, read)| !requests.contains(&read.request));
    }

    /// Everybody who waits.
    pub(in crate::core) fn into_askers(self) -> impl Iterator<Item = Asker> {
        let in_rounds = self.in_rounds.into_iter().map(|(_, asker, _)| asker);
        let for_next_round = self.for_next_round.into_iter().map(|(asker, _)| asker);
        let in_log = self.in_log.into_iter().map(|(_, read)| Asker::Client(read));
        in_rounds.chain(for_next_round).chain(self.early).chain(in_log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: u64) -> Asker {
        Asker::Node(NodeId(2), id)
    }

    #[test]
    fn a_read_is_confirmed_only_by_a_round_that_began_after_it() {
        let mut reads = LeaderReads::default();
        assert!(!reads.wants_round(), "nobody waits");
        reads.push(question(1));
        assert!(!reads.wants_round(), "nothing is committed in this reign");
        reads.admit(Position(5));
        assert!(reads.wants_round());
        reads.begin(10);
        reads.push(question(2));
        reads.admit(Position(7));
        assert!(!reads.wants_round(), "one round at a time");
        assert_eq!(reads.confirm(0), []);
        assert_eq!(reads.confirmed_us(), None);
        assert_eq!(reads.confirm(1), [(question(1), Position(5))]);
        assert_eq!(reads.confirmed_us(), Some(10));
        reads.begin(20);
        reads.begin(30);
        assert_eq!(reads.confirm(1), []);
        assert_eq!(reads.confirm(2), [(question(2), Position(7))], "a heartbeat's round is as good");
        assert_eq!(reads.confirmed_us(), Some(20), "counted from the round that was answered, not from the last");
    }

    #[test]
    fn a_repeated_question_waits_once_and_in_a_later_round_again() {
        let mut reads = LeaderReads::default();
        reads.push(question(1));
        reads.push(question(1));
        reads.admit(Position(5));
        reads.push(question(1));
        assert_eq!(reads.len(), 1);
        reads.begin(10);
        reads.push(question(1));
        assert_eq!(reads.len(), 2);
    }

    #[test]
    fn the_beginnings_of_rounds_that_nobody_answers_are_forgotten() {
        let mut reads = LeaderReads::default();
        (0..1_000).for_each(|at_us| reads.begin(at_us));
        assert_eq!(reads.confirm(3), []);
        assert_eq!(reads.confirmed_us(), None, "too long ago to be known");
        reads.confirm(1_000);
        assert_eq!(reads.confirmed_us(), Some(999));
    }
}
