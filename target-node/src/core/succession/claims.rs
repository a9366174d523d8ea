//! What the strategies share: whom a node may follow, and what it does about silence.
//!
//! | | consensus | timeout | manual |
//! | --- | --- | --- | --- |
//! | who leads a term | the winner of a vote | who promotes itself | whom an operator promotes |
//! | a follower takes appends | of its term and above | of everybody, if fenced as under manual | of its leader and of higher claims |
//! | a leader yields to | any higher term | a higher claim that reaches it directly, if fenced any | any higher claim |
//! | the log of a new leader | holds all that is committed | is declared the truth | is declared the truth |

use crate::{
    core::{
        follower::Asked,
        interface::StepDown,
        message::{AppendResult, Appended, Message},
        node::{Core, RoleState},
        types::{Claim, Command, HardState, NodeId, Term},
    },
    settings::{Failover, Fencing, Rejoin},
};

impl Core {
    /// Sets the first deadline of a node that has just started.
    pub(in crate::core) fn begin_succession(&mut self) {
        match self.settings.failover {
            Failover::Consensus => {
                if self.hard_state.term > Term(0) {
                    // It may have heard a leader just before it stopped: a promise outlives a restart.
                    self.withhold_vote();
                }
                self.follow_nobody();
            }
            Failover::Timeout => self.await_leader(),
            Failover::Manual => self.await_operator(),
        }
    }

    /// A node that does not lead has heard no leader until its deadline.
    pub(in crate::core) fn act_on_silence(&mut self) {
        match self.settings.failover {
            Failover::Consensus => self.stand_for_election(),
            Failover::Timeout => self.promote(),
            Failover::Manual => self.resume_or_found(),
        }
    }

    /// Whether this node takes an append of `from`, which claims to lead in `term`; follows and answers accordingly.
    pub(in crate::core) fn may_take(&mut self, from: NodeId, term: Term) -> bool {
        match self.settings.failover {
            Failover::Consensus => self.may_take_elected(from, term),
            Failover::Timeout if self.settings.fencing == Fencing::None => {
                self.may_take_unfenced(Claim { term, leader: from })
            }
            Failover::Timeout | Failover::Manual => self.may_take_fenced(Claim { term, leader: from }),
        }
    }

    /// Looks at a follower's answer for a reason to stop leading; true if nothing else is to be done with it.
    pub(in crate::core) fn superseded(&mut self, from: NodeId, appended: &Appended) -> bool {
        match (self.settings.failover, self.settings.fencing, appended.result) {
            // A node that was removed and does not know it yet deposes nobody.
            (Failover::Consensus, ..) if appended.term > self.hard_state.term => {
                if self.log.members().contains(from) {
                    self.enter_term(appended.term, None);
                }
                true
            }
            // Without fencing a leader ignores the epochs that its followers report.
            (Failover::Manual, _, AppendResult::Superseded { leader: Some(leader) })
            | (Failover::Timeout, Fencing::Epoch | Fencing::Lease, AppendResult::Superseded { leader: Some(leader) }) =>
            {
                self.follow_if_higher(Claim { term: appended.term, leader });
                true
            }
            _ => false,
        }
    }

    /// The highest claim that a node without votes has seen.
    pub(super) fn followed_claim(&self) -> Claim {
        Claim { term: self.hard_state.term, leader: self.hard_state.voted_for.unwrap_or(Claim::NONE.leader) }
    }

    /// Follows `claim` if it is above the one followed, or led, until now.
    ///
    /// With `rejoin = keep` a leader does not: it goes on with what it has.
    pub(super) fn follow_if_higher(&mut self, claim: Claim) {
        let stays_apart = self.settings.rejoin == Rejoin::Keep && matches!(self.role, RoleState::Leader(_));
        if stays_apart || claim <= self.followed_claim() {
            return;
        }
        self.step_down(StepDown::HigherClaim, Some(claim.leader));
        self.set_hard_state(HardState { term: claim.term, voted_for: Some(claim.leader) });
        self.follow(claim.leader);
    }

    /// Follows a leader that was just heard, in the present term.
    pub(super) fn follow(&mut self, leader: NodeId) {
        debug_assert!(!matches!(self.role, RoleState::Leader(_)), "a leader steps down before it follows");
        self.role = RoleState::Follower;
        self.leader = Some(leader);
        match self.settings.failover {
            Failover::Consensus => {
                self.withhold_vote();
                self.draw_election_deadline();
            }
            Failover::Timeout => self.await_leader(),
            Failover::Manual => self.await_operator(),
        }
    }

    /// Begins a reign that nobody voted for: whatever this node has is the truth from now on.
    pub(in crate::core) fn promote(&mut self) {
        self.set_hard_state(HardState { term: self.hard_state.term.next(), voted_for: Some(self.id) });
        self.lead_on();
        self.append_own(Command::Noop, None);
    }

    /// Leads under the claim that this node holds already, with its log as the truth.
    pub(super) fn lead_on(&mut self) {
        self.committed = self.log.last();
        self.lead();
    }

    pub(super) fn refuse_superseded(&mut self, from: NodeId, term: Term, leader: Option<NodeId>) {
        let message: Message = self.appended(Asked::unasked(term), AppendResult::Superseded { leader });
        self.send(from, message);
    }
}
