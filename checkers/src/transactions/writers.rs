//! Who wrote which value of which key.

use rustc_hash::FxHashMap;

use super::graph::{Edges, Relations};
use super::input::{Action, Transactions};
use crate::history::Outcome;

/// A write or an append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write {
    pub(crate) transaction: u32,
    pub(crate) key: u32,
    pub(crate) value: u32,
    /// Which micro-operation of its transaction it is.
    pub(crate) place: u32,
    /// Whether the transaction wrote the key again later.
    pub(crate) is_intermediate: bool,
}

/// Every write, and the one of each value.
pub(crate) struct Writers {
    /// In order of invocation.
    pub(crate) writes: Vec<Write>,
    /// (key, value) → place in `writes`.
    by_value: FxHashMap<u64, u32>,
    /// Keys with a value that two transactions may have written.
    is_ambiguous: Vec<bool>,
    /// The first such write of each such key.
    pub(crate) repeated: Vec<Write>,
}

fn name(key: u32, value: u32) -> u64 {
    u64::from(key) << 32 | u64::from(value)
}

impl Writers {
    /// Finds them. A value that was written twice has no known writer and makes its key ambiguous, unless all writes of it but
    /// one failed: what failed wrote nothing.
    pub(crate) fn new(transactions: &Transactions) -> Self {
        let mut writers = Self {
            writes: Vec::new(),
            by_value: FxHashMap::default(),
            is_ambiguous: vec![false; transactions.key_count()],
            repeated: Vec::new(),
        };
        writers.by_value.reserve(transactions.micro_operation_count() / 2);
        // Where each key was written last.
        let mut last: Vec<Option<u32>> = vec![None; transactions.key_count()];
        for transaction in transactions.ids() {
            for (place, operation) in transactions.micro_operations(transaction).iter().enumerate() {
                let Action::Write(value) = operation.action else { continue };
                let key = operation.key;
                let last = &mut last[key as usize];
                if let Some(before) = last.map(|before| &mut writers.writes[before as usize])
                    && before.transaction == transaction
                {
                    before.is_intermediate = true;
                }
                let number = writers.writes.len() as u32;
                *last = Some(number);
                let write = Write { transaction, key, value, place: place as u32, is_intermediate: false };
                writers.writes.push(write);
                writers.enter(transactions, number, write);
            }
        }
        writers
    }

    fn enter(&mut self, transactions: &Transactions, number: u32, write: Write) {
        let Some(before) = self.by_value.insert(name(write.key, write.value), number) else { return };
        let failed = |number: u32| transactions.outcome(self.writes[number as usize].transaction) == Outcome::Fail;
        match (failed(before), failed(number)) {
            (true, _) => {}
            (false, true) => {
                self.by_value.insert(name(write.key, write.value), before);
            }
            (false, false) => {
                if !std::mem::replace(&mut self.is_ambiguous[write.key as usize], true) {
                    self.repeated.push(write);
                }
            }
        }
    }

    /// The number of the write of a value, in `writes`.
    pub(crate) fn number(&self, key: u32, value: u32) -> Option<u32> {
        self.by_value.get(&name(key, value)).copied()
    }

    /// The write of a value.
    pub(crate) fn write(&self, key: u32, value: u32) -> Option<&Write> {
        self.number(key, value).map(|number| &self.writes[number as usize])
    }

    /// Whether values of the key do not tell who wrote them.
    pub(crate) fn is_ambiguous(&self, key: u32) -> bool {
        self.is_ambiguous[key as usize]
    }
}

/// Adds a write dependency.
pub(crate) fn add_write_write(transactions: &Transactions, edges: &mut Edges, from: u32, to: u32) {
    let is_decided = [from, to].iter().all(|id| transactions.outcome(*id) == Outcome::Ok);
    edges.add(from, to, if is_decided { Relations::WRITE_WRITE } else { Relations::UNCERTAIN_WRITE_WRITE });
}
