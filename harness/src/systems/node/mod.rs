//! The bundled reference system: a single-leader replicated key-value store, started as `schism node`.

mod client;
mod ground_truth;
mod outcome;
mod protocol;
mod settings;
mod system;

pub use system::NodeSystem;
