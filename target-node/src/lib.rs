//! The bundled reference system: a single-leader replicated key-value store.
//!
//! Layout, in the order of a write's path:
//! - [`cli`]: the command line of a node.
//! - [`settings`]: names, values and documentation of the settings.
//! - `http`: the routes for clients, operators and monitoring.
//! - `driver`: runs the core as a process: sockets, timers and the disk around one task that owns all state.
//! - [`core`]: the pure replication core.
//! - `storage`: the write-ahead log and the event log.
//! - [`simulator`]: the same core under a seeded event queue.

pub mod cli;
pub mod core;
mod driver;
mod http;
pub mod settings;
pub mod simulator;
mod storage;
