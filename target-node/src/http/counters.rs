//! How many requests came by each route, and what became of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Totals by route and outcome.
#[derive(Debug, Default)]
pub(super) struct RequestCounters(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl RequestCounters {
    /// Counts one.
    pub(super) fn add(&self, route: &'static str, outcome: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((route, outcome)).or_default() += 1;
    }

    /// The totals, sorted.
    pub(super) fn snapshot(&self) -> Vec<((&'static str, &'static str), u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(key, total)| (*key, *total)).collect()
    }
}
