//! The naive failover: silence is taken for death, nobody votes, nobody is fenced.
//!
//! The line of succession begins after the leader, by node id, and goes round. A node promotes itself when its leader
//! was silent for the longest election timeout, once for itself and once more for each node before it in line.
//! Followers follow the highest claim, but they take the appends of everybody: the follower that two leaders reach serves
//! both, its log is rewritten back and forth, and it acknowledges to both. A leader yields only when a leader with a
//! higher claim reaches it directly; of two in one epoch the one with the higher node id stays. A leader that hears a
//! lower claim answers with its own append at once. This is how split brain happens, and it is here to be shown.

use crate::core::{
    node::{Core, RoleState},
    types::{Claim, NodeId, Term},
};

impl Core {
    /// Waits for the leader that this node follows.
    pub(super) fn await_leader(&mut self) {
        let founds = self.hard_state.term == Term(0) && self.id == NodeId(1);
        let turns = if founds { 0 } else { 1 + self.rank() };
        self.succession_due_us = self.now_us + turns * self.settings.election_timeout.max_ms * 1_000;
    }

    /// How many nodes are before this one in the line of succession.
    fn rank(&self) -> u64 {
        let (nodes, own) = (u64::from(self.log.members().voter_count()), u64::from(self.id.0));
        let leader = self.hard_state.voted_for.map_or(0, |leader| u64::from(leader.0));
        (own + nodes - 1 - leader % nodes) % nodes
    }

    pub(super) fn may_take_unfenced(&mut self, claim: Claim) -> bool {
        self.follow_if_higher(claim);
        if let RoleState::Leader(leadership) = &mut self.role {
            if let Some(progress) = leadership.progress.get_mut(&claim.leader) {
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
