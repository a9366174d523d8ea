//! Majorities in a ring: every node sees a majority, no two the same one.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::DURATION;
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const PARTITION_RING: FaultDescription = FaultDescription {
    name: "partition-ring",
    description: "every node, with its workers, sees a majority, no two the same one",
    heal: "links up",
    options: &[DURATION],
    build: |_| Ok(Box::new(PartitionRing)),
};

#[derive(Debug)]
struct PartitionRing;

impl Fault for PartitionRing {
    fn asked(&self) -> String {
        Target::All.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(3, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            // Three nodes are a row whose ends lose each other. Between two followers that would be silence; the leader is
            // an end.
            let leader = applied.leader().await?;
            let mut order = applied.shuffled_nodes();
            order.sort_by_key(|node| *node != leader);
            applied.hold_partition(&order, &Partition::ring(&order)).await
        })
    }
}
