//! The clock, the history and the run's directory.

mod clock;
mod recorder;

pub use clock::Clock;
pub use recorder::Recorder;
