//! Runs the core as a process: sockets, timers and the disk around one thread that owns all state.
//!
//! [`start`] is where a node begins and ends. [`node_loop`] owns the core and performs its effects; [`arrival`] is what
//! reaches it, [`turnstile`] at which rate. [`incoming`], [`outgoing`] and [`wire`] are the connections between nodes.

mod arrival;
mod counters;
mod descriptors;
mod incoming;
mod leave;
mod node_loop;
mod outgoing;
mod peers;
mod socket;
mod start;
mod turnstile;
mod wire;

pub(crate) use arrival::{NodeHandle, NodeStopped, Report};
pub(crate) use counters::NodeCounters;
pub(crate) use socket::prepare_client;
pub(crate) use start::{NodeError, NodePlan, run};
