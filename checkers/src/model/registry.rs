//! The table of models: a name, and which method decides linearizability of that object.

use super::counter::CounterSpec;
use super::mutex::MutexSpec;
use super::queue::QueueSpec;
use super::register::RegisterSpec;
use super::set::SetSpec;
use crate::checker::Context;
use crate::history::KeyId;
use crate::linearizability::{KeyVerdict, grow_only, search_key, unique};

/// A sequential object by name.
pub struct Model {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for `list`.
    pub description: &'static str,
    /// Decides one key.
    pub(crate) check_key: fn(&Context<'_>, KeyId) -> KeyVerdict,
}

/// Read, write, compare-and-set.
pub static REGISTER: Model = Model {
    name: "register",
    description: "read → value or null · write v · cas [old, new]; null at first",
    check_key: |context, key| {
        unique::check_key(context, key).unwrap_or_else(|| search_key::<RegisterSpec>(context, key))
    },
};

/// A set that only grows.
pub static SET: Model = Model {
    name: "set",
    description: "add v · read → [v…]; empty at first",
    check_key: |context, key| grow_only::check_key(context, key).unwrap_or_else(|| search_key::<SetSpec>(context, key)),
};

/// A number that is added to.
pub static COUNTER: Model = Model {
    name: "counter",
    description: "add n · read → n; 0 at first",
    check_key: |context, key| search_key::<CounterSpec>(context, key),
};

/// First in, first out.
pub static QUEUE: Model = Model {
    name: "queue",
    description: "enqueue v · dequeue → v or null (empty); first in, first out",
    check_key: |context, key| search_key::<QueueSpec>(context, key),
};

/// A lock.
pub static MUTEX: Model = Model {
    name: "mutex",
    description: "acquire · release; free at first",
    check_key: |context, key| search_key::<MutexSpec>(context, key),
};

/// Every model; a new one is one line here.
static MODELS: [&Model; 5] = [&REGISTER, &SET, &COUNTER, &QUEUE, &MUTEX];

/// Every model, in the order in which they are listed.
#[must_use]
pub fn list() -> &'static [&'static Model] {
    &MODELS
}

/// The model with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Model> {
    MODELS.iter().copied().find(|model| model.name == name)
}
