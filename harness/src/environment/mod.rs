//! The private world of a run. It alone owns pids, descriptors, mounts, links and clocks.

mod environment;
mod place;

pub use environment::{
    BackEnd, BoxFuture, Environment, EnvironmentError, Launch, NodeSignal, ProbeCount, ProcessState, Program,
};
pub use place::{Link, NodeId, Place};
