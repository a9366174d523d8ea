//! When an operation was under way, without the rest of it.

use crate::history::{History, Operation};

/// The completion of an operation that is undecided: after every other time.
pub const NEVER: u64 = u64::MAX;

/// The number of an operation, a value or a place that there is not.
pub const NONE: u32 = u32::MAX;

/// When an operation was under way, and which it is. Times are nanoseconds, or places where the source has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it was invoked.
    pub invoked: u64,
    /// When it ended ok or failed; [`NEVER`] for one that is undecided.
    pub completed: u64,
    /// Its id.
    pub operation: u32,
}

impl Span {
    /// Stands where there is no operation: it could only happen after everything.
    pub const ABSENT: Self = Self { invoked: NEVER, completed: NEVER, operation: NONE };

    /// The span of an operation.
    #[must_use]
    pub fn of(operation: &Operation<'_>) -> Self {
        let completed = operation.completed_ns().unwrap_or(NEVER);
        Self { invoked: operation.invoked_ns(), completed, operation: operation.id() as u32 }
    }

    /// Whether it stands for no operation.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.operation == NONE
    }

    /// Whether it is known to have ended.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.completed != NEVER
    }

    /// Whether it was over before the other began; equal times are concurrent.
    #[must_use]
    pub fn precedes(&self, other: &Self) -> bool {
        self.completed < other.invoked
    }

    /// The operation itself, in its history.
    #[must_use]
    pub fn look_up<'h>(&self, history: &'h History) -> Option<Operation<'h>> {
        history.operation(self.operation as usize)
    }
}
