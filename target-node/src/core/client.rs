//! What clients ask: who may answer, and what is refused before anything is appended.

use super::{
    acknowledge::WAITING_WRITES_MAX,
    interface::{ClientRequest, ClientResponse},
    node::{Core, RoleState},
    read::{Question, WaitingRead},
    types::{Command, Origin, Position},
};
use crate::settings::{ReadLevel, Replication};

impl Core {
    pub(super) fn take_request(&mut self, request: u64, body: ClientRequest) {
        match body {
            ClientRequest::Read { key, level, at_least } => {
                self.read(request, Question::Key(key), level, at_least);
            }
            ClientRequest::Scan { prefix, after, limit, level, at_least } => {
                self.read(request, Question::Scan { prefix, after, limit }, level, at_least);
            }
            ClientRequest::Write { change, replication, origin } => {
                self.write(request, Command::Change(change), replication, origin);
            }
            ClientRequest::Transaction { accesses, replication, origin } => {
                self.write(request, Command::Transaction(accesses), replication, origin);
            }
        }
    }

    fn read(&mut self, request: u64, question: Question, level: Option<ReadLevel>, at_least: Option<Position>) {
        let level = level.unwrap_or(self.settings.read);
        if let Err(error) = self.settings.check_read(level) {
            return self.reply(request, ClientResponse::Refused { reason: error.to_string() });
        }
        if at_least.is_some_and(|position| position > self.state.position()) {
            let reason = "a read that waits for a position is not offered".to_owned();
            return self.reply(request, ClientResponse::Refused { reason });
        }
        let index = self.state.position();
        match (level, &mut self.role) {
            (ReadLevel::Local, _) | (ReadLevel::Leader, RoleState::Leader(_)) => {
                self.answer_read(request, &question, level);
            }
            (ReadLevel::ReadIndex, RoleState::Leader(leadership)) if self.committed >= leadership.first => {
                leadership.rounds.push(WaitingRead { request, question, index });
            }
            // Until its reign has committed something, a leader does not know what its predecessors committed.
            (ReadLevel::ReadIndex, RoleState::Leader(leadership)) => leadership.early_reads.push((request, question)),
            (ReadLevel::Bounded(_) | ReadLevel::Session | ReadLevel::Lease | ReadLevel::Log, _) => {
                let reason = format!("read={level} is not offered by this build: use local, leader or read-index");
                self.reply(request, ClientResponse::Refused { reason });
            }
            _ => self.reply(request, ClientResponse::NotLeader { leader: self.leader }),
        }
    }

    /// Answers from the visible state.
    pub(super) fn answer_read(&mut self, request: u64, question: &Question, level: ReadLevel) {
        let (state, term) = (self.state.visible(), self.hard_state.term);
        let response = question.answer(state, term, level);
        self.reply(request, response);
    }

    fn write(&mut self, request: u64, command: Command, replication: Option<Replication>, origin: Option<Origin>) {
        let replication = replication.unwrap_or(self.settings.replication);
        if let Err(error) = self.settings.check_replication(replication, self.log.members().voter_count()) {
            return self.reply(request, ClientResponse::Refused { reason: error.to_string() });
        }
        if replication == Replication::Memory {
            let reason = "replication=memory is not offered by this build: use async".to_owned();
            return self.reply(request, ClientResponse::Refused { reason });
        }
        let waiting = match &self.role {
            RoleState::Leader(leadership) => leadership.writes.len(),
            RoleState::Follower | RoleState::Candidate { .. } => {
                return self.reply(request, ClientResponse::NotLeader { leader: self.leader });
            }
        };
        if waiting >= WAITING_WRITES_MAX {
            let reason = format!("{waiting} writes wait for acknowledgement already: try again when followers answer");
            return self.reply(request, ClientResponse::Refused { reason });
        }
        let position = self.append_own(command, origin);
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.writes.push(position, request, replication);
        }
    }
}
