//! The table of all checkers.

use crate::checker::Checker;

/// Every checker; a new one is one line here.
static CHECKERS: &[&Checker] = &[
    &crate::counts::CHECKER,
    &crate::convergence::CHECKER,
    &crate::set_full::CHECKER,
    &crate::register_values::CHECKER,
    &crate::stale::SET_CHECKER,
    &crate::stale::REGISTER_CHECKER,
    &crate::counter_bounds::CHECKER,
    &crate::total_queue::CHECKER,
    &crate::total_queue::BASIC_CHECKER,
    &crate::unique_ids::CHECKER,
    &crate::lock::CHECKER,
    &crate::lock::FENCING_CHECKER,
    &crate::bank::CHECKER,
    &crate::long_fork::CHECKER,
    &crate::causal_reverse::CHECKER,
    &crate::linearizability::REGISTER_CHECKER,
    &crate::linearizability::SET_CHECKER,
    &crate::linearizability::COUNTER_CHECKER,
    &crate::linearizability::QUEUE_CHECKER,
    &crate::split_brain::CHECKER,
    &crate::two_leaders::CHECKER,
    &crate::fork::CHECKER,
    &crate::divergence::CHECKER,
    &crate::availability::CHECKER,
    &crate::latency::CHECKER,
    &crate::staleness::CHECKER,
    &crate::recovery::CHECKER,
    &crate::stats::CHECKER,
    &crate::client_lint::CHECKER,
    &crate::sequential::CHECKER,
    &crate::transactions::LIST_APPEND,
    &crate::transactions::RW_REGISTER,
    &crate::session::SESSION,
    &crate::session::READ_YOUR_WRITES,
    &crate::session::MONOTONIC_READS,
    &crate::session::MONOTONIC_WRITES,
    &crate::session::WRITES_FOLLOW_READS,
];

/// Every checker, in the order in which they are listed.
#[must_use]
pub fn list() -> &'static [&'static Checker] {
    CHECKERS
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
