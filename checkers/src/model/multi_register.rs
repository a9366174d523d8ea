//! Several registers that transactions read and write, each transaction at once: `txn` [["r", k, v], ["w", k, v], …], also
//! with `read` and `write`. What a register holds at first, and what a null read means, differs between sources: see
//! [`Semantics`].

use rustc_hash::{FxHashMap, FxHashSet};

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{Function, History, Operation, Outcome, ValueId};
use crate::semantics::{NullRead, Semantics};
use crate::witness::short;

/// A part of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Read { register: ValueId, value: ValueId },
    Write { register: ValueId, value: ValueId },
}

#[derive(Debug)]
pub(crate) struct MultiRegisterSpec {
    /// `None`: a value the history never mentions.
    initial: Option<ValueId>,
    null_read: NullRead,
    registers: FxHashSet<ValueId>,
    /// An action is a place in here.
    transactions: Vec<Box<[Part]>>,
    places: FxHashMap<Box<[Part]>, u32>,
}

impl SequentialSpec for MultiRegisterSpec {
    type Action = u32;
    /// The registers that do not hold the initial value, in order, with what they hold.
    type State = Box<[(ValueId, ValueId)]>;

    fn initial(&self) -> Self::State {
        Box::default()
    }

    fn step(&self, state: &Self::State, action: u32) -> Step<Self::State> {
        let mut next = state.to_vec();
        for part in &self.transactions[action as usize] {
            match *part {
                Part::Read { register, value } => {
                    let place = next.binary_search_by_key(&register, |(register, _)| *register);
                    if place.map_or(self.initial, |place| Some(next[place].1)) != Some(value) {
                        return Step::Illegal;
                    }
                }
                Part::Write { register, value } => {
                    let place = next.binary_search_by_key(&register, |(register, _)| *register);
                    match (place, self.initial == Some(value)) {
                        (Ok(place), false) => next[place].1 = value,
                        (Ok(place), true) => drop(next.remove(place)),
                        (Err(place), false) => next.insert(place, (register, value)),
                        (Err(_), true) => {}
                    }
                }
            }
        }
        if *next == **state { Step::Same } else { Step::Next(next.into()) }
    }

    fn effect(&self, action: u32) -> Effect {
        let parts = &self.transactions[action as usize];
        let writes = parts.iter().filter_map(|part| match part {
            Part::Write { register, .. } => Some(*register),
            Part::Read { .. } => None,
        });
        let written: FxHashSet<ValueId> = writes.collect();
        match (written.len(), parts.iter().any(|part| matches!(part, Part::Read { .. }))) {
            (0, _) => Effect::Pure,
            (_, true) => Effect::Conditional,
            (count, false) if count == self.registers.len() => Effect::Overwrite,
            (_, false) => Effect::Update,
        }
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        size_of_val::<[(ValueId, ValueId)]>(state)
    }
}

impl<'h> Object<'h> for MultiRegisterSpec {
    fn new(history: &'h History, semantics: &Semantics) -> Self {
        Self {
            initial: semantics.initial.in_history(history),
            null_read: semantics.null_read,
            registers: FxHashSet::default(),
            transactions: Vec::new(),
            places: FxHashMap::default(),
        }
    }

    /// What an undecided transaction read is not known, so only its writes count.
    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<u32>, String> {
        if operation.function() != Function::Txn {
            return Err(foreign_operation(operation, "multi-register"));
        }
        if operation.outcome() == Outcome::Fail {
            return Ok(None);
        }
        let values = operation.history().values();
        let whole = operation.result().unwrap_or_else(|| operation.argument());
        let foreign = || foreign_value(operation, "a list of [\"r\" or \"w\", register, value]", whole);
        let mut parts = Vec::new();
        for part in values.as_list(whole).ok_or_else(foreign)? {
            let Some([kind, register, value]) = values.as_list(*part) else { return Err(foreign()) };
            self.registers.insert(*register);
            match values.as_text(*kind) {
                Some("w" | "write") => parts.push(Part::Write { register: *register, value: *value }),
                Some("r" | "read") => {
                    let is_known = !value.is_null() || self.null_read == NullRead::Value;
                    if operation.is_ok() && is_known {
                        parts.push(Part::Read { register: *register, value: *value });
                    }
                }
                _ => return Err(foreign()),
            }
        }
        let next = self.transactions.len() as u32;
        let place = *self.places.entry(parts.clone().into()).or_insert(next);
        if place == next {
            self.transactions.push(parts.into());
        }
        Ok(Some(place))
    }

    fn describe(&self, history: &History, state: &Self::State) -> String {
        let held = state
            .iter()
            .map(|(register, value)| format!("{} at {}", short(history, *register), short(history, *value)));
        let held: Vec<String> = held.collect();
        if held.is_empty() { "every register at its initial value".to_owned() } else { held.join(", ") }
    }
}
