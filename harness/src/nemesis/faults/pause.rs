//! Stops nodes by SIGSTOP: they are silent, not dead, and go on as if no time had passed.

use crate::environment::BoxFuture;
use crate::nemesis::options::{DURATION, OptionDefault, OptionDescription, OptionKind};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const PAUSE: FaultDescription = FaultDescription {
    name: "pause",
    description: "SIGSTOP of every process of the nodes",
    heal: "SIGCONT",
    options: &[
        OptionDescription {
            name: "target",
            kind: OptionKind::Target,
            default: OptionDefault::Text("leader"),
            description: "whom",
        },
        DURATION,
    ],
    build: |options| Ok(Box::new(Pause { target: options.target("target")? })),
};

#[derive(Debug)]
struct Pause {
    target: Target,
}

impl Fault for Pause {
    fn asked(&self) -> String {
        self.target.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        self.target.check(nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let nodes = applied.resolve(&self.target).await?;
            applied.begin(&nodes, &Partition::none(applied.nodes()));
            let end = applied.stop(&nodes)? + applied.duration();
            applied.confirm_stopped(end).await;
            applied.wait_until(end).await;
            applied.resume();
            Ok(())
        })
    }
}
