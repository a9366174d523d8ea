//! Changing the members, one node at a time (Raft dissertation, chapter 4).
//!
//! A new node is a learner first: it is sent everything and counts for nothing. It becomes a voter once a round of
//! catching up, everything that the leader had when the round began, took less than an election timeout (section 4.2.1).
//! A change begins only when the one before is committed and the leader has committed an entry of its own term: without
//! the latter two leaders could each change the members by one and need not see each other's change (Ongaro, 2015). A
//! leader that is removed leads on until its removal is committed, and does not count itself (section 4.2.2).

use std::{collections::BTreeMap, net::SocketAddr};

use super::{
    interface::{ClientResponse, Effect, ProtocolEvent, StepDown},
    leader::Leadership,
    members::Members,
    message::Message,
    node::{Core, RoleState},
    replication::Progress,
    types::{Command, NodeId, Position},
};
use crate::settings::Failover;

/// A learner's round of catching up.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// It ends when the learner has the log up to here.
    end: Position,
    began_us: u64,
}

/// What an operator waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Voter,
    Gone,
}

/// A leader's view of changing members.
#[derive(Debug, Clone, Default)]
pub(super) struct Reconfiguration {
    rounds: BTreeMap<NodeId, Round>,
    /// Operators' requests, the node that each is about, and what it shall become.
    waiting: Vec<(u64, NodeId, Wanted)>,
    /// Nodes that were removed and are still sent the log, so that they know it and stay quiet; and until when.
    leaving: BTreeMap<NodeId, u64>,
}

impl Reconfiguration {
    /// That of a leader whose log ends at `last`.
    pub(super) fn begin(members: &Members, last: Position, now_us: u64) -> Self {
        let round = Round { end: last, began_us: now_us };
        Self { rounds: members.learners.keys().map(|node| (*node, round)).collect(), ..Self::default() }
    }

    /// Every request that still waits, in the order of arrival.
    pub(super) fn into_requests(self) -> impl Iterator<Item = u64> {
        self.waiting.into_iter().map(|(request, ..)| request)
    }
}

impl Core {
    /// Adds a node as a learner, and answers once it votes.
    pub(super) fn add_member(&mut self, request: u64, node: NodeId, address: Option<SocketAddr>) {
        if let Err(refusal) = self.may_change_members() {
            return self.reply(request, refusal);
        }
        let members = self.log.members();
        if members.is_voter(node) {
            return self.refuse(request, format!("{node} is a member already"));
        }
        if !members.contains(node) {
            self.change_members(members.with_learner(node, address));
        }
        self.await_members(request, node, Wanted::Voter);
    }

    /// Removes a node, and answers once that is committed.
    pub(super) fn remove_member(&mut self, request: u64, node: NodeId) {
        if let Err(refusal) = self.may_change_members() {
            return self.reply(request, refusal);
        }
        let members = self.log.members();
        if !members.contains(node) {
            return self.refuse(request, format!("{node} is no member"));
        }
        let left = members.without(node);
        if let Err(reason) = self.can_do_without(node, &left) {
            return self.refuse(request, reason);
        }
        self.change_members(left);
        self.await_members(request, node, Wanted::Gone);
    }

    fn refuse(&mut self, request: u64, reason: String) {
        self.reply(request, ClientResponse::Refused { reason });
    }

    /// Whether this node may begin a change now.
    fn may_change_members(&self) -> Result<(), ClientResponse> {
        if self.settings.failover != Failover::Consensus {
            let reason = format!(
                "members change under failover=consensus only: under {} restart all nodes with other --peers",
                self.settings.failover
            );
            return Err(ClientResponse::Refused { reason });
        }
        let RoleState::Leader(leadership) = &self.role else {
            return Err(ClientResponse::NotLeader { leader: self.leader });
        };
        self.change_in_progress(leadership).map_or(Ok(()), |reason| Err(ClientResponse::Refused { reason }))
    }

    /// Why no change may begin now, if none may.
    fn change_in_progress(&self, leadership: &Leadership) -> Option<String> {
        if self.committed < leadership.first {
            return Some("the leader has not committed an entry of its term yet: try again".to_owned());
        }
        if self.hands_over() {
            return Some("the leadership is being handed over: try again".to_owned());
        }
        let position = self.log.members_position();
        (position > self.committed)
            .then(|| format!("the change of members at position {position} is not committed yet: try again"))
    }

    /// Whether the cluster works on without the voter `node`.
    fn can_do_without(&self, node: NodeId, left: &Members) -> Result<(), String> {
        if !self.log.members().is_voter(node) {
            return Ok(());
        }
        if left.voters.is_empty() {
            return Err(format!("without {node} nobody would vote: add another node first"));
        }
        let RoleState::Leader(leadership) = &self.role else { return Ok(()) };
        let silence_us_max = self.settings.election_timeout.max_ms * 1_000;
        let heard_us = leadership.reached_by_majority(left, self.now_us, Progress::heard_us);
        if heard_us.is_none_or(|heard_us| self.now_us.saturating_sub(heard_us) >= silence_us_max) {
            return Err(format!(
                "without {node} there is no majority that answers: restart or remove the silent ones first"
            ));
        }
        self.settings.replication.check(left.voter_count()).map_err(|error| format!("without {node}: {error}"))
    }

    /// Puts members in force by appending them.
    fn change_members(&mut self, members: Members) {
        let before: Vec<NodeId> = self.peers();
        self.append_own(Command::Members(members), None);
        let (now_us, last, peers) = (self.now_us, self.log.last(), self.peers());
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let Leadership { progress, reconfiguration, .. } = &mut **leadership;
        for node in &peers {
            progress.entry(*node).or_insert_with(|| Progress::new(last, now_us));
            reconfiguration.leaving.remove(node);
        }
        for node in before.into_iter().filter(|node| !peers.contains(node)) {
            reconfiguration.leaving.insert(node, u64::MAX);
        }
        let (members, round) = (self.log.members(), Round { end: last, began_us: now_us });
        reconfiguration.rounds.retain(|node, _| members.learners.contains_key(node));
        members.learners.keys().for_each(|node| {
            reconfiguration.rounds.entry(*node).or_insert(round);
        });
    }

    fn await_members(&mut self, request: u64, node: NodeId, wanted: Wanted) {
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.reconfiguration.waiting.push((request, node, wanted));
        }
    }

    /// Ends a step: completes what is committed, promotes learners, reports the members in force.
    pub(super) fn settle_members(&mut self) {
        let may_change = match &self.role {
            RoleState::Leader(leadership) => self.change_in_progress(leadership).is_none(),
            RoleState::Follower | RoleState::Candidate { .. } => false,
        };
        if may_change {
            self.answer_operators();
            self.let_go();
            if self.log.members().is_voter(self.id) {
                self.promote_learners();
            } else {
                self.leave();
            }
        }
        if self.reported_members != *self.log.members() {
            self.reported_members = self.log.members().clone();
            let (position, members) = (self.log.members_position(), self.reported_members.clone());
            self.effects.push(Effect::Event(ProtocolEvent::MembersInForce { position, members }));
        }
    }

    /// Answers whoever waits for what the members in force, which are committed, have become.
    fn answer_operators(&mut self) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let (members, term, position) = (self.log.members(), leadership.claim.term, self.log.members_position());
        for (request, node, wanted) in std::mem::take(&mut leadership.reconfiguration.waiting) {
            let response = match (wanted, members.is_voter(node), members.contains(node)) {
                (Wanted::Voter, true, _) | (Wanted::Gone, _, false) => ClientResponse::Operated { term, position },
                (Wanted::Voter, false, false) => {
                    ClientResponse::Refused { reason: format!("{node} was removed before it had caught up") }
                }
                (Wanted::Voter, false, true) | (Wanted::Gone, _, true) => {
                    leadership.reconfiguration.waiting.push((request, node, wanted));
                    continue;
                }
            };
            self.effects.push(Effect::Reply { request, response });
        }
    }

    /// Stops sending to nodes whose removal was committed an election timeout ago.
    fn let_go(&mut self) {
        let (now_us, patience_us) = (self.now_us, self.settings.election_timeout.max_ms * 1_000);
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let Leadership { progress, reconfiguration, .. } = &mut **leadership;
        reconfiguration.leaving.retain(|node, until_us| {
            *until_us = (*until_us).min(now_us + patience_us);
            let stays = now_us < *until_us;
            if !stays {
                progress.remove(node);
            }
            stays
        });
    }

    /// Makes a voter of a learner that keeps up.
    fn promote_learners(&mut self) {
        let (now_us, last) = (self.now_us, self.log.last());
        let quick_us = self.settings.election_timeout.min_ms * 1_000;
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let Leadership { progress, reconfiguration, .. } = &mut **leadership;
        let mut keeps_up = None;
        for (node, round) in &mut reconfiguration.rounds {
            let Some(progress) = progress.get(node).filter(|progress| progress.matched() >= round.end) else {
                continue;
            };
            if now_us < round.began_us.min(progress.heard_us()) + quick_us {
                keeps_up = Some(*node);
                break;
            }
            *round = Round { end: last, began_us: now_us };
        }
        if let Some(node) = keeps_up {
            self.change_members(self.log.members().with_voter(node));
        }
    }

    /// Ends the reign of a leader whose own removal is committed: its followers hear of that first, and the most advanced
    /// of them that it may stand at once.
    fn leave(&mut self) {
        let RoleState::Leader(leadership) = &mut self.role else { return };
        leadership.progress.values_mut().for_each(Progress::beat);
        let (members, term) = (self.log.members(), leadership.claim.term);
        let voters = leadership.progress.iter().filter(|(node, _)| members.is_voter(**node));
        let heir = voters.max_by_key(|(_, progress)| progress.matched()).map(|(node, _)| *node);
        self.replicate();
        if let Some(heir) = heir {
            self.send(heir, Message::TransferNow { term });
        }
        self.step_down(StepDown::Removed, None);
        self.follow_nobody();
    }

    /// Whether this node may ask for votes: it votes, or it did before a removal that is not committed yet, when its log
    /// may be the only one that can win (Raft dissertation, section 4.2.2).
    pub(super) fn may_stand(&self) -> bool {
        let position = self.log.members_position();
        self.log.members().is_voter(self.id)
            || (position > self.committed && self.log.members_at(position.previous()).is_voter(self.id))
    }
}
