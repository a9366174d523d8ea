//! Handing leadership over (Raft dissertation, section 3.10): by an operator's wish, or to a node of higher priority.
//!
//! The leader appends nothing more: requests that want a place in the log are held, so that the target catches up and
//! clients wait for a moment instead of being sent to a node that does not lead yet. Once the target has the whole log,
//! durably, it is asked to stand at once; it skips the trial, and voters agree although they hear their leader. If the leader
//! still leads after the longest election timeout it performs what it held and leads on; the target may still stand, when
//! the demand reaches it late, and that is why the leader has no lease any more (`read::lease`).

use std::{cmp::Reverse, collections::BTreeSet};

use crate::{
    core::{
        acknowledge::WAITING_WRITES_MAX,
        interface::{ClientRequest, ClientResponse},
        message::{Ballot, Message},
        node::{Core, RoleState},
        types::{NodeId, Position, Term},
    },
    settings::Failover,
};

/// For how many longest election timeouts a preferred node must have kept up before it is given the lead, and for how many
/// more after an attempt that failed: a node that comes and goes must not take the lead along.
const STEADY_TIMEOUTS: u64 = 2;
const PENALTY_TIMEOUTS: u64 = 10;

/// A leadership that is being handed over, until it is known who leads then.
#[derive(Debug, Clone)]
pub(in crate::core) struct Handover {
    /// The reign that ends.
    term: Term,
    to: NodeId,
    /// The operator's request; none if the leader does it by itself.
    request: Option<u64>,
    deadline_us: u64,
    has_asked: bool,
    /// Requests that want a place in the log.
    held: Vec<(u64, ClientRequest)>,
}

/// Whom a leader would rather have in its place.
#[derive(Debug, Clone, Default)]
pub(in crate::core) struct Preference {
    /// The node, and since when it keeps up.
    steady: Option<(NodeId, u64)>,
    /// The end of the log at the last heartbeat.
    last: Position,
    not_before_us: u64,
}

impl Core {
    /// An operator wants another node to lead: `to`, or the one that is furthest.
    pub(in crate::core) fn transfer(&mut self, request: u64, to: Option<NodeId>) {
        let refused = |reason: String| ClientResponse::Refused { reason };
        let failover = self.settings.failover;
        if failover != Failover::Consensus {
            return self.reply(
                request,
                refused(format!("under failover={failover} nobody votes: a transfer needs failover=consensus")),
            );
        }
        let RoleState::Leader(leadership) = &self.role else {
            return self.reply(request, ClientResponse::NotLeader { leader: self.leader });
        };
        if to == Some(self.id) {
            let (term, position) = (self.hard_state.term, self.log.last());
            return self.reply(request, ClientResponse::Operated { term, position });
        }
        if let Some(handover) = &self.handover {
            let reason = format!("the leadership is being handed to {} already: try again later", handover.to);
            return self.reply(request, refused(reason));
        }
        let candidates = leadership.progress.iter().filter(|(node, _)| self.log.members().is_voter(**node));
        let candidates = candidates.filter(|(_, progress)| self.is_heard(progress.heard_us()));
        let best = candidates
            .filter(|(node, _)| to.is_none_or(|to| to == **node))
            .max_by_key(|(node, progress)| (progress.matched(), Reverse(self.settings.priority.rank(**node))));
        match (best, to) {
            (Some((node, _)), _) => self.begin_handover(*node, Some(request)),
            (None, Some(to)) if !self.log.members().is_voter(to) => {
                self.reply(request, refused(format!("{to} is no voter of this cluster")));
            }
            (None, Some(to)) => self.reply(request, refused(format!("{to} is silent: try again when it answers"))),
            (None, None) => self.reply(request, refused("no other voter answers: try again when one does".to_owned())),
        }
    }

    /// Whether a follower that was heard then is worth a try.
    fn is_heard(&self, heard_us: u64) -> bool {
        self.now_us.saturating_sub(heard_us) < self.settings.election_timeout.min_ms * 1_000
    }

    fn begin_handover(&mut self, to: NodeId, request: Option<u64>) {
        let deadline_us = self.now_us + self.settings.election_timeout.max_ms * 1_000;
        let term = self.hard_state.term;
        self.handover = Some(Handover { term, to, request, deadline_us, has_asked: false, held: Vec::new() });
    }

    /// Whether this node leads and appends nothing because another is to lead soon.
    pub(in crate::core) fn hands_over(&self) -> bool {
        let RoleState::Leader(leadership) = &self.role else { return false };
        self.handover.as_ref().is_some_and(|handover| handover.term == leadership.claim.term)
    }

    /// Whether this leader has asked a follower to stand and has not given that up.
    pub(in crate::core) fn waits_for_successor(&self) -> bool {
        self.hands_over() && self.handover.as_ref().is_some_and(|handover| handover.has_asked)
    }

    /// Keeps a request until it is known who leads.
    pub(in crate::core) fn hold(&mut self, request: u64, body: ClientRequest) {
        let Some(handover) = &mut self.handover else { return };
        let held = handover.held.len();
        if held < WAITING_WRITES_MAX {
            return handover.held.push((request, body));
        }
        let reason = format!("{held} requests wait for a new leader already: try again when it leads");
        self.reply(request, ClientResponse::Overloaded { reason });
    }

    /// Forgets what clients have asked that are gone.
    pub(in crate::core) fn forget_held(&mut self, requests: &BTreeSet<u64>) {
        if let Some(handover) = &mut self.handover {
            handover.held.retain(|(request, _)| !requests.contains(request));
        }
    }

    /// The reign is over: nothing of what was held was appended. Returns the best guess who leads now.
    pub(in crate::core) fn release_held(&mut self, leader: Option<NodeId>) -> Option<NodeId> {
        let Some(handover) = &mut self.handover else { return leader };
        let leader = leader.or_else(|| handover.has_asked.then_some(handover.to));
        for (request, _) in std::mem::take(&mut handover.held) {
            self.reply(request, ClientResponse::NotLeader { leader });
        }
        leader
    }

    /// Goes on with a handover at the end of a step: asks the target to stand when it is ready, or tells the operator what
    /// has become of it.
    pub(in crate::core) fn settle_handover(&mut self) {
        let Some(handover) = &mut self.handover else { return };
        let to = handover.to;
        if let RoleState::Leader(leadership) = &mut self.role
            && leadership.claim.term == handover.term
        {
            let is_ready = leadership.progress.get(&to).is_some_and(|progress| progress.matched() == self.log.last());
            if is_ready && !handover.has_asked {
                handover.has_asked = true;
                leadership.has_asked_to_stand = true;
                let term = handover.term;
                self.send(to, Message::TransferNow { term });
            }
            return;
        }
        let (term, position) = (self.hard_state.term, self.log.last());
        let response = match self.leader {
            Some(leader) if leader == to => ClientResponse::Operated { term, position },
            Some(leader) => ClientResponse::Refused { reason: format!("{leader} was elected instead of {to}") },
            None if self.now_us < handover.deadline_us => return,
            None => ClientResponse::Unknown { reason: "nobody has been elected in time" },
        };
        let request = self.handover.take().and_then(|handover| handover.request);
        if let Some(request) = request {
            self.reply(request, response);
        }
    }

    /// With every heartbeat of a leader: asks again, gives up, or begins.
    pub(in crate::core) fn beat_handover(&mut self) {
        if !self.hands_over() {
            return self.consider_preference();
        }
        let Some(handover) = &self.handover else { return };
        let (to, term, has_asked) = (handover.to, handover.term, handover.has_asked);
        if self.now_us < handover.deadline_us {
            if has_asked {
                self.send(to, Message::TransferNow { term });
            }
            return;
        }
        let Some(handover) = self.handover.take() else { return };
        let penalty_us = PENALTY_TIMEOUTS * self.settings.election_timeout.max_ms * 1_000;
        if let RoleState::Leader(leadership) = &mut self.role {
            leadership.preference.not_before_us = self.now_us + penalty_us;
        }
        if let Some(request) = handover.request {
            let reason = "the node did not take over in time; this one leads on, but the other may still stand";
            self.reply(request, ClientResponse::Unknown { reason });
        }
        handover.held.into_iter().for_each(|(request, body)| self.take_request(request, body));
    }

    /// Gives the lead to a node of higher priority that has kept up for a while.
    fn consider_preference(&mut self) {
        let priority = &self.settings.priority;
        if priority.named().is_empty() || self.handover.is_some() {
            return;
        }
        let steady_us = STEADY_TIMEOUTS * self.settings.election_timeout.max_ms * 1_000;
        let (own_rank, _) = priority.rank(self.id);
        let RoleState::Leader(leadership) = &self.role else { return };
        let before = leadership.preference.last;
        let keeps_up = leadership.progress.iter().filter(|(node, progress)| {
            let preferred = self.log.members().is_voter(**node) && priority.rank(**node).0 < own_rank;
            preferred && progress.matched() >= before && self.is_heard(progress.heard_us())
        });
        let best = keeps_up.map(|(node, _)| *node).min_by_key(|node| priority.rank(*node));
        let is_ready = self.committed >= leadership.first;

        let (last, now_us) = (self.log.last(), self.now_us);
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let Preference { steady, not_before_us, .. } = leadership.preference;
        let since_us = steady.filter(|(node, _)| Some(*node) == best).map_or(now_us, |(_, since_us)| since_us);
        let steady = best.map(|node| (node, since_us));
        leadership.preference = Preference { steady, last, not_before_us };
        if let Some(node) = best
            && is_ready
            && now_us >= not_before_us
            && now_us - since_us >= steady_us
        {
            self.begin_handover(node, None);
        }
    }

    /// The leader wants this node to lead.
    pub(in crate::core) fn take_transfer_now(&mut self, from: NodeId, term: Term) {
        let follows = matches!(self.role, RoleState::Follower) && self.leader == Some(from);
        if follows && term == self.hard_state.term && self.may_stand() {
            self.ask_for_votes(Ballot::Binding, true);
        }
    }
}
