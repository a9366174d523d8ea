//! Two acknowledged entries at one position of the log.
//!
//! It is not split brain by itself: a lost tail that was rewritten is a fork, too.

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::Operation;
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, witness};

/// See the module.
pub static CHECKER: Checker = Checker { name: "fork", description: "two acknowledged entries at one position", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let mut first_at: BTreeMap<u64, Operation<'_>> = BTreeMap::new();
    let mut forks: BTreeMap<u64, [Operation<'_>; 2]> = BTreeMap::new();
    let writes = history.operations().filter(|operation| operation.is_ok() && !operation.is_read());
    for write in writes {
        let (Some(position), Some(term)) = (write.position(), write.term()) else { continue };
        let first = *first_at.entry(position).or_insert(write);
        // Entries are told apart by their term: one node may answer for one entry twice.
        if first.term() != Some(term) {
            forks.entry(position).or_insert([first, write]);
        }
    }
    if first_at.is_empty() {
        return;
    }
    analysis.measures.forks = Some(forks.len() as u64);
    let Some((position, [one, other])) = forks.first_key_value() else { return };
    let operations = [*one, *other];
    let text = format!(
        "Two acknowledged entries at one position of the log, at {}. The first is position {position}: {}; and {}; {}. One of \
         the two was thrown away.",
        counted(forks.len() as u64, "position"),
        describe(history, one),
        describe(history, other),
        faults_around(history, &operations),
    );
    analysis.find(FindingKind::Fork, forks.len() as u64, None, witness(text, &operations));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    #[test]
    fn two_terms_at_one_position_are_a_fork() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 0, "add", json!(1), json!(1)).with("term", 1).with("position", 7);
        text.ok((2, 3), 0, "add", json!(2), json!(2)).with("term", 1).with("position", 8);
        text.ok((4, 5), 0, "add", json!(3), json!(3)).with("term", 2).with("position", 7);
        let analysis = judge(&text.history(), &Limits::NONE, &[&CHECKER]);
        assert_eq!(analysis.measures.forks, Some(1));
        assert_eq!(analysis.valid, Validity::Valid);
        assert_eq!(analysis.findings[0].witness.events, vec![0, 1, 4, 5]);
    }
}
