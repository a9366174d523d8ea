//! What clients ask: who may answer, and what is refused before anything is appended.

use super::{
    acknowledge::WAITING_WRITES_MAX,
    interface::{ClientRequest, ClientResponse},
    node::{Core, RoleState},
    read::{Question, WAITING_READS_MAX, WaitingRead},
    types::{Access, Command, Origin, Position},
};
use crate::settings::{ReadLevel, Replication};

impl Core {
    pub(super) fn take_request(&mut self, request: u64, body: ClientRequest) {
        if self.hands_over() && self.appends(&body) {
            return self.hold(request, body);
        }
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

    /// Whether the request wants a place in the log.
    fn appends(&self, body: &ClientRequest) -> bool {
        match body {
            ClientRequest::Read { level, .. } | ClientRequest::Scan { level, .. } => {
                level.unwrap_or(self.settings.read) == ReadLevel::Log
            }
            ClientRequest::Write { .. } | ClientRequest::Transaction { .. } => true,
        }
    }

    fn read(&mut self, request: u64, question: Question, level: Option<ReadLevel>, at_least: Option<Position>) {
        let level = level.unwrap_or(self.settings.read);
        if let Err(error) = self.settings.check_read(level) {
            return self.reply(request, ClientResponse::Refused { reason: error.to_string() });
        }
        let waiting = self.waiting_reads();
        if waiting >= WAITING_READS_MAX {
            let reason = format!("{waiting} reads wait in this node already: try again, or ask another");
            return self.reply(request, ClientResponse::Overloaded { reason });
        }
        let read = WaitingRead { request, question, level, at_least: at_least.unwrap_or_default() };
        let leads = matches!(self.role, RoleState::Leader(_));
        match level {
            ReadLevel::Local | ReadLevel::Session => self.show(read),
            ReadLevel::Leader | ReadLevel::Lease | ReadLevel::Log if !leads => {
                self.reply(request, ClientResponse::NotLeader { leader: self.leader });
            }
            ReadLevel::Leader => self.show(read),
            ReadLevel::Lease if self.holds_lease() => self.show(read),
            ReadLevel::Bounded(bound_ms) if self.is_fresh(bound_ms) => self.show(read),
            ReadLevel::Bounded(_) | ReadLevel::Lease | ReadLevel::ReadIndex => self.confirm(read),
            ReadLevel::Log => self.log_read(read),
        }
    }

    /// Gives the read a place in the log, in the order of all writes.
    fn log_read(&mut self, read: WaitingRead) {
        let accesses = match &read.question {
            Question::Key(key) => vec![Access::Read { key: key.clone() }],
            // Its place is what counts: the answer is the state there or after it.
            Question::Scan { .. } => Vec::new(),
        };
        let position = self.append_own(Command::Transaction(accesses), None);
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.reads.push_logged(position, read);
        }
    }

    fn write(&mut self, request: u64, command: Command, replication: Option<Replication>, origin: Option<Origin>) {
        let replication = replication.unwrap_or(self.settings.replication);
        if let Err(error) = self.settings.check_replication(replication, self.log.members().voter_count()) {
            return self.reply(request, ClientResponse::Refused { reason: error.to_string() });
        }
        let waiting = match &self.role {
            RoleState::Leader(leadership) => leadership.writes.len(),
            RoleState::Follower | RoleState::Candidate { .. } => {
                return self.reply(request, ClientResponse::NotLeader { leader: self.leader });
            }
        };
        if waiting >= WAITING_WRITES_MAX {
            let reason = format!("{waiting} writes wait for acknowledgement already: try again when followers answer");
            return self.reply(request, ClientResponse::Overloaded { reason });
        }
        let position = self.append_own(command, origin);
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.writes.push(position, request, replication, self.now_us);
        }
    }
}
