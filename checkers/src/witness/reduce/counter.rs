//! Counters: adds go, and with them the reads of which it is not certain whether they counted them.
//!
//! Let H be linearizable in the order L. A read finds the sum of the adds before it in L. Leave out some adds, and every read
//! during which, or before which without being decided, one of them was under way. Every other read has each of them
//! certainly before it (over before it began) or certainly after it (begun after it was over), in L as in every order. Take
//! from what it returned those that are certainly before it: that is what it finds in L without them.

use super::{Part, Reducible};
use crate::history::History;
use crate::linearizability::search::Call;
use crate::model::{CounterAction, CounterSpec};

impl Reducible for CounterSpec {
    fn without(&self, calls: &[Call<CounterAction>], is_left_out: &[bool]) -> Option<Part<Self>> {
        // Left out adds: when each began; and when each was over, with the sum up to there.
        let mut begun = Vec::new();
        let mut over = Vec::new();
        let left_out = calls.iter().zip(is_left_out).filter(|(_, is_left_out)| **is_left_out);
        for (call, _) in left_out {
            if let CounterAction::Add(amount) = call.action {
                begun.push(call.invoked_ns);
                over.extend(call.completed_ns.map(|completed| (completed, amount)));
            }
        }
        begun.sort_unstable();
        over.sort_unstable();
        let mut sum = 0_i64;
        for (_, amount) in &mut over {
            sum = sum.wrapping_add(*amount);
            *amount = sum;
        }
        let kept = |call: &Call<CounterAction>| {
            let CounterAction::Read(count) = call.action else { return Some(*call) };
            let before = over.partition_point(|(completed, _)| *completed < call.invoked_ns);
            let not_after = begun.partition_point(|invoked| call.completed_ns.is_none_or(|end| *invoked <= end));
            let sum = before.checked_sub(1).map_or(0, |last| over[last].1);
            let action = CounterAction::Read(count.wrapping_sub(sum));
            (before == not_after).then_some(Call { action, ..*call })
        };
        let left = calls.iter().zip(is_left_out).filter(|(_, is_left_out)| !**is_left_out);
        Some(Part { object: CounterSpec, calls: left.filter_map(|(call, _)| kept(call)).collect() })
    }

    fn less(&self, _: &History, name: &str, before: (&Self, CounterAction), now: CounterAction) -> Option<String> {
        match (before.1, now) {
            (CounterAction::Read(before), CounterAction::Read(now)) if before != now => {
                let from_others = before.wrapping_sub(now);
                Some(format!(
                    "of the count of {name}, {from_others} come from adds left out here, all over before it began"
                ))
            }
            _ => None,
        }
    }
}
