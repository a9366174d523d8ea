//! Two clusters that do the same.
//!
//! On each link there are two lanes. Votes and requests for votes pair up one to one. Of logs, one side may send in one
//! message what the other sends in two, so a lane of logs arrives or is lost as a whole.
//!
//! Where the two are meant to differ beyond what `compare.rs` says, the schedule is kept away from it:
//! - A refusal that raft-rs keeps to itself (a voter that hears its leader, a request of an earlier term) is lost.
//! - A voter that follows a leader of the term and has not voted refuses its vote there and may give it here; one that has
//!   voted for that leader gives it again there and keeps its promise here. Neither elects anybody, because the leader has
//!   a majority of the votes already. Such a request is lost, and so is the trial for a term that the voter is in, which
//!   raft-rs may grant and the core answers with the term.
//! - An answer to an earlier candidacy counts there if it names the present term, and a refusal outweighs a later vote of
//!   the same voter; here only votes count, and only for the candidacy they answer. It is lost.
//! - A voter keeps its promise to a leader here when terms change and when it restarts, and forgets it there. So time
//!   passes here before a node that follows nobody is asked.
//! - raft-rs gives a new leader no time before the first check of its quorum; it is given to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raft::eraftpb::MessageType;
use target_node::core::{Ballot, Message};

use crate::{
    compare::Part,
    ours::Ours,
    schedule::{Action, Fate},
    theirs::Theirs,
};

type Link = (u16, u16);
type TheirMessage = raft::eraftpb::Message;

/// More rounds than this between two nodes are a storm.
const ROUNDS_MAX: usize = 100;

/// A request for a vote, or the answer to it, in both worlds.
#[derive(Clone)]
struct Vote {
    ours: Message,
    theirs: TheirMessage,
    /// Which candidacy of the candidate it belongs to.
    candidacy: u64,
}

/// The core's cluster and raft-rs's.
pub(crate) struct Lockstep {
    nodes: u16,
    ours: Vec<Ours>,
    theirs: Vec<Theirs>,
    votes: BTreeMap<Link, VecDeque<Vote>>,
    our_logs: BTreeMap<Link, Vec<Message>>,
    their_logs: BTreeMap<Link, Vec<TheirMessage>>,
    led: Vec<bool>,
    /// How often each node has stood for election.
    candidacies: Vec<u64>,
    /// The highest position that anybody has known as committed, here and there.
    committed: (u64, u64),
    reigns: BTreeSet<u64>,
}

impl Lockstep {
    pub(crate) fn new(nodes: u16) -> Self {
        Self {
            nodes,
            ours: (1..=nodes).map(|id| Ours::new(id, nodes)).collect(),
            theirs: (1..=nodes).map(|id| Theirs::new(id, nodes)).collect(),
            votes: BTreeMap::new(),
            our_logs: BTreeMap::new(),
            their_logs: BTreeMap::new(),
            led: vec![false; usize::from(nodes)],
            candidacies: vec![0; usize::from(nodes)],
            committed: (0, 0),
            reigns: BTreeSet::new(),
        }
    }

    fn ours(&mut self, node: u16) -> &mut Ours {
        &mut self.ours[usize::from(node) - 1]
    }

    fn theirs(&mut self, node: u16) -> &mut Theirs {
        &mut self.theirs[usize::from(node) - 1]
    }

    fn leads(&mut self, node: u16) -> bool {
        self.ours(node).view().part == Part::Leader
    }

    fn peers(&self, node: u16) -> impl Iterator<Item = u16> + use<> {
        (1..=self.nodes).filter(move |peer| *peer != node)
    }

    /// In how many terms a node has led.
    pub(crate) fn terms_led(&self) -> usize {
        self.reigns.len()
    }

    /// The highest position that anybody has known as committed.
    pub(crate) fn highest_committed(&self) -> u64 {
        self.committed.0
    }

    /// How many truncations there were.
    pub(crate) fn truncations(&self) -> usize {
        self.ours.iter().map(|node| node.truncations).sum()
    }

    /// Does the same in both clusters.
    ///
    /// # Errors
    /// How they differ then.
    pub(crate) fn perform(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Campaign { node } => self.campaign(*node)?,
            Action::Elect { node, reached } => self.elect(*node, reached)?,
            Action::Vote { from, to, fate } => self.vote(*from, *to, *fate)?,
            Action::Log { from, to, is_lost } => {
                let is_alone = self.is_alone(*from, *to);
                self.log(*from, *to, *is_lost || is_alone)?;
            }
            Action::Propose => {
                for node in 1..=self.nodes {
                    if self.leads(node) {
                        let (ours, theirs) = (self.ours(node).propose(), self.theirs(node).propose());
                        self.sent(node, ours, theirs)?;
                    }
                }
            }
            Action::Beat { node, reached } => self.beat(*node, reached)?,
            Action::Restart { node } => {
                self.ours(*node).restart();
                self.theirs(*node).restart();
            }
            Action::LosePatience { node } if !self.leads(*node) => {
                self.ours(*node).lose_patience();
                self.theirs(*node).lose_patience();
            }
            Action::CheckQuorum { node } if self.leads(*node) => {
                self.ours(*node).check_quorum();
                self.theirs(*node).check_quorum();
            }
            Action::LosePatience { .. } | Action::CheckQuorum { .. } => {}
        }
        self.compare()
    }

    fn compare(&mut self) -> Result<(), String> {
        for node in 1..=self.nodes {
            let (ours, theirs) = (self.ours(node).view(), self.theirs(node).view());
            if let Some(difference) = ours.difference(&theirs) {
                return Err(format!("n{node} differs:\n{difference}"));
            }
            self.committed = (self.committed.0.max(ours.committed), self.committed.1.max(theirs.committed));
            let leads = ours.part == Part::Leader;
            if leads {
                self.reigns.insert(ours.term);
            }
            if leads && !std::mem::replace(&mut self.led[usize::from(node) - 1], leads) {
                self.theirs(node).grant_grace();
            }
            self.led[usize::from(node) - 1] = leads;
        }
        match self.committed {
            (ours, theirs) if ours == theirs => Ok(()),
            (ours, theirs) => Err(format!("the core has committed up to {ours}, raft-rs up to {theirs}")),
        }
    }

    fn campaign(&mut self, node: u16) -> Result<(), String> {
        if self.leads(node) {
            return Ok(());
        }
        self.candidacies[usize::from(node) - 1] += 1;
        let (ours, theirs) = (self.ours(node).campaign(), self.theirs(node).campaign());
        self.sent(node, ours, theirs)
    }

    fn elect(&mut self, node: u16, reached: &[bool]) -> Result<(), String> {
        self.campaign(node)?;
        // A trial and an election, each with a question and an answer.
        for _ in 0..2 {
            for peer in self.peers(node).filter(|peer| reached[usize::from(*peer) - 1]) {
                while self.votes.get(&(node, peer)).is_some_and(|lane| !lane.is_empty()) {
                    self.vote(node, peer, Fate::Arrives)?;
                }
                while self.votes.get(&(peer, node)).is_some_and(|lane| !lane.is_empty()) {
                    self.vote(peer, node, Fate::Arrives)?;
                }
            }
        }
        Ok(())
    }

    fn vote(&mut self, from: u16, to: u16, fate: Fate) -> Result<(), String> {
        let Some(vote) = self.votes.entry((from, to)).or_default().pop_front() else { return Ok(()) };
        if fate == Fate::IsLost || self.is_meant_to_differ(to, &vote) {
            return Ok(());
        }
        if fate == Fate::ArrivesAndStays {
            self.votes.entry((from, to)).or_default().push_back(vote.clone());
        }
        if self.ours(to).view().leader.is_none() {
            self.ours(to).lose_patience();
        }
        let Vote { ours, theirs, candidacy } = vote;
        let answered = matches!(ours, Message::VoteRequest(_)).then_some(candidacy);
        let (ours, theirs) = (self.ours(to).receive(from, ours), self.theirs(to).receive(theirs));
        self.sent_for(to, ours, theirs, answered)?;
        self.compare()
    }

    /// Whether the two do different things with a message, for a reason that the head of this file gives.
    fn is_meant_to_differ(&mut self, receiver: u16, vote: &Vote) -> bool {
        let view = self.ours(receiver).view();
        let is_of_this_candidacy = vote.candidacy == self.candidacies[usize::from(receiver) - 1];
        match &vote.ours {
            Message::VoteRequest(request) => {
                let same_term = request.term.0 == view.term;
                same_term && (request.ballot == Ballot::Trial || view.leader.is_some())
            }
            Message::Vote(vote) => {
                let asked_for = match vote.ballot {
                    Ballot::Trial => view.term + 1,
                    Ballot::Binding => view.term,
                };
                let answers = vote.requested_term.0 == asked_for && is_of_this_candidacy;
                !answers && (vote.granted || vote.term.0 <= view.term)
            }
            _ => false,
        }
    }

    /// Whether only one of the two sends anything, or anything as a leader: what it repeats on its own changes nothing but who
    /// was heard.
    fn is_alone(&self, from: u16, to: u16) -> bool {
        let (ours, theirs) = (self.our_logs.get(&(from, to)), self.their_logs.get(&(from, to)));
        let we_lead = ours.is_some_and(|lane| lane.iter().any(|message| matches!(message, Message::Append(_))));
        let they_lead = theirs.is_some_and(|lane| lane.iter().any(|message| leads(message.get_msg_type())));
        ours.is_some() != theirs.is_some() || we_lead != they_lead
    }

    fn log(&mut self, from: u16, to: u16, is_lost: bool) -> Result<(), String> {
        let ours = self.our_logs.remove(&(from, to)).unwrap_or_default();
        let theirs = self.their_logs.remove(&(from, to)).unwrap_or_default();
        if is_lost || from == to {
            return Ok(());
        }
        let our_answers = ours.into_iter().flat_map(|message| self.ours(to).receive(from, message)).collect();
        let their_answers = theirs.into_iter().flat_map(|message| self.theirs(to).receive(message)).collect();
        self.sent(to, our_answers, their_answers)
    }

    fn beat(&mut self, node: u16, reached: &[bool]) -> Result<(), String> {
        if !self.leads(node) {
            return Ok(());
        }
        let (ours, theirs) = (self.ours(node).beat(), self.theirs(node).beat());
        self.sent(node, ours, theirs)?;
        // A node of a later term deposes the leader, so it comes last.
        let mut peers: Vec<_> = self.peers(node).map(|peer| (self.ours(peer).view().term, peer)).collect();
        peers.sort_unstable();
        for (_, peer) in peers {
            let is_lost = !reached[usize::from(peer) - 1];
            let mut rounds = 0;
            while self.is_busy(node, peer) {
                self.log(node, peer, is_lost)?;
                self.log(peer, node, is_lost)?;
                rounds += 1;
                if rounds > ROUNDS_MAX {
                    return Err(format!("n{node} and n{peer} have not settled after {ROUNDS_MAX} rounds"));
                }
            }
        }
        Ok(())
    }

    fn is_busy(&self, left: u16, right: u16) -> bool {
        [(left, right), (right, left)]
            .iter()
            .any(|link| self.our_logs.contains_key(link) || self.their_logs.contains_key(link))
    }

    fn sent(&mut self, from: u16, ours: Vec<(u16, Message)>, theirs: Vec<(u16, TheirMessage)>) -> Result<(), String> {
        self.sent_for(from, ours, theirs, None)
    }

    /// Puts what a node has sent on its lanes; votes must be the same. `answered` is the candidacy that they answer.
    fn sent_for(
        &mut self,
        from: u16,
        ours: Vec<(u16, Message)>,
        theirs: Vec<(u16, TheirMessage)>,
        answered: Option<u64>,
    ) -> Result<(), String> {
        let candidacy = answered.unwrap_or_else(|| self.candidacies[usize::from(from) - 1]);
        let (our_votes, our_logs): (Vec<_>, Vec<_>) =
            ours.into_iter().partition(|(_, message)| matches!(message, Message::VoteRequest(_) | Message::Vote(_)));
        let (their_votes, their_logs): (Vec<_>, Vec<_>) =
            theirs.into_iter().partition(|(_, message)| is_vote(message.get_msg_type()));
        for (to, message) in our_logs {
            self.our_logs.entry((from, to)).or_default().push(message);
        }
        for (to, message) in their_logs {
            self.their_logs.entry((from, to)).or_default().push(message);
        }
        // raft-rs addresses its peers in no particular order.
        let mut their_votes = their_votes;
        for (to, ours) in our_votes {
            match their_votes.iter().position(|(receiver, _)| *receiver == to) {
                Some(index) if same_vote(&ours, &their_votes[index].1) => {
                    let (_, theirs) = their_votes.remove(index);
                    self.votes.entry((from, to)).or_default().push_back(Vote { ours, theirs, candidacy });
                }
                None if matches!(&ours, Message::Vote(vote) if !vote.granted) => {}
                other => {
                    let theirs = other.map(|index| &their_votes[index]);
                    return Err(format!("n{from} sends n{to} {ours:?}, in raft-rs {theirs:?}"));
                }
            }
        }
        match their_votes.first() {
            None => Ok(()),
            Some(theirs) => Err(format!("n{from} sends in raft-rs {theirs:?}, in the core nothing")),
        }
    }
}

/// Whether only a leader sends it.
fn leads(kind: MessageType) -> bool {
    matches!(kind, MessageType::MsgAppend | MessageType::MsgHeartbeat | MessageType::MsgSnapshot)
}

fn is_vote(kind: MessageType) -> bool {
    use MessageType::{MsgRequestPreVote, MsgRequestPreVoteResponse, MsgRequestVote, MsgRequestVoteResponse};
    matches!(kind, MsgRequestPreVote | MsgRequestPreVoteResponse | MsgRequestVote | MsgRequestVoteResponse)
}

/// Whether two votes, or requests for votes, say the same.
fn same_vote(ours: &Message, theirs: &TheirMessage) -> bool {
    match ours {
        Message::VoteRequest(request) => {
            let kind = match request.ballot {
                Ballot::Trial => MessageType::MsgRequestPreVote,
                Ballot::Binding => MessageType::MsgRequestVote,
            };
            let log = (request.last.0, request.last_claim.term.0);
            theirs.get_msg_type() == kind && theirs.term == request.term.0 && (theirs.index, theirs.log_term) == log
        }
        Message::Vote(vote) => {
            let kind = match vote.ballot {
                Ballot::Trial => MessageType::MsgRequestPreVoteResponse,
                Ballot::Binding => MessageType::MsgRequestVoteResponse,
            };
            let term = if vote.granted { vote.requested_term } else { vote.term };
            theirs.get_msg_type() == kind && theirs.reject != vote.granted && theirs.term == term.0
        }
        _ => false,
    }
}
