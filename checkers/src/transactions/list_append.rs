//! Dependencies between transactions that append to lists and read them.
//!
//! Kingsbury & Alvaro, *Elle: Inferring Isolation Anomalies from Experimental Observations* (2020), section 4: reads show the
//! order of versions ([`super::list_versions`]). From the versions of each key:
//!
//! - *ww*: from the transaction that appended a version to the one that appended the next;
//! - *wr*: from the transaction that appended a version to each that read it as the last;
//! - *rw*: from each transaction that read a version as the last to the one that appended the next.
//!
//! After the last version that was read come all appends that nobody read: they did not show in the longest read, so they
//! came after it, if they happened at all. An undecided transaction none of whose appends was read has no edge out of it
//! and so is on no cycle: what is found never rests on the guess that it happened.

use super::anomalies::DirectAnomalies;
use super::explain::{Dependencies, Pair, Teller};
use super::graph::{Edges, Relations};
use super::input::Transactions;
use super::list_anomalies;
use super::list_versions::{ListRead, ListVersions, list_reads};
use super::writers::{Write, Writers, add_write_write};
use crate::history::Outcome;

/// What lists say about the order of their transactions.
pub(crate) struct ListDependencies {
    writers: Writers,
    versions: ListVersions,
    /// Appends that nobody read, of transactions that did not fail: (key, number of the write), in order.
    unread: Vec<(u32, u32)>,
}

/// Infers dependencies, and finds what is wrong besides cycles.
pub(crate) fn infer(
    teller: &Teller<'_>,
    edges: &mut Edges,
    anomalies: &mut DirectAnomalies,
    reasons: &mut Vec<String>,
) -> ListDependencies {
    let transactions = teller.transactions;
    let writers = Writers::new(transactions);
    for write in &writers.repeated {
        reasons.push(format!(
            "{} was appended to {} more than once, so who appended what to that list is not known",
            teller.names.value(write.value),
            teller.names.key(write.key)
        ));
    }
    let versions = ListVersions::new(transactions, &writers);
    list_anomalies::find(teller, &writers, &versions, anomalies);
    let mut unread: Vec<(u32, u32)> = Vec::new();
    for (number, write) in writers.writes.iter().enumerate() {
        let number = number as u32;
        if versions.position(number).is_none()
            && !writers.is_ambiguous(write.key)
            && transactions.outcome(write.transaction) != Outcome::Fail
        {
            unread.push((write.key, number));
        }
    }
    unread.sort_unstable();
    let dependencies = ListDependencies { writers, versions, unread };
    dependencies.add_to(transactions, edges);
    dependencies
}

impl ListDependencies {
    fn add_to(&self, transactions: &Transactions, edges: &mut Edges) {
        for key in 0..self.versions.keys.len() as u32 {
            if !self.writers.is_ambiguous(key) {
                self.add_write_dependencies(transactions, edges, key);
            }
        }
        // (key, reader) of the last version of keys with appends that nobody read.
        let mut last_readers: Vec<(u32, u32)> = Vec::new();
        for read in list_reads(transactions).filter(|read| !self.writers.is_ambiguous(read.key)) {
            if let Some(writer) = self.writer_read(transactions, &read) {
                edges.add(writer.transaction, read.transaction, Relations::WRITE_READ);
            }
            let Some(version) = self.versions.version_read(transactions, &self.writers, &read) else { continue };
            match self.versions.version_after(read.key, version) {
                Some(next) => {
                    if let Some(write) = self.versions.write_at(read.key, next) {
                        let writer = self.writers.writes[write as usize].transaction;
                        edges.add(read.transaction, writer, Relations::READ_WRITE);
                    }
                }
                None if !self.unread_of(read.key).is_empty() => last_readers.push((read.key, read.transaction)),
                None => {}
            }
        }
        last_readers.sort_unstable();
        last_readers.dedup();
        for readers in last_readers.chunk_by(|one, other| one.0 == other.0) {
            let sources: Vec<u32> = readers.iter().map(|(_, reader)| *reader).collect();
            edges.add_all(&sources, &self.unread_writers(readers[0].0), Relations::READ_WRITE);
        }
    }

    fn add_write_dependencies(&self, transactions: &Transactions, edges: &mut Edges, key: u32) {
        let mut before: Option<u32> = None;
        // Past what is undecided: these hold whether it happened or not.
        let mut committed_before: Option<u32> = None;
        let add = |edges: &mut Edges, before: Option<u32>, committed_before: Option<u32>, writer: u32| {
            if let Some(before) = before {
                add_write_write(transactions, edges, before, writer);
            }
            if let Some(before) = committed_before.filter(|committed| Some(*committed) != before) {
                add_write_write(transactions, edges, before, writer);
            }
        };
        let mut version = None;
        while let Some(next) = self.versions.version_after(key, version) {
            version = Some(next);
            let Some(write) = self.versions.write_at(key, next) else { break };
            let writer = self.writers.writes[write as usize].transaction;
            add(edges, before, committed_before, writer);
            before = Some(writer);
            if transactions.outcome(writer) == Outcome::Ok {
                committed_before = Some(writer);
            }
        }
        self.unread_writers(key).iter().for_each(|writer| add(edges, before, committed_before, *writer));
    }

    /// The append that a read saw last; that of the reader itself is no dependency.
    fn writer_read(&self, transactions: &Transactions, read: &ListRead) -> Option<&Write> {
        if self.versions.shows(transactions, read) {
            let version = self.versions.version_of(read.key, read.length)?;
            let write = self.versions.write_at(read.key, version)?;
            return Some(&self.writers.writes[write as usize]);
        }
        let last = *transactions.elements(read.start, read.length).last()?;
        let write = self.writers.write(read.key, last)?;
        (transactions.outcome(write.transaction) != Outcome::Fail).then_some(write)
    }

    fn unread_of(&self, key: u32) -> &[(u32, u32)] {
        let start = self.unread.partition_point(|(other, _)| *other < key);
        let end = self.unread.partition_point(|(other, _)| *other <= key);
        &self.unread[start..end]
    }

    /// Transactions with appends to a key that nobody read, ascending.
    fn unread_writers(&self, key: u32) -> Vec<u32> {
        let writes = self.unread_of(key).iter().map(|(_, number)| self.writers.writes[*number as usize].transaction);
        let mut writers: Vec<u32> = writes.collect();
        writers.dedup();
        writers
    }

    fn explain_write_write(&self, teller: &Teller<'_>, pair: Pair<'_>) -> Option<String> {
        let (value, key) = (|value| teller.names.value(value), |key| teller.names.key(key));
        let append_of = |number: u32| &self.writers.writes[number as usize];
        for (number, later) in self.writes_of(teller, pair.to) {
            let position = self.versions.position(number);
            let length = position.unwrap_or(self.versions.keys[later.key as usize].length);
            // The version before, or one before that with only undecided ones between.
            let mut version = self.versions.version_of(later.key, length);
            let earlier = loop {
                let Some(at) = version else { break None };
                let Some(write) = self.versions.write_at(later.key, at).map(append_of) else { break None };
                if write.transaction == pair.from {
                    break Some(write);
                }
                if teller.transactions.outcome(write.transaction) == Outcome::Ok {
                    break None;
                }
                version = self.versions.version_of(later.key, at);
            };
            if let Some(earlier) = earlier {
                let seen = if position.is_some() { "after it" } else { "after all that was read" };
                return Some(format!(
                    "{} appended {} to {}, and {} appended {} {seen}",
                    pair.from_name,
                    value(earlier.value),
                    key(later.key),
                    pair.to_name,
                    value(later.value)
                ));
            }
        }
        None
    }

    fn explain_write_read(&self, teller: &Teller<'_>, pair: Pair<'_>) -> Option<String> {
        let read = self.reads_of(teller, pair.to).find_map(|read| {
            let write = self.writer_read(teller.transactions, &read)?;
            (write.transaction == pair.from).then_some((read, write))
        });
        let (read, write) = read?;
        Some(format!(
            "{} appended {} to {}, which {} read as {}",
            pair.from_name,
            teller.names.value(write.value),
            teller.names.key(write.key),
            pair.to_name,
            teller.list(teller.transactions.elements(read.start, read.length))
        ))
    }

    fn explain_read_write(&self, teller: &Teller<'_>, pair: Pair<'_>) -> Option<String> {
        let found = self.reads_of(teller, pair.from).find_map(|read| {
            let version = self.versions.version_read(teller.transactions, &self.writers, &read)?;
            let write = match self.versions.version_after(read.key, version) {
                Some(next) => self.versions.write_at(read.key, next)?,
                None => {
                    let mut unread = self.unread_of(read.key).iter().map(|(_, number)| *number);
                    unread.find(|number| self.writers.writes[*number as usize].transaction == pair.to)?
                }
            };
            let write = &self.writers.writes[write as usize];
            (write.transaction == pair.to).then_some((read, write))
        });
        let (read, write) = found?;
        Some(format!(
            "{} read {} as {}, still without {}, which {} appended",
            pair.from_name,
            teller.names.key(read.key),
            teller.list(teller.transactions.elements(read.start, read.length)),
            teller.names.value(write.value),
            pair.to_name
        ))
    }

    fn writes_of(&self, teller: &Teller<'_>, transaction: u32) -> impl Iterator<Item = (u32, &Write)> {
        let start = self.writers.writes.partition_point(|write| write.transaction < transaction);
        let writes = self.writers.writes[start..].iter().take_while(move |write| write.transaction == transaction);
        let is_known = teller.transactions.outcome(transaction) != Outcome::Fail;
        let numbered = writes.enumerate().map(move |(place, write)| ((start + place) as u32, write));
        numbered.filter(move |(_, write)| is_known && !self.writers.is_ambiguous(write.key))
    }

    fn reads_of<'s>(&'s self, teller: &Teller<'s>, transaction: u32) -> impl Iterator<Item = ListRead> + 's {
        let operations = teller.transactions.micro_operations(transaction).iter().enumerate();
        operations.filter_map(move |(place, operation)| match operation.action {
            super::input::Action::List { start, length } if !self.writers.is_ambiguous(operation.key) => {
                Some(ListRead { transaction, place: place as u32, key: operation.key, start, length })
            }
            _ => None,
        })
    }
}

impl Dependencies for ListDependencies {
    fn bytes(&self) -> usize {
        // For each write: itself, an entry of the table of values, and four numbers by position.
        self.writers.writes.len() * (size_of::<Write>() + 32)
    }

    fn explain(&self, teller: &Teller<'_>, pair: Pair<'_>, relation: Relations) -> Option<String> {
        match relation {
            Relations::WRITE_WRITE | Relations::UNCERTAIN_WRITE_WRITE => self.explain_write_write(teller, pair),
            Relations::WRITE_READ => self.explain_write_read(teller, pair),
            _ => self.explain_read_write(teller, pair),
        }
    }
}
