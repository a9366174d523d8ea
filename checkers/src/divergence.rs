//! Nodes that hold different states after the cluster converged, by each node's own closing read (marked `final`).
//!
//! States are compared at one position only: a node that is merely behind has not diverged. Nothing is compared in a run
//! that did not converge.

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, KeyId, Operation, ValueId};
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, short, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "divergence", description: "nodes held different states after convergence", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    if history.timeline().converged == Some(false) {
        return;
    }
    let mut reads: BTreeMap<(KeyId, Option<u64>), Vec<Operation<'_>>> = BTreeMap::new();
    let final_reads = history.operations().filter(|operation| operation.is_final() && operation.is_ok());
    for read in final_reads.filter(|read| read.node().is_some()) {
        reads.entry((read.key(), read.position())).or_default().push(read);
    }
    let mut diverged: Vec<(KeyId, [Operation<'_>; 2])> = reads
        .iter()
        .filter_map(|((key, _), reads)| {
            let first = *reads.first()?;
            let other = reads.iter().find(|read| read.node() != first.node() && !same_state(&first, read))?;
            Some((*key, [first, *other]))
        })
        .collect();
    // One key at two positions is still one key.
    diverged.dedup_by_key(|(key, _)| *key);
    if let Some((key, operations)) = diverged.first() {
        let text = story(history, *key, diverged.len(), operations);
        analysis.find(FindingKind::Divergence, diverged.len() as u64, None, witness(text, operations));
    }
}

/// Lists are compared as sets: no node promises an order.
fn same_state(one: &Operation<'_>, other: &Operation<'_>) -> bool {
    match (elements(one), elements(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.result() == other.result(),
    }
}

/// What a read returned, sorted; `None` if it returned no list.
fn elements(read: &Operation<'_>) -> Option<Vec<ValueId>> {
    let mut elements = read.history().values().as_list(read.result()?)?.to_vec();
    elements.sort_unstable();
    Some(elements)
}

fn story(history: &History, key: KeyId, count: usize, [one, other]: &[Operation<'_>; 2]) -> String {
    let difference = match (elements(one), elements(other)) {
        (Some(one), Some(other)) => {
            let only = |these: &[ValueId], those: &[ValueId]| {
                let missing = these.iter().find(|element| those.binary_search(element).is_err());
                missing.map(|element| short(history, *element))
            };
            match (only(&one, &other), only(&other, &one)) {
                (Some(a), Some(b)) => format!("only the first has {a}, only the second has {b}"),
                (Some(a), None) => format!("only the first has {a}"),
                (None, Some(b)) => format!("only the second has {b}"),
                (None, None) => "one of them holds an element twice".to_owned(),
            }
        }
        _ => "the values differ".to_owned(),
    };
    format!(
        "After every fault was healed and the cluster had converged, nodes hold different states of {}. The first \
         is {}: {}; and {}: {difference}.",
        counted(count as u64, "key"),
        history.key_name(key),
        describe(history, one),
        describe(history, other),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Limits;
    use crate::checker::judge;
    use crate::testing::HistoryText;

    fn history(reads: &[(&str, Value, u64)]) -> HistoryText {
        let mut text = HistoryText::new();
        for (number, (node, result, position)) in reads.iter().enumerate() {
            let time = number as u64 * 10;
            text.ok((time, time + 1), number as u64, "read", Value::Null, result.clone())
                .with("node", *node)
                .with("position", *position)
                .with("final", true);
        }
        text
    }

    fn divergences(text: &HistoryText) -> u64 {
        let analysis = judge(&text.history(), &Limits::NONE, &[&CHECKER]);
        analysis.finding(FindingKind::Divergence).map_or(0, |finding| finding.count)
    }

    #[test]
    fn different_states_at_one_position_diverge() {
        assert_eq!(divergences(&history(&[("n1", json!([1, 2]), 5), ("n2", json!([2, 1]), 5)])), 0);
        assert_eq!(divergences(&history(&[("n1", json!([1, 2]), 5), ("n2", json!([2, 3]), 5)])), 1);
        assert_eq!(divergences(&history(&[("n1", json!(1), 5), ("n2", json!(2), 5)])), 1);
    }

    #[test]
    fn a_node_that_is_behind_has_not_diverged() {
        assert_eq!(divergences(&history(&[("n1", json!([1, 2]), 5), ("n2", json!([1]), 4)])), 0);
    }

    #[test]
    fn nothing_is_compared_without_convergence() {
        let mut text = history(&[("n1", json!([1]), 5), ("n2", json!([2]), 5)]);
        text.nemesis(0, "converged", json!(false));
        assert_eq!(divergences(&text), 0);
    }
}
