//! What clients ask: who may answer, and what is refused before anything is appended.

use super::{
    acknowledge::WAITING_WRITES_MAX,
    interface::{ClientRequest, ClientResponse},
    node::{Core, RoleState},
    read::WaitingRead,
    types::{Change, Command, Origin},
};
use crate::settings::{ReadLevel, Replication};

impl Core {
    pub(super) fn take_request(&mut self, request: u64, body: ClientRequest) {
        match body {
            ClientRequest::Read { key, level } => self.read(request, key, level.unwrap_or(self.settings.read)),
            ClientRequest::Write { change, replication, origin } => {
                self.write(request, change, replication.unwrap_or(self.settings.replication), origin);
            }
        }
    }

    fn read(&mut self, request: u64, key: String, level: ReadLevel) {
        if let Err(error) = self.settings.check_read(level) {
            return self.reply(request, ClientResponse::Refused { reason: error.to_string() });
        }
        let index = self.state.position();
        match (level, &mut self.role) {
            (ReadLevel::Local, _) | (ReadLevel::Leader, RoleState::Leader(_)) => {
                self.answer_read(request, &key, level);
            }
            (ReadLevel::ReadIndex, RoleState::Leader(leadership)) if self.committed >= leadership.first => {
                leadership.rounds.push(WaitingRead { request, key, index });
            }
            // Until its reign has committed something, a leader does not know what its predecessors committed.
            (ReadLevel::ReadIndex, RoleState::Leader(leadership)) => leadership.early_reads.push((request, key)),
            (ReadLevel::Bounded(_) | ReadLevel::Session | ReadLevel::Lease | ReadLevel::Log, _) => {
                let reason = format!("read={level} is not offered by this build: use local, leader or read-index");
                self.reply(request, ClientResponse::Refused { reason });
            }
            _ => self.reply(request, ClientResponse::NotLeader { leader: self.leader }),
        }
    }

    /// Answers from the visible state.
    pub(super) fn answer_read(&mut self, request: u64, key: &str, level: ReadLevel) {
        let (value, term, position) = (self.state.read(key), self.hard_state.term, self.state.position());
        self.reply(request, ClientResponse::Value { value, term, position, level });
    }

    fn write(&mut self, request: u64, change: Change, replication: Replication, origin: Option<Origin>) {
        if let Err(error) = self.settings.check_replication(replication, self.nodes) {
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
        let position = self.append_own(Command::Change(change), origin);
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.writes.push(position, request, replication);
        }
    }
}
