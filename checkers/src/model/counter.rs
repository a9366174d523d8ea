//! A counter: add n, read; 0 at first.

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{History, Operation, Outcome};
use crate::semantics::Semantics;

#[derive(Debug, Default)]
pub(crate) struct CounterSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CounterAction {
    Add(i64),
    Read(i64),
}

impl SequentialSpec for CounterSpec {
    type Action = CounterAction;
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, action: CounterAction) -> Step<i64> {
        match action {
            CounterAction::Add(0) => Step::Same,
            CounterAction::Add(amount) => Step::Next(state.wrapping_add(amount)),
            CounterAction::Read(count) if count == *state => Step::Same,
            CounterAction::Read(_) => Step::Illegal,
        }
    }

    fn effect(&self, action: CounterAction) -> Effect {
        match action {
            CounterAction::Read(_) | CounterAction::Add(0) => Effect::Pure,
            CounterAction::Add(_) => Effect::Update,
        }
    }
}

impl<'h> Object<'h> for CounterSpec {
    fn new(_history: &'h History, _semantics: &Semantics) -> Self {
        Self
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<CounterAction>, String> {
        match operation.f() {
            "add" if operation.outcome() == Outcome::Fail => Ok(None),
            "add" => match operation.history().values().as_integer(operation.argument()) {
                Some(amount) => Ok(Some(CounterAction::Add(amount))),
                None => Err(foreign_value(operation, "a whole number", operation.argument())),
            },
            "read" => match operation.result() {
                None => Ok(None),
                Some(result) => match operation.history().values().as_integer(result) {
                    Some(count) => Ok(Some(CounterAction::Read(count))),
                    None => Err(foreign_value(operation, "a whole number as its result", result)),
                },
            },
            _ => Err(foreign_operation(operation, "counter")),
        }
    }

    fn describe(&self, _history: &History, state: &i64) -> String {
        format!("the counter at {state}")
    }
}
