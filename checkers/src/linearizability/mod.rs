//! Linearizability, key by key (a history is linearizable iff the history of each of its objects is: Herlihy & Wing,
//! *Linearizability*, 1990, theorem 1).
//!
//! - `monitor`: the fast, exact methods over plain columns; beside it, one file an object fills them from a history:
//!   `unique` (registers whose values are written once each), `grow_only` (sets whose elements are added once each),
//!   `container` (queues, stacks and bags whose values go in once each), `key_value` (texts made of pieces that are
//!   written once each), `counter`, `mutex`.
//! - `search`: every other object and history, by a memoised search within limits.
//! - `check`: which operations are judged, and what the keys say together.

mod check;
pub(crate) mod container;
pub(crate) mod counter;
pub(crate) mod grow_only;
pub(crate) mod key_value;
mod monitor;
pub(crate) mod mutex;
pub mod search;
mod search_key;
mod tell;
pub(crate) mod unique;

pub use check::{
    Approach, COUNTER_CHECKER, CheckOptions, LongestPrefix, ModelCheck, QUEUE_CHECKER, REGISTER_CHECKER, SET_CHECKER,
    check_model, check_model_with, check_object, is_judged, is_promised,
};
pub(crate) use check::{Contradiction, KeyVerdict};
pub(crate) use search_key::{explain_key, search_key};
