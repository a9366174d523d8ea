//! One line of a history, exactly as it is stored (format version 1).

use std::fmt;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Stands for an `index` that a line does not carry; readers replace it by the line's place in the history.
pub const INDEX_MISSING: u64 = u64::MAX;

fn index_missing() -> u64 {
    INDEX_MISSING
}

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
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Process {
    /// A logical client process.
    Client(u64),
    /// `nemesis`, `observer`, or a name from a foreign history.
    Named(String),
}

impl Process {
    /// The name under which faults and phases are recorded.
    pub const NEMESIS: &'static str = "nemesis";
    /// The name under which changed claims are recorded.
    pub const OBSERVER: &'static str = "observer";

    /// Whether this is the nemesis.
    #[must_use]
    pub fn is_nemesis(&self) -> bool {
        matches!(self, Self::Named(name) if name == Self::NEMESIS)
    }

    /// Whether this is the observer.
    #[must_use]
    pub fn is_observer(&self) -> bool {
        matches!(self, Self::Named(name) if name == Self::OBSERVER)
    }

    /// Whether its lines are operations on the system.
    #[must_use]
    pub fn is_client(&self) -> bool {
        !self.is_nemesis() && !self.is_observer()
    }
}

impl fmt::Display for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(number) => write!(formatter, "process {number}"),
            Self::Named(name) => write!(formatter, "{name}"),
        }
    }
}

// Written by hand: an untagged enum would only say that no variant matched.
impl<'de> Deserialize<'de> for Process {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ProcessVisitor;

        impl Visitor<'_> for ProcessVisitor {
            type Value = Process;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a process number or name")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Process, E> {
                Ok(Process::Client(number))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Process, E> {
                u64::try_from(number).map(Process::Client).map_err(|_| E::custom("a process number is never negative"))
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Process, E> {
                Ok(Process::Named(name.to_owned()))
            }
        }

        deserializer.deserialize_any(ProcessVisitor).map_err(|error| D::Error::custom(format_args!("process: {error}")))
    }
}

/// One line. Unknown keys of a line are ignored when reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the history; follows `time`.
    #[serde(default = "index_missing")]
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

impl Event {
    /// A line with nothing but what every line has; index and time are for the recorder to set.
    #[must_use]
    pub fn new(event_type: EventType, process: Process, f: impl Into<String>, value: Value) -> Self {
        Self {
            index: INDEX_MISSING,
            time: 0,
            event_type,
            process,
            f: f.into(),
            key: None,
            value,
            node: None,
            term: None,
            position: None,
            ack: None,
            level: None,
            error: None,
            is_final: false,
            id: None,
            step: None,
        }
    }
}
