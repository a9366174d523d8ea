//! The checkers that judge every workload, whatever its object.

use schism_checkers::history::History;
use schism_checkers::{Analysis, Checker, Limits, checker};
use schism_checkers::{
    availability, client_lint, convergence, counts, divergence, fork, latency, recovery, split_brain, two_leaders,
};

static COMMON: [&Checker; 10] = [
    &counts::CHECKER,
    &convergence::CHECKER,
    &split_brain::CHECKER,
    &two_leaders::CHECKER,
    &fork::CHECKER,
    &divergence::CHECKER,
    &availability::CHECKER,
    &latency::CHECKER,
    &recovery::CHECKER,
    &client_lint::CHECKER,
];

/// Judges with a workload's own checkers first, then with those of all.
pub(crate) fn judge(history: &History, limits: &Limits<'_>, own: &[&Checker]) -> Analysis {
    let all: Vec<&Checker> = own.iter().chain(&COMMON).copied().collect();
    checker::judge(history, limits, &all)
}
