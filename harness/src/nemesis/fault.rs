//! What a fault is: data that knows how to apply itself, step by step.
//!
//! A fault is written as a script over [`Applied`], which notes for every step how to undo it and what shows that it
//! was in force. So a script may be cut short anywhere: what it did is undone in reverse order. A fault touches the
//! cluster through [`Applied`] only, and never sleeps, kills or cuts by itself.

use std::fmt;
use std::time::Duration;

use super::Applied;
use crate::environment::{BoxFuture, NodeId};
use crate::systems::SystemTiming;

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// As long as the schedule decides.
    Held,
    /// As long as its own steps take at most.
    AtMost(Duration),
}

/// Why a fault did nothing, or not all that it should have done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApplied {
    /// No single node claimed to lead with the highest term within the time allowed.
    #[error("no leader within {waited_ms} ms: {claims}")]
    NoLeader {
        /// How long it waited, milliseconds.
        waited_ms: u64,
        /// What the nodes claimed at the end.
        claims: String,
    },
    /// A node that should have been hit was not running.
    #[error("{node} was not running")]
    NotRunning {
        /// The node.
        node: NodeId,
    },
    /// The operating system refused a step.
    #[error("{0}")]
    Environment(String),
    /// The entry of the schedule makes no sense.
    #[error("{0}")]
    Plan(String),
    /// The run was stopped.
    #[error("the run was stopped {0}")]
    Cancelled(&'static str),
}

/// A fault with its options.
pub trait Fault: fmt::Debug + Send + Sync {
    /// The target as asked for, in the words of the options: `leader`, `one`, `n1+n2`.
    fn asked(&self) -> String;

    /// How long it lasts.
    fn length(&self) -> Length {
        Length::Held
    }

    /// Refuses what makes no sense for so many nodes or for such timeouts.
    ///
    /// # Errors
    /// A sentence for the user.
    fn check(&self, nodes: u16, timing: &SystemTiming) -> Result<(), String>;

    /// Performs the whole script, its end included. May be dropped at any await.
    ///
    /// # Errors
    /// Where the fault could not be applied; what was done until then stays in `applied`, to be undone.
    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>>;
}

/// Refuses clusters that are too small for a shape.
pub(super) fn at_least(needed: u16, nodes: u16) -> Result<(), String> {
    if nodes < needed {
        return Err(format!("it needs at least {needed} nodes, and there are {nodes}; raise --nodes"));
    }
    Ok(())
}
