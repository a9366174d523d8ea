//! Runs become tables.

pub mod layout;
mod outcome;
mod row;
pub mod statistics;
#[cfg(test)]
mod synthetic;
mod tables;

pub use outcome::{Ending, RunOutcome};
pub use row::{Row, RowDeviation, row};
pub use tables::{Markup, every_row, expectations, matrix};
