//! Workloads: a generator of operations and the checkers that judge what came of them.

pub mod workload;
