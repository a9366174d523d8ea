//! The leader alone on one side: its workers are with the rest and cannot reach it either.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::DURATION;
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const PARTITION_LEADER_ALONE: FaultDescription = FaultDescription {
    name: "partition-leader-alone",
    description: "the leader, without its workers, against the rest",
    heal: "links up",
    options: &[DURATION],
    build: |_| Ok(Box::new(PartitionLeaderAlone)),
};

#[derive(Debug)]
struct PartitionLeaderAlone;

impl Fault for PartitionLeaderAlone {
    fn asked(&self) -> String {
        Target::Leader.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let leader = applied.leader().await?;
            let partition = Partition::alone(applied.nodes(), leader);
            applied.hold_partition(&[leader], &partition).await
        })
    }
}
