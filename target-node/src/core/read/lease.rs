//! How long a leader may answer without asking (Raft dissertation, section 6.4.1), and how fresh a node's state is.
//!
//! A follower that hears its leader promises to vote for nobody for the shortest election timeout. It promises when it
//! *receives* a round, the leader only knows when it *sent* it: the lease begins then, whenever the answers arrive. It is
//! shorter than the promise by as much as two clocks may drift apart meanwhile. Voters keep their promise through a restart
//! (`succession::consensus`). One who is asked to stand by its leader need not wait, so a leader that has asked for that
//! has no lease for the rest of its reign: the demand may arrive at any time.

use crate::{
    core::{
        node::{Core, RoleState},
        types::Position,
    },
    settings::Failover,
};

impl Core {
    /// Until when this node may answer `lease` reads without asking anybody, in microseconds on its clock.
    pub(in crate::core) fn lease_until_us(&self) -> Option<u64> {
        let RoleState::Leader(leadership) = &self.role else { return None };
        // Without check-quorum followers promise nothing.
        let promised = self.settings.failover == Failover::Consensus && self.settings.check_quorum;
        if !promised || leadership.has_asked_to_stand {
            return None;
        }
        Some(self.confirmed_us()? + self.settings.lease_ms * 1_000)
    }

    pub(in crate::core) fn holds_lease(&self) -> bool {
        self.lease_until_us().is_some_and(|until_us| self.now_us < until_us)
    }

    /// The last moment at which this leader is known to have been the only one, with all that was committed visible.
    fn confirmed_us(&self) -> Option<u64> {
        let RoleState::Leader(leadership) = &self.role else { return None };
        if self.committed < leadership.first {
            return None;
        }
        // One who asks nobody is confirmed at any time.
        if self.confirmed_round() == u64::MAX { Some(self.now_us) } else { leadership.reads.confirmed_us() }
    }

    /// Whether the visible state holds everything that was acknowledged `bound_ms` ago.
    pub(in crate::core) fn is_fresh(&self, bound_ms: u64) -> bool {
        let consensus = self.settings.failover == Failover::Consensus;
        let since_us = match &self.role {
            RoleState::Leader(_) if consensus => self.confirmed_us(),
            // Nobody can contradict a leader that nobody elected.
            RoleState::Leader(_) => Some(self.now_us),
            RoleState::Follower | RoleState::Candidate { .. } => self.fresh_since_us(),
        };
        since_us.is_some_and(|since_us| self.now_us <= since_us + bound_ms * 1_000)
    }

    /// Since when this follower's state is known to be fresh.
    fn fresh_since_us(&self) -> Option<u64> {
        let fresh = self.questions.fresh?;
        // Without consensus another leader has another truth.
        let same_leader = self.leader == Some(fresh.leader.0) && self.hard_state.term == fresh.leader.1;
        let counts = same_leader || self.settings.failover == Failover::Consensus;
        (counts && self.shows(fresh.index)).then_some(fresh.since_us)
    }

    pub(in crate::core) fn shows(&self, position: Position) -> bool {
        self.state.position() >= position
    }
}
