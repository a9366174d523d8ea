//! A last-in-first-out stack: push v, pop → v or null where it is empty; empty at first.

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation};
use crate::history::{History, Operation, Outcome, ValueId};
use crate::semantics::Semantics;
use crate::witness::short;

/// A state lists the values from the bottom.
#[derive(Debug, Clone, Default)]
pub(crate) struct StackSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StackAction {
    Push(ValueId),
    Pop(ValueId),
    PopEmpty,
    /// An undecided pop: takes whatever is on top.
    PopAny,
}

impl SequentialSpec for StackSpec {
    type Action = StackAction;
    type State = Box<[ValueId]>;

    fn initial(&self) -> Box<[ValueId]> {
        Box::default()
    }

    fn step(&self, state: &Box<[ValueId]>, action: StackAction) -> Step<Box<[ValueId]>> {
        match (action, state.split_last()) {
            (StackAction::Push(value), _) => Step::Next(state.iter().copied().chain([value]).collect()),
            (StackAction::PopEmpty | StackAction::PopAny, None) => Step::Same,
            (StackAction::Pop(value), Some((top, rest))) if *top == value => Step::Next(rest.into()),
            (StackAction::PopAny, Some((_, rest))) => Step::Next(rest.into()),
            (StackAction::Pop(_) | StackAction::PopEmpty, _) => Step::Illegal,
        }
    }

    fn effect(&self, action: StackAction) -> Effect {
        match action {
            StackAction::Push(_) | StackAction::PopAny => Effect::Update,
            StackAction::Pop(_) => Effect::Conditional,
            StackAction::PopEmpty => Effect::Pure,
        }
    }

    fn heap_bytes(&self, state: &Box<[ValueId]>) -> usize {
        std::mem::size_of_val::<[ValueId]>(state)
    }
}

impl<'h> Object<'h> for StackSpec {
    fn new(_history: &'h History, _semantics: &Semantics) -> Self {
        Self
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<StackAction>, String> {
        let action = match (operation.f(), operation.result()) {
            ("push", _) => StackAction::Push(operation.argument()),
            ("pop", Some(ValueId::NULL)) => StackAction::PopEmpty,
            ("pop", Some(value)) => StackAction::Pop(value),
            ("pop", None) => StackAction::PopAny,
            _ => return Err(foreign_operation(operation, "stack")),
        };
        Ok((operation.outcome() != Outcome::Fail).then_some(action))
    }

    fn describe(&self, history: &History, state: &Box<[ValueId]>) -> String {
        match state.last() {
            None => "an empty stack".to_owned(),
            Some(top) => format!("a stack of {} with {} on top", state.len(), short(history, *top)),
        }
    }
}
