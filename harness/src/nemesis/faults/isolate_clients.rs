//! The workers of some nodes lose every node; the nodes still see each other.

use crate::environment::BoxFuture;
use crate::nemesis::options::{DURATION, OptionDefault, OptionDescription, OptionKind};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const ISOLATE_CLIENTS: FaultDescription = FaultDescription {
    name: "isolate-clients",
    description: "the workers of the nodes cannot reach any node; the nodes see each other",
    heal: "links up",
    options: &[
        OptionDescription {
            name: "target",
            kind: OptionKind::Target,
            default: OptionDefault::Text("one"),
            description: "whose workers",
        },
        DURATION,
    ],
    build: |options| Ok(Box::new(IsolateClients { target: options.target("target")? })),
};

#[derive(Debug)]
struct IsolateClients {
    target: Target,
}

impl Fault for IsolateClients {
    fn asked(&self) -> String {
        self.target.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        self.target.check(nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let nodes = applied.resolve(&self.target).await?;
            let partition = Partition::clients(applied.nodes(), &nodes);
            applied.hold_partition(&nodes, &partition).await
        })
    }
}
