//! The leader and its workers on one side, everyone else on the other.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::DURATION;
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const PARTITION_LEADER: FaultDescription = FaultDescription {
    name: "partition-leader",
    description: "the leader and its workers against the rest",
    heal: "links up",
    options: &[DURATION],
    build: |_| Ok(Box::new(PartitionLeader)),
};

#[derive(Debug)]
struct PartitionLeader;

impl Fault for PartitionLeader {
    fn asked(&self) -> String {
        Target::Leader.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let leader = applied.leader().await?;
            let partition = Partition::split(applied.nodes(), &[leader]);
            applied.hold_partition(&[leader], &partition).await
        })
    }
}
