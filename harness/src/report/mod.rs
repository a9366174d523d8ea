//! Runs become tables.

mod cell_run;
pub mod layout;
mod row;
pub mod statistics;
#[cfg(test)]
mod synthetic;
mod tables;

pub use cell_run::{CellRun, Ending};
pub use row::{Row, RowDeviation, row};
pub use tables::{Markup, every_row, expectations, matrix};
