//! The columns in which a history is stored.

use super::function::Function;
use super::history::{KeyId, ProcessId};
use super::operation::Outcome;
use super::value::ValueId;

/// No line.
pub(super) const NO_LINE: u32 = u32::MAX;

/// What every line has, by its place in the history.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// Nanoseconds, or places where the source has no clock.
    pub(super) times: Vec<u64>,
    /// Empty while every line's index is its place.
    pub(super) indexes: Vec<u64>,
}

impl Lines {
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn push(&mut self, index: u64, time: u64) {
        let place = self.times.len() as u64;
        if index != place && self.indexes.is_empty() {
            self.indexes.extend(0..place);
        }
        if index != place || !self.indexes.is_empty() {
            self.indexes.push(index);
        }
        self.times.push(time);
    }

    pub(super) fn time(&self, place: u32) -> u64 {
        self.times[place as usize]
    }

    pub(super) fn index(&self, place: u32) -> u64 {
        self.indexes.get(place as usize).copied().unwrap_or_else(|| u64::from(place))
    }

    pub(super) fn last_time(&self) -> u64 {
        self.times.last().copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.times.capacity() + self.indexes.capacity()) * size_of::<u64>()
    }
}

/// A column that takes no room until something stands in it.
#[derive(Debug, Clone)]
pub(super) struct SparseColumn<T> {
    values: Vec<T>,
}

impl<T> Default for SparseColumn<T> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<T: Copy + Default + PartialEq> SparseColumn<T> {
    pub(super) fn get(&self, place: usize) -> T {
        self.values.get(place).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, place: usize, value: T) {
        if value == T::default() && place >= self.values.len() {
            return;
        }
        if self.values.len() <= place {
            self.values.resize(place + 1, T::default());
        }
        self.values[place] = value;
    }

    fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>()
    }
}

/// The operations, one entry each, in order of invocation.
#[derive(Debug, Clone, Default)]
pub(super) struct Operations {
    /// Place of the first line.
    pub(super) invocations: Vec<u32>,
    /// Place of the second line, or [`NO_LINE`].
    pub(super) completions: Vec<u32>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) functions: Vec<Function>,
    pub(super) processes: Vec<ProcessId>,
    pub(super) keys: Vec<KeyId>,
    /// Value of the first line.
    pub(super) arguments: Vec<ValueId>,
    /// Value of the second line, whatever it says.
    pub(super) results: Vec<ValueId>,
    pub(super) nodes: SparseColumn<ValueId>,
    pub(super) acks: SparseColumn<ValueId>,
    pub(super) levels: SparseColumn<ValueId>,
    pub(super) errors: SparseColumn<ValueId>,
    /// One more than the term, 0 for none.
    pub(super) terms: SparseColumn<u64>,
    /// One more than the position, 0 for none.
    pub(super) positions: SparseColumn<u64>,
    pub(super) finals: SparseColumn<bool>,
}

impl Operations {
    pub(super) fn len(&self) -> usize {
        self.invocations.len()
    }

    pub(super) fn bytes(&self) -> usize {
        (self.invocations.capacity() + self.completions.capacity()) * size_of::<u32>()
            + self.outcomes.capacity() * size_of::<Outcome>()
            + self.functions.capacity() * size_of::<Function>()
            + self.processes.capacity() * size_of::<ProcessId>()
            + self.keys.capacity() * size_of::<KeyId>()
            + (self.arguments.capacity() + self.results.capacity()) * size_of::<ValueId>()
            + self.nodes.bytes()
            + self.acks.bytes()
            + self.levels.bytes()
            + self.errors.bytes()
            + self.terms.bytes()
            + self.positions.bytes()
            + self.finals.bytes()
    }
}
