//! What sources mean differently: the value before any write, a null read, a failed compare-and-set.

use crate::history::{History, Source, Value, ValueId};

/// A value that is not part of a history yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Literal {
    /// Nothing.
    #[default]
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
}

impl Literal {
    /// Its number in a history; `None` where the history never mentions it, so that no value equals it.
    #[must_use]
    pub fn in_history(&self, history: &History) -> Option<ValueId> {
        history.values().find(match self {
            Self::Null => Value::Null,
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Text(text) => Value::Text(text),
        })
    }
}

/// What it means that a register read null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NullRead {
    /// Null is a value like any other, such as "the key is absent".
    #[default]
    Value,
    /// What was read is unknown, so the read is legal always.
    Unknown,
}

/// What it means that a compare-and-set failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FailedCas {
    /// Nothing: it did not happen, for whatever reason.
    #[default]
    Dropped,
    /// It saw a value other than the one it expected.
    Observation,
}

/// The meaning of what a history leaves unsaid.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Semantics {
    /// What a register holds before any write.
    pub initial: Literal,
    /// See [`NullRead`].
    pub null_read: NullRead,
    /// See [`FailedCas`].
    pub failed_cas: FailedCas,
}

impl Semantics {
    /// What histories of a source usually mean. Jepsen's `history.edn` comes with the habits of Knossos: registers start at
    /// 0, and a null read is an unknown one.
    #[must_use]
    pub fn of(source: Source) -> Self {
        match source {
            Source::Built | Source::Jsonl | Source::JepsenLog => Self::default(),
            Source::Edn => Self { initial: Literal::Integer(0), null_read: NullRead::Unknown, ..Self::default() },
            Source::PorcupineKv => Self { initial: Literal::Text(String::new()), ..Self::default() },
        }
    }
}
