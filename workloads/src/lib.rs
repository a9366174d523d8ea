//! Workloads: a generator of operations and the checkers that judge what came of them.
//!
//! # Layout
//! - [`workload`]: the trait, its generator, its options.
//! - [`registry`]: the table of all workloads.
//! - [`object`]: what operations are about.
//! - [`set`], [`register`], [`counter`], [`queue`], [`list_append`], [`rw_register`], [`bank`], [`session`], [`lock`]: one workload a
//!   file.
//! - [`transactions`]: random transactions, which two of them share.
//! - `keys`: a few keys in use at a time, each retired after a number of operations.
//! - `judging`: the checkers that judge every workload.

pub mod bank;
pub mod counter;
mod judging;
mod keys;
pub mod list_append;
pub mod lock;
pub mod object;
pub mod queue;
pub mod register;
pub mod registry;
pub mod rw_register;
pub mod session;
pub mod set;
pub mod transactions;
pub mod workload;
