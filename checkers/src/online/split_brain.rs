//! Split brain by acknowledgements, as soon as the second of two acknowledgements shows it.
//!
//! *Reported*: a write acknowledged under an older term that was invoked after another node's acknowledgement under a newer
//! term had completed; and a write acknowledged under a term under which another node had acknowledged one. That is what
//! [`crate::split_brain`] reports.
//!
//! *No later event takes it back*: it is a statement about two operations that have ended.
//!
//! *Nothing is missed*: the write under the newer term completed before the other was invoked, hence before it completes; so
//! it is enough to look at each acknowledgement when it comes, and to remember of each term the node and when its first
//! acknowledgement completed. Times are in order, so the first that comes is the earliest. Two nodes under one term end the
//! matter at once, so there is one node a term.

use std::collections::BTreeMap;

use super::check::{Completion, OnlineChecker, OnlineOperation, Violation};
use crate::history::Outcome;

/// See the module.
#[must_use]
pub fn split_brain() -> Box<dyn OnlineChecker> {
    Box::new(SplitBrain::default())
}

/// What is remembered of a term.
struct Reign {
    node: String,
    first_completed_ns: u64,
    first_index: u64,
}

#[derive(Default)]
struct SplitBrain {
    reigns: BTreeMap<u64, Reign>,
}

impl OnlineChecker for SplitBrain {
    fn name(&self) -> &'static str {
        crate::split_brain::CHECKER.name
    }

    fn invoked(&mut self, _operation: &OnlineOperation) {}

    fn completed(&mut self, operation: &OnlineOperation, completion: &Completion, _: u64) -> Option<Violation> {
        if completion.outcome != Outcome::Ok || operation.is_read() {
            return None;
        }
        let (node, term) = (completion.node.as_ref()?, completion.term?);
        let reign = self.reigns.entry(term).or_insert_with(|| Reign {
            node: node.clone(),
            first_completed_ns: completion.time_ns,
            first_index: completion.index,
        });
        let found = |other: &Reign, text: String| Violation {
            checker: crate::split_brain::CHECKER.name,
            text,
            time_ns: completion.time_ns,
            events: vec![other.first_index, completion.index],
        };
        if reign.node != *node {
            let text = format!("{} and {node} acknowledged writes under one term, {term}", reign.node);
            return Some(found(reign, text));
        }
        let (newer, other) = self
            .reigns
            .range(term.checked_add(1)?..)
            .find(|(_, other)| other.node != *node && other.first_completed_ns < operation.invoked_ns)?;
        let text = format!(
            "{node} acknowledged under term {term} a write that was invoked after {} had acknowledged one under term {newer}",
            other.node
        );
        Some(found(other, text))
    }

    fn finish(&mut self) -> Option<Violation> {
        None
    }

    fn left_to_the_end(&self) -> Option<(u64, &str)> {
        None
    }

    fn entries(&self) -> usize {
        self.reigns.len()
    }
}
