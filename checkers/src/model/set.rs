//! A grow-only set: add, read; empty at first.

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{History, Operation, Outcome, ValueId};
use crate::semantics::Semantics;
use crate::witness::{counted, short};

/// A state is the sorted list of the elements present.
#[derive(Debug, Default)]
pub(crate) struct SetSpec {
    /// What reads returned, sorted; an action names its place here.
    reads: Vec<Box<[ValueId]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SetAction {
    Add(ValueId),
    Read(u32),
}

impl SetSpec {
    /// The read that returned these elements. One that is returned twice stays twice: then no state equals it, as it should be.
    pub(crate) fn read(&mut self, mut elements: Vec<ValueId>) -> SetAction {
        elements.sort_unstable();
        self.reads.push(elements.into_boxed_slice());
        SetAction::Read((self.reads.len() - 1) as u32)
    }

    /// The elements of an action.
    pub(crate) fn elements<'a>(&'a self, action: &'a SetAction) -> &'a [ValueId] {
        match action {
            SetAction::Add(element) => std::slice::from_ref(element),
            SetAction::Read(place) => &self.reads[*place as usize],
        }
    }
}

impl SequentialSpec for SetSpec {
    type Action = SetAction;
    type State = Box<[ValueId]>;

    fn initial(&self) -> Box<[ValueId]> {
        Box::default()
    }

    fn step(&self, state: &Box<[ValueId]>, action: SetAction) -> Step<Box<[ValueId]>> {
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

    fn effect(&self, action: SetAction) -> Effect {
        match action {
            SetAction::Read(_) => Effect::Pure,
            SetAction::Add(_) => Effect::Update,
        }
    }

    fn heap_bytes(&self, state: &Box<[ValueId]>) -> usize {
        std::mem::size_of_val::<[ValueId]>(state)
    }
}

impl<'h> Object<'h> for SetSpec {
    fn new(_history: &'h History, _semantics: &Semantics) -> Self {
        Self::default()
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<SetAction>, String> {
        match operation.f() {
            "add" if operation.outcome() == Outcome::Fail => Ok(None),
            "add" => Ok(Some(SetAction::Add(operation.argument()))),
            "read" => {
                let Some(result) = operation.result() else { return Ok(None) };
                let Some(elements) = operation.history().values().as_list(result) else {
                    return Err(foreign_value(operation, "a list as its result", result));
                };
                Ok(Some(self.read(elements.to_vec())))
            }
            _ => Err(foreign_operation(operation, "set")),
        }
    }

    fn describe(&self, history: &History, state: &Box<[ValueId]>) -> String {
        const NAMED_MAX: usize = 8;
        if state.is_empty() || state.len() > NAMED_MAX {
            return format!("a set of {}", counted(state.len() as u64, "element"));
        }
        let elements: Vec<String> = state.iter().map(|element| short(history, *element)).collect();
        format!("the set [{}]", elements.join(", "))
    }
}
