//! A reign: what a leader commits, acknowledges and confirms at the end of every step.

use std::collections::BTreeMap;

use super::{
    acknowledge::{Satisfied, WaitingWrites},
    interface::{ClientResponse, Effect, ProtocolEvent, StepDown},
    members::Members,
    message::Message,
    node::{Core, RoleState},
    read::{Asker, LeaderReads},
    reconfigure::Reconfiguration,
    replication::Progress,
    succession::Preference,
    types::{Claim, Command, NodeId, Origin, Position},
};
use crate::settings::Settings;

/// What a node has only while it leads.
#[derive(Debug, Clone)]
pub(super) struct Leadership {
    pub(super) claim: Claim,
    /// The first position of this reign: its no-op.
    pub(super) first: Position,
    pub(super) began_us: u64,
    pub(super) progress: BTreeMap<NodeId, Progress>,
    pub(super) writes: WaitingWrites,
    pub(super) reconfiguration: Reconfiguration,
    pub(super) reads: LeaderReads,
    pub(super) heartbeat_due_us: u64,
    /// A round of confirmation began in this step.
    pub(super) round_began: bool,
    /// It has asked a follower to stand for election.
    pub(super) has_asked_to_stand: bool,
    pub(super) preference: Preference,
}

impl Leadership {
    pub(super) fn matched(&self) -> BTreeMap<NodeId, Position> {
        self.progress.iter().map(|(node, progress)| (*node, progress.matched())).collect()
    }

    /// What each voter beside the leader has reached.
    pub(super) fn of_voters<T>(&self, members: &Members, value: impl Fn(&Progress) -> T) -> impl Iterator<Item = T> {
        self.progress.iter().filter(|(node, _)| members.is_voter(**node)).map(move |(_, progress)| value(progress))
    }

    /// The highest value that a majority of the voters has reached, the leader being at `own` if it votes; none if
    /// nobody votes.
    pub(super) fn reached_by_majority<T: Ord + Copy>(
        &self,
        members: &Members,
        own: T,
        value: impl Fn(&Progress) -> T,
    ) -> Option<T> {
        let mut reached: Vec<T> = self.of_voters(members, value).collect();
        reached.extend(members.is_voter(self.claim.leader).then_some(own));
        reached.sort_unstable_by(|left, right| right.cmp(left));
        reached.get(reached.len() / 2).copied()
    }

    /// The least position after which a follower that answers still needs the log.
    pub(super) fn needed_from(&self, now_us: u64, settings: &Settings) -> Option<Position> {
        let silence_us_max = settings.election_timeout.max_ms * 1_000;
        let answers = |progress: &&Progress| now_us.saturating_sub(progress.heard_us()) < silence_us_max;
        self.progress.values().filter(answers).map(Progress::needs_after).min()
    }

    pub(super) fn validate(&self, last: Position) {
        assert!(self.first <= last.next(), "the reign begins at {} but the log ends at {last}", self.first);
        self.progress.values().for_each(|progress| progress.validate(last));
    }
}

impl Core {
    /// Begins a reign under the present term.
    pub(super) fn lead(&mut self) {
        let (claim, last, now_us) = (self.own_claim(), self.log.last(), self.now_us);
        self.role = RoleState::Leader(Box::new(Leadership {
            claim,
            first: last.next(),
            began_us: now_us,
            progress: self.peers().into_iter().map(|node| (node, Progress::new(last, now_us))).collect(),
            writes: WaitingWrites::default(),
            reconfiguration: Reconfiguration::begin(self.log.members(), last, now_us),
            reads: LeaderReads::default(),
            heartbeat_due_us: now_us + self.settings.heartbeat_ms * 1_000,
            round_began: false,
            has_asked_to_stand: false,
            preference: Preference::default(),
        }));
        self.leader = Some(self.id);
        let event = ProtocolEvent::BecameLeader { term: claim.term, position: last };
        self.effects.push(Effect::Event(event));
    }

    /// Appends an entry of this reign.
    pub(super) fn append_own(&mut self, command: Command, origin: Option<Origin>) -> Position {
        let entry = self.log.entry(self.own_claim(), command, origin);
        let position = entry.position;
        self.durability.append(entry.clone());
        self.log.push(entry);
        position
    }

    /// Ends a reign, if this node leads: the outcome of what waits is unknown. `leader` is who leads now.
    pub(super) fn step_down(&mut self, reason: StepDown, leader: Option<NodeId>) {
        if !matches!(self.role, RoleState::Leader(_)) {
            return;
        }
        let has_asked = self.waits_for_successor();
        let RoleState::Leader(leadership) = std::mem::replace(&mut self.role, RoleState::Follower) else { return };
        let is_handed_over = reason == StepDown::HigherClaim && has_asked;
        let reason = if is_handed_over { StepDown::Transferred } else { reason };
        self.effects.push(Effect::Event(ProtocolEvent::SteppedDown { term: leadership.claim.term, reason }));
        self.leader = leader;
        let reason = "the node stopped leading before it could acknowledge the write";
        for request in leadership.writes.into_requests() {
            self.reply(request, ClientResponse::Unknown { reason });
        }
        let reason = "the node stopped leading before the change of members was committed";
        for request in leadership.reconfiguration.into_requests() {
            self.reply(request, ClientResponse::Unknown { reason });
        }
        let leader = self.release_held(leader);
        for asker in leadership.reads.into_askers() {
            match asker {
                Asker::Client(read) => self.reply(read.request, ClientResponse::NotLeader { leader }),
                Asker::Node(node, id) => self.send(node, Message::ReadIndexed { id, index: None }),
            }
        }
        for read in self.positions.take_leaders() {
            self.reply(read.request, ClientResponse::NotLeader { leader });
        }
    }

    /// Ends a step: commits, acknowledges, makes visible, answers.
    pub(super) fn settle(&mut self) {
        let satisfied = self.settle_log();
        let visible = self.showable();
        let safe = self.safe_position();
        while self.state.position() < visible {
            let Some(slot) = self.log.get_mut(self.state.position().next()) else { break };
            slot.applied = Some(self.state.apply(&slot.entry, self.settings.sessions, safe));
            slot.digest = self.state.visible().digest();
        }
        self.tell_applied();
        self.answer_writes(&satisfied);
        self.settle_reads();
        self.settle_members();
        self.settle_handover();
        self.take_snapshot_if_due();
        self.state.forget(self.safe_position());
    }

    /// Answers writes that are acknowledged or refused. An operation that was repeated is answered, and acknowledged, as
    /// the entry that performed it: as long as that is kept nothing is lost.
    fn answer_writes(&mut self, satisfied: &[Satisfied]) {
        if satisfied.is_empty() {
            return;
        }
        let mut done: Vec<(Claim, Position)> = Vec::new();
        let mut replies = Vec::with_capacity(satisfied.len());
        for (position, request, replication) in satisfied.iter().copied() {
            let Some(slot) = self.log.get(position) else { continue };
            debug_assert_eq!(slot.entry.claim, self.own_claim(), "a leader answers for entries of its own reign");
            debug_assert!(slot.applied.is_some(), "position {position} is answered before it is visible");
            let Some(applied) = &slot.applied else { continue };
            let (position, claim) = applied.original.unwrap_or((position, slot.entry.claim));
            let response = applied.outcome.clone().into_response(claim.term, position, replication);
            if matches!(response, ClientResponse::Acknowledged { .. }) {
                done.push((claim, position));
            }
            replies.push(Effect::Reply { request, response });
        }
        done.sort_unstable();
        done.dedup();
        for range in done.chunk_by(|left, right| left.0 == right.0 && left.1.next() == right.1) {
            if let (Some((claim, from)), Some((_, to))) = (range.first(), range.last()) {
                let Claim { term, leader } = *claim;
                self.account(ProtocolEvent::Acknowledged { term, leader, from: *from, to: *to });
            }
        }
        self.effects.append(&mut replies);
    }

    /// The last round that a majority has answered; `u64::MAX` if nobody needs to be asked.
    pub(super) fn confirmed_round(&self) -> u64 {
        let RoleState::Leader(leadership) = &self.role else { return 0 };
        let round = leadership.reached_by_majority(self.log.members(), u64::MAX, Progress::confirmed_round);
        round.unwrap_or_default()
    }

    /// Steps down if no majority was heard for the longest election timeout (check-quorum, Raft dissertation, section
    /// 6.2): a leader that is cut off must stop claiming to lead.
    pub(super) fn check_quorum(&mut self) {
        let RoleState::Leader(leadership) = &self.role else { return };
        let silence_us_max = self.settings.election_timeout.max_ms * 1_000;
        let heard_us = leadership.reached_by_majority(self.log.members(), self.now_us, Progress::heard_us);
        if heard_us.is_none_or(|heard_us| self.now_us.saturating_sub(heard_us) >= silence_us_max) {
            self.step_down(StepDown::NoMajority, None);
            self.follow_nobody();
        }
    }
}
