//! The peer protocol: what nodes say to each other. The sender is known from the connection.

use serde::{Deserialize, Serialize};

use super::{
    members::Members,
    state::Item,
    types::{Claim, Entry, NodeId, Position, Term},
};

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
    /// The leader of `term` asks the receiver to stand for election at once (Raft dissertation, section 3.10).
    TransferNow {
        /// The sender's term.
        term: Term,
    },
    /// A node that does not lead asks its leader up to where a read must see (dissertation, section 6.4).
    ReadIndex {
        /// The sender's own number for the question, never used twice while it lives.
        id: u64,
    },
    /// The answer to [`Message::ReadIndex`].
    ReadIndexed {
        /// The number of the question.
        id: u64,
        /// The position, confirmed by a majority after the question arrived; none if the node does not lead.
        index: Option<Position>,
    },
    /// A part of a leader's snapshot.
    SnapshotChunk(SnapshotChunk),
    /// The answer to [`Message::SnapshotChunk`].
    SnapshotTaken(SnapshotTaken),
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
    /// How often the sender has begun to probe the receiver.
    pub probe: u64,
}

/// A follower's answer to an [`Append`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// The highest term that the follower knows.
    pub term: Term,
    /// The term of the append that is answered.
    pub append_term: Term,
    /// The round of the append that is answered; 0 where none is.
    pub round: u64,
    /// The probe of the append that is answered; 0 where none is.
    pub probe: u64,
    /// What became of it.
    pub result: AppendResult,
}

/// What became of an [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendResult {
    /// The follower's log agrees with the leader's up to here, and is durable up to here.
    Matched {
        /// The last position known to agree and to be durable.
        position: Position,
        /// The last position known to agree, durable or not.
        received: Position,
        /// Up to where, of what agrees, the follower's state is visible to reads.
        applied: Position,
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
    /// The logs differ where the follower cannot go back to any more, or it wants no part of its own log: it takes nothing
    /// but a whole snapshot.
    SnapshotWanted,
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
    /// The leader itself has asked for the election: whoever hears it may vote all the same.
    pub transfer: bool,
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

/// A part of a snapshot, sent one after the other (InstallSnapshot of the Raft paper, figure 13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotChunk {
    /// The sender's term.
    pub term: Term,
    /// The snapshot's position.
    pub position: Position,
    /// The claim of the entry there.
    pub claim: Claim,
    /// The members in force there.
    pub members: Members,
    /// The chunk's number, from 0.
    pub number: u64,
    /// The pieces of the state in it.
    pub items: Vec<Item>,
    /// Whether it is the last.
    pub is_last: bool,
    /// As in [`Append`].
    pub round: u64,
}

/// A follower's answer to a [`SnapshotChunk`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// The highest term that the follower knows.
    pub term: Term,
    /// The term of the chunk that is answered.
    pub chunk_term: Term,
    /// The snapshot's position.
    pub position: Position,
    /// The number of the chunk that it wants next.
    pub wanted: u64,
    /// Whether the whole snapshot is installed and durable.
    pub is_installed: bool,
    /// The round of the chunk that is answered.
    pub round: u64,
}
