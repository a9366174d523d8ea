//! The same core under a seeded event queue: a cluster in one thread, in virtual time.
//!
//! A [`Plan`] says which cluster, network, clients and faults; [`simulate`] runs it and watches it while it runs. Equal
//! plans give equal runs, on any thread. Nothing here touches a clock, a socket or a disk.
//!
//! - `plan`, `plan_file`, `random_plan`: what is simulated, and how a seed becomes a plan.
//! - `world`, `queue`: what happens by virtual time; machines that crash, restart and pause.
//! - `disk`, `clock`, `network`, `clients`: what surrounds a core.
//! - `raft`: the safety properties, checked after every step.
//! - `judge`: what the nodes themselves show at the end.
//! - `operation`, `run`: what clients saw, as data for whoever judges it.

mod clients;
mod clock;
mod disk;
mod faults;
mod judge;
mod machine;
mod network;
mod operation;
mod plan;
mod plan_file;
mod queue;
mod raft;
mod random_plan;
mod run;
mod world;

pub use judge::Report;
pub use operation::{Datum, Object, Operation, Outcome};
pub use plan::{ClockProfile, Fault, Links, NetworkProfile, Plan, Target, Timed};
pub use run::{ClosingRead, Run};
pub use world::{Violation, simulate};
