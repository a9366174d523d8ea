//! A grow-only set: add, read; empty at first.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::spec::{SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{Operation, Outcome};
use crate::witness::counted;

/// Elements are numbered in order of first mention; a state is the sorted list of those present.
#[derive(Debug, Default)]
pub(super) struct SetSpec<'h> {
    ids: FxHashMap<&'h Value, u32>,
    /// What reads returned, sorted; an action names its place here.
    reads: Vec<Box<[u32]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SetAction {
    Add(u32),
    Read(u32),
}

impl<'h> SetSpec<'h> {
    fn id(&mut self, value: &'h Value) -> u32 {
        let next = self.ids.len() as u32;
        *self.ids.entry(value).or_insert(next)
    }
}

impl<'h> SequentialSpec<'h> for SetSpec<'h> {
    type Action = SetAction;
    type State = Box<[u32]>;

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<SetAction>, String> {
        match operation.f() {
            "add" if operation.outcome() == Outcome::Fail => Ok(None),
            "add" => Ok(Some(SetAction::Add(self.id(operation.argument())))),
            "read" => {
                let Some(result) = operation.result() else { return Ok(None) };
                let Value::Array(elements) = result else {
                    return Err(foreign_value(operation, "a list as its result", result));
                };
                // An element that is returned twice stays twice: then no state equals it, as it should be.
                let mut elements: Vec<u32> = elements.iter().map(|element| self.id(element)).collect();
                elements.sort_unstable();
                self.reads.push(elements.into_boxed_slice());
                Ok(Some(SetAction::Read((self.reads.len() - 1) as u32)))
            }
            _ => Err(foreign_operation(operation, "set")),
        }
    }

    fn initial(&self) -> Box<[u32]> {
        Box::default()
    }

    fn step(&self, state: &Box<[u32]>, action: SetAction) -> Step<Box<[u32]>> {
        match action {
            SetAction::Read(place) if self.reads[place as usize] == *state => Step::Same,
            SetAction::Read(_) => Step::Illegal,
            SetAction::Add(element) => match state.binary_search(&element) {
                Ok(_) => Step::Same,
                Err(place) => {
                    let mut next = Vec::with_capacity(state.len() + 1);
                    next.extend_from_slice(&state[..place]);
                    next.push(element);
                    next.extend_from_slice(&state[place..]);
                    Step::Next(next.into_boxed_slice())
                }
            },
        }
    }

    fn is_pure(&self, action: SetAction) -> bool {
        matches!(action, SetAction::Read(_))
    }

    fn describe(&self, state: &Box<[u32]>) -> String {
        format!("a set of {}", counted(state.len() as u64, "element"))
    }

    fn heap_bytes(&self, state: &Box<[u32]>) -> usize {
        std::mem::size_of_val::<[u32]>(state)
    }
}
