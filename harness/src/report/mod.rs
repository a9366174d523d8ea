//! Runs become tables.

pub mod layout;
mod row;
mod run_text;
pub mod statistics;
mod summary;
#[cfg(test)]
mod synthetic;
mod tables;
pub mod truth;

pub use row::{Row, RowDeviation, row};
pub use run_text::{run_text, system_entry};
pub use summary::{SUMMARY_FORMAT_VERSION, Summary};
pub use tables::{Markup, every_row, expectations, matrix};
