//! A lock: acquire, release; free at first. It does not ask who holds it.

use super::spec::{SequentialSpec, Step, foreign_operation};
use crate::history::{History, Operation, Outcome};

#[derive(Debug, Default)]
pub(super) struct MutexSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MutexAction {
    Acquire,
    Release,
}

impl<'h> SequentialSpec<'h> for MutexSpec {
    type Action = MutexAction;
    type State = bool;

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<MutexAction>, String> {
        let action = match operation.f() {
            "acquire" => MutexAction::Acquire,
            "release" => MutexAction::Release,
            _ => return Err(foreign_operation(operation, "mutex")),
        };
        Ok((operation.outcome() != Outcome::Fail).then_some(action))
    }

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

    fn is_pure(&self, _action: MutexAction) -> bool {
        false
    }

    fn describe(&self, _history: &History, is_held: &bool) -> String {
        if *is_held { "the lock held".to_owned() } else { "the lock free".to_owned() }
    }

    fn heap_bytes(&self, _is_held: &bool) -> usize {
        0
    }
}
