//! Stops the leader, cuts its links while it is stopped, lets it go on alone, and joins it again: it wakes with a lease
//! and with requests of the past, and nobody can tell it that it was replaced.

use std::time::Duration;

use crate::environment::BoxFuture;
use crate::nemesis::fault::at_least;
use crate::nemesis::options::{OptionDefault, OptionDescription, OptionKind};
use crate::nemesis::partition::Partition;
use crate::nemesis::registry::FaultDescription;
use crate::nemesis::target::Target;
use crate::nemesis::{Applied, Fault, Length, NotApplied};
use crate::systems::SystemTiming;

/// How long after the longest election timeout the leader may sleep on, so that another one is at work.
const REPLACED_MS: u64 = 500;

/// The least default of `pause_ms`.
const PAUSE_MS_MIN: u64 = 1_100;

pub(in crate::nemesis) const PAUSE_ISOLATE: FaultDescription = FaultDescription {
    name: "pause-isolate",
    description: "the leader is stopped, cut off with its workers while it is stopped, then continued",
    heal: "links up after isolated_ms",
    options: &[
        OptionDescription {
            name: "cut_after_ms",
            kind: OptionKind::Milliseconds,
            default: OptionDefault::Text("3"),
            description: "from the stop to the cut",
        },
        OptionDescription {
            name: "pause_ms",
            kind: OptionKind::Milliseconds,
            default: OptionDefault::FromTiming {
                words: "1100, or the longest election timeout and 500",
                milliseconds: |timing| {
                    let longest_ms = u64::try_from(timing.election_timeout_max.as_millis()).unwrap_or(u64::MAX);
                    longest_ms.saturating_add(REPLACED_MS).max(PAUSE_MS_MIN)
                },
            },
            description: "from the cut until it continues",
        },
        OptionDescription {
            name: "isolated_ms",
            kind: OptionKind::Milliseconds,
            default: OptionDefault::Text("300"),
            description: "from then until its links come up",
        },
    ],
    build: |options| {
        Ok(Box::new(PauseIsolate {
            cut_after: options.duration("cut_after_ms")?,
            paused_for: options.duration("pause_ms")?,
            isolated_for: options.duration("isolated_ms")?,
        }))
    },
};

#[derive(Debug)]
struct PauseIsolate {
    cut_after: Duration,
    paused_for: Duration,
    isolated_for: Duration,
}

impl Fault for PauseIsolate {
    fn asked(&self) -> String {
        Target::Leader.to_string()
    }

    fn length(&self) -> Length {
        Length::AtMost(self.cut_after + self.paused_for + self.isolated_for)
    }

    fn check(&self, nodes: u16, _timing: &SystemTiming) -> Result<(), String> {
        at_least(2, nodes)
    }

    fn apply<'a>(&'a self, applied: &'a mut Applied) -> BoxFuture<'a, Result<(), NotApplied>> {
        Box::pin(async move {
            let leader = applied.leader().await?;
            let partition = Partition::split(applied.nodes(), &[leader]);
            applied.begin(&[leader], &partition);
            let cut_at = applied.stop(&[leader])? + self.cut_after;
            applied.wait_until(cut_at).await;
            let continue_at = applied.cut(&partition)? + self.paused_for;
            applied.confirm_stopped(continue_at).await;
            applied.wait_until(continue_at).await;
            let links_up_at = applied.resume() + self.isolated_for;
            applied.wait_until(links_up_at).await;
            applied.links_up();
            Ok(())
        })
    }
}
