//! The leader and the next in line lose sight of each other; every worker still reaches every node.
//!
//! It is what a naive failover cannot bear whatever it asks to be acknowledged: the follower that both leaders reach
//! serves both.

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::DURATION;
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const CUT_ONE_LINK: FaultDescription = FaultDescription {
    name: "cut-one-link",
    description: "the leader and the next in line cannot reach each other; all workers reach all nodes",
    heal: "link up",
    options: &[DURATION],
    build: |_| Ok(Box::new(CutOneLink)),
};

#[derive(Debug)]
struct CutOneLink;

impl Fault for CutOneLink {
    fn asked(&self) -> String {
        Target::Leader.to_string()
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let leader = applied.leader().await?;
            let next = applied.next_in_line(leader)?;
            applied.hold_partition(&[leader, next], &Partition::one_link(leader, next)).await
        })
    }
}
