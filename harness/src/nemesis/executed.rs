//! What became of an entry of the schedule (a line of `schedule.jsonl`).

use serde::{Deserialize, Serialize};

use super::Proof;
use crate::environment::{Link, NodeId, Place};
use crate::plan::{FaultSpec, ScheduledFault};

/// An entry of the schedule, what was made of it, and the proof. Times are nanoseconds on the run's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutedFault {
    /// Id of the schedule's entry.
    pub id: u64,
    /// What was to be done.
    pub fault: FaultSpec,
    /// The target as asked for: a role, mostly.
    pub asked: String,
    /// The nodes it was resolved to when the fault fired.
    pub resolved: Vec<NodeId>,
    /// When it was due.
    pub at_ns: u64,
    /// From when on it may have had an effect; `None`: it was not applied.
    pub applied_ns: Option<u64>,
    /// When all of it was undone.
    pub healed_ns: Option<u64>,
    /// Directed links that were cut.
    pub cut: Vec<Link>,
    /// Groups of places that shared a fate; one group where nothing was cut.
    pub sides: Vec<Vec<Place>>,
    /// What shows it.
    pub proof: Proof,
    /// Anything else worth knowing, one sentence each; why, if it was not applied.
    pub notes: Vec<String>,
}

impl ExecutedFault {
    /// An entry of which nothing has happened yet.
    #[must_use]
    pub(super) fn new(entry: &ScheduledFault, at_ns: u64) -> Self {
        Self {
            id: entry.id,
            fault: entry.fault.clone(),
            asked: String::new(),
            resolved: Vec::new(),
            at_ns,
            applied_ns: None,
            healed_ns: None,
            cut: Vec::new(),
            sides: Vec::new(),
            proof: Proof::default(),
            notes: Vec::new(),
        }
    }

    /// Whether it was applied and its proof holds.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.applied_ns.is_some() && self.proof.in_force
    }

    /// For every side that has workers, the nodes whose workers are on it. A side without workers cannot see an
    /// invocation of its own.
    pub fn worker_sides(&self) -> impl Iterator<Item = Vec<NodeId>> {
        let owners = self.sides.iter().map(|side| {
            let owners = side.iter().filter_map(|place| match place {
                Place::Clients(owner) => Some(*owner),
                Place::Node(_) | Place::Observer => None,
            });
            owners.collect::<Vec<NodeId>>()
        });
        owners.filter(|owners| !owners.is_empty())
    }
}
