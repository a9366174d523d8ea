//! Orders that need no data: what a process did in turn, and what was over before something else began.

use super::graph::{Edges, Relations};
use super::input::Transactions;
use crate::history::Outcome;

/// Adds the order of each process: from every transaction that committed to the next ones of its process, up to and with the
/// next that committed. What is undecided may take effect late, so nothing follows it; what failed takes no part.
pub(crate) fn add_process_order(transactions: &Transactions, edges: &mut Edges) {
    let mut last: Vec<Option<u32>> = vec![None; transactions.process_count()];
    for id in transactions.ids() {
        let transaction = transactions.get(id);
        let last = &mut last[transaction.process as usize];
        if transaction.outcome == Outcome::Fail {
            continue;
        }
        if let Some(before) = *last {
            edges.add(before, id, Relations::PROCESS);
        }
        if transaction.outcome == Outcome::Ok {
            *last = Some(id);
        }
    }
}

/// Adds real time: from every transaction that committed to every one invoked strictly later than that.
///
/// One auxiliary node stands for each run of completions that no invocation interrupts. It is reached from the transactions
/// of its run and from the node before, and leads to the transactions invoked before the next run: three edges a
/// transaction, whatever the number of clients. The pairs are the same: A reaches B iff B was invoked after A's run, that
/// is after A's completion, since a run is over only when something is invoked.
pub(crate) fn add_real_time(transactions: &Transactions, edges: &mut Edges) {
    let mut invocations: Vec<(u64, u32)> = Vec::with_capacity(transactions.len());
    let mut completions: Vec<(u64, u32)> = Vec::with_capacity(transactions.len());
    for id in transactions.ids() {
        let transaction = transactions.get(id);
        if transaction.outcome == Outcome::Fail {
            continue;
        }
        invocations.push((transaction.invoked, id));
        if let Some(completed) = transaction.completed.filter(|_| transaction.outcome == Outcome::Ok) {
            completions.push((completed, id));
        }
    }
    // Stable sorts take advantage of what is in order already.
    invocations.sort();
    completions.sort();
    let mut node: Option<u32> = None;
    let mut is_run_over = true;
    let mut done = 0;
    for (invoked, id) in invocations {
        while let Some((_, over)) = completions.get(done).filter(|(completed, _)| *completed < invoked) {
            let run = match node {
                Some(run) if !is_run_over => run,
                before => {
                    let run = edges.auxiliary();
                    if let Some(before) = before {
                        edges.add(before, run, Relations::CONTINUED);
                    }
                    run
                }
            };
            node = Some(run);
            is_run_over = false;
            edges.add(*over, run, Relations::REALTIME);
            done += 1;
        }
        if let Some(run) = node {
            edges.add(run, id, Relations::CONTINUED);
            is_run_over = true;
        }
    }
}
