//! A history of single writes and of reads of several keys together: which writes each read saw.
//!
//! A transaction is a list of micro-operations: one `["w", key, value]`, or some `["r", key, value or null]`. It stands as the value
//! of a `txn`, or of a `write` or a `read` as Jepsen's long-fork workload has it. Every key is written once at most, so a read of
//! a key either saw its write or did not.

use rustc_hash::FxHashMap;

use crate::history::{Function, History, KeyId, Operation, Outcome, ValueId, Values};
use crate::model::{foreign_operation, foreign_value};

/// A key within the groups, and the only write of it that did or may have happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupObject {
    /// The key of the micro-operations.
    pub(crate) key: ValueId,
    /// By the operation's id; `None`: nobody wrote it.
    pub(crate) write: Option<u32>,
    value: ValueId,
}

/// A read that ended ok, is not marked `final` and names each key once; by number.
#[derive(Debug, Clone)]
pub(crate) struct GroupRead {
    /// The operation's id.
    pub(crate) operation: u32,
    /// The objects in ascending order, and whether the write of each was seen. Values that nobody wrote are left out.
    pub(crate) seen: Vec<(u32, bool)>,
}

/// A read of a value that nobody had written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnwrittenRead {
    /// The operation's id.
    pub(crate) operation: u32,
    /// The key of the micro-operation.
    pub(crate) key: ValueId,
    /// What was read.
    pub(crate) value: ValueId,
}

/// The whole history.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupIndex {
    pub(crate) objects: Vec<GroupObject>,
    pub(crate) reads: Vec<GroupRead>,
    pub(crate) unwritten: Vec<UnwrittenRead>,
    numbers: FxHashMap<(KeyId, ValueId), u32>,
}

/// One micro-operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Micro {
    Read(ValueId, ValueId),
    Write(ValueId, ValueId),
}

/// What a transaction does.
enum Transaction {
    Reads,
    Write(ValueId, ValueId),
}

/// Whether an operation is a transaction of micro-operations, by its look.
#[must_use]
pub(crate) fn is_transaction(operation: &Operation<'_>) -> bool {
    let values = operation.history().values();
    let is_micro = |items: &[ValueId]| !items.is_empty() && items.iter().all(|item| micro(values, *item).is_some());
    operation.function() == Function::Txn || values.as_list(operation.argument()).is_some_and(is_micro)
}

fn micro(values: &Values, item: ValueId) -> Option<Micro> {
    let [what, key, value] = values.as_list(item)? else { return None };
    match values.as_text(*what)? {
        "r" | "read" => Some(Micro::Read(*key, *value)),
        "w" | "write" => Some(Micro::Write(*key, *value)),
        _ => None,
    }
}

/// A single write or some reads; `None` for all else.
fn transaction(values: &Values, list: ValueId) -> Option<Transaction> {
    let items = values.as_list(list).filter(|items| !items.is_empty())?;
    if let [item] = items
        && let Some(Micro::Write(key, value)) = micro(values, *item)
    {
        return Some(Transaction::Write(key, value));
    }
    let is_read = |item: &ValueId| matches!(micro(values, *item), Some(Micro::Read(..)));
    items.iter().all(is_read).then_some(Transaction::Reads)
}

impl GroupIndex {
    /// Numbers keys, and finds out what every read saw.
    ///
    /// # Errors
    /// An operation that is neither a single write nor a read of keys, a key that is written twice or with null, and a read that
    /// shows one key in two states.
    pub(crate) fn new(history: &History) -> Result<Self, String> {
        let mut index = Self::default();
        let mut reads = Vec::new();
        for operation in history.operations() {
            if !matches!(operation.function(), Function::Txn | Function::Read | Function::Write) {
                return Err(foreign_operation(&operation, "group of keys written once"));
            }
            match transaction(history.values(), operation.argument()) {
                Some(Transaction::Write(key, value)) => index.write(&operation, key, value)?,
                Some(Transaction::Reads) => reads.push(operation),
                None => {
                    let expected = "a list of one write or of some reads";
                    return Err(foreign_value(&operation, expected, operation.argument()));
                }
            }
        }
        for read in reads {
            index.read(&read)?;
        }
        Ok(index)
    }

    fn number(&mut self, operation: &Operation<'_>, key: ValueId) -> u32 {
        *self.numbers.entry((operation.key(), key)).or_insert_with(|| {
            self.objects.push(GroupObject { key, write: None, value: ValueId::NULL });
            (self.objects.len() - 1) as u32
        })
    }

    fn write(&mut self, operation: &Operation<'_>, key: ValueId, value: ValueId) -> Result<(), String> {
        let number = self.number(operation, key);
        if operation.outcome() == Outcome::Fail {
            return Ok(());
        }
        if value.is_null() {
            return Err(foreign_value(operation, "a value other than null to write", value));
        }
        let object = &mut self.objects[number as usize];
        if object.write.is_some() {
            return Err(format!(
                "index {}: key {} is written a second time; every key must be written once at most",
                operation.invoked_index(),
                operation.history().values().display(key)
            ));
        }
        (object.write, object.value) = (Some(operation.id() as u32), value);
        Ok(())
    }

    fn read(&mut self, operation: &Operation<'_>) -> Result<(), String> {
        let Some(result) = operation.result().filter(|_| !operation.is_final()) else { return Ok(()) };
        let values = operation.history().values();
        let malformed = || foreign_value(operation, "a list of reads as its result", result);
        let items = values.as_list(result).ok_or_else(malformed)?;
        let mut seen = Vec::with_capacity(items.len());
        for item in items {
            let Some(Micro::Read(key, value)) = micro(values, *item) else { return Err(malformed()) };
            let number = self.number(operation, key);
            let object = self.objects[number as usize];
            let write = object.write.and_then(|write| operation.history().operation(write as usize));
            // A write that began after the read was over was not what it saw.
            let may_be_seen = write.is_some_and(|write| operation.completed_ns() >= Some(write.invoked_ns()));
            if value.is_null() {
                seen.push((number, false));
            } else if may_be_seen && object.value == value {
                seen.push((number, true));
            } else {
                self.unwritten.push(UnwrittenRead { operation: operation.id() as u32, key, value });
            }
        }
        seen.sort_unstable();
        seen.dedup();
        if let Some(pair) = seen.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!(
                "index {}: key {} is read in two states by one read",
                operation.completed_index().unwrap_or_default(),
                operation.history().values().display(self.objects[pair[0].0 as usize].key)
            ));
        }
        self.reads.push(GroupRead { operation: operation.id() as u32, seen });
        Ok(())
    }
}
