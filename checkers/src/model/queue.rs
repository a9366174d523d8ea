//! A first-in-first-out queue: enqueue v, dequeue → v or null where it is empty; empty at first.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::spec::{SequentialSpec, Step, foreign_operation};
use crate::history::{Operation, Outcome};

/// Values are numbered in order of first mention; a state lists them from the head.
#[derive(Debug, Default)]
pub(super) struct QueueSpec<'h> {
    ids: FxHashMap<&'h Value, u32>,
    values: Vec<&'h Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum QueueAction {
    Enqueue(u32),
    Dequeue(u32),
    DequeueEmpty,
    /// An undecided dequeue: takes whatever is at the head.
    DequeueAny,
}

impl<'h> QueueSpec<'h> {
    fn id(&mut self, value: &'h Value) -> u32 {
        *self.ids.entry(value).or_insert_with(|| {
            self.values.push(value);
            (self.values.len() - 1) as u32
        })
    }
}

impl<'h> SequentialSpec<'h> for QueueSpec<'h> {
    type Action = QueueAction;
    type State = Box<[u32]>;

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<QueueAction>, String> {
        let action = match (operation.f(), operation.result()) {
            ("enqueue", _) => QueueAction::Enqueue(self.id(operation.argument())),
            ("dequeue", Some(Value::Null)) => QueueAction::DequeueEmpty,
            ("dequeue", Some(value)) => QueueAction::Dequeue(self.id(value)),
            ("dequeue", None) => QueueAction::DequeueAny,
            _ => return Err(foreign_operation(operation, "queue")),
        };
        Ok((operation.outcome() != Outcome::Fail).then_some(action))
    }

    fn initial(&self) -> Box<[u32]> {
        Box::default()
    }

    fn step(&self, state: &Box<[u32]>, action: QueueAction) -> Step<Box<[u32]>> {
        match (action, state.split_first()) {
            (QueueAction::Enqueue(value), _) => Step::Next(state.iter().copied().chain([value]).collect()),
            (QueueAction::DequeueEmpty | QueueAction::DequeueAny, None) => Step::Same,
            (QueueAction::Dequeue(value), Some((head, rest))) if *head == value => Step::Next(rest.into()),
            (QueueAction::DequeueAny, Some((_, rest))) => Step::Next(rest.into()),
            (QueueAction::Dequeue(_) | QueueAction::DequeueEmpty, _) => Step::Illegal,
        }
    }

    fn is_pure(&self, action: QueueAction) -> bool {
        action == QueueAction::DequeueEmpty
    }

    fn describe(&self, state: &Box<[u32]>) -> String {
        match state.first() {
            None => "an empty queue".to_owned(),
            Some(head) => format!("a queue of {} with {} at its head", state.len(), self.values[*head as usize]),
        }
    }

    fn heap_bytes(&self, state: &Box<[u32]>) -> usize {
        std::mem::size_of_val::<[u32]>(state)
    }
}
