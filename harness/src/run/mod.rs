//! One run from start to verdict.

mod check;
mod closing;
mod converge;
mod error;
mod evidence;
mod execute;
mod nodes;
mod observer;
mod online;
mod progress;
mod verdict;

pub use check::judge_directory;
pub use error::RunError;
pub use evidence::Stalls;
pub use execute::{Run, RunOutcome, execute};
pub use online::EarlyStop;
pub use progress::{Phase, Progress};
pub use verdict::{Evidence, Verdict, judge};
