//! The clock, the history and the run's directory.

mod clock;
mod directory;
mod recorder;

pub use clock::Clock;
pub use directory::{DirectoryError, RunDirectory, read_lines};
pub use recorder::Recorder;
