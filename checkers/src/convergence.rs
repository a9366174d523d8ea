//! Whether the cluster converged after everything was healed, as the run itself recorded it.

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::verdict::{FindingKind, Witness};
use crate::witness::at;

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "convergence", description: "whether the cluster converged after healing", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    if history.timeline().converged != Some(false) {
        return;
    }
    let timeline = history.timeline();
    let time = timeline.converged_ns.unwrap_or_else(|| history.end_ns());
    let events = timeline.converged_index.into_iter().collect();
    let text = format!(
        "The cluster had not converged by {}: one leader, all nodes at its position and no change of role for one election \
         timeout were not reached within the time allowed after every fault was healed. What was lost is therefore unknown.",
        at(time)
    );
    analysis.find(FindingKind::DidNotConverge, 1, None, Witness { text, events });
    analysis.unknown("the cluster did not converge after everything was healed");
}
