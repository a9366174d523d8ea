//! Sets that only grow: an element can be forgotten, everywhere; one of several adds of an element can be left out with the
//! reads that may owe the element to it.
//!
//! Let H be linearizable in the order L. *Forgetting*: leave out all adds of an element and strike it from what every read
//! returned. In L every state loses the element, and so does what every read returned: still equal. *One add of several*:
//! leave out some adds of an element, and every read that returned it unless a remaining add of it was over before the read
//! began. A read that is left and returned the element still finds it, for that add comes before it in L; one that did not
//! return it finds even fewer adds of it. Other elements are not concerned.

use rustc_hash::FxHashMap;

use super::{Part, Reducible};
use crate::history::{History, ValueId};
use crate::linearizability::search::Call;
use crate::model::{SetAction, SetSpec};
use crate::witness::short;

/// The adds of an element.
#[derive(Default)]
struct Adds {
    left_out: usize,
    remaining: usize,
    /// When the first of the remaining was over.
    first_over_ns: Option<u64>,
}

impl Reducible for SetSpec {
    fn without(&self, calls: &[Call<SetAction>], is_left_out: &[bool]) -> Option<Part<Self>> {
        let mut adds: FxHashMap<ValueId, Adds> = FxHashMap::default();
        for (call, is_left_out) in calls.iter().zip(is_left_out) {
            let SetAction::Add(element) = call.action else { continue };
            let of_element = adds.entry(element).or_default();
            if *is_left_out {
                of_element.left_out += 1;
            } else {
                of_element.remaining += 1;
                of_element.first_over_ns = of_element.first_over_ns.into_iter().chain(call.completed_ns).min();
            }
        }
        let is_forgotten =
            |element: &ValueId| adds.get(element).is_some_and(|adds| adds.left_out > 0 && adds.remaining == 0);
        let is_in_doubt = |element: &ValueId, call: &Call<SetAction>| {
            adds.get(element).is_some_and(|adds| {
                adds.left_out > 0 && adds.remaining > 0 && adds.first_over_ns.is_none_or(|over| over >= call.invoked_ns)
            })
        };
        let mut object = SetSpec::default();
        let mut kept = Vec::new();
        for (call, _) in calls.iter().zip(is_left_out).filter(|(_, is_left_out)| !**is_left_out) {
            match call.action {
                SetAction::Add(_) => kept.push(*call),
                SetAction::Read(_) => {
                    let elements = self.elements(&call.action);
                    if elements.iter().any(|element| is_in_doubt(element, call)) {
                        continue;
                    }
                    let action =
                        object.read(elements.iter().copied().filter(|element| !is_forgotten(element)).collect());
                    kept.push(Call { action, ..*call });
                }
            }
        }
        Some(Part { object, calls: kept })
    }

    fn value(&self, action: SetAction) -> Option<ValueId> {
        match action {
            SetAction::Add(element) => Some(element),
            SetAction::Read(_) => None,
        }
    }

    fn less(&self, history: &History, name: &str, before: (&Self, SetAction), now: SetAction) -> Option<String> {
        let (before, now) = (before.0.elements(&before.1), self.elements(&now));
        (before.len() != now.len()).then(|| {
            let returned: Vec<String> = now.iter().map(|element| short(history, *element)).collect();
            let returned = if now.is_empty() { "nothing".to_owned() } else { format!("only {}", returned.join(", ")) };
            format!("of what is added here, {name} returned {returned}")
        })
    }
}
