//! Dependencies between transactions that write and read registers, and what is wrong besides cycles.
//!
//! A value that was written once tells who wrote it, so *wr* is certain. *ww* and *rw* follow from what is known of the order
//! of versions (`register_versions`): from the writer, and from each reader, of a version to the writer of each
//! that is known to come after it.

use super::anomalies::{
    ABORTED_READ, DirectAnomalies, FUTURE_READ, GARBAGE_READ, INTERMEDIATE_READ, INTERNAL, LOST_UPDATE,
};
use super::explain::{Dependencies, Pair, Teller};
use super::graph::{Edges, Relations};
use super::input::{Action, Transactions};
use super::register_versions::{Source, Succession, Touch, Version, successions, tell_succession, touches, version_of};
use super::writers::{Write, Writers, add_write_write};
use crate::history::Outcome;

/// What the order of versions is taken from, besides what is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionOrder {
    /// What a transaction writes comes after what it read of the same key before.
    pub writes_follow_reads: bool,
    /// Each process sees the versions of each key in their order.
    pub sequential_keys: bool,
    /// Each key is linearizable.
    pub linearizable_keys: bool,
}

impl VersionOrder {
    /// Writes follow reads; nothing is assumed about the system beyond that.
    pub const DEFAULT: Self = Self { writes_follow_reads: true, sequential_keys: false, linearizable_keys: false };
}

/// What registers say about the order of their transactions.
pub(crate) struct RegisterDependencies {
    writers: Writers,
    /// In order of keys and versions.
    successions: Vec<Succession>,
    /// (key, version, reader), in order: reads of what the reader had not written itself.
    reads: Vec<(u32, Version, u32)>,
}

/// Infers dependencies, and finds what is wrong besides cycles.
pub(crate) fn infer(
    teller: &Teller<'_>,
    order: VersionOrder,
    edges: &mut Edges,
    anomalies: &mut DirectAnomalies,
    reasons: &mut Vec<String>,
) -> RegisterDependencies {
    let transactions = teller.transactions;
    let writers = Writers::new(transactions);
    for write in &writers.repeated {
        reasons.push(format!(
            "{} was written to {} more than once, so who wrote what to that register is not known",
            teller.names.value(write.value),
            teller.names.key(write.key)
        ));
    }
    check_reads(teller, &writers, anomalies);
    let touches = touches(transactions, &writers);
    check_updates(teller, &touches, anomalies);
    let successions = successions(teller, &writers, &touches, order, anomalies);
    let reads = outside_reads(transactions, &writers);
    let dependencies = RegisterDependencies { writers, successions, reads };
    dependencies.add_to(transactions, edges);
    dependencies
}

/// Reads of versions that the reader had not written itself.
fn outside_reads(transactions: &Transactions, writers: &Writers) -> Vec<(u32, Version, u32)> {
    let mut reads = Vec::new();
    for transaction in transactions.committed() {
        for operation in transactions.micro_operations(transaction) {
            let Action::Value(value) = operation.action else { continue };
            if writers.is_ambiguous(operation.key) {
                continue;
            }
            let Some(version) = version_of(transactions, writers, operation.key, value) else { continue };
            let is_own = matches!(version, Version::Written(number)
                if writers.writes[number as usize].transaction == transaction);
            if !is_own {
                reads.push((operation.key, version, transaction));
            }
        }
    }
    reads.sort_unstable();
    reads.dedup();
    reads
}

impl RegisterDependencies {
    fn add_to(&self, transactions: &Transactions, edges: &mut Edges) {
        for (_, version, reader) in &self.reads {
            if let Version::Written(number) = version {
                edges.add(self.writer(*number), *reader, Relations::WRITE_READ);
            }
        }
        let same_version = |one: &Succession, other: &Succession| (one.key, one.earlier) == (other.key, other.earlier);
        for group in self.successions.chunk_by(same_version) {
            let Succession { key, earlier, .. } = group[0];
            let mut later: Vec<u32> = group.iter().filter_map(|succession| self.later_writer(succession)).collect();
            later.sort_unstable();
            later.dedup();
            if let Version::Written(number) = earlier {
                for succession in group {
                    self.add_write_write(transactions, edges, number, succession);
                }
                edges.add_all(&self.readers(key, earlier), &later, Relations::READ_WRITE);
            }
        }
        // Everything that was written came after the initial state.
        let mut written: Vec<(u32, u32)> = Vec::new();
        for write in &self.writers.writes {
            if !self.writers.is_ambiguous(write.key) && transactions.outcome(write.transaction) != Outcome::Fail {
                written.push((write.key, write.transaction));
            }
        }
        written.sort_unstable();
        written.dedup();
        for of_key in written.chunk_by(|one, other| one.0 == other.0) {
            let later: Vec<u32> = of_key.iter().map(|(_, writer)| *writer).collect();
            edges.add_all(&self.readers(of_key[0].0, Version::Initial), &later, Relations::READ_WRITE);
        }
    }

    fn writer(&self, number: u32) -> u32 {
        self.writers.writes[number as usize].transaction
    }

    fn add_write_write(&self, transactions: &Transactions, edges: &mut Edges, earlier: u32, succession: &Succession) {
        let Some(later) = self.later_writer(succession) else { return };
        if succession.source == Source::WritesFollowReads {
            edges.add(self.writer(earlier), later, Relations::UNCERTAIN_WRITE_WRITE);
        } else {
            add_write_write(transactions, edges, self.writer(earlier), later);
        }
    }

    fn later_writer(&self, succession: &Succession) -> Option<u32> {
        match succession.later {
            Version::Initial => None,
            Version::Written(number) => Some(self.writer(number)),
        }
    }

    /// Who read a version, ascending.
    fn readers(&self, key: u32, version: Version) -> Vec<u32> {
        let start = self.reads.partition_point(|read| (read.0, read.1) < (key, version));
        let reads = self.reads[start..].iter().take_while(|read| (read.0, read.1) == (key, version));
        reads.map(|(_, _, reader)| *reader).collect()
    }

    fn has_read(&self, key: u32, version: Version, transaction: u32) -> bool {
        self.reads.binary_search(&(key, version, transaction)).is_ok()
    }

    fn explain_write_write(&self, teller: &Teller<'_>, pair: Pair<'_>) -> Option<String> {
        let succession = self.successions.iter().find(|succession| {
            let Version::Written(earlier) = succession.earlier else { return false };
            self.writer(earlier) == pair.from && self.later_writer(succession) == Some(pair.to)
        })?;
        let (Version::Written(earlier), Version::Written(later)) = (succession.earlier, succession.later) else {
            return None;
        };
        let (earlier, later) = (&self.writers.writes[earlier as usize], &self.writers.writes[later as usize]);
        Some(format!(
            "{} wrote {} to {} and {} wrote {}, and {}",
            pair.from_name,
            teller.names.value(earlier.value),
            teller.names.key(earlier.key),
            pair.to_name,
            teller.names.value(later.value),
            tell_succession(teller, &self.writers, succession)
        ))
    }

    fn explain_write_read(&self, teller: &Teller<'_>, pair: Pair<'_>) -> Option<String> {
        let write = self.writers.writes.iter().enumerate().find(|(number, write)| {
            write.transaction == pair.from && self.has_read(write.key, Version::Written(*number as u32), pair.to)
        });
        let (_, write) = write?;
        Some(format!(
            "{} wrote {} to {}, which {} read",
            pair.from_name,
            teller.names.value(write.value),
            teller.names.key(write.key),
            pair.to_name
        ))
    }

    fn explain_read_write(&self, teller: &Teller<'_>, pair: Pair<'_>) -> Option<String> {
        let known = self.successions.iter().find(|succession| {
            succession.earlier != Version::Initial
                && self.later_writer(succession) == Some(pair.to)
                && self.has_read(succession.key, succession.earlier, pair.from)
        });
        if let Some(succession) = known {
            let (Version::Written(read), Version::Written(later)) = (succession.earlier, succession.later) else {
                return None;
            };
            return Some(format!(
                "{} read {} as {}, before {} wrote {}: {}",
                pair.from_name,
                teller.names.key(succession.key),
                teller.names.value(self.writers.writes[read as usize].value),
                pair.to_name,
                teller.names.value(self.writers.writes[later as usize].value),
                tell_succession(teller, &self.writers, succession)
            ));
        }
        let write = self.writers.writes.iter().find(|write| {
            write.transaction == pair.to
                && !self.writers.is_ambiguous(write.key)
                && self.has_read(write.key, Version::Initial, pair.from)
        })?;
        Some(format!(
            "{} read {} in its initial state, before {} wrote {}",
            pair.from_name,
            teller.names.key(write.key),
            pair.to_name,
            teller.names.value(write.value)
        ))
    }
}

impl Dependencies for RegisterDependencies {
    fn bytes(&self) -> usize {
        // For each write: itself and an entry of the table of values.
        self.writers.writes.len() * (size_of::<Write>() + 24)
            + self.successions.capacity() * size_of::<Succession>()
            + self.reads.capacity() * size_of::<(u32, Version, u32)>()
    }

    fn explain(&self, teller: &Teller<'_>, pair: Pair<'_>, relation: Relations) -> Option<String> {
        match relation {
            Relations::WRITE_WRITE | Relations::UNCERTAIN_WRITE_WRITE => self.explain_write_write(teller, pair),
            Relations::WRITE_READ => self.explain_write_read(teller, pair),
            _ => self.explain_read_write(teller, pair),
        }
    }
}

/// Looks at every read of a transaction that committed: who wrote the value, and whether the transaction knew better.
fn check_reads(teller: &Teller<'_>, writers: &Writers, anomalies: &mut DirectAnomalies) {
    let transactions = teller.transactions;
    // For each key: the transaction that used it last, and the value it knows to be there.
    let mut known: Vec<(u32, Option<u32>)> = vec![(u32::MAX, None); transactions.key_count()];
    for transaction in transactions.committed() {
        let mut is_consistent = true;
        for (place, operation) in transactions.micro_operations(transaction).iter().enumerate() {
            let key = operation.key;
            let known = &mut known[key as usize];
            match operation.action {
                Action::Write(value) => *known = (transaction, Some(value)),
                Action::Value(value) => {
                    let tell = || {
                        let value = value.map_or_else(|| "null".to_owned(), |value| teller.names.value(value));
                        format!("{} read {} as {value}", teller.transaction(transaction), teller.names.key(key))
                    };
                    if is_consistent && known.0 == transaction && known.1 != value {
                        is_consistent = false;
                        if anomalies.count(INTERNAL) {
                            let text = format!("{}, which is not what it had read or written before", tell());
                            anomalies.tell(INTERNAL, vec![transaction], text);
                        }
                    }
                    *known = (transaction, value);
                    if let Some(value) = value
                        && !writers.is_ambiguous(key)
                    {
                        let reader = (transaction, place as u32);
                        check_writer(teller, reader, writers.write(key, value), &tell, anomalies);
                    }
                }
                Action::List { .. } | Action::Unknown => {}
            }
        }
    }
}

fn check_writer(
    teller: &Teller<'_>,
    (reader, place): (u32, u32),
    write: Option<&Write>,
    tell: &impl Fn() -> String,
    anomalies: &mut DirectAnomalies,
) {
    let Some(write) = write else {
        if anomalies.count(GARBAGE_READ) {
            anomalies.tell(GARBAGE_READ, vec![reader], format!("{}, and nobody wrote that", tell()));
        }
        return;
    };
    let mut found = |name, what: &str| {
        if anomalies.count(name) {
            let text = format!("{}, which {} {what}", tell(), teller.transaction(write.transaction));
            anomalies.tell(name, vec![reader, write.transaction], text);
        }
    };
    if teller.transactions.outcome(write.transaction) == Outcome::Fail {
        found(ABORTED_READ, "had written, and that one failed");
    }
    if write.transaction != reader {
        if write.is_intermediate {
            found(INTERMEDIATE_READ, "had written and then overwritten itself");
        }
    } else if write.place > place {
        found(FUTURE_READ, "wrote only later");
    }
}

/// Transactions that read one version of a key and then wrote that key.
fn check_updates(teller: &Teller<'_>, touches: &[Touch], anomalies: &mut DirectAnomalies) {
    let is_update =
        |touch: &&Touch| teller.transactions.outcome(touch.transaction) == Outcome::Ok && touch.written.is_some();
    let mut updates: Vec<(u32, Version, u32)> = touches
        .iter()
        .filter(is_update)
        .filter_map(|touch| touch.read.map(|version| (touch.key, version, touch.transaction)))
        .collect();
    updates.sort_unstable();
    for group in updates.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let [(key, _, first), (_, _, second), ..] = *group else { continue };
        if anomalies.count(LOST_UPDATE) {
            let text = format!(
                "{} transactions read the same version of {} and then wrote it, among them {} and {}",
                group.len(),
                teller.names.key(key),
                teller.transaction(first),
                teller.transaction(second)
            );
            anomalies.tell(LOST_UPDATE, vec![first, second], text);
        }
    }
}
