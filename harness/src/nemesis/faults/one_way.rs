//! Links that carry packets in one direction only, between the leader and the other nodes.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::DURATION;
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const ONE_WAY_OUT: FaultDescription = FaultDescription {
    name: "one-way-out",
    description: "nothing from the leader reaches the other nodes; all workers reach all nodes",
    heal: "links up",
    options: &[DURATION],
    build: |_| Ok(Box::new(OneWay::Out)),
};

pub(in crate::nemesis) const ONE_WAY_IN: FaultDescription = FaultDescription {
    name: "one-way-in",
    description: "nothing from the other nodes reaches the leader; all workers reach all nodes",
    heal: "links up",
    options: &[DURATION],
    build: |_| Ok(Box::new(OneWay::In)),
};

/// The direction that is cut, as the leader sees it.
#[derive(Debug)]
enum OneWay {
    Out,
    In,
}

impl Fault for OneWay {
    fn asked(&self) -> String {
        Target::Leader.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let leader = applied.leader().await?;
            let partition = match self {
                Self::Out => Partition::one_way_out(applied.nodes(), leader),
                Self::In => Partition::one_way_in(applied.nodes(), leader),
            };
            applied.hold_partition(&[leader], &partition).await
        })
    }
}
