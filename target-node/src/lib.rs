//! The bundled reference system: a single-leader replicated key-value store.
//!
//! Layout, in the order of a write's path:
//! - [`settings`]: names, values and documentation of the settings.
//! - [`core`]: the pure replication core.

pub mod core;
pub mod settings;
