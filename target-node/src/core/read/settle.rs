//! What becomes of waiting reads, at the end of every step and by the clock.

use std::collections::BTreeSet;

use super::{WaitingRead, questions::Fresh, rounds::Asker};
use crate::{
    core::{
        interface::ClientResponse,
        message::Message,
        node::{Core, RoleState},
        types::{NodeId, Position},
    },
    settings::Failover,
};

impl Core {
    /// Answers what can be answered now, and asks for what cannot.
    pub(in crate::core) fn settle_reads(&mut self) {
        self.confirm_reads();
        self.ask_leader();
        let visible = self.state.position();
        while let Some(read) = self.positions.pop(visible) {
            self.answer_read(&read);
        }
    }

    /// How many reads wait.
    pub(in crate::core) fn waiting_reads(&self) -> usize {
        let in_leader = match &self.role {
            RoleState::Leader(leadership) => leadership.reads.len(),
            RoleState::Follower | RoleState::Candidate { .. } => 0,
        };
        in_leader + self.questions.len() + self.positions.len()
    }

    /// Answers from the visible state as soon as it is far enough.
    pub(in crate::core) fn show(&mut self, read: WaitingRead) {
        if self.shows(read.at_least) { self.answer_read(&read) } else { self.positions.push(read) }
    }

    /// Answers once a majority has confirmed who leads; without consensus the leader's word is all there is.
    pub(in crate::core) fn confirm(&mut self, read: WaitingRead) {
        match &mut self.role {
            RoleState::Leader(_) if self.settings.failover != Failover::Consensus => self.show(read),
            RoleState::Leader(leadership) => leadership.reads.push(Asker::Client(read)),
            RoleState::Follower | RoleState::Candidate { .. } => self.questions.push(read),
        }
    }

    fn answer_read(&mut self, read: &WaitingRead) {
        let response = read.question.answer(self.state.visible(), self.hard_state.term, read.level);
        self.reply(read.request, response);
    }

    /// Forgets the reads of clients that are gone.
    pub(in crate::core) fn forget_reads(&mut self, requests: &BTreeSet<u64>) {
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.reads.forget(requests);
        }
        self.questions.forget(requests);
        self.positions.forget(requests);
    }

    /// The leader's part.
    fn confirm_reads(&mut self) {
        if !matches!(self.role, RoleState::Leader(_)) {
            return;
        }
        // What this node has asked as a follower it can find out by itself now.
        self.questions.take_all().into_iter().for_each(|read| self.confirm(read));
        let confirmed = self.confirmed_round();
        let (visible, committed, now_us) = (self.state.position(), self.committed, self.now_us);
        let RoleState::Leader(leadership) = &mut self.role else { return };
        if committed >= leadership.first {
            leadership.reads.admit(visible);
        }
        let mut askers = leadership.reads.confirm(confirmed);
        if leadership.reads.wants_round() {
            leadership.reads.begin(now_us);
            leadership.round_began = true;
            askers.extend(leadership.reads.confirm(confirmed));
        }
        let logged: Vec<_> = std::iter::from_fn(|| leadership.reads.pop_logged(committed)).collect();
        for (asker, index) in askers {
            debug_assert!(visible >= index, "a leader's state went back behind a waiting read");
            match asker {
                Asker::Client(read) => self.show(read.from(index)),
                Asker::Node(node, id) => self.send(node, Message::ReadIndexed { id, index: Some(index) }),
            }
        }
        logged.into_iter().for_each(|read| self.show(read));
    }

    /// The part of everybody else.
    fn ask_leader(&mut self) {
        let leader = self.leader.map(|leader| (leader, self.hard_state.term));
        if self.questions.asked.as_ref().is_some_and(|asked| Some(asked.leader) != leader) {
            self.give_up_questions();
        }
        if self.questions.asked.is_some() || self.questions.for_next.is_empty() {
            return;
        }
        let Some(leader) = leader else { return self.give_up_questions() };
        let now_us = self.now_us;
        let again_us = now_us + self.settings.heartbeat_ms * 1_000;
        let until_us = now_us + self.settings.election_timeout.max_ms * 1_000;
        let id = self.questions.ask(leader, now_us, again_us, until_us);
        self.send(leader.0, Message::ReadIndex { id });
    }

    /// Repeats a question that was not answered, or gives it up.
    pub(in crate::core) fn ask_again(&mut self) {
        let (now_us, heartbeat_us) = (self.now_us, self.settings.heartbeat_ms * 1_000);
        let Some(asked) = &mut self.questions.asked else { return };
        if asked.until_us <= now_us {
            return self.give_up_questions();
        }
        if asked.again_us <= now_us {
            asked.again_us = now_us + heartbeat_us;
            let (to, id) = (asked.leader.0, asked.id);
            self.send(to, Message::ReadIndex { id });
        }
    }

    fn give_up_questions(&mut self) {
        let leader = self.leader;
        for read in self.questions.take_all() {
            self.reply(read.request, ClientResponse::NotLeader { leader });
        }
    }

    pub(in crate::core) fn take_read_index(&mut self, from: NodeId, id: u64) {
        let visible = self.state.position();
        let consensus = self.settings.failover == Failover::Consensus;
        let index = match &mut self.role {
            RoleState::Leader(leadership) if consensus => return leadership.reads.push(Asker::Node(from, id)),
            // It has nobody to ask; its word is all there is. The commit position follows at once.
            RoleState::Leader(leadership) => leadership.progress.get_mut(&from).map(|progress| {
                progress.beat();
                visible
            }),
            RoleState::Follower | RoleState::Candidate { .. } => None,
        };
        self.send(from, Message::ReadIndexed { id, index });
    }

    pub(in crate::core) fn take_read_indexed(&mut self, from: NodeId, id: u64, index: Option<Position>) {
        let Some(asked) = self.questions.asked.take_if(|asked| asked.id == id && asked.leader.0 == from) else {
            return;
        };
        for read in asked.reads {
            match index {
                Some(index) => self.show(read.from(index)),
                None => self.reply(read.request, ClientResponse::NotLeader { leader: None }),
            }
        }
        if let Some(index) = index {
            self.questions.fresh = Some(Fresh { leader: asked.leader, since_us: asked.since_us, index });
        }
    }
}
