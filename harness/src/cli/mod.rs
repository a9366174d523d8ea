//! The command line: what was typed, and how the program ends.

pub mod duration;
mod error;
mod exit;
pub mod names;
pub mod output;

pub use error::CliError;
pub use exit::{Exit, help_page};
