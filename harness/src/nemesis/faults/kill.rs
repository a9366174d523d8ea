//! Ends nodes by SIGKILL and starts them again.

use std::time::Duration;

use crate::environment::BoxFuture;
use crate::nemesis::options::{OptionDefault, OptionDescription, OptionKind, RESTART};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, Length, NotApplied};
use crate::systems::SystemTiming;

const HEAL: &str = "started again once another leader has acknowledged a write, at the latest after restart_ms";

pub(in crate::nemesis) const KILL: FaultDescription = FaultDescription {
    name: "kill",
    description: "SIGKILL of every process of the nodes",
    heal: HEAL,
    options: &[
        OptionDescription {
            name: "target",
            kind: OptionKind::Target,
            default: OptionDefault::Text("one"),
            description: "whom",
        },
        RESTART,
    ],
    build: |options| {
        Ok(Box::new(Kill { target: options.target("target")?, restart_after: options.duration("restart_ms")? }))
    },
};

pub(in crate::nemesis) const KILL_LEADER: FaultDescription = FaultDescription {
    name: "kill-leader",
    description: "SIGKILL of every process of the leader",
    heal: HEAL,
    options: &[RESTART],
    build: |options| Ok(Box::new(Kill { target: Target::Leader, restart_after: options.duration("restart_ms")? })),
};

#[derive(Debug)]
struct Kill {
    target: Target,
    restart_after: Duration,
}

impl Fault for Kill {
    fn asked(&self) -> String {
        self.target.to_string()
    }

    fn length(&self) -> Length {
        Length::AtMost(self.restart_after)
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        self.target.check(nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let nodes = applied.resolve(&self.target).await?;
            applied.begin(&nodes, &Partition::none(applied.nodes()));
            applied.kill(&nodes).await?;
            applied.until_another_leads(self.restart_after).await;
            applied.restart();
            Ok(())
        })
    }
}
