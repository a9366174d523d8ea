//! The peer protocol: what nodes say to each other. The sender is known from the connection.

use serde::{Deserialize, Serialize};

use super::types::{Claim, Entry, NodeId, Position, Term};

/// A message from one node to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A leader's entries, or its heartbeat if there are none.
    Append(Append),
    /// The answer to [`Message::Append`].
    Appended(Appended),
    /// A candidate asks for a vote; consensus only.
    VoteRequest(VoteRequest),
    /// The answer to [`Message::VoteRequest`].
    Vote(Vote),
}

/// Entries that follow the entry at `previous` (AppendEntries of the Raft paper, figure 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// The sender's term.
    pub term: Term,
    /// The position before the first entry sent.
    pub previous: Position,
    /// The claim of the entry at `previous` in the sender's log.
    pub previous_claim: Claim,
    /// The entries, in order; none in a heartbeat.
    pub entries: Vec<Entry>,
    /// Up to where the sender has committed.
    pub commit: Position,
    /// The last round of confirmation that the sender began; counted anew in every term.
    pub round: u64,
}

/// A follower's answer to an [`Append`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// The highest term that the follower knows.
    pub term: Term,
    /// The term of the append that is answered.
    pub append_term: Term,
    /// The round of the append that is answered.
    pub round: u64,
    /// What became of it.
    pub result: AppendResult,
}

/// What became of an [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendResult {
    /// The follower's log agrees with the leader's up to here, and is durable up to here.
    Matched {
        /// The last position known to agree.
        position: Position,
    },
    /// The follower has no such entry at `previous`; nothing was done.
    Mismatch {
        /// The `previous` that was asked for.
        previous: Position,
        /// The last position below `previous` whose claim is not above the one that was asked for.
        hint: Position,
        /// The claim of the follower's entry at `hint`.
        hint_claim: Claim,
    },
    /// The follower follows another leader, by a higher claim; nothing was done.
    Superseded {
        /// That leader, if the follower knows it.
        leader: Option<NodeId>,
    },
}

/// Whether a vote counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ballot {
    /// A question whether a candidacy could succeed; changes nothing at either end (Raft dissertation, section 9.6).
    Trial,
    /// An election.
    Binding,
}

/// A candidate's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteRequest {
    /// Whether the vote counts.
    pub ballot: Ballot,
    /// The term that the candidate would lead.
    pub term: Term,
    /// The last position of its log.
    pub last: Position,
    /// The claim of the entry there.
    pub last_claim: Claim,
}

/// A voter's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Whether the vote counts.
    pub ballot: Ballot,
    /// The term that the candidate asked for.
    pub requested_term: Term,
    /// The highest term that the voter knows.
    pub term: Term,
    /// Whether the voter agrees.
    pub granted: bool,
}
