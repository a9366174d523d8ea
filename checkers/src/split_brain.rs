//! Split brain by acknowledgements: two nodes accepted writes in overlapping reigns.
//!
//! Node A acknowledged a write under an older term that was *invoked* after node B's acknowledgement under a newer term had
//! *completed*; or two nodes acknowledged under one term. Only acknowledgements that carry node and term take part. A
//! leader that was paused between commit and reply completes late, but what it acknowledges was invoked before: not split
//! brain. The seconds are a lower bound: from the first completion of the newer reign to the last invocation of the older.

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, Operation};
use crate::verdict::FindingKind;
use crate::witness::{at, counted, describe, faults_during, seconds, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "split-brain", description: "two nodes acknowledged writes in overlapping reigns", check };

/// What one node acknowledged under one term.
#[derive(Debug, Clone)]
struct Reign<'h> {
    node: &'h str,
    /// The write whose completion came first.
    first_completed: Operation<'h>,
    /// The write that was invoked last.
    last_invoked: Operation<'h>,
    /// Invocation times of all.
    invocations_ns: Vec<u64>,
}

impl Reign<'_> {
    fn begins_ns(&self) -> u64 {
        self.first_completed.completed_ns().unwrap_or(u64::MAX)
    }

    fn ends_ns(&self) -> u64 {
        self.last_invoked.invoked_ns()
    }
}

/// A reign that went on accepting writes after another, which supersedes it, had begun.
struct Overlap<'r, 'h> {
    older: &'r Reign<'h>,
    newer: &'r Reign<'h>,
    writes: u64,
}

impl Overlap<'_, '_> {
    /// Empty where two nodes acknowledged under one term one after the other.
    fn span_ns(&self) -> (u64, u64) {
        let from = self.newer.begins_ns();
        (from, self.older.ends_ns().max(from))
    }
}

type Reigns<'h> = BTreeMap<u64, BTreeMap<&'h str, Reign<'h>>>;

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let reigns = reigns(context.history);
    if reigns.is_empty() {
        return;
    }
    let mut overlaps = across_terms(&reigns);
    overlaps.extend(within_terms(&reigns));
    let total = union_ns(overlaps.iter().map(Overlap::span_ns).collect());
    analysis.measures.split_brain_seconds = Some(seconds(total));
    let longest = overlaps.iter().max_by_key(|overlap| {
        let (from, to) = overlap.span_ns();
        (to - from, overlap.writes)
    });
    if let Some(longest) = longest {
        let writes = overlaps.iter().map(|overlap| overlap.writes).sum();
        let (text, operations) = story(context.history, longest, writes, total);
        analysis.find(FindingKind::SplitBrain, writes, Some(seconds(total)), witness(text, &operations));
    }
}

fn reigns(history: &History) -> Reigns<'_> {
    let mut reigns: Reigns<'_> = BTreeMap::new();
    for write in history.operations().filter(|operation| operation.is_ok() && !operation.is_read()) {
        let (Some(node), Some(term)) = (write.node(), write.term()) else { continue };
        let reign = reigns.entry(term).or_default().entry(node).or_insert_with(|| Reign {
            node,
            first_completed: write,
            last_invoked: write,
            invocations_ns: Vec::new(),
        });
        if write.completed_ns() < reign.first_completed.completed_ns() {
            reign.first_completed = write;
        }
        if write.invoked_ns() >= reign.last_invoked.invoked_ns() {
            reign.last_invoked = write;
        }
        reign.invocations_ns.push(write.invoked_ns());
    }
    reigns
}

/// For every reign: the earliest newer one of another node, if it began before the last write of the older was invoked.
///
/// Going from the newest term down, two candidates suffice: the earliest newer reign, and the earliest of another node
/// than that one's.
fn across_terms<'r, 'h>(reigns: &'r Reigns<'h>) -> Vec<Overlap<'r, 'h>> {
    let mut overlaps = Vec::new();
    let mut earliest: [Option<&Reign<'h>>; 2] = [None, None];
    for of_term in reigns.values().rev() {
        for older in of_term.values() {
            let newer = earliest.into_iter().flatten().find(|newer| newer.node != older.node);
            if let Some(newer) = newer.filter(|newer| newer.begins_ns() < older.ends_ns()) {
                let writes = later_than(older, newer.begins_ns());
                overlaps.push(Overlap { older, newer, writes });
            }
        }
        for reign in of_term.values() {
            keep_earliest(&mut earliest, reign);
        }
    }
    overlaps
}

fn keep_earliest<'r, 'h>(earliest: &mut [Option<&'r Reign<'h>>; 2], reign: &'r Reign<'h>) {
    let before = |other: Option<&Reign<'h>>| other.is_none_or(|other| reign.begins_ns() < other.begins_ns());
    let same_node = |other: Option<&Reign<'h>>| other.is_some_and(|other| other.node == reign.node);
    if before(earliest[0]) {
        if !same_node(earliest[0]) {
            earliest[1] = earliest[0];
        }
        earliest[0] = Some(reign);
    } else if !same_node(earliest[0]) && before(earliest[1]) {
        earliest[1] = Some(reign);
    }
}

/// Every node that acknowledged under a term after the first one did; the first is the older.
fn within_terms<'r, 'h>(reigns: &'r Reigns<'h>) -> Vec<Overlap<'r, 'h>> {
    let mut overlaps = Vec::new();
    for of_term in reigns.values().filter(|of_term| of_term.len() > 1) {
        let mut by_begin: Vec<&Reign<'h>> = of_term.values().collect();
        by_begin.sort_by_key(|reign| reign.begins_ns());
        let (older, newer) = (by_begin[0], by_begin[1]);
        // Even without a write in the overlap, two nodes answered under one term.
        let writes = later_than(older, newer.begins_ns()).max(1);
        overlaps.push(Overlap { older, newer, writes });
    }
    overlaps
}

fn later_than(reign: &Reign<'_>, time_ns: u64) -> u64 {
    reign.invocations_ns.iter().filter(|invoked| **invoked > time_ns).count() as u64
}

/// Length of the union of spans.
fn union_ns(mut spans: Vec<(u64, u64)>) -> u64 {
    spans.sort_unstable();
    let mut total = 0;
    let mut covered_to = 0;
    for (from, to) in spans {
        let from = from.max(covered_to);
        if to > from {
            total += to - from;
            covered_to = to;
        }
    }
    total
}

fn story<'h>(history: &History, overlap: &Overlap<'_, 'h>, writes: u64, total_ns: u64) -> (String, Vec<Operation<'h>>) {
    let (older, newer) = (overlap.older, overlap.newer);
    let operations = vec![newer.first_completed, older.last_invoked];
    let (from, to) = overlap.span_ns();
    let how = if older.last_invoked.term() == newer.first_completed.term() {
        format!("{} and {} acknowledged writes under one term", older.node, newer.node)
    } else {
        format!(
            "{} still accepted writes under an older term after {} had acknowledged under a newer one",
            older.node, newer.node
        )
    };
    let text = format!(
        "{how}: {}; the last one the other way: {}. {} that the older side acknowledged came \
         after that, over at least {:.3} s in all (the longest from {} to {}); {}.",
        describe(history, &newer.first_completed),
        describe(history, &older.last_invoked),
        counted(writes, "write"),
        seconds(total_ns),
        at(from),
        at(to),
        faults_during(history, from, to),
    );
    (text, operations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    fn judged(text: &HistoryText) -> Analysis {
        judge(&text.history(), &Limits::NONE, &[&CHECKER])
    }

    /// An acknowledged add: invoked, completed (milliseconds), node, term.
    fn history(writes: &[(u64, u64, &str, u64)]) -> HistoryText {
        let mut text = HistoryText::new();
        for (number, (invoked, completed, node, term)) in writes.iter().enumerate() {
            let process = number as u64;
            text.invoke(*invoked, process, "add", serde_json::json!(number));
            text.complete(*completed, process, "ok", "add", serde_json::json!(number))
                .with("node", *node)
                .with("term", *term);
        }
        text
    }

    #[test]
    fn an_older_reign_that_goes_on_is_split_brain_with_its_seconds() {
        let analysis =
            judged(&history(&[(0, 10, "n1", 1), (20, 30, "n2", 2), (100, 110, "n1", 1), (230, 240, "n1", 1)]));
        assert_eq!(analysis.valid, Validity::Invalid);
        assert_eq!(analysis.measures.split_brain_seconds, Some(0.2));
        assert_eq!(analysis.findings[0].count, 2);
        assert!(analysis.findings[0].witness.text.contains("n1 still accepted writes"), "{:?}", analysis.findings);
    }

    #[test]
    fn a_late_completion_is_not_split_brain() {
        // Invoked before the newer reign began, answered long after: a paused leader.
        let analysis = judged(&history(&[(0, 500, "n1", 1), (20, 30, "n2", 2)]));
        assert_eq!(analysis.valid, Validity::Valid);
        assert_eq!(analysis.measures.split_brain_seconds, Some(0.0));
    }

    #[test]
    fn equal_times_are_concurrent() {
        let analysis = judged(&history(&[(20, 30, "n2", 2), (30, 40, "n1", 1)]));
        assert_eq!(analysis.valid, Validity::Valid);
    }

    #[test]
    fn two_nodes_under_one_term_are_split_brain_even_without_overlap() {
        let analysis = judged(&history(&[(0, 10, "n1", 1), (20, 30, "n2", 1)]));
        assert_eq!(analysis.valid, Validity::Invalid);
        assert_eq!(analysis.measures.split_brain_seconds, Some(0.0));
    }

    #[test]
    fn one_node_under_two_terms_is_not_split_brain() {
        let analysis = judged(&history(&[(0, 10, "n1", 2), (20, 30, "n1", 1)]));
        assert_eq!(analysis.valid, Validity::Valid);
    }

    #[test]
    fn the_second_earliest_newer_reign_counts_where_the_earliest_is_of_the_same_node() {
        let analysis = judged(&history(&[(0, 10, "n1", 3), (20, 30, "n2", 2), (50, 60, "n1", 1)]));
        // n2's term 2 began after n1's term 3, and was invoked after it completed; n1's term 1 after n2's term 2.
        assert_eq!(analysis.valid, Validity::Invalid);
        assert_eq!(analysis.findings[0].count, 2);
        assert_eq!(analysis.measures.split_brain_seconds, Some(0.03));
    }

    #[test]
    fn without_terms_it_cannot_be_measured() {
        let mut text = HistoryText::new();
        text.invoke(0, 0, "add", serde_json::json!(1));
        text.complete(1, 0, "ok", "add", serde_json::json!(1));
        let analysis = judged(&text);
        assert_eq!(analysis.measures.split_brain_seconds, None);
        assert_eq!(analysis.valid, Validity::Valid);
    }
}
