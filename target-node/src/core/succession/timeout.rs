//! The naive failover: silence is taken for death, and nobody votes.
//!
//! The line of succession is that of the setting `priority`; without it it begins after the leader, by node id, and goes
//! round. A node promotes itself when its leader was silent for the longest election timeout, once for itself and once
//! more for each node before it in line. Followers follow the highest claim.
//!
//! Without fencing they take the appends of everybody: the follower that two leaders reach serves both, its log is
//! rewritten back and forth, and it acknowledges to both. A leader yields only when a leader with a higher claim reaches
//! it directly; of two in one epoch the one with the higher node id stays. A leader that hears a lower claim answers with
//! its own append at once. This is how split brain happens, and it is here to be shown.
//!
//! With `fencing = epoch` followers refuse lower claims and say so, and a leader that hears of a higher one yields. A
//! leader that reaches no such follower goes on: fencing at the followers does not stop one who acknowledges alone. With
//! `fencing = lease` it stops by itself: it acknowledges only within a lease after it asked a majority that has answered,
//! and steps down when that ran out. The lease ends before the next in line has waited long enough. Where only some
//! followers lose their leader they still depose it while it has a lease: until it hears of that there are two.

use crate::{
    core::{
        interface::StepDown,
        node::{Core, RoleState},
        types::{Claim, NodeId, Term},
    },
    settings::{Fencing, Rejoin},
};

impl Core {
    /// Waits for the leader that this node follows.
    pub(super) fn await_leader(&mut self) {
        let founds = self.hard_state.term == Term(0) && self.line_of_succession().first() == Some(&self.id);
        let turns = if founds { 0 } else { 1 + self.rank() };
        self.succession_due_us = self.now_us + turns * self.settings.election_timeout.max_ms * 1_000;
    }

    /// Who leads when the leader is silent, in this order; the leader itself is the last.
    fn line_of_succession(&self) -> Vec<NodeId> {
        let leader = self.hard_state.voted_for;
        let priority = &self.settings.priority;
        let mut line: Vec<NodeId> = self.log.members().voters.keys().copied().collect();
        if priority.named().is_empty() {
            line.sort_unstable_by_key(|node| (leader.is_some_and(|leader| *node <= leader), *node));
        } else {
            line.sort_unstable_by_key(|node| (leader == Some(*node), priority.rank(*node)));
        }
        line
    }

    /// How many nodes are before this one in the line of succession.
    fn rank(&self) -> u64 {
        let line = self.line_of_succession();
        line.iter().position(|node| *node == self.id).unwrap_or(line.len()) as u64
    }

    /// Whether this leader may acknowledge and commit now.
    pub(in crate::core) fn may_acknowledge(&self) -> bool {
        let RoleState::Leader(leadership) = &self.role else { return false };
        let lease_us = self.settings.lease_ms * 1_000;
        self.settings.fencing != Fencing::Lease
            || leadership.reads.confirmed_us().is_some_and(|asked_us| self.now_us < asked_us + lease_us)
    }

    /// With every heartbeat: a leader whose lease ran out stops; a new one has one lease to be answered at all.
    pub(in crate::core) fn guard_lease(&mut self) {
        let RoleState::Leader(leadership) = &self.role else { return };
        let asked_us = leadership.reads.confirmed_us().unwrap_or(leadership.began_us);
        if self.settings.fencing == Fencing::Lease && self.now_us >= asked_us + self.settings.lease_ms * 1_000 {
            self.step_down(StepDown::LeaseExpired, None);
            self.await_leader();
        }
    }

    pub(super) fn may_take_unfenced(&mut self, claim: Claim) -> bool {
        self.follow_if_higher(claim);
        if let RoleState::Leader(leadership) = &mut self.role {
            // Two leaders that stay apart would answer each other for ever.
            let answers = self.settings.rejoin != Rejoin::Keep;
            if let Some(progress) = leadership.progress.get_mut(&claim.leader).filter(|_| answers) {
                progress.beat();
            }
            return false;
        }
        if claim == self.followed_claim() {
            self.follow(claim.leader);
        }
        true
    }
}
