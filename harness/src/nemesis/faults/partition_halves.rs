//! Two halves, as equal as the number of nodes allows; who is where follows from the seed.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::DURATION;
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const PARTITION_HALVES: FaultDescription = FaultDescription {
    name: "partition-halves",
    description: "two halves, each with its workers; with an even number of nodes neither is a majority",
    heal: "links up",
    options: &[DURATION],
    build: |_| Ok(Box::new(PartitionHalves)),
};

#[derive(Debug)]
struct PartitionHalves;

impl Fault for PartitionHalves {
    fn asked(&self) -> String {
        "halves".to_owned()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let mut smaller = applied.shuffled_nodes();
            let mut larger = smaller.split_off(smaller.len() / 2);
            smaller.sort_unstable();
            larger.sort_unstable();
            let partition = Partition::groups(&[smaller.clone(), larger]);
            applied.hold_partition(&smaller, &partition).await
        })
    }
}
