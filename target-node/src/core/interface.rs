//! What goes into the core and what comes out of it.
//!
//! The driver calls [`Core::step`](super::Core::step) with an [`Input`] and performs the [`Effect`]s in order. A
//! [`Effect::Persist`] may finish later; the driver answers each with [`Input::Persisted`], in the order in which they
//! were asked for. The core itself holds back whatever depends on durability, so the driver never has to wait for a
//! disk before it sends or replies. An [`Effect::Event`] is written before any later effect is performed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ledger::Ledger,
    message::Message,
    types::{Change, Entry, HardState, NodeId, Origin, Position, Record, Term},
    value::Value,
};
use crate::settings::{ReadLevel, Replication};

/// Names a request for persistence; tokens count upwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What a node finds on its disk when it starts.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// The last hard state written.
    pub hard_state: HardState,
    /// The log, from position 1, without gaps.
    pub entries: Vec<Entry>,
    /// What the node's own events say about the writes that it acknowledged.
    pub ledger: Ledger,
}

/// Something that happened to the node.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time has passed; due at [`Core::deadline_us`](super::Core::deadline_us), harmless earlier.
    Tick,
    /// A message has arrived.
    Peer {
        /// Its sender.
        from: NodeId,
        /// The message.
        message: Message,
    },
    /// The records of [`Effect::Persist`] are durable, as the setting `fsync` defines it.
    Persisted {
        /// Which.
        token: Token,
    },
    /// A client asks for something.
    Client {
        /// The driver's own number for it, never used twice while the core lives; [`Effect::Reply`] repeats it.
        request: u64,
        /// What it asks.
        body: ClientRequest,
    },
    /// An operator makes this node the leader; `failover = manual` only, ignored otherwise.
    Promote,
}

/// Something the driver must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write these records after all earlier ones, make them durable, then answer [`Input::Persisted`].
    Persist {
        /// To be repeated in the answer.
        token: Token,
        /// The records, in order.
        records: Vec<Record>,
    },
    /// Send a message; it may be lost, delayed, repeated or overtaken.
    Send {
        /// Its receiver.
        to: NodeId,
        /// The message.
        message: Message,
    },
    /// Answer a client.
    Reply {
        /// The number that came with [`Input::Client`].
        request: u64,
        /// The answer.
        response: ClientResponse,
    },
    /// Write this down before any later reply leaves the node.
    Event(ProtocolEvent),
}

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientRequest {
    /// The value under a key: a register's value, the array of a set's elements.
    Read {
        /// The key.
        key: String,
        /// Who shall answer, if not as the setting `read` says.
        level: Option<ReadLevel>,
    },
    /// A change of the state.
    Write {
        /// The change.
        change: Change,
        /// When to acknowledge it, if not as the setting `replication` says.
        replication: Option<Replication>,
        /// The client's own name for the operation.
        origin: Option<Origin>,
    },
}

/// The answer to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientResponse {
    /// What was read.
    Value {
        /// The value; none where nothing was ever written under the key.
        value: Option<Value>,
        /// The highest term that the node knows.
        term: Term,
        /// The position of the state that was read.
        position: Position,
        /// The level at which it was read.
        level: ReadLevel,
    },
    /// The write took effect and is acknowledged.
    Acknowledged {
        /// The term in which it was appended.
        term: Term,
        /// Its position.
        position: Position,
        /// The level at which it is acknowledged.
        replication: Replication,
    },
    /// This node does not lead. Definite: nothing was appended.
    NotLeader {
        /// The node that does, as far as this one knows.
        leader: Option<NodeId>,
    },
    /// The register did not have the expected value. Definite: the write had no effect.
    PreconditionFailed {
        /// The term in which that was decided.
        term: Term,
        /// The position at which it was decided.
        position: Position,
    },
    /// The key holds a set and a register was asked for, or the other way round. Definite: the write had no effect.
    WrongType {
        /// The term in which that was decided.
        term: Term,
        /// The position at which it was decided.
        position: Position,
    },
    /// The request asks for something that this cluster does not offer. Definite: nothing was done.
    Refused {
        /// Why, and what to ask for instead.
        reason: String,
    },
    /// The node stopped leading while the write was waiting: it may take effect or not.
    Unknown {
        /// Why the outcome is unknown.
        reason: &'static str,
    },
}

/// Why a leader stopped leading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepDown {
    /// Another node leads, or stands for election, by a higher claim.
    HigherClaim,
    /// It heard no majority for an election timeout.
    NoMajority,
}

/// The kind of a change, as histories name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// [`Change::Write`].
    Write,
    /// [`Change::Cas`].
    Cas,
    /// [`Change::Add`].
    Add,
}

/// A write that this node acknowledged as leader. What is not known any more is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcknowledgedWrite {
    /// Its position.
    pub position: Position,
    /// Its term.
    pub term: Term,
    /// The client that asked for it.
    pub client: Option<String>,
    /// The client's number for it.
    pub operation: Option<u64>,
    /// What it did.
    pub f: Option<ChangeKind>,
    /// To which key.
    pub key: Option<String>,
    /// The value written or added; of a compare-and-set the array of the old and the new one.
    pub value: Option<Value>,
}

impl AcknowledgedWrite {
    /// A write of which only the place is known.
    #[must_use]
    pub fn at(position: Position, term: Term) -> Self {
        Self { position, term, client: None, operation: None, f: None, key: None, value: None }
    }
}

/// What the node reports about itself for later judgement: one JSON object each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum ProtocolEvent {
    /// This node leads from now on.
    BecameLeader {
        /// The term it leads in.
        term: Term,
        /// The last position of its log at that moment.
        position: Position,
    },
    /// This node led until now.
    SteppedDown {
        /// The term it led in.
        term: Term,
        /// Why it stopped.
        reason: StepDown,
    },
    /// This node, as leader of `term`, decided to acknowledge the writes at these positions.
    Acknowledged {
        /// Its term.
        term: Term,
        /// The first position.
        from: Position,
        /// The last position; everything in between is acknowledged, too.
        to: Position,
    },
    /// A write that this node acknowledged is no longer in its log.
    TruncatedAcked(AcknowledgedWrite),
    /// A write that was reported as truncated is in its log again: some other node had kept it.
    RestoredAcked(AcknowledgedWrite),
}

/// What a node does in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It takes the log of a leader, or waits for one.
    Follower,
    /// It asks for votes; consensus only.
    Candidate,
    /// It believes to lead.
    Leader,
}

/// A node's view of itself and its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The node.
    pub node: NodeId,
    /// What it does.
    pub role: Role,
    /// The term it leads in, or the highest it knows.
    pub term: Term,
    /// The leader it follows: itself if it leads.
    pub leader: Option<NodeId>,
    /// The last position of its log.
    pub last: Position,
    /// Up to where its log is durable.
    pub durable: Position,
    /// Up to where its log is committed, as far as it knows.
    pub committed: Position,
    /// Up to where its state is visible to reads.
    pub visible: Position,
    /// Up to where each follower's log is known to agree durably; empty unless this node leads.
    pub matched: BTreeMap<NodeId, Position>,
    /// Every setting by name.
    pub settings: BTreeMap<String, String>,
}
