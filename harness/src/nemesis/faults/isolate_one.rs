//! One node and its workers on one side, everyone else on the other.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::{DURATION, OptionDefault, OptionDescription, OptionKind};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const ISOLATE_ONE: FaultDescription = FaultDescription {
    name: "isolate-one",
    description: "one node and its workers against the rest",
    heal: "links up",
    options: &[
        OptionDescription {
            name: "target",
            kind: OptionKind::SingleTarget,
            default: OptionDefault::Text("one"),
            description: "which node",
        },
        DURATION,
    ],
    build: |options| Ok(Box::new(IsolateOne { target: options.target("target")? })),
};

#[derive(Debug)]
struct IsolateOne {
    target: Target,
}

impl Fault for IsolateOne {
    fn asked(&self) -> String {
        self.target.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)?;
        self.target.check(nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let nodes = applied.resolve(&self.target).await?;
            let partition = Partition::split(applied.nodes(), &nodes);
            applied.hold_partition(&nodes, &partition).await
        })
    }
}
