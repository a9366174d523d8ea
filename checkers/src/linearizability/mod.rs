//! Linearizability, key by key (a history is linearizable iff the history of each of its objects is: Herlihy & Wing,
//! *Linearizability*, 1990, theorem 1).
//!
//! - `unique`: registers whose values are written once each, in O(n log n), whatever stays undecided.
//! - `grow_only`: sets whose elements are added once each, in the size of what was read.
//! - `search`: every other object and history, by a memoised search within limits.
//! - `check`: which operations are judged, and what the keys say together.

mod check;
pub(crate) mod grow_only;
mod search;
mod search_key;
pub(crate) mod unique;

pub(crate) use check::KeyVerdict;
pub use check::{
    COUNTER_CHECKER, ModelCheck, QUEUE_CHECKER, REGISTER_CHECKER, SET_CHECKER, check_model, is_judged, is_promised,
};
pub(crate) use search_key::search_key;
