//! The fast, exact methods, one an object, over plain columns: numbered values, times, and the ids of operations.
//!
//! Nothing here knows a history. A monitor is filled by its caller and answers `Ok`, a [`Conflict`], or, where its method
//! does not reach, nothing. Times are nanoseconds (or any other numbers that grow); an operation precedes another iff it
//! completed strictly before the other was invoked.

pub(crate) mod container;
pub(crate) mod counter;
pub(crate) mod cover;
pub(crate) mod greedy;
pub(crate) mod groups;
pub(crate) mod grow_only;
pub(crate) mod queue;
#[cfg(test)]
mod random_test;
pub(crate) mod stack;
pub(crate) mod texts;
mod tree;
pub(crate) mod zones;

pub(crate) use crate::index::{NEVER, NONE, Span};

/// A part of the sentence that tells a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Words.
    Text(&'static str),
    /// An operation, to be described.
    Operation(u32),
    /// A value by its number.
    Value(u32),
    /// A figure.
    Number(i128),
}

/// Why no linearization exists: a sentence without its full stop, and the operations that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) parts: Vec<Part>,
    pub(crate) operations: Vec<u32>,
}

impl Conflict {
    pub(crate) fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let parts: Vec<Part> = parts.into_iter().collect();
        let mut operations: Vec<u32> = parts
            .iter()
            .filter_map(|part| if let Part::Operation(operation) = part { Some(*operation) } else { None })
            .collect();
        operations.sort_unstable();
        operations.dedup();
        Self { parts, operations }
    }

    /// Words, a colon, and a list of operations.
    pub(crate) fn list(words: impl IntoIterator<Item = Part>, operations: impl IntoIterator<Item = u32>) -> Self {
        let mut parts: Vec<Part> = words.into_iter().collect();
        for (number, operation) in operations.into_iter().filter(|operation| *operation != NONE).enumerate() {
            parts.push(Part::Text(if number == 0 { ": " } else { "; " }));
            parts.push(Part::Operation(operation));
        }
        Self::new(parts)
    }
}
