//! The same core under a seeded event queue: a cluster in one thread, in virtual time.
//!
//! A [`Plan`] says which cluster, network, clients and faults; [`simulate`] runs it and watches it while it runs. Equal
//! plans give equal runs, on any thread. Nothing here touches a clock, a socket or a disk.
//!
//! - `plan`, `plan_file`, `random_plan`, `random_settings`: what is simulated, and how a seed becomes a plan.
//! - `named_faults`: faults as people name them, each a schedule of steps.
//! - `minimise`, `describe`: the smallest plan that fails, and a plan in words.
//! - `world`, `queue`: what happens by virtual time; machines that crash, restart and pause.
//! - `disk`, `clock`, `network`, `clients`, `workload`: what surrounds a core.
//! - `raft`: the safety properties, checked after every step.
//! - `promises`: what settings promise under the faults of a plan.
//! - `judge`, `model`: what the nodes themselves show at the end.
//! - `operation`, `run`: what clients saw, as data for whoever judges it.

mod clients;
mod clock;
mod describe;
mod disk;
mod faults;
mod judge;
#[cfg(test)]
mod lease_test;
mod machine;
mod minimise;
mod model;
mod named_faults;
mod network;
mod operation;
mod plan;
mod plan_file;
mod promises;
mod queue;
mod raft;
mod random_plan;
mod random_settings;
mod run;
mod workload;
mod world;

pub use describe::settings_in_words;
pub use judge::Report;
pub use minimise::minimise;
pub use named_faults::{NAMED_FAULTS, NamedFault};
pub use operation::{Datum, Object, Operation, Outcome};
pub use plan::{ClockProfile, Direction, Fault, Links, NetworkProfile, Plan, Target, Timed};
pub use promises::Promises;
pub use random_settings::random_settings;
pub use run::{ClosingRead, Run};
pub use world::{Violation, simulate};

pub use crate::settings::Settings;
