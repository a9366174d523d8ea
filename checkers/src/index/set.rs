//! A history as grow-only sets, one a key: elements numbered, and what reads returned as lists of those numbers.

use rustc_hash::FxHashMap;

use super::closing::{ClosingRead, closing_read};
use super::numbering::Numbering;
use super::span::{NONE, Span};
use crate::history::{Function, History, KeyId, Operation, Outcome, ValueId};

/// An element that was added or read.
#[derive(Debug, Clone, Copy)]
pub struct Element {
    /// The element itself.
    pub value: ValueId,
    /// The first add of it, whatever came of it, by the operation's id, or [`NONE`].
    pub first_add: u32,
    /// The first add that did or may have happened, or [`NONE`].
    pub possible: u32,
    /// The add that was acknowledged first, or [`NONE`].
    pub acknowledged: u32,
    /// Whether more than one add of it may have happened.
    pub is_ambiguous: bool,
}

impl Element {
    /// The first add of it, whatever came of it.
    #[must_use]
    pub fn first_add<'h>(&self, history: &'h History) -> Option<Operation<'h>> {
        history.operation(self.first_add as usize)
    }

    /// The first add that did or may have happened.
    #[must_use]
    pub fn possible<'h>(&self, history: &'h History) -> Option<Operation<'h>> {
        history.operation(self.possible as usize)
    }

    /// The add that was acknowledged first, if any was.
    #[must_use]
    pub fn acknowledged<'h>(&self, history: &'h History) -> Option<Operation<'h>> {
        history.operation(self.acknowledged as usize)
    }

    fn add(&mut self, add: &Operation<'_>) {
        let id = add.id() as u32;
        self.first_add = self.first_add.min(id);
        if add.outcome() == Outcome::Fail {
            return;
        }
        self.is_ambiguous |= self.possible != NONE;
        self.possible = self.possible.min(id);
        let earlier = self.acknowledged(add.history()).and_then(|add| add.completed_ns());
        if add.is_ok() && earlier.is_none_or(|earlier| add.completed_ns().is_some_and(|completed| completed < earlier))
        {
            self.acknowledged = id;
        }
    }
}

/// A read that ended ok and is not marked `final`.
#[derive(Debug, Clone, Copy)]
pub struct SetRead {
    /// The read.
    pub span: Span,
    /// What it returned: a place for [`SetKey::content`].
    pub content: u32,
}

/// Everything about one key.
#[derive(Debug, Clone, Default)]
pub struct SetKey {
    /// Which.
    pub key: KeyId,
    /// By number, in order of first mention.
    pub elements: Vec<Element>,
    /// In order of invocation.
    pub reads: Vec<SetRead>,
    /// The elements of every content, one after the other.
    items: Vec<u32>,
    /// By content: where it ends.
    ends: Vec<usize>,
}

/// The whole history.
#[derive(Debug, Clone)]
pub struct SetIndex {
    /// By [`KeyId`].
    pub keys: Vec<SetKey>,
}

/// What was numbered so far of one key.
#[derive(Default)]
struct Numbers {
    elements: Numbering,
    /// By the list that a read returned.
    contents: FxHashMap<ValueId, u32>,
}

/// Whether it adds an element; `broadcast` is Maelstrom's name for it.
fn is_add(operation: &Operation<'_>) -> bool {
    match operation.function() {
        Function::Add => true,
        Function::Other(_) => operation.f() == "broadcast",
        _ => false,
    }
}

impl SetIndex {
    /// Sorts operations by key and numbers their elements.
    ///
    /// # Errors
    /// An operation that is not one of a set, or a read that does not return a list.
    pub fn new(history: &History) -> Result<Self, String> {
        let mut of_key: Vec<Vec<u32>> = vec![Vec::new(); history.keys().len()];
        for operation in history.operations() {
            if operation.function() != Function::Read && !is_add(&operation) {
                let (index, f) = (operation.invoked_index(), operation.f());
                return Err(format!("index {index}: `{f}` is not an operation of a set"));
            }
            of_key[operation.key().index()].push(operation.id() as u32);
        }
        let mut numbers = Numbers::default();
        let keys = history.key_ids().zip(of_key);
        let keys = keys.map(|(key, operations)| SetKey::new(history, key, &operations, &mut numbers));
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }
}

impl SetKey {
    fn new(history: &History, key: KeyId, operations: &[u32], numbers: &mut Numbers) -> Result<Self, String> {
        let mut set = Self { key, ..Self::default() };
        let operations = || operations.iter().filter_map(|id| history.operation(*id as usize));
        let adds = || operations().filter(is_add);
        numbers.elements.restart(adds().count(), adds().map(|add| add.argument().bits()));
        numbers.contents.clear();
        for operation in operations() {
            if is_add(&operation) {
                let element = set.number(operation.argument(), &mut numbers.elements);
                set.elements[element as usize].add(&operation);
            } else {
                set.read(&operation, numbers)?;
            }
        }
        Ok(set)
    }

    /// What a read returned, as it came, by number. Reads that returned one list have one content.
    #[must_use]
    pub fn content(&self, content: u32) -> &[u32] {
        let content = content as usize;
        let start = content.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start..self.ends[content]]
    }

    /// How many different contents there are.
    #[must_use]
    pub fn content_count(&self) -> usize {
        self.ends.len()
    }

    /// The read that shows its last state.
    #[must_use]
    pub fn closing_read(&self, history: &History) -> ClosingRead {
        let reads = self.reads.iter().enumerate();
        let reads = reads.filter_map(|(place, read)| Some((place, read.span.look_up(history)?)));
        closing_read(history, reads, self.last_acknowledged_ns(history))
    }

    /// By element: whether a read returned it.
    #[must_use]
    pub fn membership(&self, read: &SetRead) -> Vec<bool> {
        let mut is_member = vec![false; self.elements.len()];
        self.content(read.content).iter().for_each(|element| is_member[*element as usize] = true);
        is_member
    }

    /// When the acknowledged element that was acknowledged last was, in nanoseconds.
    #[must_use]
    pub fn last_acknowledged_ns(&self, history: &History) -> Option<u64> {
        self.elements.iter().filter_map(|element| element.acknowledged(history)?.completed_ns()).max()
    }

    fn number(&mut self, value: ValueId, numbers: &mut Numbering) -> u32 {
        let (number, is_new) = numbers.number(value.bits());
        if is_new {
            let (first_add, possible, acknowledged) = (NONE, NONE, NONE);
            self.elements.push(Element { value, first_add, possible, acknowledged, is_ambiguous: false });
        }
        number
    }

    fn read(&mut self, operation: &Operation<'_>, numbers: &mut Numbers) -> Result<(), String> {
        let Some(result) = operation.result().filter(|_| !operation.is_final()) else { return Ok(()) };
        let values = operation.history().values();
        let Some(items) = values.as_list(result) else {
            let index = operation.completed_index().unwrap_or_default();
            return Err(format!("index {index}: a read of a set returns a list, not {}", values.display(result)));
        };
        let content = match numbers.contents.get(&result) {
            Some(content) => *content,
            None => {
                for value in items {
                    let element = self.number(*value, &mut numbers.elements);
                    self.items.push(element);
                }
                self.ends.push(self.items.len());
                let content = (self.ends.len() - 1) as u32;
                numbers.contents.insert(result, content);
                content
            }
        };
        self.reads.push(SetRead { span: Span::of(operation), content });
        Ok(())
    }
}
