//! A history as registers, one a key: values numbered, each with who wrote it.

use crate::history::{Function, History, KeyId, Operation, Outcome, ValueId as HistoryValue};
use rustc_hash::FxHashMap;

/// Number of a value within its key; [`RegisterKey::INITIAL`] is null, the initial state.
pub type ValueId = u32;

/// A value that was written or read.
#[derive(Debug, Clone)]
pub struct RegisterValue<'h> {
    /// The value itself.
    pub value: HistoryValue,
    /// Place in [`RegisterKey::writes`] of the first write of it that did or may have happened.
    pub writer: Option<u32>,
    /// Whether more than one write of it may have happened.
    pub is_ambiguous: bool,
    /// A write of it that certainly did not happen.
    pub refused: Option<Operation<'h>>,
}

/// A write, or a compare-and-set, that did or may have happened.
#[derive(Debug, Clone, Copy)]
pub struct RegisterWrite<'h> {
    /// The operation.
    pub operation: Operation<'h>,
    /// What a compare-and-set expected; `None` for a write.
    pub old: Option<ValueId>,
    /// What it wrote.
    pub new: ValueId,
}

/// A read that ended ok and is not marked `final`.
#[derive(Debug, Clone, Copy)]
pub struct RegisterRead<'h> {
    /// The read.
    pub operation: Operation<'h>,
    /// What it returned.
    pub value: ValueId,
}

/// Everything about one key.
#[derive(Debug, Clone)]
pub struct RegisterKey<'h> {
    /// Which.
    pub key: KeyId,
    /// By [`ValueId`].
    pub values: Vec<RegisterValue<'h>>,
    /// In order of invocation.
    pub writes: Vec<RegisterWrite<'h>>,
    /// In order of invocation.
    pub reads: Vec<RegisterRead<'h>>,
    ids: FxHashMap<HistoryValue, ValueId>,
}

/// The whole history.
#[derive(Debug, Clone)]
pub struct RegisterIndex<'h> {
    /// By [`KeyId`].
    pub keys: Vec<RegisterKey<'h>>,
}

impl<'h> RegisterIndex<'h> {
    /// Sorts operations by key and numbers their values.
    ///
    /// # Errors
    /// An operation that is not one of a register.
    pub fn new(history: &'h History) -> Result<Self, String> {
        let mut keys: Vec<RegisterKey<'h>> = (0..history.keys().len()).map(|_| RegisterKey::new()).collect();
        for operation in history.operations() {
            let key = &mut keys[operation.key().index()];
            key.key = operation.key();
            match operation.function() {
                Function::Write => key.write(operation, None, operation.argument()),
                Function::CompareAndSet => {
                    let Some([old, new]) = history.values().as_list(operation.argument()) else {
                        return Err(format!(
                            "index {}: the value of a cas is a list [old, new], not {}",
                            operation.invoked_index(),
                            history.values().display(operation.argument())
                        ));
                    };
                    key.write(operation, Some(*old), *new);
                }
                Function::Read => key.read(operation),
                _ => {
                    let (index, f) = (operation.invoked_index(), operation.f());
                    return Err(format!("index {index}: `{f}` is not an operation of a register"));
                }
            }
        }
        Ok(Self { keys })
    }
}

impl<'h> RegisterKey<'h> {
    /// The initial state, null.
    pub const INITIAL: ValueId = 0;

    fn new() -> Self {
        let mut key = Self {
            key: KeyId::default(),
            values: Vec::new(),
            writes: Vec::new(),
            reads: Vec::new(),
            ids: FxHashMap::default(),
        };
        key.value_id(HistoryValue::NULL);
        key
    }

    /// Whether a value may have been written by more than one operation; writing null counts, for it is there from the
    /// start.
    #[must_use]
    pub fn is_ambiguous(&self, value: ValueId) -> bool {
        let entry = &self.values[value as usize];
        entry.is_ambiguous || (value == Self::INITIAL && entry.writer.is_some())
    }

    /// The write of a value, if exactly one is possible or the first of several.
    #[must_use]
    pub fn writer(&self, value: ValueId) -> Option<&RegisterWrite<'h>> {
        self.values[value as usize].writer.map(|place| &self.writes[place as usize])
    }

    fn value_id(&mut self, value: HistoryValue) -> ValueId {
        *self.ids.entry(value).or_insert_with(|| {
            self.values.push(RegisterValue { value, writer: None, is_ambiguous: false, refused: None });
            (self.values.len() - 1) as ValueId
        })
    }

    fn write(&mut self, operation: Operation<'h>, old: Option<HistoryValue>, new: HistoryValue) {
        let new = self.value_id(new);
        if operation.outcome() == Outcome::Fail {
            self.values[new as usize].refused = Some(operation);
            return;
        }
        let old = old.map(|value| self.value_id(value));
        let entry = &mut self.values[new as usize];
        match entry.writer {
            None => entry.writer = Some(self.writes.len() as u32),
            Some(_) => entry.is_ambiguous = true,
        }
        self.writes.push(RegisterWrite { operation, old, new });
    }

    fn read(&mut self, operation: Operation<'h>) {
        if let Some(result) = operation.result().filter(|_| !operation.is_final()) {
            let value = self.value_id(result);
            self.reads.push(RegisterRead { operation, value });
        }
    }
}
