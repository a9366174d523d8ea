//! What a run tells while it goes on, for progress bars; nothing depends on it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The parts of a run, in order. All but the first are lines of the history: process `nemesis`, `f` `phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nodes start, and a leader comes up.
    Start,
    /// Workers work, the nemesis does what the schedule says.
    Load,
    /// Everything is healed.
    Heal,
    /// The system gets time to agree.
    Converge,
    /// Closing reads.
    Final,
    /// Nodes are stopped; judgement.
    End,
}

impl Phase {
    /// Its name in the history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Load => "load",
            Self::Heal => "heal",
            Self::Converge => "converge",
            Self::Final => "final",
            Self::End => "end",
        }
    }
}

/// One message of a run to whoever watches it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// A phase began.
    Phase(Phase),
    /// Some of the load is over.
    Load {
        /// Since the start of the load.
        elapsed: Duration,
        /// How long the load lasts.
        total: Duration,
        /// Operations that ended ok so far.
        acknowledged: u64,
    },
    /// A violation was found while the load lasted, and ends it.
    Violation {
        /// Which checker found it.
        checker: &'static str,
        /// When the event came that completed it, seconds on the run's clock.
        seconds: f64,
    },
    /// The checkers could not keep up with the load: what is left of it is judged at the end.
    FellBehind,
}
