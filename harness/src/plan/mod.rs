//! What was typed becomes a plan: nothing left open, serialisable, enough to repeat the run.

mod plan;

pub use plan::{FORMAT_VERSION, FaultSpec, NetChoice, Plan, ScheduledFault};
