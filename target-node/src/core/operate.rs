//! What operators ask.

use super::{
    interface::{ClientResponse, OperatorRequest},
    node::{Core, RoleState},
    types::Position,
};
use crate::settings::Failover;

impl Core {
    pub(super) fn take_operator_request(&mut self, request: u64, body: OperatorRequest) {
        let response = match body {
            OperatorRequest::Promote => self.promote_for_operator(),
            OperatorRequest::Digest { position } => self.digest(position),
            OperatorRequest::AddMember { node, address } => return self.add_member(request, node, address),
            OperatorRequest::RemoveMember { node } => return self.remove_member(request, node),
            OperatorRequest::Transfer { to } => return self.transfer(request, to),
            OperatorRequest::Snapshot => ClientResponse::Refused { reason: "not offered".to_owned() },
        };
        self.reply(request, response);
    }

    fn promote_for_operator(&mut self) -> ClientResponse {
        if self.settings.failover != Failover::Manual {
            let reason = format!(
                "under failover={} the nodes choose their leader themselves; promotion needs failover=manual",
                self.settings.failover
            );
            return ClientResponse::Refused { reason };
        }
        if !matches!(self.role, RoleState::Leader(_)) {
            self.promote();
        }
        ClientResponse::Operated { term: self.hard_state.term, position: self.log.last() }
    }

    fn digest(&self, position: Option<Position>) -> ClientResponse {
        let position = position.unwrap_or(self.state.position());
        match self.state.at(position) {
            Some(state) => ClientResponse::Digest { position, digest: state.digest() },
            None => {
                let (from, to) = (self.state.earliest().position(), self.state.position());
                let reason = format!("the state at position {position} is not kept: ask for one from {from} to {to}");
                ClientResponse::Refused { reason }
            }
        }
    }

    pub(super) fn snapshot_saved(&mut self, _position: Position) {}
}
