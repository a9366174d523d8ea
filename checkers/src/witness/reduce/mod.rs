//! What may be left out of a history so that the rest still is evidence.
//!
//! Leaving operations out of a history can make an illegal one legal, and a legal one illegal: without the write of 5, a
//! read of 5 is a contradiction that was never there. A part of a history proves something about the whole only if it is
//! made by steps that keep legal histories legal; then an illegal part means that the whole is illegal. Such steps are:
//! 1. *The future.* What comes after some completion is cut off; what was still under way then becomes undecided. A
//!    linearizable history stays so (Herlihy & Wing, *Linearizability*, 1990, section 3.1: it is prefix-closed).
//! 2. *What changes nothing.* Without a read an order of the rest is an order of the rest.
//! 3. *What changes something, together with everything that may depend on it.* What that is differs between objects and is
//!    said and proved in the file of each.
//! 4. *Knowledge.* An operation is replaced by one that says less and does the same, such as a compare-and-set by a write.

mod counter;
mod mutex;
mod register;
mod set;
mod values;

use crate::history::{History, ValueId};
use crate::linearizability::search::Call;
use crate::model::SequentialSpec;

/// A part of a history and the object it is a history of.
pub(crate) struct Part<S: SequentialSpec> {
    pub(crate) object: S,
    /// In order of invocation.
    pub(crate) calls: Vec<Call<S::Action>>,
}

/// An object whose histories can be made smaller.
pub(crate) trait Reducible: SequentialSpec + Sized {
    /// Leaves out the calls that are marked, with what may depend on them; others may come to say less. Wherever `calls` has
    /// a linearization, the answer must have one. `None` where that cannot be promised.
    fn without(&self, calls: &[Call<Self::Action>], is_left_out: &[bool]) -> Option<Part<Self>>;

    /// The value that an action is about, if it is about one: actions on one value are likely to go together.
    fn value(&self, _action: Self::Action) -> Option<ValueId> {
        None
    }

    /// What is to be said of a call named `name`, of an earlier object, that says less in this one; to end a sentence.
    fn less(
        &self,
        _history: &History,
        _name: &str,
        _before: (&Self, Self::Action),
        _now: Self::Action,
    ) -> Option<String> {
        None
    }
}
