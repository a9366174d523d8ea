//! What remains of a message in flight: whole, its term alone, or nothing.
//!
//! Most messages of a state come too late: answers to a candidate of an earlier term, entries of a leader that was deposed.
//! All they can still do is to teach somebody a term, and then it does not matter what else they said. Taking such
//! messages for one another, and leaving out those that can teach nothing, divides the number of states by six. What is
//! decided here holds ever after, because terms on disk only grow. That it holds now the core itself confirms each time:
//! [`Space::remaining`] compares what it does with the one and with the other.

use super::{
    machine::NODES,
    space::{Event, KnownMachine, KnownMessage, MachineId, MessageId, Space},
};
use crate::core::{
    Append, AppendResult, Appended, Ballot, Claim, Message, NodeId, Position, Role, Term, Vote, VoteRequest,
};

/// What a message can still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    All,
    /// An answer: tell its term. A question: be answered with the receiver's.
    Term,
    Nothing,
}

/// The message that does no more than to tell a term, or to ask for one, in the place of this one.
pub(super) fn term_only(message: &Message) -> Option<Message> {
    let ballot = Ballot::Binding;
    match message {
        Message::Vote(Vote { granted: false, term, .. }) | Message::Appended(Appended { term, .. }) => {
            Some(Message::Vote(Vote { ballot, requested_term: Term(0), term: *term, granted: false }))
        }
        Message::VoteRequest(_) | Message::Append(_) => {
            let (last, last_claim) = (Position(0), Claim::NONE);
            Some(Message::VoteRequest(VoteRequest { ballot, term: Term(0), last, last_claim, transfer: false }))
        }
        _ => None,
    }
}

/// What a message can still do, for terms up to `last_term`.
fn use_of(message: &KnownMessage, sender: &KnownMachine, receiver: &KnownMachine, last_term: Term) -> Use {
    let known = receiver.durable.term;
    let answer = |is_over: bool, term: Term| match (term <= known, is_over) {
        (true, true) => Use::Nothing,
        (false, true) => Use::Term,
        (_, false) => Use::All,
    };
    let question = |is_over: bool| match (is_over, sender.durable.term >= last_term) {
        (true, true) => Use::Nothing,
        (true, false) => Use::Term,
        (false, _) => Use::All,
    };
    match &message.message {
        Message::Vote(Vote { granted: false, term, .. }) => answer(true, *term),
        Message::Vote(Vote { ballot, requested_term, .. }) => {
            let is_elected = *ballot == Ballot::Binding && *requested_term == known && receiver.role != Role::Candidate;
            let is_in_time = *requested_term > known || (*requested_term == known && *ballot == Ballot::Binding);
            if is_elected || !is_in_time { Use::Nothing } else { Use::All }
        }
        Message::Appended(Appended { term, append_term, result, .. }) => {
            let is_refusal = matches!(result, AppendResult::Superseded { .. });
            answer(is_refusal || *append_term < known || receiver.role != Role::Leader, *term)
        }
        Message::VoteRequest(VoteRequest { ballot, term, .. }) => {
            let voted_for_another = receiver.durable.voted_for.is_some_and(|node| node != message.from);
            question(*term < known || (*term == known && (*ballot == Ballot::Trial || voted_for_another)))
        }
        Message::Append(Append { term, .. }) => question(*term < known),
        _ => Use::All,
    }
}

impl Space {
    /// What remains of a message in a cluster of these machines.
    pub(super) fn remaining(&mut self, id: MessageId, machines: &[MachineId; NODES as usize]) -> Option<MessageId> {
        let message = &self.messages[id as usize];
        let place = |node: NodeId| machines[usize::from(node.0) - 1];
        let (sender, receiver) = (place(message.from), place(message.to));
        let (sender, of) = (&self.machines[sender as usize], &self.machines[receiver as usize]);
        match (use_of(message, sender, of, self.last_term), message.term_only) {
            (Use::Nothing, _) if self.is_ignored(id, receiver, machines) => None,
            (Use::Term, Some(other)) if self.are_alike(id, other, receiver, machines) => Some(other),
            _ => Some(id),
        }
    }

    /// Whether the receiver does nothing, or answers in vain.
    fn is_ignored(&mut self, id: MessageId, receiver: MachineId, machines: &[MachineId; NODES as usize]) -> bool {
        let Ok(step) = self.step(receiver, Event::Receive(id)) else { return false };
        step.machine == receiver && step.sent.iter().all(|answer| self.remaining(*answer, machines).is_none())
    }

    /// Whether the receiver does the same with both.
    fn are_alike(
        &mut self,
        one: MessageId,
        other: MessageId,
        receiver: MachineId,
        machines: &[MachineId; NODES as usize],
    ) -> bool {
        if one == other {
            return true;
        }
        let step = |space: &mut Self, id| space.step(receiver, Event::Receive(id));
        let (Ok(one), Ok(other)) = (step(self, one), step(self, other)) else { return false };
        let after = machines.map(|machine| if machine == receiver { one.machine } else { machine });
        let mut sent = |ids: &[MessageId]| ids.iter().map(|id| self.remaining(*id, &after)).collect::<Vec<_>>();
        one.machine == other.machine && sent(&one.sent) == sent(&other.sent)
    }
}
