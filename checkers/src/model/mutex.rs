//! A lock: acquire, release; free at first. It does not ask who holds it.

use super::spec::{Object, SequentialSpec, Step, foreign_operation};
use crate::history::{History, Operation, Outcome};
use crate::semantics::Semantics;

#[derive(Debug, Default)]
pub(crate) struct MutexSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MutexAction {
    Acquire,
    Release,
}

impl SequentialSpec for MutexSpec {
    type Action = MutexAction;
    type State = bool;

    fn initial(&self) -> bool {
        false
    }

    fn step(&self, is_held: &bool, action: MutexAction) -> Step<bool> {
        match (action, is_held) {
            (MutexAction::Acquire, false) => Step::Next(true),
            (MutexAction::Release, true) => Step::Next(false),
            (MutexAction::Acquire, true) | (MutexAction::Release, false) => Step::Illegal,
        }
    }
}

impl<'h> Object<'h> for MutexSpec {
    fn new(_history: &'h History, _semantics: &Semantics) -> Self {
        Self
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<MutexAction>, String> {
        let action = match operation.f() {
            "acquire" => MutexAction::Acquire,
            "release" => MutexAction::Release,
            _ => return Err(foreign_operation(operation, "mutex")),
        };
        Ok((operation.outcome() != Outcome::Fail).then_some(action))
    }

    fn describe(&self, _history: &History, is_held: &bool) -> String {
        if *is_held { "the lock held".to_owned() } else { "the lock free".to_owned() }
    }
}
