//! The versions of each list, from what was read.
//!
//! A list only grows, so a read shows every version up to itself, and the longest read of a key shows the order of all
//! versions that were read. Versions are the elements whose transaction did not fail; others are passed over. Appends that no
//! read shows come after the longest read, in no known order: a version before it would show in it.

use super::input::{Action, Transactions};
use super::writers::Writers;
use crate::history::Outcome;

/// "No such position."
pub(crate) const NONE: u32 = u32::MAX;

/// A micro-operation that read a list, in a transaction that committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListRead {
    pub(crate) transaction: u32,
    /// Which micro-operation of its transaction it is.
    pub(crate) place: u32,
    pub(crate) key: u32,
    pub(crate) start: u32,
    pub(crate) length: u32,
}

/// Every read of a list, in order.
pub(crate) fn list_reads(transactions: &Transactions) -> impl Iterator<Item = ListRead> + '_ {
    transactions.committed().flat_map(|transaction| {
        let operations = transactions.micro_operations(transaction).iter().enumerate();
        operations.filter_map(move |(place, operation)| match operation.action {
            Action::List { start, length } => {
                Some(ListRead { transaction, place: place as u32, key: operation.key, start, length })
            }
            _ => None,
        })
    })
}

/// What is known of one key: its longest read, and the first position of it at which something is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyVersions {
    pub(crate) start: u32,
    pub(crate) length: u32,
    /// Where its positions begin in the common columns.
    offset: u32,
    pub(crate) first_aborted: u32,
    pub(crate) first_garbage: u32,
    pub(crate) first_repeated: u32,
}

/// The versions of all keys.
pub(crate) struct ListVersions {
    pub(crate) keys: Vec<KeyVersions>,
    /// For each position of each longest read: the number of the write that made that version, or [`NONE`].
    writes: Vec<u32>,
    /// The last version at or before each position, and the next after it, or [`NONE`].
    last: Vec<u32>,
    next: Vec<u32>,
    /// For each write: the position at which it was read, or [`NONE`].
    positions: Vec<u32>,
}

impl ListVersions {
    /// Orders the versions. The first of the longest reads counts; [`ListVersions::shows`] says which reads agree with it.
    pub(crate) fn new(transactions: &Transactions, writers: &Writers) -> Self {
        let nothing = KeyVersions {
            start: 0,
            length: 0,
            offset: 0,
            first_aborted: NONE,
            first_garbage: NONE,
            first_repeated: NONE,
        };
        let mut keys = vec![nothing; transactions.key_count()];
        for read in list_reads(transactions) {
            let key = &mut keys[read.key as usize];
            if read.length > key.length {
                (key.start, key.length) = (read.start, read.length);
            }
        }
        let mut versions = Self {
            keys,
            writes: Vec::new(),
            last: Vec::new(),
            next: Vec::new(),
            positions: vec![NONE; writers.writes.len()],
        };
        for key in 0..versions.keys.len() {
            versions.order(transactions, writers, key as u32);
        }
        versions
    }

    fn order(&mut self, transactions: &Transactions, writers: &Writers, key: u32) {
        let mut known = self.keys[key as usize];
        known.offset = self.writes.len() as u32;
        let elements = transactions.elements(known.start, known.length);
        let mut garbage = Vec::new();
        let mut last = NONE;
        for (position, element) in elements.iter().enumerate() {
            let position = position as u32;
            let mut version = NONE;
            match writers.number(key, *element) {
                None if garbage.contains(element) => known.first_repeated = known.first_repeated.min(position),
                None => {
                    known.first_garbage = known.first_garbage.min(position);
                    garbage.push(*element);
                }
                Some(write) if self.positions[write as usize] != NONE => {
                    known.first_repeated = known.first_repeated.min(position);
                }
                Some(write) => {
                    self.positions[write as usize] = position;
                    if transactions.outcome(writers.writes[write as usize].transaction) == Outcome::Fail {
                        known.first_aborted = known.first_aborted.min(position);
                    } else {
                        version = write;
                        last = position;
                    }
                }
            }
            self.writes.push(version);
            self.last.push(last);
        }
        let mut next = NONE;
        self.next.resize(self.writes.len(), NONE);
        for position in (0..known.length).rev() {
            let at = (known.offset + position) as usize;
            self.next[at] = next;
            if self.writes[at] != NONE {
                next = position;
            }
        }
        self.keys[key as usize] = known;
    }

    /// Whether a read is a prefix of the longest one of its key.
    pub(crate) fn shows(&self, transactions: &Transactions, read: &ListRead) -> bool {
        let key = &self.keys[read.key as usize];
        transactions.elements(key.start, read.length) == transactions.elements(read.start, read.length)
    }

    /// The write of the version at a position.
    pub(crate) fn write_at(&self, key: u32, position: u32) -> Option<u32> {
        let write = self.writes[(self.keys[key as usize].offset + position) as usize];
        (write != NONE).then_some(write)
    }

    /// Where a write's element stands in the longest read.
    pub(crate) fn position(&self, write: u32) -> Option<u32> {
        let position = self.positions[write as usize];
        (position != NONE).then_some(position)
    }

    /// The version that a prefix of some length ends with: the last element in it that is one. `None`: the empty list.
    pub(crate) fn version_of(&self, key: u32, length: u32) -> Option<u32> {
        let at = self.keys[key as usize].offset + length.checked_sub(1)?;
        let position = self.last[at as usize];
        (position != NONE).then_some(position)
    }

    /// The version after one (`None`: after the empty list); `None` if it is the last that was read.
    pub(crate) fn version_after(&self, key: u32, version: Option<u32>) -> Option<u32> {
        let known = &self.keys[key as usize];
        if known.length == 0 {
            return None;
        }
        let position = match version {
            Some(version) => self.next[(known.offset + version) as usize],
            None if self.writes[known.offset as usize] != NONE => 0,
            None => self.next[known.offset as usize],
        };
        (position != NONE).then_some(position)
    }

    /// The version that a read saw: `Some(None)` is the empty list. A read that contradicts the longest one counts by its last
    /// element alone; `None` if that element is no version.
    pub(crate) fn version_read(
        &self,
        transactions: &Transactions,
        writers: &Writers,
        read: &ListRead,
    ) -> Option<Option<u32>> {
        if self.shows(transactions, read) {
            return Some(self.version_of(read.key, read.length));
        }
        let last = *transactions.elements(read.start, read.length).last()?;
        let position = self.position(writers.number(read.key, last)?)?;
        self.write_at(read.key, position).map(|_| Some(position))
    }
}
