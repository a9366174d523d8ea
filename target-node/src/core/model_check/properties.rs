//! The properties of the Raft paper (figure 3), and two of disks, checked in every state of an exploration.

use std::collections::BTreeMap;

use super::space::{KnownMachine, Step};
use crate::core::{Claim, NodeId, Position, Term};

/// What was true once and must stay true: who led, and what was committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Past {
    leaders: BTreeMap<Term, NodeId>,
    /// By position from 1: what was committed, and the term of the node that knew it first.
    committed: Vec<(Claim, Term)>,
}

impl Past {
    /// The past after a step of `node`; `machine` is how the node is then.
    ///
    /// # Errors
    /// Which property does not hold, and how.
    pub(super) fn after(&self, node: NodeId, step: &Step, machine: &KnownMachine) -> Result<Self, String> {
        let mut past = self.clone();
        if let Some(term) = step.leads_in {
            let first = *past.leaders.entry(term).or_insert(node);
            if first != node {
                return Err(format!("election safety: {first} and {node} lead in term {term}"));
            }
            past.leader_completeness(node, term, machine)?;
        }
        for (position, claim) in &step.committed {
            match past.committed.get(position.0 as usize - 1) {
                Some((known, _)) if known == claim => {}
                Some((known, _)) => {
                    return Err(format!(
                        "state machine safety: {node} commits {claim:?} at {position}, where {known:?} was committed"
                    ));
                }
                None => past.committed.push((*claim, machine.term)),
            }
        }
        Ok(past)
    }

    /// What was committed in an earlier term is in the log of a new leader.
    fn leader_completeness(&self, node: NodeId, term: Term, machine: &KnownMachine) -> Result<(), String> {
        for ((claim, in_term), position) in self.committed.iter().zip(1..).map(|(known, at)| (*known, Position(at))) {
            let own = machine.claims.get(position.0 as usize - 1);
            if in_term < term && own != Some(&claim) {
                return Err(format!(
                    "leader completeness: {node} leads in term {term} with {own:?} at {position}, where {claim:?} was \
                     committed in term {in_term}"
                ));
            }
        }
        Ok(())
    }

    /// What was committed is on the disks of a majority, whatever happens later.
    pub(super) fn durability<'a>(
        &self,
        machines: impl Iterator<Item = &'a KnownMachine> + Clone,
    ) -> Result<(), String> {
        for ((claim, _), index) in self.committed.iter().zip(0..) {
            let copies = machines.clone().filter(|machine| machine.durable_claims.get(index) == Some(claim)).count();
            if copies <= machines.clone().count() / 2 {
                let position = index + 1;
                return Err(format!("durability: {claim:?} was committed at {position} and is on {copies} disks"));
            }
        }
        Ok(())
    }
}

/// If two logs have an entry with the same claim at the same position, they agree up to there.
pub(super) fn log_matching(left: &KnownMachine, right: &KnownMachine) -> Result<(), String> {
    let (left, right) = (&left.claims, &right.claims);
    let last_same = (0..left.len().min(right.len())).rev().find(|index| left[*index] == right[*index]);
    match last_same {
        Some(index) if left[..index] != right[..index] => Err(format!("log matching: {left:?} and {right:?}")),
        _ => Ok(()),
    }
}
