//! What was typed becomes a plan: nothing left open, serialisable, enough to repeat the run.

mod command;
mod plan;
mod resolve;

pub use command::{net_word, repeat_command};
pub use plan::{FORMAT_VERSION, FaultSpec, NetChoice, Plan, ScheduledFault};
pub use resolve::{PlanError, RunRequest, resolve};
