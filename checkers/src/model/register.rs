//! A register: read, write, compare-and-set; null at first.

use super::spec::{SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{History, Operation, Outcome, ValueId};
use crate::witness::short;

#[derive(Debug, Default)]
pub(super) struct RegisterSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum RegisterAction {
    Read(ValueId),
    Write(ValueId),
    CompareAndSet { old: ValueId, new: ValueId },
}

impl<'h> SequentialSpec<'h> for RegisterSpec {
    type Action = RegisterAction;
    type State = ValueId;

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<RegisterAction>, String> {
        let argument = operation.argument();
        let action = match operation.f() {
            "read" => operation.result().map(RegisterAction::Read),
            "write" => Some(RegisterAction::Write(argument)),
            "cas" => {
                let Some([old, new]) = operation.history().values().as_list(argument) else {
                    return Err(foreign_value(operation, "a list [old, new]", argument));
                };
                Some(RegisterAction::CompareAndSet { old: *old, new: *new })
            }
            _ => return Err(foreign_operation(operation, "register")),
        };
        Ok(action.filter(|_| operation.outcome() != Outcome::Fail))
    }

    fn initial(&self) -> ValueId {
        ValueId::NULL
    }

    fn step(&self, state: &ValueId, action: RegisterAction) -> Step<ValueId> {
        match action {
            RegisterAction::Read(value) if value != *state => Step::Illegal,
            RegisterAction::CompareAndSet { old, .. } if old != *state => Step::Illegal,
            RegisterAction::Read(_) => Step::Same,
            RegisterAction::Write(new) | RegisterAction::CompareAndSet { new, .. } if new == *state => Step::Same,
            RegisterAction::Write(new) | RegisterAction::CompareAndSet { new, .. } => Step::Next(new),
        }
    }

    fn is_pure(&self, action: RegisterAction) -> bool {
        match action {
            RegisterAction::Read(_) => true,
            RegisterAction::Write(_) => false,
            RegisterAction::CompareAndSet { old, new } => old == new,
        }
    }

    fn describe(&self, history: &History, state: &ValueId) -> String {
        format!("the register at {}", short(history, *state))
    }

    fn heap_bytes(&self, _state: &ValueId) -> usize {
        0
    }
}
