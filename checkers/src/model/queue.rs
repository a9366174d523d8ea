//! A first-in-first-out queue: enqueue v, dequeue → v or null where it is empty; empty at first.

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation};
use crate::history::{History, Operation, Outcome, ValueId};
use crate::semantics::Semantics;
use crate::witness::short;

/// A state lists the values from the head.
#[derive(Debug, Default)]
pub(crate) struct QueueSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum QueueAction {
    Enqueue(ValueId),
    Dequeue(ValueId),
    DequeueEmpty,
    /// An undecided dequeue: takes whatever is at the head.
    DequeueAny,
}

impl SequentialSpec for QueueSpec {
    type Action = QueueAction;
    type State = Box<[ValueId]>;

    fn initial(&self) -> Box<[ValueId]> {
        Box::default()
    }

    fn step(&self, state: &Box<[ValueId]>, action: QueueAction) -> Step<Box<[ValueId]>> {
        match (action, state.split_first()) {
            (QueueAction::Enqueue(value), _) => Step::Next(state.iter().copied().chain([value]).collect()),
            (QueueAction::DequeueEmpty | QueueAction::DequeueAny, None) => Step::Same,
            (QueueAction::Dequeue(value), Some((head, rest))) if *head == value => Step::Next(rest.into()),
            (QueueAction::DequeueAny, Some((_, rest))) => Step::Next(rest.into()),
            (QueueAction::Dequeue(_) | QueueAction::DequeueEmpty, _) => Step::Illegal,
        }
    }

    fn effect(&self, action: QueueAction) -> Effect {
        match action {
            QueueAction::Enqueue(_) | QueueAction::DequeueAny => Effect::Update,
            QueueAction::Dequeue(_) => Effect::Conditional,
            QueueAction::DequeueEmpty => Effect::Pure,
        }
    }

    fn heap_bytes(&self, state: &Box<[ValueId]>) -> usize {
        std::mem::size_of_val::<[ValueId]>(state)
    }
}

impl<'h> Object<'h> for QueueSpec {
    fn new(_history: &'h History, _semantics: &Semantics) -> Self {
        Self
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<QueueAction>, String> {
        let action = match (operation.f(), operation.result()) {
            ("enqueue", _) => QueueAction::Enqueue(operation.argument()),
            ("dequeue", Some(ValueId::NULL)) => QueueAction::DequeueEmpty,
            ("dequeue", Some(value)) => QueueAction::Dequeue(value),
            ("dequeue", None) => QueueAction::DequeueAny,
            _ => return Err(foreign_operation(operation, "queue")),
        };
        Ok((operation.outcome() != Outcome::Fail).then_some(action))
    }

    fn describe(&self, history: &History, state: &Box<[ValueId]>) -> String {
        match state.first() {
            None => "an empty queue".to_owned(),
            Some(head) => format!("a queue of {} with {} at its head", state.len(), short(history, *head)),
        }
    }
}
