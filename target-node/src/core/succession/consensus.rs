//! Elections by majority (Raft paper, sections 5.2 and 5.4.1; dissertation, sections 4.2.3, 6.2 and 9.6).
//!
//! With `pre-vote` every election begins with a trial that changes nothing, so that a node which was cut off cannot depose a
//! leader by its term alone. With `check-quorum` a leader that hears no majority steps down, and therefore a voter that has
//! heard its leader within the shortest election timeout takes no part in any election, trial or not: without the first,
//! followers that hear a leader which cannot hear them would refuse to replace it for ever (etcd ties them together, too).
//! That refusal is a promise on which leases count; a voter keeps it when terms change and when it restarts, and only its
//! leader itself can release it ([`super::transfer`]).

use std::collections::BTreeSet;

use crate::core::{
    interface::StepDown,
    message::{Ballot, Message, Vote, VoteRequest},
    node::{Core, RoleState},
    types::{Command, HardState, NodeId, Term},
};

impl Core {
    pub(super) fn draw_election_deadline(&mut self) {
        let timeout = self.settings.election_timeout;
        let silence_us = self.dice.draw(timeout.min_ms * 1_000..=timeout.max_ms * 1_000);
        self.succession_due_us = self.now_us + silence_us;
    }

    /// Becomes a follower in the present term that knows no leader.
    pub(in crate::core) fn follow_nobody(&mut self) {
        self.role = RoleState::Follower;
        self.leader = None;
        self.draw_election_deadline();
    }

    /// Enters a higher term, in which `leader` leads if it is known.
    pub(in crate::core) fn enter_term(&mut self, term: Term, leader: Option<NodeId>) {
        debug_assert!(term > self.hard_state.term, "{term} is not above {}", self.hard_state.term);
        let deadline_us = self.succession_due_us;
        let led = matches!(self.role, RoleState::Leader(_));
        self.step_down(StepDown::HigherClaim, leader);
        self.set_hard_state(HardState { term, voted_for: None });
        self.follow_nobody();
        if !led {
            // Only a vote or a leader buys time (Raft paper, section 5.2), else candidates could starve each other.
            self.succession_due_us = deadline_us;
        }
    }

    pub(super) fn may_take_elected(&mut self, from: NodeId, term: Term) -> bool {
        if term < self.hard_state.term {
            self.refuse_superseded(from, term, self.leader);
            return false;
        }
        if term > self.hard_state.term {
            self.enter_term(term, Some(from));
        }
        if matches!(self.role, RoleState::Leader(_)) {
            // Two leaders in one term: impossible unless a disk forgot a vote. Neither may take the other's log.
            return false;
        }
        self.follow(from);
        true
    }

    /// Promises to vote for nobody for the shortest election timeout.
    pub(super) fn withhold_vote(&mut self) {
        self.withholds_vote_until_us = self.now_us + self.settings.election_timeout.min_ms * 1_000;
    }

    /// Stands, or asks first whether an election could be won; a node that does not vote waits on.
    pub(super) fn stand_for_election(&mut self) {
        if !self.may_stand() {
            return self.follow_nobody();
        }
        let ballot = if self.settings.pre_vote { Ballot::Trial } else { Ballot::Binding };
        self.ask_for_votes(ballot, false);
    }

    /// Stands for election; `transfer` says that the leader has asked for it.
    pub(super) fn ask_for_votes(&mut self, ballot: Ballot, transfer: bool) {
        self.follow_nobody();
        let term = match ballot {
            Ballot::Trial => self.hard_state.term.next(),
            Ballot::Binding => {
                let term = self.hard_state.term.next();
                self.set_hard_state(HardState { term, voted_for: Some(self.id) });
                term
            }
        };
        self.role = RoleState::Candidate { ballot, votes: BTreeSet::from([self.id]) };
        let (last, last_claim) = (self.log.last(), self.log.last_claim());
        let request = VoteRequest { ballot, term, last, last_claim, transfer };
        for node in self.peers().into_iter().filter(|node| self.log.members().is_voter(*node)).collect::<Vec<_>>() {
            self.send(node, Message::VoteRequest(request));
        }
        self.count_votes();
    }

    pub(in crate::core) fn take_vote_request(&mut self, from: NodeId, request: &VoteRequest) {
        let refuses_for_leader = self.settings.check_quorum && !request.transfer && self.withholds_vote();
        if !refuses_for_leader && request.ballot == Ballot::Binding && request.term > self.hard_state.term {
            self.enter_term(request.term, None);
        }
        let is_up_to_date = (request.last_claim.term, request.last) >= (self.log.last_claim().term, self.log.last());
        let is_free = match request.ballot {
            Ballot::Trial => request.term > self.hard_state.term,
            Ballot::Binding => {
                request.term == self.hard_state.term && self.hard_state.voted_for.is_none_or(|node| node == from)
            }
        };
        let granted = !refuses_for_leader && is_up_to_date && is_free;
        if granted && request.ballot == Ballot::Binding {
            self.set_hard_state(HardState { term: request.term, voted_for: Some(from) });
            self.draw_election_deadline();
        }
        let (ballot, requested_term, term) = (request.ballot, request.term, self.hard_state.term);
        self.send(from, Message::Vote(Vote { ballot, requested_term, term, granted }));
    }

    /// Whether this node leads, or has promised a leader to vote for nobody else yet.
    fn withholds_vote(&self) -> bool {
        self.now_us < self.withholds_vote_until_us || matches!(self.role, RoleState::Leader(_))
    }

    pub(in crate::core) fn take_vote(&mut self, from: NodeId, vote: &Vote) {
        if vote.term > self.hard_state.term && !vote.granted {
            return self.enter_term(vote.term, None);
        }
        let own_term = self.hard_state.term;
        let RoleState::Candidate { ballot, votes } = &mut self.role else { return };
        let asked_for = match ballot {
            Ballot::Trial => own_term.next(),
            Ballot::Binding => own_term,
        };
        if vote.granted && vote.ballot == *ballot && vote.requested_term == asked_for {
            votes.insert(from);
            self.count_votes();
        }
    }

    fn count_votes(&mut self) {
        let RoleState::Candidate { ballot, votes } = &self.role else { return };
        if votes.iter().filter(|node| self.log.members().is_voter(**node)).count() < self.majority() {
            return;
        }
        match ballot {
            Ballot::Trial => self.ask_for_votes(Ballot::Binding, false),
            Ballot::Binding => {
                self.lead();
                // The no-op lets the reign commit what it inherited (Raft paper, section 8).
                self.append_own(Command::Noop, None);
            }
        }
    }
}
