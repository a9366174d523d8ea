//! When a write is acknowledged: the point that each level of replication has reached, and the writes that wait.
//!
//! Two counts are kept apart. What is *committed* goes by what followers have on disk. What is *acknowledged* goes by the
//! setting `ack-point`: what they have received, have on disk or show.

use std::collections::{BTreeMap, VecDeque};

use super::{
    interface::{ClientResponse, Effect, ProtocolEvent},
    leader::Leadership,
    members::Members,
    node::{Core, RoleState},
    replication::Progress,
    types::Position,
};
use crate::settings::{AckPoint, Failover, OnAckTimeout, Replication, Visibility};

/// The most writes that may wait in one leader; more are refused.
pub(super) const WAITING_WRITES_MAX: usize = 65_536;

/// The leader's own log: its end, and up to where it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnLog {
    pub(super) last: Position,
    pub(super) durable: Position,
}

/// Up to where the nodes that count have the log, as their leader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copies {
    own: OwnLog,
    /// Of the voters that follow, the longest first.
    followers: Vec<Position>,
    /// Of all voters, the longest first: with the leader, unless it has been removed and only leads until that is
    /// committed.
    voters: Vec<Position>,
}

impl Copies {
    /// `followers` are the voters beside the leader.
    pub(super) fn new(own: OwnLog, leader_votes: bool, followers: impl IntoIterator<Item = Position>) -> Self {
        let longest_first = |left: &Position, right: &Position| right.cmp(left);
        let mut followers: Vec<_> = followers.into_iter().collect();
        followers.sort_unstable_by(longest_first);
        let mut voters = followers.clone();
        voters.extend(leader_votes.then_some(own.durable));
        voters.sort_unstable_by(longest_first);
        Self { own, followers, voters }
    }

    /// Up to where `replication` is satisfied.
    pub(super) fn acknowledged_to(&self, replication: Replication) -> Position {
        let OwnLog { last, durable } = self.own;
        match replication {
            Replication::Memory => last,
            Replication::Async => durable,
            Replication::SemiSync(count) => durable.min(self.follower(usize::from(count))),
            Replication::Majority => self.majority(),
            Replication::Sync => durable.min(self.follower(self.followers.len())),
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

/// A write that is satisfied: where, whose, and at which level.
pub(super) type Satisfied = (Position, u64, Replication);

/// A write that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    position: Position,
    /// The number under which the driver knows the request.
    request: u64,
    since_us: u64,
}

/// The writes that a leader has appended and not answered yet.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitingWrites {
    /// Per level in the order of their positions.
    levels: BTreeMap<Replication, VecDeque<Waiting>>,
    /// While followers do not answer, with `on-ack-timeout = degrade`: the end of the log at the last heartbeat.
    degraded: Option<Position>,
}

impl WaitingWrites {
    pub(super) fn len(&self) -> usize {
        self.levels.values().map(VecDeque::len).sum()
    }

    pub(super) fn push(&mut self, position: Position, request: u64, replication: Replication, now_us: u64) {
        self.levels.entry(replication).or_default().push_back(Waiting { position, request, since_us: now_us });
    }

    /// Takes out those up to `limit` whose level is satisfied, by position. A degraded leader counts itself alone, and says
    /// so.
    pub(super) fn take_satisfied(&mut self, copies: &Copies, limit: Position) -> Vec<Satisfied> {
        let mut satisfied = Vec::new();
        for (replication, waiting) in &mut self.levels {
            let degrades = self.degraded.is_some() && !replication.waits_for_nobody();
            let level = if degrades { Replication::Async } else { *replication };
            let point = copies.acknowledged_to(level).max(copies.acknowledged_to(*replication)).min(limit);
            while let Some(write) = waiting.pop_front_if(|write| write.position <= point) {
                satisfied.push((write.position, write.request, level));
            }
        }
        satisfied.sort_unstable_by_key(|(position, ..)| *position);
        satisfied
    }

    /// Takes out those that have waited for followers since `since_us` or longer.
    fn take_overdue(&mut self, since_us: u64) -> Vec<u64> {
        let mut overdue = Vec::new();
        for (_, waiting) in self.levels.iter_mut().filter(|(level, _)| !level.waits_for_nobody()) {
            while let Some(write) = waiting.pop_front_if(|write| write.since_us <= since_us) {
                overdue.push(write.request);
            }
        }
        overdue
    }

    fn has_overdue(&self, since_us: u64) -> bool {
        let waits_for_followers = self.levels.iter().filter(|(level, _)| !level.waits_for_nobody());
        waits_for_followers.filter_map(|(_, waiting)| waiting.front()).any(|write| write.since_us <= since_us)
    }

    /// Every request that still waits, by position.
    pub(super) fn into_requests(self) -> Vec<u64> {
        let mut waiting: Vec<_> = self.levels.into_values().flatten().collect();
        waiting.sort_unstable_by_key(|write| write.position);
        waiting.into_iter().map(|write| write.request).collect()
    }
}

impl Leadership {
    /// What the voters have, by `reached`.
    fn copies(&self, members: &Members, own: OwnLog, reached: impl Fn(&Progress) -> Position) -> Copies {
        Copies::new(own, members.is_voter(self.claim.leader), self.of_voters(members, reached))
    }

    /// What counts for acknowledgements.
    fn counted_copies(&self, members: &Members, own: OwnLog, ack_point: AckPoint) -> Copies {
        match ack_point {
            AckPoint::Received => self.copies(members, own, Progress::received),
            AckPoint::Durable => self.copies(members, own, Progress::matched),
            // A follower may show what others have committed before it is on its own disk.
            AckPoint::Applied => self.copies(members, own, |progress| progress.applied().min(progress.matched())),
        }
    }
}

impl Core {
    fn own_log(&self) -> OwnLog {
        OwnLog { last: self.log.last(), durable: self.durability.durable() }
    }

    /// Up to where the state may be shown.
    pub(super) fn showable(&self) -> Position {
        match self.settings.visibility {
            Visibility::OnAck => self.committed.max(self.acknowledged),
            Visibility::OnCommit => self.committed,
        }
    }

    /// Moves the leader's commit and acknowledged positions; returns the writes that are to be answered.
    pub(super) fn settle_log(&mut self) -> Vec<Satisfied> {
        if !self.may_acknowledge() {
            return Vec::new();
        }
        let own = self.own_log();
        let RoleState::Leader(leadership) = &mut self.role else { return Vec::new() };
        let members = self.log.members();
        let stored = leadership.copies(members, own, Progress::matched);
        let counted = leadership.counted_copies(members, own, self.settings.ack_point);
        let point = match (self.settings.failover, self.settings.ack_point) {
            (Failover::Consensus, _) => {
                // Only entries of the own term are committed by counting (Raft paper, section 5.4.2, figure 8).
                let majority = stored.majority().min(own.last);
                let is_own = self.log.claim_at(majority).is_some_and(|claim| claim.term == leadership.claim.term);
                if is_own { majority } else { self.committed }
            }
            (Failover::Timeout | Failover::Manual, AckPoint::Received) => {
                counted.acknowledged_to(self.settings.replication).min(own.last)
            }
            // What followers show follows from what is committed: it cannot decide about that.
            (Failover::Timeout | Failover::Manual, AckPoint::Durable | AckPoint::Applied) => {
                stored.acknowledged_to(self.settings.replication).min(own.last)
            }
        };
        if point > self.committed && self.settings.ack_point == AckPoint::Applied {
            // The writes that wait for followers to show them wait for the news of the commit.
            leadership.progress.values_mut().for_each(Progress::beat);
        }
        self.committed = self.committed.max(point);
        let limit = match self.settings.visibility {
            Visibility::OnAck => own.last,
            // With more voters than at the start a commit may need more copies than the level of a write does.
            Visibility::OnCommit => self.committed,
        };
        let satisfied = leadership.writes.take_satisfied(&counted, limit);
        if let Some((position, ..)) = satisfied.last() {
            self.acknowledged = self.acknowledged.max(*position);
        }
        satisfied
    }

    /// With every heartbeat: what becomes of writes whose followers do not answer.
    pub(super) fn lose_patience(&mut self) {
        let (own, now_us) = (self.own_log(), self.now_us);
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let Some(since_us) = now_us.checked_sub(self.settings.ack_timeout_ms * 1_000) else { return };
        let term = leadership.claim.term;
        match (self.settings.on_ack_timeout, leadership.writes.degraded) {
            (OnAckTimeout::Wait, _) => {}
            (OnAckTimeout::Fail, _) => {
                let reason = "followers did not acknowledge the write within ack-timeout: it may take effect later";
                for request in leadership.writes.take_overdue(since_us) {
                    self.effects.push(Effect::Reply { request, response: ClientResponse::Unknown { reason } });
                }
            }
            (OnAckTimeout::Degrade, None) => {
                if leadership.writes.has_overdue(since_us) {
                    leadership.writes.degraded = Some(own.last);
                    self.effects.push(Effect::Event(ProtocolEvent::Degraded { term }));
                }
            }
            (OnAckTimeout::Degrade, Some(mark)) => {
                let counted = leadership.counted_copies(self.log.members(), own, self.settings.ack_point);
                // Followers are less than a heartbeat behind.
                let have_caught_up = counted.acknowledged_to(self.settings.replication) >= mark;
                leadership.writes.degraded = (!have_caught_up).then_some(own.last);
                if have_caught_up {
                    self.effects.push(Effect::Event(ProtocolEvent::Recovered { term }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Replication::{Async, Majority, Memory, SemiSync, Sync};

    const END: Position = Position(u64::MAX);

    fn point(replication: Replication, leader: u64, followers: &[u64]) -> u64 {
        copies(leader, true, followers).acknowledged_to(replication).0
    }

    /// A leader that has two more entries in memory than on disk.
    fn copies(leader: u64, leader_votes: bool, followers: &[u64]) -> Copies {
        let own = OwnLog { last: Position(leader + 2), durable: Position(leader) };
        Copies::new(own, leader_votes, followers.iter().copied().map(Position))
    }

    #[test]
    fn every_level_has_its_point() {
        let cases: &[(Replication, u64, &[u64], u64)] = &[
            (Memory, 70, &[50, 0], 72),
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
        for (followers, expected) in [(&[50, 40][..], 40), (&[50, 40, 30], 40), (&[50], 50)] {
            assert_eq!(copies(70, false, followers).majority(), Position(expected), "{followers:?}");
        }
    }

    #[test]
    fn a_critical_write_waits_longer_than_its_neighbours() {
        let mut waiting = waiting();
        assert_eq!(positions(waiting.take_satisfied(&copies(3, true, &[1, 0]), END)), [1, 3]);
        assert_eq!(positions(waiting.take_satisfied(&copies(3, true, &[4, 1]), END)), [0_u64; 0]);
        assert_eq!(positions(waiting.take_satisfied(&copies(3, true, &[4, 2]), Position(1))), [0_u64; 0]);
        assert_eq!(positions(waiting.take_satisfied(&copies(3, true, &[4, 2]), END)), [2]);
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting.into_requests(), [14]);
    }

    /// Writes at the positions 1 to 4, asked one millisecond after the other.
    fn waiting() -> WaitingWrites {
        let mut waiting = WaitingWrites::default();
        for (position, level) in [(1, Majority), (2, Sync), (3, Async), (4, Majority)] {
            waiting.push(Position(position), 10 + position, level, position * 1_000);
        }
        waiting
    }

    fn positions(satisfied: Vec<Satisfied>) -> Vec<u64> {
        satisfied.iter().map(|(position, ..)| position.0).collect()
    }

    #[test]
    fn only_writes_that_wait_for_followers_are_overdue() {
        let mut waiting = waiting();
        assert!(!waiting.has_overdue(999) && waiting.has_overdue(1_000));
        assert_eq!(waiting.take_overdue(3_500), [11, 12]);
        assert_eq!(waiting.into_requests(), [13, 14]);
    }

    #[test]
    fn a_degraded_leader_counts_itself_alone_and_says_so() {
        let mut waiting = waiting();
        waiting.degraded = Some(Position(4));
        let satisfied = waiting.take_satisfied(&copies(3, true, &[0, 0]), END);
        assert_eq!(positions(satisfied.clone()), [1, 2, 3]);
        assert!(satisfied.iter().all(|(_, _, level)| *level == Async), "{satisfied:?}");
    }
}
