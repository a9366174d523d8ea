//! What is wrong with lists besides cycles.
//!
//! Most reads are prefixes of the longest read of their key, so what is wrong with them is known from their length alone; only
//! the others are looked at element by element. What needs to know who appended an element is left out for keys where that is
//! ambiguous; *internal*, *incompatible-order* and *lost-update* need not know it: a list only ever grows.

use rustc_hash::FxHashMap;

use super::anomalies::{
    ABORTED_READ, DIRTY_UPDATE, DUPLICATE_ELEMENTS, DirectAnomalies, FUTURE_READ, GARBAGE_READ, INCOMPATIBLE_ORDER,
    INTERMEDIATE_READ, INTERNAL, LOST_UPDATE,
};
use super::explain::Teller;
use super::input::{Action, MicroOperation};
use super::list_versions::{ListRead, ListVersions, NONE, list_reads};
use super::writers::Writers;
use crate::history::Outcome;

/// Finds everything.
pub(crate) fn find(teller: &Teller<'_>, writers: &Writers, versions: &ListVersions, anomalies: &mut DirectAnomalies) {
    let mut finder = Finder {
        teller,
        writers,
        versions,
        anomalies,
        contradicted: vec![false; versions.keys.len()],
        contradicting: FxHashMap::default(),
        updates: Vec::new(),
        latest: vec![(NONE, NONE); versions.keys.len()],
        before: Vec::new(),
    };
    for read in list_reads(teller.transactions) {
        finder.check_read(&read);
    }
    for transaction in teller.transactions.committed() {
        finder.check_transaction(transaction);
    }
    finder.check_own_orders();
    finder.check_updates();
    for key in 0..versions.keys.len() as u32 {
        finder.check_committed_after_aborted(key);
    }
}

struct Finder<'f, 'a> {
    teller: &'f Teller<'a>,
    writers: &'f Writers,
    versions: &'f ListVersions,
    anomalies: &'f mut DirectAnomalies,
    /// Keys with two reads that contradict each other.
    contradicted: Vec<bool>,
    /// Reads that are no prefix of the longest: numbers beyond every length.
    contradicting: FxHashMap<(u32, &'a [u32]), u32>,
    /// (key, version read, transaction) of all that read a key and then wrote it.
    updates: Vec<(u32, u32, u32)>,
    /// For each key: the last transaction that was looked at and used it, and its last micro-operation that did.
    latest: Vec<(u32, u32)>,
    /// For each micro-operation of the transaction looked at: the one before on the same key, or [`NONE`].
    before: Vec<u32>,
}

impl<'f, 'a: 'f> Finder<'f, 'a> {
    fn elements(&self, read: &ListRead) -> &'a [u32] {
        self.teller.transactions.elements(read.start, read.length)
    }

    /// "… read x as [1, 2]".
    fn tell_read(&self, read: &ListRead) -> String {
        format!(
            "{} read {} as {}",
            self.teller.transaction(read.transaction),
            self.teller.names.key(read.key),
            self.teller.list(self.elements(read))
        )
    }

    fn check_read(&mut self, read: &ListRead) {
        let shows = self.versions.shows(self.teller.transactions, read);
        if !shows {
            self.check_order(read);
        }
        if self.writers.is_ambiguous(read.key) {
            return;
        }
        let key = self.versions.keys[read.key as usize];
        let position = |first: u32| (first < read.length).then_some(first as usize);
        let (garbage, aborted, repeated) = if shows {
            (position(key.first_garbage), position(key.first_aborted), position(key.first_repeated))
        } else {
            self.look_closely(read)
        };
        let elements = self.elements(read);
        if let Some(position) = garbage
            && self.anomalies.count(GARBAGE_READ)
        {
            let element = self.teller.names.value(elements[position]);
            let text = format!("{}, and nobody appended {element}", self.tell_read(read));
            self.anomalies.tell(GARBAGE_READ, vec![read.transaction], text);
        }
        if let Some(position) = aborted {
            self.add_read_of(ABORTED_READ, read, elements[position], "which failed");
        }
        if let Some(position) = repeated
            && self.anomalies.count(DUPLICATE_ELEMENTS)
        {
            let element = self.teller.names.value(elements[position]);
            let text = format!("{}, with {element} more than once", self.tell_read(read));
            self.anomalies.tell(DUPLICATE_ELEMENTS, vec![read.transaction], text);
        }
        let last = elements.last().and_then(|last| self.writers.write(read.key, *last));
        if let Some(write) = last.filter(|write| write.is_intermediate && write.transaction != read.transaction) {
            self.add_read_of(INTERMEDIATE_READ, read, write.value, "which then appended more to it");
        }
    }

    fn add_read_of(&mut self, name: &'static str, read: &ListRead, element: u32, what: &str) {
        if !self.anomalies.count(name) {
            return;
        }
        let Some(write) = self.writers.write(read.key, element) else { return };
        let text = format!(
            "{}; {} was appended by {}, {what}",
            self.tell_read(read),
            self.teller.names.value(element),
            self.teller.transaction(write.transaction)
        );
        self.anomalies.tell(name, vec![read.transaction, write.transaction], text);
    }

    /// Positions of the first garbage, aborted and repeated element of a read.
    fn look_closely(&self, read: &ListRead) -> (Option<usize>, Option<usize>, Option<usize>) {
        let elements = self.elements(read);
        let writer = |element: &u32| self.writers.write(read.key, *element);
        let has_failed = |transaction: u32| self.teller.transactions.outcome(transaction) == Outcome::Fail;
        let garbage = elements.iter().position(|element| writer(element).is_none());
        let aborted =
            elements.iter().position(|element| writer(element).is_some_and(|write| has_failed(write.transaction)));
        let mut sorted: Vec<(u32, usize)> =
            elements.iter().enumerate().map(|(place, element)| (*element, place)).collect();
        sorted.sort_unstable();
        let repeated = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1).min();
        (garbage, aborted, repeated)
    }

    /// A read that is no prefix of the longest. Counted once a key.
    fn check_order(&mut self, read: &ListRead) {
        let next = u32::MAX / 2 + self.contradicting.len() as u32;
        self.contradicting.entry((read.key, self.elements(read))).or_insert(next);
        if std::mem::replace(&mut self.contradicted[read.key as usize], true) {
            return;
        }
        if !self.anomalies.count(INCOMPATIBLE_ORDER) {
            return;
        }
        let Some(longest) = self.longest_read(read.key) else { return };
        let text =
            format!("{}, and {}: neither is a prefix of the other", self.tell_read(&longest), self.tell_read(read));
        self.anomalies.tell(INCOMPATIBLE_ORDER, vec![longest.transaction, read.transaction], text);
    }

    /// Elements of one transaction that the longest read shows in another order than that in which they were appended. Where
    /// others stand between them, it is a cycle as well.
    fn check_own_orders(&mut self) {
        let mut last: Vec<u32> = vec![NONE; self.versions.keys.len()];
        for (number, write) in self.writers.writes.iter().enumerate() {
            let before = std::mem::replace(&mut last[write.key as usize], number as u32);
            let Some(earlier) = self.writers.writes.get(before as usize) else { continue };
            let positions = (self.versions.position(before), self.versions.position(number as u32));
            let (Some(first), Some(second)) = positions else { continue };
            if earlier.transaction != write.transaction
                || first < second
                || self.writers.is_ambiguous(write.key)
                || std::mem::replace(&mut self.contradicted[write.key as usize], true)
                || !self.anomalies.count(INCOMPATIBLE_ORDER)
            {
                continue;
            }
            let Some(longest) = self.longest_read(write.key) else { continue };
            let text = format!(
                "{}, with {} before {}, though {} appended them in the other order",
                self.tell_read(&longest),
                self.teller.names.value(write.value),
                self.teller.names.value(earlier.value),
                self.teller.transaction(write.transaction)
            );
            self.anomalies.tell(INCOMPATIBLE_ORDER, vec![longest.transaction, write.transaction], text);
        }
    }

    fn longest_read(&self, key: u32) -> Option<ListRead> {
        let known = self.versions.keys[key as usize];
        list_reads(self.teller.transactions)
            .find(|read| read.key == key && read.start == known.start && read.length == known.length)
    }

    /// A number for the version that a read saw: equal reads of a key have equal numbers.
    fn version_number(&self, read: &ListRead) -> u32 {
        if self.versions.shows(self.teller.transactions, read) {
            return read.length;
        }
        self.contradicting.get(&(read.key, self.elements(read))).copied().unwrap_or(NONE)
    }

    fn check_transaction(&mut self, transaction: u32) {
        let operations = self.teller.transactions.micro_operations(transaction);
        self.before.clear();
        for (place, operation) in operations.iter().enumerate() {
            let latest = std::mem::replace(&mut self.latest[operation.key as usize], (transaction, place as u32));
            self.before.push(if latest.0 == transaction { latest.1 } else { NONE });
        }
        let (mut is_consistent, mut reads_the_future) = (true, false);
        for (place, operation) in operations.iter().enumerate() {
            match operation.action {
                Action::List { start, length } => {
                    let read = ListRead { transaction, place: place as u32, key: operation.key, start, length };
                    is_consistent = is_consistent && self.check_internal(operations, &read);
                }
                Action::Write(element) => {
                    if !reads_the_future && !self.writers.is_ambiguous(operation.key) {
                        reads_the_future = self.check_future(operations, transaction, place as u32, element);
                    }
                    self.note_update(operations, transaction, place as u32);
                }
                Action::Value(_) | Action::Unknown => {}
            }
        }
    }

    /// Earlier micro-operations on the same key, the last first.
    fn earlier<'o>(
        &self,
        operations: &'o [MicroOperation],
        place: u32,
    ) -> impl Iterator<Item = (u32, &'o MicroOperation)> {
        let mut place = place;
        std::iter::from_fn(move || {
            place = self.before[place as usize];
            (place != NONE).then(|| (place, &operations[place as usize]))
        })
    }

    /// Whether a read shows what its transaction read and appended before.
    fn check_internal(&mut self, operations: &[MicroOperation], read: &ListRead) -> bool {
        let elements = self.elements(read);
        let mut rest = elements;
        let mut agrees = true;
        for (_, operation) in self.earlier(operations, read.place) {
            match operation.action {
                Action::Write(element) => match rest.split_last() {
                    Some((last, before)) if *last == element => rest = before,
                    _ => agrees = false,
                },
                Action::List { start, length } => {
                    agrees = agrees && rest == self.teller.transactions.elements(start, length);
                    break;
                }
                Action::Value(_) | Action::Unknown => {}
            }
            if !agrees {
                break;
            }
        }
        if !agrees && self.anomalies.count(INTERNAL) {
            let text = format!("{}, which is not what it had read and appended before", self.tell_read(read));
            self.anomalies.tell(INTERNAL, vec![read.transaction], text);
        }
        agrees
    }

    /// Whether an element was read by its transaction before it was appended.
    fn check_future(&mut self, operations: &[MicroOperation], transaction: u32, place: u32, element: u32) -> bool {
        let key = operations[place as usize].key;
        let position = self.writers.number(key, element).and_then(|number| self.versions.position(number));
        let read = self.earlier(operations, place).find_map(|(place, operation)| {
            let Action::List { start, length } = operation.action else { return None };
            let read = ListRead { transaction, place, key, start, length };
            let shows_it = if self.versions.shows(self.teller.transactions, &read) {
                position.is_some_and(|position| position < length)
            } else {
                self.elements(&read).contains(&element)
            };
            shows_it.then_some(read)
        });
        let Some(read) = read else { return false };
        if self.anomalies.count(FUTURE_READ) {
            let text =
                format!("{} before it appended {} itself", self.tell_read(&read), self.teller.names.value(element));
            self.anomalies.tell(FUTURE_READ, vec![transaction], text);
        }
        true
    }

    /// Notes a first append to a key that was read before.
    fn note_update(&mut self, operations: &[MicroOperation], transaction: u32, place: u32) {
        let mut first_read = None;
        for (earlier, operation) in self.earlier(operations, place) {
            match operation.action {
                Action::Write(_) => return,
                Action::List { start, length } => {
                    first_read = Some(ListRead { transaction, place: earlier, key: operation.key, start, length });
                }
                Action::Value(_) | Action::Unknown => {}
            }
        }
        if let Some(read) = first_read {
            self.updates.push((read.key, self.version_number(&read), transaction));
        }
    }

    fn check_updates(&mut self) {
        let mut updates = std::mem::take(&mut self.updates);
        updates.sort_unstable();
        for group in updates.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let [(key, _, first), (_, _, second), ..] = *group else { continue };
            if self.anomalies.count(LOST_UPDATE) {
                let text = format!(
                    "{} transactions read the same version of {} and then appended to it, among them {} and {}",
                    group.len(),
                    self.teller.names.key(key),
                    self.teller.transaction(first),
                    self.teller.transaction(second)
                );
                self.anomalies.tell(LOST_UPDATE, vec![first, second], text);
            }
        }
    }

    /// Appends of transactions that failed, and the next one of a transaction that did not.
    fn check_committed_after_aborted(&mut self, key: u32) {
        let known = self.versions.keys[key as usize];
        if known.first_aborted == NONE || self.writers.is_ambiguous(key) {
            return;
        }
        let mut aborted = None;
        for element in self.teller.transactions.elements(known.start, known.length) {
            let Some(write) = self.writers.write(key, *element) else { continue };
            match self.teller.transactions.outcome(write.transaction) {
                Outcome::Info => {}
                Outcome::Fail => aborted = aborted.or(Some(write)),
                Outcome::Ok => {
                    let Some(lost) = aborted.take() else { continue };
                    if !self.anomalies.count(DIRTY_UPDATE) {
                        continue;
                    }
                    let text = format!(
                        "{} appended {} to {} after {}, which {} had appended, and that one failed",
                        self.teller.transaction(write.transaction),
                        self.teller.names.value(write.value),
                        self.teller.names.key(key),
                        self.teller.names.value(lost.value),
                        self.teller.transaction(lost.transaction)
                    );
                    self.anomalies.tell(DIRTY_UPDATE, vec![lost.transaction, write.transaction], text);
                }
            }
        }
    }
}
