//! The table of models: a name, and which method decides linearizability of that object.

use super::bag::BagSpec;
use super::counter::CounterSpec;
use super::key_value::KeyValueSpec;
use super::multi_register::MultiRegisterSpec;
use super::mutex::MutexSpec;
use super::owner_mutex::OwnerMutexSpec;
use super::queue::QueueSpec;
use super::register::RegisterSpec;
use super::set::SetSpec;
use super::stack::StackSpec;
use crate::checker::Context;
use crate::history::KeyId;
use crate::linearizability::{
    Contradiction, KeyVerdict, container, counter, explain_key, grow_only, key_value, mutex, search_key, unique,
};

/// What is to be said of a contradiction and ids of its operations; `None`: nothing beyond what its method says.
pub(crate) type Explain = fn(&Context<'_>, KeyId, &Contradiction) -> Option<(String, Vec<usize>)>;

/// A sequential object by name.
pub struct Model {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for `list`.
    pub description: &'static str,
    /// Decides one key by whatever is fastest.
    pub(crate) check_key: fn(&Context<'_>, KeyId) -> KeyVerdict,
    /// Makes a contradiction that the search found smaller, and says why it is one.
    pub(crate) explain_key: Explain,
    /// Decides one key by the search.
    pub(crate) search_key: fn(&Context<'_>, KeyId) -> KeyVerdict,
}

/// Read, write, compare-and-set.
pub static REGISTER: Model = Model {
    name: "register",
    description: "read → value or null · write v · cas [old, new]; null at first",
    check_key: |context, key| {
        unique::check_key(context, key).unwrap_or_else(|| search_key::<RegisterSpec>(context, key))
    },
    explain_key: |context, key, contradiction| explain_key::<RegisterSpec>(context, key, contradiction),
    search_key: |context, key| search_key::<RegisterSpec>(context, key),
};

/// A set that only grows.
pub static SET: Model = Model {
    name: "set",
    description: "add v · read → [v…]; empty at first",
    check_key: |context, key| grow_only::check_key(context, key).unwrap_or_else(|| search_key::<SetSpec>(context, key)),
    explain_key: |context, key, contradiction| explain_key::<SetSpec>(context, key, contradiction),
    search_key: |context, key| search_key::<SetSpec>(context, key),
};

/// A number that is added to.
pub static COUNTER: Model = Model {
    name: "counter",
    description: "add n · read → n; 0 at first",
    check_key: |context, key| {
        counter::check_key(context, key).unwrap_or_else(|| search_key::<CounterSpec>(context, key))
    },
    explain_key: |context, key, contradiction| explain_key::<CounterSpec>(context, key, contradiction),
    search_key: |context, key| search_key::<CounterSpec>(context, key),
};

/// First in, first out.
pub static QUEUE: Model = Model {
    name: "queue",
    description: "enqueue v · dequeue → v or null (empty); first in, first out",
    check_key: |context, key| {
        container::check_queue(context, key).unwrap_or_else(|| search_key::<QueueSpec>(context, key))
    },
    explain_key: |context, key, contradiction| explain_key::<QueueSpec>(context, key, contradiction),
    search_key: |context, key| search_key::<QueueSpec>(context, key),
};

/// Last in, first out.
pub static STACK: Model = Model {
    name: "stack",
    description: "push v · pop → v or null (empty); last in, first out",
    check_key: |context, key| {
        container::check_stack(context, key).unwrap_or_else(|| search_key::<StackSpec>(context, key))
    },
    explain_key: |context, key, contradiction| explain_key::<StackSpec>(context, key, contradiction),
    search_key: |context, key| search_key::<StackSpec>(context, key),
};

/// Values in any order.
pub static BAG: Model = Model {
    name: "bag",
    description: "enqueue v · dequeue → v or null (empty); in any order",
    check_key: |context, key| container::check_bag(context, key).unwrap_or_else(|| search_key::<BagSpec>(context, key)),
    explain_key: |context, key, contradiction| explain_key::<BagSpec>(context, key, contradiction),
    search_key: |context, key| search_key::<BagSpec>(context, key),
};

/// A text.
pub static KEY_VALUE: Model = Model {
    name: "kv",
    description: "get → text · put text · append text; empty at first",
    check_key: |context, key| {
        key_value::check_key(context, key).unwrap_or_else(|| search_key::<KeyValueSpec<'_>>(context, key))
    },
    explain_key: |_, _, _| None,
    search_key: |context, key| search_key::<KeyValueSpec<'_>>(context, key),
};

/// A lock.
pub static MUTEX: Model = Model {
    name: "mutex",
    description: "acquire · release; free at first",
    check_key: |context, key| mutex::check_key(context, key).unwrap_or_else(|| search_key::<MutexSpec>(context, key)),
    explain_key: |context, key, contradiction| explain_key::<MutexSpec>(context, key, contradiction),
    search_key: |context, key| search_key::<MutexSpec>(context, key),
};

/// A lock that knows who holds it.
pub static OWNER_MUTEX: Model = Model {
    name: "owner-mutex",
    description: "acquire · release, by the process that holds it; free at first",
    check_key: |context, key| search_key::<OwnerMutexSpec>(context, key),
    explain_key: |_, _, _| None,
    search_key: |context, key| search_key::<OwnerMutexSpec>(context, key),
};

/// Registers that are read and written together.
pub static MULTI_REGISTER: Model = Model {
    name: "multi-register",
    description: "txn [[\"r\", k, v], [\"w\", k, v]…] on several registers at once; null at first",
    check_key: |context, key| search_key::<MultiRegisterSpec>(context, key),
    explain_key: |_, _, _| None,
    search_key: |context, key| search_key::<MultiRegisterSpec>(context, key),
};

/// Every model; a new one is one line here.
static MODELS: [&Model; 10] =
    [&REGISTER, &SET, &COUNTER, &QUEUE, &STACK, &BAG, &MUTEX, &OWNER_MUTEX, &KEY_VALUE, &MULTI_REGISTER];

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
