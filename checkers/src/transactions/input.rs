//! The transactions of a history as plain columns: what every later step works on.
//!
//! Keys, processes, elements and values are numbers that the caller chose; only equality means anything. Keys and processes
//! should be dense from 0.

use std::ops::Range;

use crate::history::Outcome;

/// What a micro-operation does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Appends an element to a list, or writes a value into a register.
    Write(u32),
    /// Read a list: that many elements from a place in [`Transactions::elements`] on.
    List {
        /// Where the first element is.
        start: u32,
        /// How many there are.
        length: u32,
    },
    /// Read a register; `None` is the initial state.
    Value(Option<u32>),
    /// Read something, and what is not known.
    Unknown,
}

/// One read or write within a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MicroOperation {
    /// The object.
    pub key: u32,
    /// What was done.
    pub action: Action,
}

/// A transaction without its micro-operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// Who performed it.
    pub process: u32,
    /// Whether it committed, aborted, or is undecided.
    pub outcome: Outcome,
    /// When it was invoked, in nanoseconds or any other unit.
    pub invoked: u64,
    /// When it committed or aborted; `None` while it is undecided.
    pub completed: Option<u64>,
}

/// All transactions, in order of invocation; a transaction's number is its place.
#[derive(Debug, Clone, Default)]
pub struct Transactions {
    transactions: Vec<Transaction>,
    /// Where the micro-operations of each transaction end.
    ends: Vec<u32>,
    micro_operations: Vec<MicroOperation>,
    elements: Vec<u32>,
    keys: u32,
    processes: u32,
}

impl Transactions {
    /// No transaction yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a list that was read. The answer goes into a micro-operation.
    pub fn list(&mut self, elements: impl IntoIterator<Item = u32>) -> Action {
        let start = self.elements.len() as u32;
        self.elements.extend(elements);
        Action::List { start, length: self.elements.len() as u32 - start }
    }

    /// Adds a transaction; those of one process come in order of invocation.
    pub fn push(&mut self, transaction: Transaction, micro_operations: &[MicroOperation]) {
        self.transactions.push(transaction);
        self.micro_operations.extend_from_slice(micro_operations);
        self.ends.push(self.micro_operations.len() as u32);
        self.processes = self.processes.max(transaction.process + 1);
        let keys = micro_operations.iter().map(|operation| operation.key + 1).max().unwrap_or(0);
        self.keys = self.keys.max(keys);
    }

    /// How many transactions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// One more than the greatest key.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys as usize
    }

    /// One more than the greatest process.
    #[must_use]
    pub fn process_count(&self) -> usize {
        self.processes as usize
    }

    /// A transaction.
    #[must_use]
    pub fn get(&self, transaction: u32) -> &Transaction {
        &self.transactions[transaction as usize]
    }

    /// How a transaction ended.
    #[must_use]
    pub fn outcome(&self, transaction: u32) -> Outcome {
        self.transactions[transaction as usize].outcome
    }

    /// Numbers of all transactions.
    pub fn ids(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.transactions.len() as u32
    }

    /// Numbers of the transactions that committed.
    pub fn committed(&self) -> impl Iterator<Item = u32> + '_ {
        self.ids().filter(|id| self.outcome(*id) == Outcome::Ok)
    }

    /// Places of a transaction's micro-operations among all.
    #[must_use]
    pub fn places(&self, transaction: u32) -> Range<usize> {
        let start = transaction.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        start as usize..self.ends[transaction as usize] as usize
    }

    /// A transaction's micro-operations, in their order.
    #[must_use]
    pub fn micro_operations(&self, transaction: u32) -> &[MicroOperation] {
        &self.micro_operations[self.places(transaction)]
    }

    /// How many micro-operations there are in all.
    #[must_use]
    pub fn micro_operation_count(&self) -> usize {
        self.micro_operations.len()
    }

    /// The elements of a list that was read.
    #[must_use]
    pub fn elements(&self, start: u32, length: u32) -> &[u32] {
        &self.elements[start as usize..(start + length) as usize]
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.transactions.capacity() * size_of::<Transaction>()
            + self.micro_operations.capacity() * size_of::<MicroOperation>()
            + (self.ends.capacity() + self.elements.capacity()) * size_of::<u32>()
    }
}
