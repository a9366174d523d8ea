//! Faults, schedules, proofs and heals.

mod applied;
mod cluster;
mod evidence;
mod executed;
mod executor;
mod fault;
mod faults;
mod interventions;
mod options;
mod partition;
mod proof;
pub mod registry;
pub mod schedule;
mod target;

pub use applied::Applied;
pub use cluster::{Acknowledgements, Claims, Cluster, leader_of};
pub use executed::ExecutedFault;
pub use executor::execute;
pub use fault::{Fault, Length, NotApplied};
pub use options::{OptionDefault, OptionDescription, OptionKind, Options};
pub use partition::Partition;
pub use proof::Proof;
pub use registry::{FAULTS, FaultDescription, FaultError};
pub use schedule::{ScheduleError, ScheduleOptions};
pub use target::Target;
