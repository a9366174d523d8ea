//! What settings promise under the faults of a plan.

use super::{plan::Plan, raft};
use crate::settings::{AckPoint, OnAckTimeout, ReadLevel, Replication};

/// What whoever judges a run may hold against the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promises {
    /// Nothing acknowledged is lost, nothing is seen that is not there at the end, no two nodes acknowledge at once.
    pub keeps_writes: bool,
    /// Reads at the cluster's own level see everything that was acknowledged before they were invoked.
    pub fresh_reads: bool,
}

impl Plan {
    /// What this plan's settings promise, given what happens to disks and clocks.
    #[must_use]
    pub fn promises(&self) -> Promises {
        let enough = match self.settings.replication {
            Replication::Memory | Replication::Async => false,
            Replication::SemiSync(followers) => followers >= self.nodes / 2,
            Replication::Majority | Replication::Sync => true,
        };
        // A copy in memory goes with its process, and who degrades acknowledges alone.
        let copies =
            self.settings.ack_point != AckPoint::Received && self.settings.on_ack_timeout != OnAckTimeout::Degrade;
        let keeps_writes = enough && copies && raft::are_promised(self.settings.failover) && self.keeps_disks();
        let fresh = match self.settings.read {
            ReadLevel::Local | ReadLevel::Leader | ReadLevel::Bounded(_) | ReadLevel::Session => false,
            ReadLevel::Lease => self.keeps_clocks(),
            ReadLevel::ReadIndex | ReadLevel::Log => true,
        };
        Promises { keeps_writes, fresh_reads: keeps_writes && fresh }
    }
}
