//! What an object does when operations come one after the other.

use std::fmt;
use std::hash::Hash;

use crate::history::{History, Operation, ValueId};

/// What an action does to a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<S> {
    /// It cannot happen here, or not with this result.
    Illegal,
    /// It can, and changes nothing.
    Same,
    /// It can, and leaves this state.
    Next(S),
}

/// The sequential specification of one object. An instance belongs to one key and may remember values it has seen, so
/// that actions and states are small numbers.
pub trait SequentialSpec<'h>: Default {
    /// An operation together with its result.
    type Action: Copy + Eq + Hash + fmt::Debug;
    /// The state between operations.
    type State: Clone + Eq + Hash;

    /// The action of an operation; `None` for one that says nothing: it failed, or it is undecided and changes nothing.
    ///
    /// # Errors
    /// The sentence that says why it is no operation of this object.
    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<Self::Action>, String>;

    /// The state before any operation.
    fn initial(&self) -> Self::State;

    /// Applies an action.
    fn step(&self, state: &Self::State, action: Self::Action) -> Step<Self::State>;

    /// Whether an action changes no state whatever.
    fn is_pure(&self, action: Self::Action) -> bool;

    /// A state in English, to follow "leaves".
    fn describe(&self, history: &History, state: &Self::State) -> String;

    /// Bytes a state holds beside its own size.
    fn heap_bytes(&self, state: &Self::State) -> usize;
}

/// The error for an operation that an object does not have.
pub(crate) fn foreign_operation(operation: &Operation<'_>, object: &str) -> String {
    format!("index {}: `{}` is not an operation of a {object}", operation.invoked_index(), operation.f())
}

/// The error for a value that an operation cannot have.
pub(crate) fn foreign_value(operation: &Operation<'_>, expected: &str, value: ValueId) -> String {
    let shown = operation.history().values().display(value);
    format!("index {}: `{}` has {expected}, not {shown}", operation.invoked_index(), operation.f())
}
