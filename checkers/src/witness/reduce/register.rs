//! Registers: a write goes together with everything that may have seen it.
//!
//! Let H be linearizable in the order L. In L, what an observer (a read or a compare-and-set) finds was put there by the last
//! operation before it that writes, if there is one, and by the initial state otherwise. Leave out a set M of writes
//! (compare-and-sets are writes too); leave out every read that *may have seen* one of M; and replace a compare-and-set that
//! may have seen one of M by a write of its new value. What is left is legal in the order L: let r be an observer that is
//! left as it was, and P the last write before it in L. If P were in M, then r saw it, so it may have seen it and would not
//! be left as it was. So P is still there, what it writes is the same, and still nothing that writes comes between.
//!
//! *May have seen* may be any relation that holds wherever P was last before r in some order. Here: the values agree, P did
//! not begin after r was over, and there is no write that began after P was over and was over before r began.
//!
//! An observer also goes, or becomes a write, where the last write of its value that had begun would go: what remains would be
//! right, but nobody could follow it, as everybody would ask where that write is. Leaving out more reads, or knowing less of
//! more compare-and-sets, is never wrong.
//!
//! All writes of one value together with all observers of it are the special case in which M holds all writes of a value.

use rustc_hash::FxHashMap;

use super::{Part, Reducible};
use crate::history::{History, ValueId};
use crate::linearizability::search::Call;
use crate::model::{RegisterAction, RegisterSpec, SequentialSpec};

/// The end of what has none.
const NEVER: u64 = u64::MAX;

fn end<A>(call: &Call<A>) -> u64 {
    call.completed_ns.unwrap_or(NEVER)
}

fn written(action: RegisterAction) -> Option<ValueId> {
    match action {
        RegisterAction::Write(value) => Some(value),
        RegisterAction::CompareAndSet { old, new } => (old != new).then_some(new),
        RegisterAction::Read(_) | RegisterAction::Differs(_) => None,
    }
}

/// Writes that are left out: their ends, ascending, each with the earliest beginning of those from there on.
#[derive(Default)]
struct Gone {
    ends: Vec<(u64, u64)>,
    /// Beginning of the first write of this value that stays.
    first_of_others_ns: Option<u64>,
}

impl Gone {
    fn sort(&mut self) {
        self.ends.sort_unstable();
        let mut earliest = NEVER;
        for (_, begin) in self.ends.iter_mut().rev() {
            earliest = earliest.min(*begin);
            *begin = earliest;
        }
    }

    /// Whether one of them, but no other write of the value, had begun before a call was over.
    fn are_all_for(&self, call: &Call<RegisterAction>) -> bool {
        let has_begun = |begin: u64| begin <= end(call);
        self.ends.first().is_some_and(|(_, begin)| has_begun(*begin)) && !self.first_of_others_ns.is_some_and(has_begun)
    }

    /// Whether a call may have seen one of them. `hidden_before`: what was over before this was overwritten before the call.
    fn may_be_seen_by(&self, call: &Call<RegisterAction>, hidden_before: u64) -> bool {
        let first = self.ends.partition_point(|(end, _)| *end < hidden_before);
        self.ends.get(first).is_some_and(|(_, begin)| *begin <= end(call))
    }
}

impl Reducible for RegisterSpec {
    fn without(&self, calls: &[Call<RegisterAction>], is_left_out: &[bool]) -> Option<Part<Self>> {
        let mut gone: FxHashMap<ValueId, Gone> = FxHashMap::default();
        let mut all_gone = Gone::default();
        // Decided writes by their ends, each with the latest beginning of those up to there.
        let mut over: Vec<(u64, u64)> = Vec::new();
        for (call, is_left_out) in calls.iter().zip(is_left_out) {
            let Some(value) = written(call.action) else { continue };
            let span = (end(call), call.invoked_ns);
            over.extend(call.completed_ns.map(|_| span));
            let of_value = gone.entry(value).or_default();
            if *is_left_out {
                of_value.ends.push(span);
                all_gone.ends.push(span);
            } else {
                of_value.first_of_others_ns.get_or_insert(call.invoked_ns);
            }
        }
        gone.values_mut().chain([&mut all_gone]).for_each(Gone::sort);
        over.sort_unstable();
        let mut latest = 0;
        for (_, begin) in &mut over {
            latest = latest.max(*begin);
            *begin = latest;
        }
        let hidden_before = |call: &Call<RegisterAction>| {
            let before = over.partition_point(|(end, _)| *end < call.invoked_ns);
            before.checked_sub(1).map_or(0, |last| over[last].1)
        };
        let may_have_seen = |value: ValueId, call: &Call<RegisterAction>| {
            gone.get(&value).is_some_and(|gone| {
                let is_explained = self.initial() == Some(value) || !gone.are_all_for(call);
                gone.may_be_seen_by(call, hidden_before(call)) || !is_explained
            })
        };
        let kept = |call: &Call<RegisterAction>| match call.action {
            RegisterAction::Write(_) => Some(*call),
            RegisterAction::Read(value) => (!may_have_seen(value, call)).then_some(*call),
            // It saw anything but one value, so it may have seen nearly everything.
            RegisterAction::Differs(_) => (!all_gone.may_be_seen_by(call, hidden_before(call))).then_some(*call),
            RegisterAction::CompareAndSet { old, new } if may_have_seen(old, call) => {
                let action = RegisterAction::Write(new);
                (old != new).then_some(Call { action, ..*call })
            }
            RegisterAction::CompareAndSet { .. } => Some(*call),
        };
        let left = calls.iter().zip(is_left_out).filter(|(_, is_left_out)| !**is_left_out);
        Some(Part { object: self.clone(), calls: left.filter_map(|(call, _)| kept(call)).collect() })
    }

    fn value(&self, action: RegisterAction) -> Option<ValueId> {
        Some(match action {
            RegisterAction::Read(value) | RegisterAction::Write(value) | RegisterAction::Differs(value) => value,
            RegisterAction::CompareAndSet { new, .. } => new,
        })
    }

    fn less(&self, _: &History, name: &str, before: (&Self, RegisterAction), now: RegisterAction) -> Option<String> {
        (before.1 != now).then(|| format!("of {name} only what it wrote counts here"))
    }
}
