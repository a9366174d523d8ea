//! A history as registers, one a key: values numbered, each with who wrote it.

use super::numbering::Numbering;
use super::span::{NONE, Span};
use crate::history::{Function, History, KeyId, Operation, Outcome, ValueId};
use crate::semantics::{FailedCas, NullRead, Semantics};

/// A value that was written or read.
#[derive(Debug, Clone, Copy)]
pub struct RegisterValue {
    /// The value itself; for [`RegisterKey::INITIAL`] null where the history does not mention the initial value.
    pub value: ValueId,
    /// Place in [`RegisterKey::writes`] of the first write of it that did or may have happened, or [`NONE`].
    pub writer: u32,
    /// A write of it that certainly did not happen, by the operation's id, or [`NONE`].
    pub refused: u32,
    /// Whether more than one write of it may have happened.
    pub is_ambiguous: bool,
}

/// A write, or a compare-and-set, that did or may have happened.
#[derive(Debug, Clone, Copy)]
pub struct RegisterWrite {
    /// The operation.
    pub span: Span,
    /// What it wrote, by number.
    pub new: u32,
    /// What a compare-and-set expected, by number; [`NONE`] for a write.
    pub old: u32,
}

/// A read that ended ok and is not marked `final`.
#[derive(Debug, Clone, Copy)]
pub struct RegisterRead {
    /// The read.
    pub span: Span,
    /// What it returned, by number.
    pub value: u32,
}

/// Everything about one key.
#[derive(Debug, Clone, Copy)]
pub struct RegisterKey<'i> {
    /// Which.
    pub key: KeyId,
    /// By number.
    pub values: &'i [RegisterValue],
    /// In order of invocation.
    pub writes: &'i [RegisterWrite],
    /// In order of invocation.
    pub reads: &'i [RegisterRead],
    /// Whether a compare-and-set failed that says, by the history's semantics, that the value was another one.
    pub has_observing_failure: bool,
}

/// The whole history, one list for all keys.
#[derive(Debug, Clone)]
pub struct RegisterIndex {
    values: Vec<RegisterValue>,
    writes: Vec<RegisterWrite>,
    reads: Vec<RegisterRead>,
    /// By key, and one more: where its part of each list begins.
    starts: Vec<Starts>,
    has_observing_failure: Vec<bool>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Starts {
    values: u32,
    writes: u32,
    reads: u32,
    refused: u32,
}

/// A write that was refused.
#[derive(Clone, Copy)]
struct Refused {
    value: u32,
    operation: u32,
}

/// What an operation is to a register.
enum Part {
    Write(ValueId, Option<ValueId>),
    Refused(ValueId, bool),
    Read(ValueId),
    Nothing,
}

fn part(operation: &Operation<'_>, semantics: &Semantics) -> Result<Part, String> {
    let is_refused = operation.outcome() == Outcome::Fail;
    Ok(match operation.function() {
        Function::Write if is_refused => Part::Refused(operation.argument(), false),
        Function::Write => Part::Write(operation.argument(), None),
        Function::CompareAndSet => match operation.history().values().as_list(operation.argument()) {
            Some([_, new]) if is_refused => Part::Refused(*new, true),
            Some([old, new]) => Part::Write(*new, Some(*old)),
            _ => {
                return Err(format!(
                    "index {}: the value of a cas is a list [old, new], not {}",
                    operation.invoked_index(),
                    operation.history().values().display(operation.argument())
                ));
            }
        },
        Function::Read => match operation.result() {
            Some(result) if operation.is_final() || (result.is_null() && semantics.null_read == NullRead::Unknown) => {
                Part::Nothing
            }
            Some(result) => Part::Read(result),
            None => Part::Nothing,
        },
        _ => {
            let (index, f) = (operation.invoked_index(), operation.f());
            return Err(format!("index {index}: `{f}` is not an operation of a register"));
        }
    })
}

impl RegisterIndex {
    /// Sorts operations by key and numbers their values. Reads that say nothing by the semantics are left out.
    ///
    /// # Errors
    /// An operation that is not one of a register.
    pub fn new(history: &History, semantics: &Semantics) -> Result<Self, String> {
        let keys = history.keys().len();
        let mut starts = vec![Starts::default(); keys + 1];
        for operation in history.operations() {
            let start = &mut starts[operation.key().index() + 1];
            match part(&operation, semantics)? {
                Part::Write(..) => start.writes += 1,
                Part::Refused(..) => start.refused += 1,
                Part::Read(_) => start.reads += 1,
                Part::Nothing => {}
            }
        }
        for key in 0..keys {
            let before = starts[key];
            let start = &mut starts[key + 1];
            start.writes += before.writes;
            start.reads += before.reads;
            start.refused += before.refused;
        }
        let mut index = Self {
            values: Vec::new(),
            writes: vec![RegisterWrite { span: Span::ABSENT, new: NONE, old: NONE }; starts[keys].writes as usize],
            reads: vec![RegisterRead { span: Span::ABSENT, value: NONE }; starts[keys].reads as usize],
            has_observing_failure: vec![false; keys],
            starts,
        };
        let refused = index.fill(history, semantics)?;
        let initial = semantics.initial.in_history(history);
        let mut numbering = Numbering::default();
        for key in 0..keys {
            index.starts[key].values = index.values.len() as u32;
            index.number_values(key, initial, &refused, &mut numbering);
        }
        index.starts[keys].values = index.values.len() as u32;
        Ok(index)
    }

    /// Puts each operation into the part of its key, values still by their bits; answers the refused writes.
    fn fill(&mut self, history: &History, semantics: &Semantics) -> Result<Vec<Refused>, String> {
        let mut refused = Vec::new();
        let count = self.starts.last().map_or(0, |start| start.refused as usize);
        refused.resize(count, Refused { value: NONE, operation: NONE });
        let mut next = self.starts.clone();
        for operation in history.operations() {
            let key = operation.key().index();
            match part(&operation, semantics)? {
                Part::Write(new, old) => {
                    let old = old.map_or(NONE, ValueId::bits);
                    let span = Span::of(&operation);
                    self.writes[next[key].writes as usize] = RegisterWrite { span, new: new.bits(), old };
                    next[key].writes += 1;
                }
                Part::Read(value) => {
                    let span = Span::of(&operation);
                    self.reads[next[key].reads as usize] = RegisterRead { span, value: value.bits() };
                    next[key].reads += 1;
                }
                Part::Refused(value, is_cas) => {
                    refused[next[key].refused as usize] =
                        Refused { value: value.bits(), operation: operation.id() as u32 };
                    next[key].refused += 1;
                    self.has_observing_failure[key] |= is_cas && semantics.failed_cas == FailedCas::Observation;
                }
                Part::Nothing => {}
            }
        }
        Ok(refused)
    }

    /// Replaces the bits of a key's values by numbers.
    fn number_values(&mut self, key: usize, initial: Option<ValueId>, refused: &[Refused], numbering: &mut Numbering) {
        let (start, end) = (self.starts[key], self.starts[key + 1]);
        let writes = &mut self.writes[start.writes as usize..end.writes as usize];
        let reads = &mut self.reads[start.reads as usize..end.reads as usize];
        let values = &mut self.values;
        let first = values.len();
        numbering.restart(writes.len(), writes.iter().map(|write| write.new));
        let mut number = |values: &mut Vec<RegisterValue>, bits: u32| {
            let (number, is_new) = numbering.number(bits);
            if is_new {
                let value = ValueId::from_bits(bits);
                values.push(RegisterValue { value, writer: NONE, refused: NONE, is_ambiguous: false });
            }
            number
        };
        match initial {
            Some(initial) => {
                number(values, initial.bits());
            }
            None => {
                // Nothing equals it, but it has its number.
                number(values, NONE);
                values[first].value = ValueId::NULL;
            }
        }
        for (place, write) in writes.iter_mut().enumerate() {
            write.new = number(values, write.new);
            if write.old != NONE {
                write.old = number(values, write.old);
            }
            let value = &mut values[first + write.new as usize];
            value.is_ambiguous |= value.writer != NONE;
            if value.writer == NONE {
                value.writer = place as u32;
            }
        }
        for read in reads {
            read.value = number(values, read.value);
        }
        for refused in &refused[start.refused as usize..end.refused as usize] {
            let number = number(values, refused.value);
            values[first + number as usize].refused = refused.operation;
        }
    }

    /// What is known of a key.
    #[must_use]
    pub fn key(&self, key: KeyId) -> RegisterKey<'_> {
        let (start, end) = (self.starts[key.index()], self.starts[key.index() + 1]);
        RegisterKey {
            key,
            values: &self.values[start.values as usize..end.values as usize],
            writes: &self.writes[start.writes as usize..end.writes as usize],
            reads: &self.reads[start.reads as usize..end.reads as usize],
            has_observing_failure: self.has_observing_failure[key.index()],
        }
    }
}

impl RegisterKey<'_> {
    /// The initial state.
    pub const INITIAL: u32 = 0;

    /// Whether a value may have been written by more than one operation; writing the initial value counts, for it is there
    /// from the start.
    #[must_use]
    pub fn is_ambiguous(&self, value: u32) -> bool {
        let entry = &self.values[value as usize];
        entry.is_ambiguous || (value == Self::INITIAL && entry.writer != NONE)
    }

    /// The write of a value, if exactly one is possible or the first of several.
    #[must_use]
    pub fn writer(&self, value: u32) -> Option<&RegisterWrite> {
        self.writes.get(self.values[value as usize].writer as usize)
    }
}
