//! A lock with an owner: acquire, release; free at first. Only the process that holds it may release it, and none may
//! acquire it twice.

use super::spec::{Object, SequentialSpec, Step, foreign_operation};
use crate::history::{Function, History, Operation, Outcome};
use crate::semantics::Semantics;

/// A state is the number of the process that holds the lock.
#[derive(Debug)]
pub(crate) struct OwnerMutexSpec {
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OwnerMutexAction {
    Acquire(u32),
    Release(u32),
}

impl SequentialSpec for OwnerMutexSpec {
    type Action = OwnerMutexAction;
    type State = Option<u32>;

    fn initial(&self) -> Option<u32> {
        None
    }

    fn step(&self, holder: &Option<u32>, action: OwnerMutexAction) -> Step<Option<u32>> {
        match (action, holder) {
            (OwnerMutexAction::Acquire(process), None) => Step::Next(Some(process)),
            (OwnerMutexAction::Release(process), Some(holder)) if process == *holder => Step::Next(None),
            _ => Step::Illegal,
        }
    }
}

impl<'h> Object<'h> for OwnerMutexSpec {
    fn new(history: &'h History, _semantics: &Semantics) -> Self {
        Self { names: history.processes().iter().map(ToString::to_string).collect() }
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<OwnerMutexAction>, String> {
        let process = operation.process().index() as u32;
        let action = match operation.function() {
            Function::Acquire => OwnerMutexAction::Acquire(process),
            Function::Release => OwnerMutexAction::Release(process),
            _ => return Err(foreign_operation(operation, "mutex")),
        };
        Ok((operation.outcome() != Outcome::Fail).then_some(action))
    }

    fn describe(&self, _history: &History, holder: &Option<u32>) -> String {
        match holder.and_then(|process| self.names.get(process as usize)) {
            None => "the lock free".to_owned(),
            Some(name) => format!("the lock held by {name}"),
        }
    }
}
