//! The bundled reference system: a single-leader replicated key-value store, started as `schism node`.

mod bank;
mod client;
mod compound;
mod ground_truth;
mod outcome;
mod protocol;
mod settings;
mod system;

pub use system::NodeSystem;
