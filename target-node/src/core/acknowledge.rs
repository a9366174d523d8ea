//! When a write is acknowledged: the point that each level of replication has reached, and the writes that wait.

use std::collections::{BTreeMap, VecDeque};

use super::types::Position;
use crate::settings::Replication;

/// The most writes that may wait in one leader; more are refused.
pub(super) const WAITING_WRITES_MAX: usize = 65_536;

/// Up to where the logs of the nodes that count are durable, as their leader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copies {
    leader: Position,
    /// Of the voters that follow, the longest first.
    followers: Vec<Position>,
    /// Of all voters, the longest first: with the leader, unless it has been removed and only leads until that is
    /// committed.
    voters: Vec<Position>,
}

impl Copies {
    /// `followers` are the voters beside the leader.
    pub(super) fn new(leader: Position, leader_votes: bool, followers: impl IntoIterator<Item = Position>) -> Self {
        let longest_first = |left: &Position, right: &Position| right.cmp(left);
        let mut followers: Vec<_> = followers.into_iter().collect();
        followers.sort_unstable_by(longest_first);
        let mut voters = followers.clone();
        voters.extend(leader_votes.then_some(leader));
        voters.sort_unstable_by(longest_first);
        Self { leader, followers, voters }
    }

    /// Up to where `replication` is satisfied.
    pub(super) fn acknowledged_to(&self, replication: Replication) -> Position {
        match replication {
            Replication::Memory | Replication::Async => self.leader,
            Replication::SemiSync(count) => self.leader.min(self.follower(usize::from(count))),
            Replication::Majority => self.majority(),
            Replication::Sync => self.leader.min(self.follower(self.followers.len())),
        }
    }

    /// Up to where a majority of the voters has the log. The leader need not be one of them (Raft dissertation, sections
    /// 10.2.1 and 4.2.2).
    pub(super) fn majority(&self) -> Position {
        self.voters.get(self.voters.len() / 2).copied().unwrap_or_default()
    }

    /// Up to where at least `count` followers have the log; there is no limit to what none of them have.
    fn follower(&self, count: usize) -> Position {
        match count.checked_sub(1) {
            None => Position(u64::MAX),
            Some(index) => self.followers.get(index).copied().unwrap_or_default(),
        }
    }
}

/// The writes that a leader has appended and not answered yet.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitingWrites {
    /// Per level in the order of their positions, with the number under which the driver knows the request.
    levels: BTreeMap<Replication, VecDeque<(Position, u64)>>,
}

impl WaitingWrites {
    pub(super) fn len(&self) -> usize {
        self.levels.values().map(VecDeque::len).sum()
    }

    pub(super) fn push(&mut self, position: Position, request: u64, replication: Replication) {
        self.levels.entry(replication).or_default().push_back((position, request));
    }

    /// Takes out those whose level is satisfied, by position.
    pub(super) fn take_satisfied(&mut self, copies: &Copies) -> Vec<(Position, u64, Replication)> {
        let mut satisfied = Vec::new();
        for (replication, waiting) in &mut self.levels {
            let point = copies.acknowledged_to(*replication);
            while let Some((position, request)) = waiting.front().copied().filter(|(position, _)| *position <= point) {
                satisfied.push((position, request, *replication));
                waiting.pop_front();
            }
        }
        satisfied.sort_unstable_by_key(|(position, ..)| *position);
        satisfied
    }

    /// Every request that still waits, by position.
    pub(super) fn into_requests(self) -> Vec<u64> {
        let mut waiting: Vec<_> = self.levels.into_values().flatten().collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, request)| request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Replication::{Async, Majority, SemiSync, Sync};

    fn point(replication: Replication, leader: u64, followers: &[u64]) -> u64 {
        Copies::new(Position(leader), true, followers.iter().copied().map(Position)).acknowledged_to(replication).0
    }

    #[test]
    fn every_level_has_its_point() {
        let cases: &[(Replication, u64, &[u64], u64)] = &[
            (Async, 70, &[50, 0], 70),
            (Async, 70, &[], 70),
            (SemiSync(1), 70, &[50, 0], 50),
            (SemiSync(1), 40, &[50, 0], 40),
            (SemiSync(2), 70, &[60, 50, 9, 0], 50),
            (Majority, 70, &[50, 0], 50),
            (Majority, 70, &[60, 50, 9, 0], 50),
            (Majority, 10, &[60, 50, 40, 0], 40),
            (Majority, 10, &[60, 50], 50),
            (Majority, 10, &[60, 0], 10),
            (Majority, 70, &[50], 50),
            (Majority, 30, &[50], 30),
            (Majority, 70, &[40, 50, 60], 50),
            (Majority, 70, &[], 70),
            (Sync, 70, &[60, 50, 9, 0], 0),
            (Sync, 70, &[60, 50, 9, 8], 8),
            (Sync, 5, &[60, 50], 5),
            (Sync, 70, &[], 70),
        ];
        for (replication, leader, followers, expected) in cases {
            assert_eq!(point(*replication, *leader, followers), *expected, "{replication} {leader} {followers:?}");
        }
    }

    #[test]
    fn a_leader_that_was_removed_does_not_count_itself() {
        let copies = |followers: &[u64]| Copies::new(Position(70), false, followers.iter().copied().map(Position));
        assert_eq!(copies(&[50, 40]).majority(), Position(40));
        assert_eq!(copies(&[50, 40, 30]).majority(), Position(40));
        assert_eq!(copies(&[50]).majority(), Position(50));
    }

    #[test]
    fn a_critical_write_waits_longer_than_its_neighbours() {
        let mut waiting = WaitingWrites::default();
        waiting.push(Position(1), 11, Majority);
        waiting.push(Position(2), 12, Sync);
        waiting.push(Position(3), 13, Async);
        waiting.push(Position(4), 14, Majority);
        let positions = |satisfied: Vec<(Position, u64, Replication)>| {
            satisfied.iter().map(|(position, ..)| position.0).collect::<Vec<_>>()
        };
        let copies = |followers: [u64; 2]| Copies::new(Position(3), true, followers.map(Position));
        assert_eq!(positions(waiting.take_satisfied(&copies([1, 0]))), [1, 3]);
        assert_eq!(positions(waiting.take_satisfied(&copies([4, 1]))), [0_u64; 0]);
        assert_eq!(positions(waiting.take_satisfied(&copies([4, 2]))), [2]);
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting.into_requests(), [14]);
    }
}
