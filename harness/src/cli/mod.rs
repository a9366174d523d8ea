//! The command line: what was typed, and how the program ends.

mod arguments;
mod campaign;
mod check;
mod completions;
mod convert;
mod directories;
mod dispatch;
mod doctor;
mod dry_run;
pub mod duration;
mod error;
mod exit;
mod help;
mod list;
pub mod names;
mod node;
pub mod output;
mod parts;
mod progress;
mod report;
mod run;
mod simulate;
mod summary;
mod synth;

pub use dispatch::main;
pub use error::CliError;
pub use exit::{Exit, help_page};
