//! A history as grow-only sets, one a key: elements numbered, reads as lists of those numbers.

use crate::history::{Function, History, KeyId, Operation, Outcome, ValueId};
use rustc_hash::FxHashMap;

/// Number of an element within its key, in order of first mention.
pub type ElementId = u32;

/// An element that was added or read.
#[derive(Debug, Clone)]
pub struct Element<'h> {
    /// The element itself.
    pub value: ValueId,
    /// Every attempt to add it, in order of invocation.
    pub adds: Vec<Operation<'h>>,
}

impl<'h> Element<'h> {
    /// The add that was acknowledged first, if any was.
    #[must_use]
    pub fn acknowledged(&self) -> Option<&Operation<'h>> {
        self.adds.iter().filter(|add| add.is_ok()).min_by_key(|add| add.completed_ns())
    }

    /// The first add that did or may have happened.
    #[must_use]
    pub fn possible(&self) -> Option<&Operation<'h>> {
        self.adds.iter().find(|add| add.outcome() != Outcome::Fail)
    }
}

/// A read that ended ok and is not marked `final`.
#[derive(Debug, Clone)]
pub struct SetRead<'h> {
    /// The read.
    pub operation: Operation<'h>,
    /// What it returned, as it came.
    pub elements: Vec<ElementId>,
}

/// Everything about one key.
#[derive(Debug, Clone)]
pub struct SetKey<'h> {
    /// Which.
    pub key: KeyId,
    /// By [`ElementId`].
    pub elements: Vec<Element<'h>>,
    /// In order of invocation.
    pub reads: Vec<SetRead<'h>>,
    ids: FxHashMap<ValueId, ElementId>,
}

/// The whole history.
#[derive(Debug, Clone)]
pub struct SetIndex<'h> {
    /// By [`KeyId`].
    pub keys: Vec<SetKey<'h>>,
}

impl<'h> SetIndex<'h> {
    /// Sorts operations by key and numbers their elements.
    ///
    /// # Errors
    /// An operation that is not one of a set, or a read that does not return a list.
    pub fn new(history: &'h History) -> Result<Self, String> {
        let mut keys: Vec<SetKey<'h>> = (0..history.keys().len()).map(|_| SetKey::new()).collect();
        for operation in history.operations() {
            let key = &mut keys[operation.key().index()];
            key.key = operation.key();
            match operation.function() {
                Function::Add => {
                    let id = key.element(operation.argument());
                    key.elements[id as usize].adds.push(operation);
                }
                Function::Read => key.read(operation)?,
                _ => {
                    let (index, f) = (operation.invoked_index(), operation.f());
                    return Err(format!("index {index}: `{f}` is not an operation of a set"));
                }
            }
        }
        Ok(Self { keys })
    }
}

impl<'h> SetKey<'h> {
    fn new() -> Self {
        Self { key: KeyId::default(), elements: Vec::new(), reads: Vec::new(), ids: FxHashMap::default() }
    }

    fn element(&mut self, value: ValueId) -> ElementId {
        *self.ids.entry(value).or_insert_with(|| {
            self.elements.push(Element { value, adds: Vec::new() });
            (self.elements.len() - 1) as ElementId
        })
    }

    fn read(&mut self, operation: Operation<'h>) -> Result<(), String> {
        let Some(result) = operation.result().filter(|_| !operation.is_final()) else { return Ok(()) };
        let values = operation.history().values();
        let Some(items) = values.as_list(result) else {
            let index = operation.completed_index().unwrap_or_default();
            return Err(format!("index {index}: a read of a set returns a list, not {}", values.display(result)));
        };
        let elements = items.iter().map(|value| self.element(*value)).collect();
        self.reads.push(SetRead { operation, elements });
        Ok(())
    }
}
