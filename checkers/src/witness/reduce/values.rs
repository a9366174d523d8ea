//! Containers that hand out what was put in: all operations on a value go together.
//!
//! Let H be linearizable in the order L, and strike every operation on the value v from L, as well as every undecided
//! removal that took v. Then every state loses its v's, and the rest keeps its order: what was first in a queue, or last on a
//! stack, is so still, and what was empty is empty. So every other operation is as legal as before. An undecided removal
//! takes whatever is there, so it stays with the history: in L it may have taken something else.
//!
//! What finds nothing there changes nothing, and may go by itself.

use rustc_hash::FxHashSet;

use super::{Part, Reducible};
use crate::history::ValueId;
use crate::linearizability::search::Call;
use crate::model::{BagAction, BagSpec, QueueAction, QueueSpec, StackAction, StackSpec};

/// What an operation on a container is about.
enum About {
    Value(ValueId),
    Emptiness,
    Unknown,
}

fn without_values<A: Copy>(calls: &[Call<A>], is_left_out: &[bool], about: impl Fn(A) -> About) -> Vec<Call<A>> {
    let left_out = calls.iter().zip(is_left_out).filter(|(_, is_left_out)| **is_left_out);
    let gone: FxHashSet<ValueId> = left_out
        .filter_map(|(call, _)| match about(call.action) {
            About::Value(value) => Some(value),
            About::Emptiness | About::Unknown => None,
        })
        .collect();
    let stays = |(call, is_left_out): &(&Call<A>, &bool)| match about(call.action) {
        About::Value(value) => !gone.contains(&value),
        About::Emptiness => !**is_left_out,
        About::Unknown => true,
    };
    calls.iter().zip(is_left_out).filter(stays).map(|(call, _)| *call).collect()
}

impl Reducible for QueueSpec {
    fn without(&self, calls: &[Call<QueueAction>], is_left_out: &[bool]) -> Option<Part<Self>> {
        let about = |action| match action {
            QueueAction::Enqueue(value) | QueueAction::Dequeue(value) => About::Value(value),
            QueueAction::DequeueEmpty => About::Emptiness,
            QueueAction::DequeueAny => About::Unknown,
        };
        Some(Part { object: QueueSpec, calls: without_values(calls, is_left_out, about) })
    }

    fn value(&self, action: QueueAction) -> Option<ValueId> {
        match action {
            QueueAction::Enqueue(value) | QueueAction::Dequeue(value) => Some(value),
            QueueAction::DequeueEmpty | QueueAction::DequeueAny => None,
        }
    }
}

impl Reducible for StackSpec {
    fn without(&self, calls: &[Call<StackAction>], is_left_out: &[bool]) -> Option<Part<Self>> {
        let about = |action| match action {
            StackAction::Push(value) | StackAction::Pop(value) => About::Value(value),
            StackAction::PopEmpty => About::Emptiness,
            StackAction::PopAny => About::Unknown,
        };
        Some(Part { object: StackSpec, calls: without_values(calls, is_left_out, about) })
    }

    fn value(&self, action: StackAction) -> Option<ValueId> {
        match action {
            StackAction::Push(value) | StackAction::Pop(value) => Some(value),
            StackAction::PopEmpty | StackAction::PopAny => None,
        }
    }
}

impl Reducible for BagSpec {
    fn without(&self, calls: &[Call<BagAction>], is_left_out: &[bool]) -> Option<Part<Self>> {
        let about = |action| match action {
            BagAction::Enqueue(value) | BagAction::Dequeue(value) => About::Value(value),
            BagAction::DequeueEmpty => About::Emptiness,
        };
        Some(Part { object: self.clone(), calls: without_values(calls, is_left_out, about) })
    }

    fn value(&self, action: BagAction) -> Option<ValueId> {
        match action {
            BagAction::Enqueue(value) | BagAction::Dequeue(value) => Some(value),
            BagAction::DequeueEmpty => None,
        }
    }
}
