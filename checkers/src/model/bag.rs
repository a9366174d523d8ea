//! Values in any order: enqueue v, dequeue → v or null where there is none; empty at first.

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation};
use crate::history::{Function, History, Operation, Outcome, ValueId};
use crate::semantics::Semantics;
use crate::witness::counted;

/// A state is the sorted list of the values inside.
#[derive(Debug, Clone, Default)]
pub(crate) struct BagSpec {
    /// Whether some dequeue found nothing.
    was_seen_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BagAction {
    Enqueue(ValueId),
    Dequeue(ValueId),
    DequeueEmpty,
}

impl SequentialSpec for BagSpec {
    type Action = BagAction;
    type State = Box<[ValueId]>;

    fn initial(&self) -> Box<[ValueId]> {
        Box::default()
    }

    fn step(&self, state: &Box<[ValueId]>, action: BagAction) -> Step<Box<[ValueId]>> {
        let with = |place: usize, value: Option<ValueId>, rest: usize| {
            Step::Next(state[..place].iter().copied().chain(value).chain(state[rest..].iter().copied()).collect())
        };
        match action {
            BagAction::Enqueue(value) => {
                let place = state.partition_point(|other| *other < value);
                with(place, Some(value), place)
            }
            BagAction::Dequeue(value) => match state.binary_search(&value) {
                Ok(place) => with(place, None, place + 1),
                Err(_) => Step::Illegal,
            },
            BagAction::DequeueEmpty if state.is_empty() => Step::Same,
            BagAction::DequeueEmpty => Step::Illegal,
        }
    }

    fn effect(&self, action: BagAction) -> Effect {
        match action {
            BagAction::Enqueue(_) => Effect::Update,
            BagAction::Dequeue(_) => Effect::Conditional,
            BagAction::DequeueEmpty => Effect::Pure,
        }
    }

    fn heap_bytes(&self, state: &Box<[ValueId]>) -> usize {
        size_of_val::<[ValueId]>(state)
    }
}

impl<'h> Object<'h> for BagSpec {
    fn new(history: &'h History, _semantics: &Semantics) -> Self {
        let is_empty = |operation: Operation<'_>| {
            operation.function() == Function::Dequeue && operation.result() == Some(ValueId::NULL)
        };
        Self { was_seen_empty: history.operations().any(is_empty) }
    }

    /// An undecided dequeue took some value, nobody knows which. It only makes room: where nobody found the bag empty, an
    /// order with it stays one without it. Else it would have to be tried with every value, which no action can say.
    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<BagAction>, String> {
        let is_failed = operation.outcome() == Outcome::Fail;
        let action = match (operation.function(), operation.result()) {
            (Function::Enqueue, _) => BagAction::Enqueue(operation.argument()),
            (Function::Dequeue, Some(ValueId::NULL)) => BagAction::DequeueEmpty,
            (Function::Dequeue, Some(value)) => BagAction::Dequeue(value),
            (Function::Dequeue, None) if is_failed || !self.was_seen_empty => return Ok(None),
            (Function::Dequeue, None) => {
                return Err(
                    "a bag that was found empty has undecided dequeues, which may have taken anything".to_owned()
                );
            }
            _ => return Err(foreign_operation(operation, "bag")),
        };
        Ok((!is_failed).then_some(action))
    }

    fn describe(&self, _history: &History, state: &Box<[ValueId]>) -> String {
        format!("a bag of {}", counted(state.len() as u64, "value"))
    }
}
