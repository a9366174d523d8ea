//! What goes into the core and what comes out of it.
//!
//! The driver calls [`Core::step`](super::Core::step) with an [`Input`] and performs the [`Effect`]s in order. A
//! [`Effect::Persist`] may finish later; the driver answers each with [`Input::Persisted`], in the order in which they
//! were asked for. The core itself holds back whatever depends on durability, so the driver never has to wait for a
//! disk before it sends or replies. An [`Effect::Event`] is written before any later effect is performed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde::{Deserialize, Serialize};

use super::{
    ledger::Ledger,
    members::Members,
    message::Message,
    snapshot::Snapshot,
    types::{Access, Change, Claim, Entry, HardState, NodeId, Origin, Position, Record, Term},
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
    /// The newest snapshot.
    pub snapshot: Option<Snapshot>,
    /// The log after the snapshot, else from position 1, without gaps.
    pub entries: Vec<Entry>,
    /// What the node's own events say about the writes that it acknowledged.
    pub ledger: Ledger,
    /// A number that differs at every start of the node, so that nothing it was asked in an earlier life is taken for an
    /// answer in this one.
    pub incarnation: u64,
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
    /// The clients of these requests wait no longer: a read needs no answer, and what was not appended yet may be left.
    Abandoned {
        /// Their numbers.
        requests: BTreeSet<u64>,
    },
    /// The snapshot of [`Effect::SaveSnapshot`] is durable under its name.
    SnapshotSaved {
        /// Its position.
        position: Position,
    },
    /// An operator asks for something.
    Operator {
        /// As in [`Input::Client`].
        request: u64,
        /// What the operator asks.
        body: OperatorRequest,
    },
}

/// Something the driver must do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Write these records after all earlier ones, make them durable, then answer [`Input::Persisted`].
    Persist {
        /// To be repeated in the answer.
        token: Token,
        /// The records, in order.
        records: Vec<Record>,
    },
    /// Store a snapshot in the background, then answer [`Input::SnapshotSaved`]. What it stands for may be removed then from
    /// the log on disk, too, except for the entries that the setting `catch-up` keeps.
    SaveSnapshot {
        /// The snapshot.
        snapshot: Snapshot,
    },
    /// Store a snapshot after all earlier records, then write [`Record::Reset`] with its position and claim, make both
    /// durable, in this order, and answer [`Input::Persisted`].
    InstallSnapshot {
        /// To be repeated in the answer.
        token: Token,
        /// The snapshot.
        snapshot: Snapshot,
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
        /// The answer must show at least this position; a node that is behind waits until it is not.
        at_least: Option<Position>,
    },
    /// The keys that begin with a prefix, with their values, by key.
    Scan {
        /// The prefix; every key if empty.
        prefix: String,
        /// Only keys after this one.
        after: Option<String>,
        /// The most keys in the answer.
        limit: usize,
        /// As for a read.
        level: Option<ReadLevel>,
        /// As for a read.
        at_least: Option<Position>,
    },
    /// Several reads and changes that happen together or not at all.
    Transaction {
        /// The steps, in order.
        accesses: Vec<Access>,
        /// As for a write.
        replication: Option<Replication>,
        /// As for a write.
        origin: Option<Origin>,
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

/// What an operator may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorRequest {
    /// Make this node the leader; `failover = manual` only.
    Promote,
    /// Hand the leadership over, to the most advanced follower if to nobody in particular; `failover = consensus` only.
    Transfer {
        /// To whom.
        to: Option<NodeId>,
    },
    /// Add a node: as a learner at first, as a voter once it has caught up; `failover = consensus` only.
    AddMember {
        /// The node.
        node: NodeId,
        /// Where its peers reach it, if they do not know.
        address: Option<SocketAddr>,
    },
    /// Remove a node; `failover = consensus` only.
    RemoveMember {
        /// The node.
        node: NodeId,
    },
    /// Take a snapshot now and compact the log.
    Snapshot,
    /// A digest of the state.
    Digest {
        /// At which position; the visible one if none.
        position: Option<Position>,
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
    /// What a scan found.
    Items {
        /// Keys and values, by key.
        items: Vec<(String, Value)>,
        /// Whether there are more keys with the prefix.
        more: bool,
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
        /// What it answers, if anything: of a transaction the array of its steps' answers.
        value: Option<Value>,
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
    /// The key holds an object of another kind than the one asked for. Definite: the write had no effect.
    WrongType {
        /// The term in which that was decided.
        term: Term,
        /// The position at which it was decided.
        position: Position,
    },
    /// The client has asked for a later operation already, so this one is not performed now. Definite only if the client did
    /// not send it before.
    OutOfOrder {
        /// The term in which that was decided.
        term: Term,
        /// The position at which it was decided.
        position: Position,
    },
    /// What an operator asked for is done.
    Operated {
        /// The highest term that the node knows.
        term: Term,
        /// The position at which it was done.
        position: Position,
    },
    /// A digest of the state.
    Digest {
        /// The position of the state.
        position: Position,
        /// Equal for equal states.
        digest: u64,
    },
    /// The request asks for something that this cluster does not offer. Definite: nothing was done.
    Refused {
        /// Why, and what to ask for instead.
        reason: String,
    },
    /// As many requests wait in the node as it takes. Definite: nothing was done.
    Overloaded {
        /// What waits, and when to try again.
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
    /// It handed the leadership over.
    Transferred,
    /// It is no voter any more.
    Removed,
    /// Its lease has ended without an answer of its followers.
    LeaseExpired,
}

/// The kind of a change, as histories name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// [`Change::Write`].
    Write,
    /// [`Change::Cas`].
    Cas,
    /// [`Change::Delete`].
    Delete,
    /// [`Change::Add`].
    Add,
    /// [`Change::Append`].
    Append,
    /// [`Change::Take`].
    Take,
    /// [`Change::Increment`].
    Increment,
    /// A transaction.
    Transaction,
}

/// A write that this node acknowledged as leader. What is not known any more is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcknowledgedWrite {
    /// Its position.
    pub position: Position,
    /// Its term.
    pub term: Term,
    /// Who appended it: the node itself, unless it answered a repetition of what an earlier leader had appended.
    pub leader: NodeId,
    /// The client that asked for it.
    pub client: Option<String>,
    /// The client's number for it.
    pub operation: Option<u64>,
    /// What it did.
    pub f: Option<ChangeKind>,
    /// To which key; none of a transaction.
    pub key: Option<String>,
    /// The value written or added; of a compare-and-set the array of the old and the new one.
    pub value: Option<Value>,
}

impl AcknowledgedWrite {
    /// A write of which only the place is known.
    #[must_use]
    pub fn at(position: Position, claim: Claim) -> Self {
        let Claim { term, leader } = claim;
        Self { position, term, leader, client: None, operation: None, f: None, key: None, value: None }
    }

    /// The claim of its entry.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim { term: self.term, leader: self.leader }
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
    /// This node, as leader, decided to acknowledge the writes at these positions.
    Acknowledged {
        /// The term of the entries.
        term: Term,
        /// Who appended them: the node itself, unless clients repeated what an earlier leader had appended.
        leader: NodeId,
        /// The first position.
        from: Position,
        /// The last position; everything in between is acknowledged, too.
        to: Position,
    },
    /// A write that this node acknowledged is no longer in its log.
    TruncatedAcked(AcknowledgedWrite),
    /// A write that was reported as truncated is in its log again: some other node had kept it.
    RestoredAcked(AcknowledgedWrite),
    /// This node took entries of its leader's log.
    Appended {
        /// The term of the leader.
        term: Term,
        /// The position before the first.
        previous: Position,
        /// The first position.
        from: Position,
        /// The last position.
        to: Position,
    },
    /// The log is known to be committed up to here.
    Committed {
        /// The highest term that the node knows.
        term: Term,
        /// The position.
        position: Position,
        /// The claim of the entry there.
        claim: Claim,
    },
    /// The log is durable up to here.
    Durable {
        /// The position.
        position: Position,
    },
    /// A snapshot of the node's own state is stored.
    SnapshotTaken {
        /// Its position.
        position: Position,
    },
    /// A leader's snapshot has taken the place of the whole log.
    SnapshotInstalled {
        /// Its position.
        position: Position,
        /// The claim of the entry there.
        claim: Claim,
    },
    /// These members are in force.
    MembersInForce {
        /// The position of the entry that set them.
        position: Position,
        /// The members.
        members: Members,
    },
    /// No follower answered in time: until one has caught up, writes are acknowledged without followers.
    Degraded {
        /// The term.
        term: Term,
    },
    /// Followers have caught up: writes are acknowledged as the setting `replication` says again.
    Recovered {
        /// The term.
        term: Term,
    },
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
    /// Up to where a snapshot stands for the log; the log begins after it.
    pub base: Position,
    /// The members in force.
    pub members: Members,
    /// For how many microseconds more this node may answer `lease` reads by itself; none if it has no lease.
    pub lease_us: Option<u64>,
    /// How many reads wait.
    pub waiting_reads: usize,
    /// Every setting by name.
    pub settings: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_documented_with_its_fields() {
        let (term, leader, position, claim) = (Term(1), NodeId(1), Position(1), Claim::NONE);
        let (from, to, previous) = (position, position, position);
        let write = AcknowledgedWrite::at(position, claim);
        let events = [
            ProtocolEvent::BecameLeader { term, position },
            ProtocolEvent::SteppedDown { term, reason: StepDown::Removed },
            ProtocolEvent::Acknowledged { term, leader, from, to },
            ProtocolEvent::TruncatedAcked(write.clone()),
            ProtocolEvent::RestoredAcked(write),
            ProtocolEvent::Appended { term, previous, from, to },
            ProtocolEvent::Committed { term, position, claim },
            ProtocolEvent::Durable { position },
            ProtocolEvent::SnapshotTaken { position },
            ProtocolEvent::SnapshotInstalled { position, claim },
            ProtocolEvent::MembersInForce { position, members: Members::first(3) },
            ProtocolEvent::Degraded { term },
            ProtocolEvent::Recovered { term },
        ];
        let document = include_str!("../../../docs/events.md");
        for event in events {
            let object = serde_json::to_value(&event).unwrap();
            let name = format!("`{}`", object["event"].as_str().unwrap());
            let row = document.lines().find(|line| line.split(" | ").next().unwrap_or_default().contains(&name));
            let row = row.unwrap_or_else(|| panic!("docs/events.md has no row for {name}"));
            let fields = object.as_object().unwrap().keys().filter(|field| *field != "event");
            for field in fields {
                assert!(row.contains(&format!("`{field}`")) || row.contains("the same"), "{name} has `{field}`: {row}");
            }
        }
    }
}
