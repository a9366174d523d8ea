//! Cuts the leader off for less than an election timeout, then kills it: what it acknowledged alone dies with it.
//!
//! A bare kill on loopback loses nothing, because the bytes are already out. The links stay cut until the node is
//! started again: the kernel goes on sending what a dead process had left in its sockets.

use std::time::Duration;

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::{OptionDefault, OptionDescription, OptionKind, RESTART};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, Length, NotApplied};
use crate::systems::SystemTiming;

pub(in crate::nemesis) const CUT_THEN_KILL: FaultDescription = FaultDescription {
    name: "cut-then-kill",
    description: "the leader is cut from the other nodes, not from its workers, for less than an election timeout, \
                  then killed",
    heal: "links up and started again once another leader has acknowledged a write, at the latest after restart_ms",
    options: &[
        OptionDescription {
            name: "cut_ms",
            kind: OptionKind::Milliseconds,
            default: OptionDefault::FromTiming {
                words: "two thirds of the least election timeout",
                milliseconds: |timing| as_ms(timing.election_timeout_min * 2 / 3).max(1),
            },
            description: "how long it is cut off before it is killed; less than the least election timeout",
        },
        RESTART,
    ],
    build: |options| {
        Ok(Box::new(CutThenKill {
            cut_for: options.duration("cut_ms")?,
            restart_after: options.duration("restart_ms")?,
        }))
    },
};

#[derive(Debug)]
struct CutThenKill {
    cut_for: Duration,
    restart_after: Duration,
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Fault for CutThenKill {
    fn asked(&self) -> String {
        Target::Leader.to_string()
    }

    fn length(&self) -> Length {
        Length::AtMost(self.cut_for + self.restart_after)
    }

    fn check(&self, nodes: u16, timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)?;
        if self.cut_for >= timing.election_timeout_min {
            let (cut_ms, least_ms) = (self.cut_for.as_millis(), timing.election_timeout_min.as_millis());
            return Err(format!(
                "cut_ms={cut_ms} is not less than the least election timeout ({least_ms} ms), so that the others \
                 would elect before the kill; use a smaller cut_ms, or partition-leader"
            ));
        }
        Ok(())
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let leader = applied.leader().await?;
            let partition = Partition::from_other_nodes(applied.nodes(), leader);
            applied.begin(&[leader], &partition);
            let kill_at = applied.cut(&partition)? + self.cut_for;
            applied.wait_until(kill_at).await;
            applied.kill(&[leader]).await?;
            applied.until_another_leads(self.restart_after).await;
            applied.links_up();
            applied.restart();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_as_long_as_an_election_timeout_is_refused() {
        let timing = SystemTiming {
            election_timeout_min: Duration::from_millis(300),
            election_timeout_max: Duration::from_millis(600),
        };
        let fault = |cut_ms| CutThenKill { cut_for: Duration::from_millis(cut_ms), restart_after: Duration::ZERO };
        assert!(fault(299).check(3, &timing).is_ok());
        assert!(fault(300).check(3, &timing).unwrap_err().contains("300 ms"));
        assert!(fault(200).check(1, &timing).is_err());
    }
}
