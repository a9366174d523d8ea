//! An operation: an invocation together with its completion, if it has one.

use serde_json::Value;

use super::event::{Event, EventType, Process};
use super::history::KeyId;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It certainly did not happen and never will.
    Fail,
    /// Undecided: it may have happened, or may yet; also an operation without completion.
    Info,
}

/// Read levels that promise nothing about recency: `local` of the bundled node, `serializable` of etcd.
const LEVELS_WITHOUT_PROMISE: [&str; 2] = ["local", "serializable"];

/// A view of one operation; copies nothing out of the history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation<'h> {
    /// Counted from 0 in order of invocation.
    pub id: usize,
    /// The object it is about.
    pub key: KeyId,
    /// Its first line.
    pub invocation: &'h Event,
    /// Its second line, if there is one.
    pub completion: Option<&'h Event>,
}

impl<'h> Operation<'h> {
    /// Who performed it.
    #[must_use]
    pub fn process(&self) -> &'h Process {
        &self.invocation.process
    }

    /// Its name.
    #[must_use]
    pub fn f(&self) -> &'h str {
        &self.invocation.f
    }

    /// Whether it only reads.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.invocation.f == "read"
    }

    /// What it was asked with.
    #[must_use]
    pub fn argument(&self) -> &'h Value {
        &self.invocation.value
    }

    /// What came back; only of an operation that ended ok.
    #[must_use]
    pub fn result(&self) -> Option<&'h Value> {
        self.completion.filter(|event| event.event_type == EventType::Ok).map(|event| &event.value)
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.completion.map(|event| event.event_type) {
            Some(EventType::Ok) => Outcome::Ok,
            Some(EventType::Fail) => Outcome::Fail,
            Some(EventType::Info | EventType::Invoke) | None => Outcome::Info,
        }
    }

    /// Whether it ended ok.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome() == Outcome::Ok
    }

    /// When it was invoked, in nanoseconds.
    #[must_use]
    pub fn invoked_ns(&self) -> u64 {
        self.invocation.time
    }

    /// Index of its invocation.
    #[must_use]
    pub fn invoked_index(&self) -> u64 {
        self.invocation.index
    }

    /// When it ended ok or failed, in nanoseconds; `None` while it is undecided.
    #[must_use]
    pub fn completed_ns(&self) -> Option<u64> {
        let decided = matches!(self.outcome(), Outcome::Ok | Outcome::Fail);
        self.completion.filter(|_| decided).map(|event| event.time)
    }

    /// Index of the completion, whatever it says.
    #[must_use]
    pub fn completed_index(&self) -> Option<u64> {
        self.completion.map(|event| event.index)
    }

    /// When its second line was written, in nanoseconds, whatever it says.
    #[must_use]
    pub fn ended_ns(&self) -> Option<u64> {
        self.completion.map(|event| event.time)
    }

    /// The node that answered.
    #[must_use]
    pub fn node(&self) -> Option<&'h str> {
        self.completion?.node.as_deref()
    }

    /// The term it was answered under.
    #[must_use]
    pub fn term(&self) -> Option<u64> {
        self.completion?.term
    }

    /// Its position in the log; of a read: the position of the state it was answered from.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        self.completion?.position
    }

    /// The acknowledgement level asked for.
    #[must_use]
    pub fn ack(&self) -> Option<&'h str> {
        self.completion.and_then(|event| event.ack.as_deref()).or(self.invocation.ack.as_deref())
    }

    /// The read level.
    #[must_use]
    pub fn level(&self) -> Option<&'h str> {
        self.completion.and_then(|event| event.level.as_deref()).or(self.invocation.level.as_deref())
    }

    /// Whether its level promises to see every acknowledged write; a history that names no level is taken at its word.
    #[must_use]
    pub fn promises_recency(&self) -> bool {
        self.level().is_none_or(|level| !LEVELS_WITHOUT_PROMISE.contains(&level))
    }

    /// A closing read of one node's own state, used for divergence only.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.invocation.is_final || self.completion.is_some_and(|event| event.is_final)
    }

    /// Why it failed or is undecided.
    #[must_use]
    pub fn error(&self) -> Option<&'h str> {
        self.completion?.error.as_deref()
    }
}
