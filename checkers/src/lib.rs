//! Consistency checkers: a recorded history goes in, a verdict with a witness comes out.
//!
//! No clock, no socket, no async and no global state; the only I/O is reading a history from a [`std::io::Read`].
//!
//! # Layout
//! - [`history`]: events (one line each), operations (an invocation paired with its completion), readers.
//! - [`verdict`]: `Valid | Unknown | Invalid`, findings and their witnesses.
//! - [`analysis`]: what all checkers of a workload say together.

pub mod analysis;
pub mod history;
pub mod verdict;

pub use analysis::{Analysis, Limits, Measures};
