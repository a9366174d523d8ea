//! The nouns of the replication core: nodes, terms, positions, entries of the log and what is kept on disk.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

use super::{members::Members, value::Value};

/// A node of the cluster, counted from 1 and shown as `n1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// A text that names no node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` names no node: expected n1, n2, …")]
pub struct NodeIdError(String);

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        let number = text.strip_prefix('n').and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        number.map(NodeId).ok_or_else(|| NodeIdError(text.to_owned()))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_u16(self.0) }
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(D::Error::custom);
        }
        u16::deserialize(deserializer).map(NodeId)
    }
}

/// A reign, counted from 1; 0 is before the first. Without consensus it is called an epoch and may have two leaders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(pub u64);

impl Term {
    /// The term after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in the log, counted from 1; 0 is before the first entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position before this one; that of 0 is 0.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who leads in which term: what a leader claims, and the stamp of every entry it appends.
///
/// Under consensus a term has one leader and the term alone decides. Without, two nodes may promote themselves in one
/// epoch; the stamp keeps their entries apart, and of two claims to one epoch the one of the higher node id wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// The term claimed.
    pub term: Term,
    /// The node that claims to lead in it.
    pub leader: NodeId,
}

impl Claim {
    /// The claim of nobody, stamped on the place before the first entry.
    pub const NONE: Claim = Claim { term: Term(0), leader: NodeId(0) };
}

/// What a client asks to change: one object under one key.
///
/// An object is a register, a set, a list or a counter, made by the first change of its kind; a change of another kind is
/// refused as of the wrong type until the object is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Set the register under `key`.
    Write {
        /// The register's key.
        key: String,
        /// Its value from now on.
        value: Value,
    },
    /// Set the register under `key` if it has the value `old`; one that was never written has the value null.
    Cas {
        /// The register's key.
        key: String,
        /// The value it must have.
        old: Value,
        /// Its value from then on.
        new: Value,
    },
    /// Remove whatever is under `key`; nothing there is no error.
    Delete {
        /// The object's key.
        key: String,
    },
    /// Put `value` into the set under `key`.
    Add {
        /// The set's key.
        key: String,
        /// The element.
        value: Value,
    },
    /// Put `value` at the end of the list under `key`.
    Append {
        /// The list's key.
        key: String,
        /// The element.
        value: Value,
    },
    /// Remove the first element of the list under `key`; the answer is the element, null where there is none.
    Take {
        /// The list's key.
        key: String,
    },
    /// Add `by` to the counter under `key`, which begins at 0 and wraps around at its ends; the answer is its value then.
    Increment {
        /// The counter's key.
        key: String,
        /// How much; may be negative.
        by: i64,
    },
}

impl Change {
    /// The key that it changes.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Change::Write { key, .. }
            | Change::Cas { key, .. }
            | Change::Delete { key }
            | Change::Add { key, .. }
            | Change::Append { key, .. }
            | Change::Take { key }
            | Change::Increment { key, .. } => key,
        }
    }
}

impl Change {
    fn bytes(&self) -> usize {
        let values = match self {
            Change::Write { value, .. } | Change::Add { value, .. } | Change::Append { value, .. } => {
                value.as_json_text().len()
            }
            Change::Cas { old, new, .. } => old.as_json_text().len() + new.as_json_text().len(),
            Change::Delete { .. } | Change::Take { .. } | Change::Increment { .. } => 8,
        };
        self.key().len() + values + 4
    }
}

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// The value under a key, with what the steps before did to it.
    Read {
        /// The key.
        key: String,
    },
    /// A change.
    Change(Change),
}

impl Access {
    fn bytes(&self) -> usize {
        match self {
            Access::Read { key } => key.len() + 2,
            Access::Change(change) => change.bytes(),
        }
    }
}

/// What an entry of the log does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Nothing: a leader begins its term with it.
    Noop,
    /// A client's change.
    Change(Change),
    /// A client's steps, all of them or none: one that fails takes back those before it.
    Transaction(Vec<Access>),
    /// The members of the cluster from this entry on, whether it is committed or not.
    Members(Members),
}

/// Which client's which operation an entry carries, in the client's own numbering.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The client.
    pub client: String,
    /// Its operation.
    pub operation: u64,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The leader that appended it first, and its term. Position and claim together identify an entry in a cluster.
    pub claim: Claim,
    /// Its place.
    pub position: Position,
    /// What it does.
    pub command: Command,
    /// Where it comes from, where a client said so.
    pub origin: Option<Origin>,
}

impl Entry {
    /// About how many bytes it takes on the wire.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let command = match &self.command {
            Command::Noop => 0,
            Command::Change(change) => change.bytes(),
            Command::Transaction(accesses) => accesses.iter().map(Access::bytes).sum(),
            Command::Members(members) => 24 * members.all().count(),
        };
        16 + command + self.origin.as_ref().map_or(0, |origin| origin.client.len() + 8)
    }
}

/// What a node must never forget beside its log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// The highest term it knows.
    pub term: Term,
    /// Under consensus the node it voted for in that term; otherwise the leader it follows in that epoch.
    pub voted_for: Option<NodeId>,
}

/// One change to what is kept on disk. Records are replayed in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// Replaces the hard state.
    HardState(HardState),
    /// Removes the entries at this position and after it.
    Truncate {
        /// The first position removed.
        from: Position,
    },
    /// Appends an entry; its position is the one after the last.
    Append(Entry),
    /// Removes the whole log, which begins anew after this position: a snapshot that is on disk already holds the rest.
    Reset {
        /// The snapshot's position.
        position: Position,
        /// The claim of the entry there.
        claim: Claim,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names_are_read_back_and_others_refused() {
        assert_eq!("n12".parse(), Ok(NodeId(12)));
        assert_eq!(NodeId(3).to_string(), "n3");
        for wrong in ["", "n", "n0", "3", "m1", "n-1", "n70000"] {
            assert!(wrong.parse::<NodeId>().is_err(), "{wrong:?} was taken for a node");
        }
        assert_eq!(serde_json::to_string(&NodeId(2)).unwrap(), r#""n2""#);
        assert_eq!(serde_json::from_str::<NodeId>(r#""n2""#).unwrap(), NodeId(2));
    }

    #[test]
    fn of_two_claims_the_later_term_wins_and_then_the_higher_node() {
        let claim = |term, leader| Claim { term: Term(term), leader: NodeId(leader) };
        assert!(claim(3, 1) > claim(2, 9));
        assert!(claim(2, 3) > claim(2, 2));
        assert!(claim(1, 1) > Claim::NONE);
    }

    #[test]
    fn records_survive_the_compact_format() {
        let change = Change::Cas { key: "k".to_owned(), old: Value::from(1), new: Value::from(2) };
        let entry = Entry {
            claim: Claim { term: Term(7), leader: NodeId(2) },
            position: Position(9),
            command: Command::Change(change),
            origin: Some(Origin { client: "w3".to_owned(), operation: 41 }),
        };
        let records = vec![
            Record::HardState(HardState { term: Term(7), voted_for: Some(NodeId(2)) }),
            Record::Truncate { from: Position(9) },
            Record::Append(entry),
        ];
        let bytes = postcard::to_stdvec(&records).unwrap();
        assert_eq!(postcard::from_bytes::<Vec<Record>>(&bytes).unwrap(), records);
    }
}
