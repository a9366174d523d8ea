//! Mistakes about leases that are made on purpose, to see that the simulator finds them.
//!
//! They are made from outside, by changing a core between its steps: what nodes run has no place for them.

use crate::core::node::{Core, RoleState};
use crate::core::types::Position;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A lease outlasts the promise on which it rests.
    LeaseIsTooLong,
    /// A lease begins when the answers arrive, not when they were asked for.
    LeaseBeginsWhenAnswered,
    /// A leader keeps its lease although it has asked another node to stand.
    LeaseOutlivesTransfer,
    /// A leader answers before it has committed an entry of its own term.
    ReadsBeforeFirstCommit,
}

impl Bug {
    /// Changes a core before a step at `now_us` on its clock.
    pub(crate) fn before_step(self, core: &mut Core, now_us: u64) {
        match (self, &mut core.role) {
            (Bug::LeaseIsTooLong, _) => core.settings.lease_ms = 3 * core.settings.election_timeout.min_ms,
            (Bug::LeaseBeginsWhenAnswered, RoleState::Leader(leadership)) => leadership.reads.begun_at(now_us),
            (Bug::LeaseOutlivesTransfer, RoleState::Leader(leadership)) => leadership.has_asked_to_stand = false,
            (Bug::ReadsBeforeFirstCommit, RoleState::Leader(leadership)) => leadership.first = Position(0),
            _ => {}
        }
    }
}
