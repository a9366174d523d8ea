//! Workloads: a generator of operations and the checkers that judge what came of them.
//!
//! # Layout
//! - [`workload`]: the trait, its generator, its options.
//! - [`registry`]: the table of all workloads.
//! - [`set`], [`register`]: one workload a file.
//! - `keys`: a few keys in use at a time, each retired after a number of operations.

mod keys;
pub mod register;
pub mod registry;
pub mod set;
pub mod workload;
