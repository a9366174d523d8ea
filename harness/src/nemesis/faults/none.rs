//! No fault at all: what a run without faults is called in a campaign.

use crate::environment::BoxFuture;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::{Applied, Fault, Length, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const NONE: FaultDescription = FaultDescription {
    name: "none",
    description: "nothing happens",
    heal: "nothing to heal",
    options: &[],
    build: |_| Ok(Box::new(None)),
};

#[derive(Debug)]
struct None;

impl Fault for None {
    fn asked(&self) -> String {
        "nobody".to_owned()
    }

    fn length(&self) -> Length {
        Length::AtMost(std::time::Duration::ZERO)
    }

    fn check(&self, _nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        Ok(())
    }

    fn apply<'a>(&'a self, _applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async { Ok(()) })
    }
}
