//! A register: read, write, compare-and-set; null at first.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::spec::{SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{Operation, Outcome};

/// Values are numbered in order of first mention; 0 is null.
#[derive(Debug, Default)]
pub(super) struct RegisterSpec<'h> {
    ids: FxHashMap<&'h Value, u32>,
    values: Vec<&'h Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum RegisterAction {
    Read(u32),
    Write(u32),
    CompareAndSet { old: u32, new: u32 },
}

impl<'h> RegisterSpec<'h> {
    fn id(&mut self, value: &'h Value) -> u32 {
        if value.is_null() {
            return 0;
        }
        *self.ids.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.values.len() as u32
        })
    }
}

impl<'h> SequentialSpec<'h> for RegisterSpec<'h> {
    type Action = RegisterAction;
    type State = u32;

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<RegisterAction>, String> {
        let argument = operation.argument();
        let action = match operation.f() {
            "read" => operation.result().map(|value| RegisterAction::Read(self.id(value))),
            "write" => Some(RegisterAction::Write(self.id(argument))),
            "cas" => {
                let Some([old, new]) = argument.as_array().map(Vec::as_slice) else {
                    return Err(foreign_value(operation, "a list [old, new]", argument));
                };
                Some(RegisterAction::CompareAndSet { old: self.id(old), new: self.id(new) })
            }
            _ => return Err(foreign_operation(operation, "register")),
        };
        Ok(action.filter(|_| operation.outcome() != Outcome::Fail))
    }

    fn initial(&self) -> u32 {
        0
    }

    fn step(&self, state: &u32, action: RegisterAction) -> Step<u32> {
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

    fn describe(&self, state: &u32) -> String {
        match state.checked_sub(1) {
            None => "the register at null".to_owned(),
            Some(place) => format!("the register at {}", self.values[place as usize]),
        }
    }

    fn heap_bytes(&self, _state: &u32) -> usize {
        0
    }
}
