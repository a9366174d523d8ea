//! One line of a history, exactly as it is stored (format version 1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What kind of line this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// An operation begins.
    Invoke,
    /// The operation happened.
    Ok,
    /// The operation certainly did not happen and never will.
    Fail,
    /// The operation may have happened, or may yet; also every line of the nemesis and the observer.
    Info,
}

/// Who wrote the line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Process {
    /// A logical client process.
    Client(u64),
    /// `nemesis`, `observer`, or a name from a foreign history.
    Named(String),
}

/// One line. Unknown keys of a line are ignored when reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the history; follows `time`.
    #[serde(default)]
    pub index: u64,
    /// Nanoseconds since the run's start, on one monotonic clock.
    pub time: u64,
    /// Kind of the line.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// Who wrote it.
    pub process: Process,
    /// The operation's name: `read`, `write`, `cas`, `add`, … or the nemesis's `phase`, `partition`, ….
    pub f: String,
    /// The object; absent where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// Argument or result; see the table of models in the history format's documentation.
    #[serde(default)]
    pub value: Value,
    /// The node that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Term or epoch under which it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// Log position of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Acknowledgement level asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<String>,
    /// Read level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Why it failed or is undecided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// A closing read of one node's own state: used for divergence only.
    #[serde(default, rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// Nemesis lines: the schedule entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Nemesis lines: `applied` or `healed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}
