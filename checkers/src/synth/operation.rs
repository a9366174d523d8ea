//! An operation on its way.

use super::database::Transaction;
use super::event::Value;

/// What a client asks for.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Read,
    Write(i64),
    CompareAndSet { old: i64, new: i64 },
    Add(i64),
    Enqueue(i64),
    Dequeue,
    Push(i64),
    Pop,
    Acquire,
    Release,
    Get,
    Put(String),
    Append(String),
    Transaction(Transaction),
}

impl Action {
    /// The operation's name in a history.
    pub(super) fn f(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write(_) => "write",
            Self::CompareAndSet { .. } => "cas",
            Self::Add(_) => "add",
            Self::Enqueue(_) => "enqueue",
            Self::Dequeue => "dequeue",
            Self::Push(_) => "push",
            Self::Pop => "pop",
            Self::Acquire => "acquire",
            Self::Release => "release",
            Self::Get => "get",
            Self::Put(_) => "put",
            Self::Append(_) => "append",
            Self::Transaction(_) => "txn",
        }
    }

    /// What an invocation carries.
    pub(super) fn argument(&self) -> Value {
        match self {
            Self::Read | Self::Dequeue | Self::Pop | Self::Acquire | Self::Release | Self::Get => Value::Null,
            Self::Write(value) | Self::Add(value) | Self::Enqueue(value) | Self::Push(value) => Value::Integer(*value),
            Self::CompareAndSet { old, new } => Value::Pair(*old, *new),
            Self::Put(text) | Self::Append(text) => Value::Text(text.clone()),
            Self::Transaction(transaction) => Value::Transaction(transaction.argument()),
        }
    }
}

/// What the simulated object does with an operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Twist {
    /// What it should.
    Honest,
    /// Acknowledges it without doing it.
    Drop,
    /// Does it, and reports that it failed.
    Deny,
    /// Answers with this instead.
    Answer(Value),
    /// Misses the newest update that was acknowledged before the invocation.
    Stale,
    /// Counts more than was ever added.
    TooMuch,
    /// Leaves this element out.
    Without(i64),
    /// Puts this element in.
    With(i64),
    /// Hands out this element although it is not its turn.
    TakeOut(i64),
    /// Hands out again what was handed out last.
    Again,
    /// Has lost everything that was in it.
    Forget,
    /// Grants a lock that is held.
    Grant,
}

/// What an operation came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// It happened, with this result.
    Ok(Value),
    /// It did not.
    Refused,
}

/// An operation between its invocation and its completion.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) client: u32,
    pub(super) key: u32,
    pub(super) action: Action,
    pub(super) twist: Twist,
    /// What the object remembers of the moment of the invocation.
    pub(super) noted: Option<i64>,
    /// Set once it took effect.
    pub(super) answer: Option<Answer>,
}

impl Operation {
    pub(super) fn new(client: u32, key: u32, action: Action) -> Self {
        Self::twisted(client, key, action, Twist::Honest)
    }

    pub(super) fn twisted(client: u32, key: u32, action: Action, twist: Twist) -> Self {
        Self { client, key, action, twist, noted: None, answer: None }
    }

    /// An acknowledged update's answer: what was asked for.
    pub(super) fn acknowledge(&mut self) {
        self.answer = Some(Answer::Ok(self.action.argument()));
    }
}
