//! Consistency checkers: a recorded history goes in, a verdict with a witness comes out.
//!
//! No clock, no socket, no async and no global state; the only I/O is reading a history from a [`std::io::Read`]
//! and writing one.
//!
//! # Layout
//! - [`history`]: lines in, columns of numbers inside, operations (an invocation paired with its completion) out; the timeline.
//! - [`format`]: histories read from JSON lines, EDN, logs, and written.
//! - [`semantics`]: what sources leave unsaid, and mean differently.
//! - [`index`]: a history seen as sets or registers, values numbered.
//! - [`checker`], [`registry`]: what a checker is, how several judge together, and the table of all of them.
//! - [`model`], [`linearizability`]: sequential objects, and whether a history is linearizable with respect to one.
//! - [`set_full`], [`register_values`], [`stale`], [`split_brain`], [`two_leaders`], [`fork`], [`divergence`],
//!   [`convergence`], [`availability`], [`latency`], [`counts`]: one property a file.
//! - [`counter_bounds`], [`total_queue`], [`unique_ids`], [`bank`], [`long_fork`], [`causal_reverse`], [`lock`]: one kind of
//!   object a file, for workloads that make it.
//! - [`transactions`]: which isolation anomalies transactions show, and which consistency models these rule out.
//! - [`online`]: what can be said before the end, event by event, in bounded memory.
//! - [`verdict`]: `Valid | Unknown | Invalid`, findings and their witnesses.
//! - [`witness`]: operations in English.
//! - [`synth`]: seeded histories of a simulated object, correct or with a planted violation.
//! - [`analysis`]: what all checkers of a workload say together.

pub mod analysis;
pub mod availability;
pub mod bank;
pub mod causal_reverse;
pub mod checker;
pub mod client_lint;
pub mod convergence;
pub mod counter_bounds;
pub mod counts;
pub mod divergence;
pub mod fork;
pub mod format;
pub mod history;
pub mod index;
pub mod latency;
pub mod linearizability;
pub mod lock;
pub mod long_fork;
pub mod model;
pub mod online;
pub mod recovery;
pub mod register_values;
pub mod registry;
pub mod semantics;
pub mod sequential;
pub mod session;
pub mod set_full;
mod set_visibility;
pub mod split_brain;
pub mod stale;
pub mod staleness;
pub mod stats;
pub mod synth;
#[cfg(test)]
mod testing;
pub mod total_queue;
pub mod transactions;
pub mod two_leaders;
pub mod unique_ids;
pub mod verdict;
pub mod witness;

pub use analysis::{Analysis, FaultOutage, GeneratedIds, Limits, Measures, Quantiles, SetElements, StaleElement};
pub use checker::Checker;
pub use linearizability::{ModelCheck, check_model};
pub use semantics::Semantics;
pub use verdict::{Finding, FindingKind, Validity, Witness};
