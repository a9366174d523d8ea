//! A bag, or unordered queue: enqueue v, dequeue → v, any that is in it, or null where it is empty; empty at first.

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation};
use crate::history::{History, Operation, Outcome, ValueId};
use crate::semantics::Semantics;
use crate::witness::counted;

/// A state lists the values sorted. An undecided dequeue may take any of them, which no single next state says.
#[derive(Debug, Clone, Default)]
pub(crate) struct BagSpec;

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
        match action {
            BagAction::Enqueue(value) => {
                let place = state.partition_point(|other| *other < value);
                Step::Next(
                    state[..place].iter().copied().chain([value]).chain(state[place..].iter().copied()).collect(),
                )
            }
            BagAction::Dequeue(value) => match state.binary_search(&value) {
                Ok(place) => Step::Next(state[..place].iter().chain(&state[place + 1..]).copied().collect()),
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
        std::mem::size_of_val::<[ValueId]>(state)
    }
}

impl<'h> Object<'h> for BagSpec {
    fn new(_history: &'h History, _semantics: &Semantics) -> Self {
        Self
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<BagAction>, String> {
        let action = match (operation.f(), operation.result()) {
            _ if operation.outcome() == Outcome::Fail => return Ok(None),
            ("enqueue", _) => BagAction::Enqueue(operation.argument()),
            ("dequeue", Some(ValueId::NULL)) => BagAction::DequeueEmpty,
            ("dequeue", Some(value)) => BagAction::Dequeue(value),
            ("dequeue", None) => {
                return Err(format!(
                    "index {}: a bag of equal values is not judged where a `dequeue` is undecided",
                    operation.invoked_index()
                ));
            }
            _ => return Err(foreign_operation(operation, "bag")),
        };
        Ok(Some(action))
    }

    fn describe(&self, _history: &History, state: &Box<[ValueId]>) -> String {
        if state.is_empty() {
            "an empty bag".to_owned()
        } else {
            format!("a bag of {}", counted(state.len() as u64, "value"))
        }
    }
}
