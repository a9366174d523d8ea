//! Sequential objects that a history can be linearizable with respect to, and the table of them.

#[cfg(test)]
mod agreement_test;
mod bag;
mod counter;
mod key_value;
mod multi_register;
mod mutex;
mod owner_mutex;
mod queue;
mod register;
mod registry;
mod set;
mod spec;
mod stack;

pub(crate) use bag::{BagAction, BagSpec};
pub(crate) use counter::{CounterAction, CounterSpec};
pub(crate) use mutex::{MutexAction, MutexSpec};
pub(crate) use queue::{QueueAction, QueueSpec};
pub(crate) use register::{RegisterAction, RegisterSpec};
pub(crate) use registry::Explain;
pub use registry::{
    BAG, COUNTER, KEY_VALUE, MULTI_REGISTER, MUTEX, Model, OWNER_MUTEX, QUEUE, REGISTER, SET, STACK, by_name, list,
};
pub(crate) use set::{SetAction, SetSpec};
pub use spec::{Effect, Object, Outlook, SequentialSpec, Step, Zone};
pub(crate) use spec::{foreign_operation, foreign_value};
pub(crate) use stack::{StackAction, StackSpec};
