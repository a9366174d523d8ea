//! The table of all checkers.

use crate::checker::Checker;
use crate::{
    availability, client_lint, convergence, counts, divergence, fork, latency, linearizability, recovery,
    register_values, session, set_full, split_brain, stale, staleness, stats, two_leaders,
};

/// Every checker; a new one is one line here.
static CHECKERS: [&Checker; 25] = [
    &counts::CHECKER,
    &convergence::CHECKER,
    &set_full::CHECKER,
    &register_values::CHECKER,
    &stale::SET_CHECKER,
    &stale::REGISTER_CHECKER,
    &linearizability::REGISTER_CHECKER,
    &linearizability::SET_CHECKER,
    &linearizability::COUNTER_CHECKER,
    &linearizability::QUEUE_CHECKER,
    &split_brain::CHECKER,
    &two_leaders::CHECKER,
    &fork::CHECKER,
    &divergence::CHECKER,
    &availability::CHECKER,
    &latency::CHECKER,
    &staleness::CHECKER,
    &recovery::CHECKER,
    &stats::CHECKER,
    &client_lint::CHECKER,
    &session::SESSION,
    &session::READ_YOUR_WRITES,
    &session::MONOTONIC_READS,
    &session::MONOTONIC_WRITES,
    &session::WRITES_FOLLOW_READS,
];

/// Every checker, in the order in which they are listed.
#[must_use]
pub fn list() -> &'static [&'static Checker] {
    &CHECKERS
}

/// The checker with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Checker> {
    CHECKERS.iter().copied().find(|checker| checker.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<&str> = list().iter().map(|checker| checker.name).collect();
        assert_eq!(names.len(), list().len());
        assert!(list().iter().all(|checker| by_name(checker.name).is_some_and(|found| std::ptr::eq(found, *checker))));
        assert!(by_name("no-such-checker").is_none());
    }
}
