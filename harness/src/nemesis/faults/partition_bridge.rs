//! Two halves that cannot see each other, and one node that sees both.
//!
//! That node does not lead, unless asked otherwise: if the leader saw both halves, nothing but silence between followers
//! would be cut.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::{DURATION, OptionDefault, OptionDescription, OptionKind};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const PARTITION_BRIDGE: FaultDescription = FaultDescription {
    name: "partition-bridge",
    description: "two halves, each with its workers, and one node that sees both",
    heal: "links up",
    options: &[
        OptionDescription {
            name: "target",
            kind: OptionKind::SingleTarget,
            default: OptionDefault::Text("follower"),
            description: "the node that sees both halves",
        },
        DURATION,
    ],
    build: |options| Ok(Box::new(PartitionBridge { bridge: options.target("target")? })),
};

#[derive(Debug)]
struct PartitionBridge {
    bridge: Target,
}

impl Fault for PartitionBridge {
    fn asked(&self) -> String {
        self.bridge.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(3, nodes)?;
        self.bridge.check(nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let resolved = applied.resolve(&self.bridge).await?;
            let mut one = applied.shuffled_nodes();
            one.retain(|node| !resolved.contains(node));
            let mut other = one.split_off(one.len() / 2);
            one.sort_unstable();
            other.sort_unstable();
            let partition = Partition::bridge(resolved[0], &one, &other);
            applied.hold_partition(&resolved, &partition).await
        })
    }
}
