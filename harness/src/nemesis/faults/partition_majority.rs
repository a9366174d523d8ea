//! The smallest majority on one side, the rest on the other; the leader's side can be chosen.

use crate::environment::{BoxFuture, NodeId};
use crate::nemesis::fault::at_least;
use crate::nemesis::options::{DURATION, OptionDefault, OptionDescription, OptionKind};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::majority;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const PARTITION_MAJORITY: FaultDescription = FaultDescription {
    name: "partition-majority",
    description: "a majority against a minority, each with its workers",
    heal: "links up",
    options: &[
        OptionDescription {
            name: "leader",
            kind: OptionKind::Side,
            default: OptionDefault::Text("any"),
            description: "the leader's side",
        },
        DURATION,
    ],
    build: |options| {
        let side = match options.word("leader")? {
            "majority" => LeaderSide::Majority,
            "minority" => LeaderSide::Minority,
            _ => LeaderSide::Any,
        };
        Ok(Box::new(PartitionMajority { side }))
    },
};

#[derive(Debug)]
struct PartitionMajority {
    side: LeaderSide,
}

#[derive(Debug, Clone, Copy)]
enum LeaderSide {
    Majority,
    Minority,
    Any,
}

impl Fault for PartitionMajority {
    fn asked(&self) -> String {
        match self.side {
            LeaderSide::Majority => "minority without the leader",
            LeaderSide::Minority => "minority with the leader",
            LeaderSide::Any => "minority",
        }
        .to_owned()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(3, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let mut order = applied.shuffled_nodes();
            match self.side {
                LeaderSide::Majority => move_to_front(&mut order, applied.leader().await?),
                LeaderSide::Minority => {
                    move_to_front(&mut order, applied.leader().await?);
                    order.reverse();
                }
                LeaderSide::Any => {}
            }
            let mut minority = order.split_off(usize::from(majority(applied.nodes())));
            minority.sort_unstable();
            let partition = Partition::split(applied.nodes(), &minority);
            applied.hold_partition(&minority, &partition).await
        })
    }
}

fn move_to_front(order: &mut [NodeId], node: NodeId) {
    if let Some(index) = order.iter().position(|other| *other == node) {
        order.swap(0, index);
    }
}
