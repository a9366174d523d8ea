//! The private world of a run. It alone owns pids, descriptors, mounts, links and clocks.
//!
//! The order of use: [`choose`] a network, enter the [`Jail`] before any thread exists, then [`build`] the
//! [`Environment`].

mod account;
mod attempt;
mod choose;
mod directories;
mod doctor;
mod environment;
mod guardian;
mod jail;
mod network;
mod os;
mod place;
mod probes;
mod process_table;
mod processes;
mod remedy;
mod stall;
mod world;

pub use choose::choose;
pub use doctor::{Facility, examine};
pub use environment::{
    BackEnd, BoxFuture, Environment, EnvironmentError, Launch, NodeSignal, ProbeCount, ProcessState, Program,
};
pub use jail::{Jail, JailOptions};
pub use place::{Link, NodeId, Place};
pub use world::{BuildOptions, build};
