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
            OperatorRequest::Snapshot => return self.take_snapshot_for_operator(request),
            OperatorRequest::Transfer { to } => return self.transfer(request, to),
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
        let visible = self.state.position();
        let position = position.unwrap_or(visible);
        let kept = if position == visible {
            Some(self.state.visible().digest())
        } else {
            self.log.get(position).filter(|_| position < visible).map(|slot| slot.digest)
        };
        match kept {
            Some(digest) => ClientResponse::Digest { position, digest },
            None => {
                let (from, to) = (self.log.base().next().min(visible), visible);
                let reason = format!("the digest at position {position} is not kept: ask for one from {from} to {to}");
                ClientResponse::Refused { reason }
            }
        }
    }
}
