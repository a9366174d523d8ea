//! Locks: stretches of time at whose ends nobody was inside an operation, and with as many releases as acquires.
//!
//! Call a moment quiet if every operation that began before it was over. Let H be linearizable in the order L. Everything
//! before a quiet moment comes first in L, and all of it happened, so that the lock is held there iff one more acquire than
//! release came before. Between two quiet moments with as many acquires as releases, the lock ends as it began, and what
//! comes later finds it the same without them.

use super::{Part, Reducible};
use crate::linearizability::search::Call;
use crate::model::{MutexAction, MutexSpec};

impl Reducible for MutexSpec {
    /// Leaves out what of the marked calls forms such stretches, of each row of marked calls the first and longest ones.
    fn without(&self, calls: &[Call<MutexAction>], is_left_out: &[bool]) -> Option<Part<Self>> {
        let quiet = quiet_moments(calls);
        let mut kept = Vec::new();
        let mut place = 0;
        while place < calls.len() {
            let row = is_left_out[place..].iter().take_while(|is_left_out| **is_left_out).count();
            let from_here = quiet.get(place).copied().flatten();
            let ends = (place + 1..=place + row).rev();
            match from_here.and_then(|held| ends.into_iter().find(|end| quiet[*end] == Some(held))) {
                Some(end) => place = end,
                None => {
                    kept.push(calls[place]);
                    place += 1;
                }
            }
        }
        Some(Part { object: MutexSpec, calls: kept })
    }
}

/// Of the moments before each call and after all: how many more acquires than releases came before, where it is quiet.
fn quiet_moments(calls: &[Call<MutexAction>]) -> Vec<Option<i64>> {
    let (mut balance, mut over_ns) = (0, None);
    let mut moments = Vec::with_capacity(calls.len() + 1);
    for call in calls {
        moments.push((over_ns < Some(call.invoked_ns)).then_some(balance));
        over_ns = over_ns.max(Some(call.completed_ns.unwrap_or(u64::MAX)));
        balance += if call.action == MutexAction::Acquire { 1 } else { -1 };
    }
    moments.push((over_ns < Some(u64::MAX)).then_some(balance));
    moments
}
