//! Leadership by an operator's hand. At first the node n1 leads; later only an operator changes that.
//!
//! A leader that returns from a crash leads on if no higher claim reached it before. Followers refuse every claim below
//! the one they follow and say so, and a leader that hears of a higher claim yields: two leaders exist only as long as
//! they are cut from each other and from every node that knows better.

use crate::core::{
    node::Core,
    types::{Claim, Command, NodeId, Term},
};

impl Core {
    /// A restarted leader and the founder act at once; everybody else waits for an operator.
    pub(super) fn await_operator(&mut self) {
        let founds = self.hard_state.term == Term(0) && self.id == NodeId(1);
        let acts = founds || self.hard_state.voted_for == Some(self.id);
        self.succession_due_us = if acts { self.now_us } else { u64::MAX };
    }

    pub(super) fn resume_or_found(&mut self) {
        // Where something acknowledged was lost, the place is taken again under another claim: never two entries under one.
        let lost_own = self.ledger.missing().keys().any(|(_, claim)| *claim == self.own_claim());
        if self.hard_state.voted_for != Some(self.id) || lost_own {
            return self.promote();
        }
        self.lead_on();
        if self.log.last_claim() != self.own_claim() {
            // The crash took the reign's no-op, which had not been sent: without it longer logs would never be cut.
            self.append_own(Command::Noop, None);
        }
    }

    pub(super) fn may_take_fenced(&mut self, claim: Claim) -> bool {
        self.follow_if_higher(claim);
        if claim == self.followed_claim() {
            self.follow(claim.leader);
            return true;
        }
        let followed = self.followed_claim();
        self.refuse_superseded(claim.leader, claim.term, Some(followed.leader));
        false
    }
}
