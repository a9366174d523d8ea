//! The same core under a seeded event queue: a cluster in one thread, in virtual time.
//!
//! A [`Plan`] says which cluster, network, clients and faults; [`simulate`] runs it and judges it while it runs. Equal
//! plans give equal runs. Nothing here touches a clock, a socket or a disk.
//!
//! - `plan`: what is simulated, and how a seed becomes a plan.
//! - `world`: the event queue; machines that crash, restart and pause.
//! - `disk`, `network`, `clients`: what surrounds a core.
//! - `raft`: the safety properties, checked after every step.
//! - `judge`: what a finished run shows.

mod clients;
mod disk;
mod faults;
mod judge;
mod machine;
mod network;
mod plan;
mod raft;
mod random_plan;
mod world;

pub use judge::Report;
pub use plan::{Fault, Links, NetworkProfile, Plan, Target, Timed};
pub use world::{Violation, simulate};
