//! The log and the snapshots together: what stands in one may be removed from the other, in one order only.
//!
//! A snapshot is durable under its name before the log loses what it stands for. One that came from a leader replaces the
//! log: it is stored first, and names the record with which the log begins anew after it. A crash between the two leaves
//! a snapshot whose record is missing, and the log before it is void.

use std::path::Path;
use std::sync::Arc;

use tracing::warn;

use super::recovery::{self, Found};
use super::snapshot_file::{self, Header};
use super::snapshots::{SnapshotPath, Snapshots};
use super::write_ahead_log::{LogOptions, WriteAheadLog};
use super::{Files, StorageError};
use crate::core::{Claim, Entry, HardState, Position, Record};

/// What the items of a snapshot amount to.
pub(crate) trait Assemble: Sized {
    /// Begins with the first item, or says why it cannot.
    fn begin(position: Position, claim: Claim, first: &[u8]) -> Result<Self, String>;
    /// Takes in the next item, or says why it cannot.
    fn take(&mut self, item: &[u8]) -> Result<(), String>;
}

/// What was found on disk.
#[derive(Debug)]
pub(crate) struct Contents<S> {
    pub(crate) hard_state: HardState,
    pub(crate) snapshot: Option<S>,
    /// Those after the snapshot, or all of them.
    pub(crate) entries: Vec<Entry>,
}

/// A snapshot that is being saved.
#[derive(Debug, Clone)]
pub(super) struct Saving {
    header: Header,
    snapshots: Arc<Snapshots>,
}

impl Saving {
    /// Writes it; takes its time and holds nobody up.
    pub(super) fn write(&self, items: impl Iterator<Item = Vec<u8>>) -> Result<(), StorageError> {
        self.snapshots.store(&self.header, items)
    }

    /// What it stands for.
    pub(super) fn position(&self) -> Position {
        self.header.position
    }
}

/// A node's log and snapshots.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) log: WriteAheadLog,
    snapshots: Arc<Snapshots>,
    /// So many entries before a snapshot stay in the log.
    kept_entries: u64,
}

/// What is to be done with the log that was found.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Its entries after the snapshot go on.
    Keep,
    /// The snapshot stands alone: the log begins anew after it.
    Void,
}

impl Store {
    /// Opens what is in the directories `wal` and `snapshots`, or begins anew; `kept_entries` before a saved snapshot stay
    /// in the log.
    pub(crate) fn open<S: Assemble>(
        wal: &Path,
        snapshots: &Path,
        options: &LogOptions,
        kept_entries: u64,
    ) -> Result<(Self, Contents<S>), StorageError> {
        options.files.create_directory(wal).map_err(StorageError::io("creating", wal))?;
        let mut found = recovery::read(options.files.as_ref(), wal)?;
        let (snapshots, paths) = Snapshots::open(&options.files, snapshots)?;
        let Choice { snapshot, damaged } = choose::<S>(options.files.as_ref(), paths)?;
        let header = snapshot.as_ref().map(|(header, _)| *header);
        let verdict = match damaged {
            None => reconcile(header.as_ref(), found.as_ref(), wal, &snapshots)?,
            // The log must hold what the damaged one stood for, and the log's own trouble would be a consequence.
            Some((position, error)) => match reconcile(header.as_ref(), found.as_ref(), wal, &snapshots) {
                Ok(Verdict::Keep) if found.as_ref().is_some_and(|found| found.replay.last() >= position) => {
                    warn!("{error}; an older state and the log after it make up for it");
                    Verdict::Keep
                }
                _ => return Err(error),
            },
        };
        let position = header.map_or(Position(0), |header| header.position);
        let replay = found.as_mut().map(|found| std::mem::take(&mut found.replay)).unwrap_or_default();
        let hard_state = replay.hard_state;
        if let Some(found) = &mut found {
            found.replay = replay.without_entries();
        }
        let mut entries = replay.entries;
        entries.drain(..entries.iter().take_while(|entry| entry.position <= position).count());
        let mut log = WriteAheadLog::open(wal, options, found)?;
        if let Some(header) = &header {
            snapshots.found(header);
            if verdict == Verdict::Void {
                entries.clear();
                begin_anew(&mut log, header)?;
            } else if header.installed {
                // The record that begins the log anew may still be only in the page cache.
                log.sync()?;
            }
            snapshots.remove_older(header)?;
        }
        let snapshots = Arc::new(snapshots);
        let contents = Contents { hard_state, snapshot: snapshot.map(|(_, snapshot)| snapshot), entries };
        Ok((Self { log, snapshots, kept_entries }, contents))
    }

    /// Puts a leader's snapshot in the place of the whole log.
    pub(super) fn install(
        &mut self,
        position: Position,
        claim: Claim,
        items: impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), StorageError> {
        // The snapshot names the last record before it, which must not be lost any more.
        self.log.write()?;
        self.log.sync()?;
        let header = self.header(position, claim, true);
        self.snapshots.store(&header, items)?;
        begin_anew(&mut self.log, &header)?;
        self.snapshots.remove_older(&header)
    }

    /// Begins to save a snapshot of this node's own state.
    pub(super) fn begin_save(&self, position: Position, claim: Claim) -> Saving {
        Saving { header: self.header(position, claim, false), snapshots: Arc::clone(&self.snapshots) }
    }

    /// Removes what a saved snapshot stands for, except where a newer one has come meanwhile.
    pub(super) fn finish_save(&mut self, saving: &Saving) -> Result<(), StorageError> {
        if !self.snapshots.holds(&saving.header) {
            return Ok(());
        }
        self.snapshots.remove_older(&saving.header)?;
        self.log.remove_up_to(Position(saving.header.position.0.saturating_sub(self.kept_entries)))
    }

    fn header(&self, position: Position, claim: Claim, installed: bool) -> Header {
        let (log_durable, log_written) = (self.log.durable_sequence(), self.log.written_sequence());
        Header { generation: self.snapshots.begin(), position, claim, log_durable, log_written, installed }
    }
}

/// Writes into the log that it begins anew after a snapshot, and removes what was before.
fn begin_anew(log: &mut WriteAheadLog, header: &Header) -> Result<(), StorageError> {
    log.append(&Record::Reset { position: header.position, claim: header.claim });
    log.write()?;
    log.sync()?;
    log.remove_up_to(header.position)
}

/// The newest snapshot that is whole, and the position and error of the newest one if that is not.
struct Choice<S> {
    snapshot: Option<(Header, S)>,
    damaged: Option<(Position, StorageError)>,
}

fn choose<S: Assemble>(files: &dyn Files, paths: Vec<SnapshotPath>) -> Result<Choice<S>, StorageError> {
    let mut damaged = None;
    for SnapshotPath { path, position, .. } in paths {
        let mut assembled: Option<S> = None;
        let read = snapshot_file::read(files, &path, |header, item| {
            match &mut assembled {
                Some(assembled) => assembled.take(item)?,
                None => assembled = Some(S::begin(header.position, header.claim, item)?),
            }
            Ok(())
        });
        match (read, assembled) {
            (Ok(header), Some(snapshot)) => return Ok(Choice { snapshot: Some((header, snapshot)), damaged }),
            (Ok(_), None) => {
                let error = StorageError::corrupt(&path, 0, "it has no items".to_owned());
                damaged = damaged.or(Some((position, error)));
            }
            (Err(error @ StorageError::Io { .. }), _) => return Err(error),
            (Err(error), _) => damaged = damaged.or(Some((position, error))),
        }
    }
    Ok(Choice { snapshot: None, damaged })
}

/// Whether log and snapshot fit together.
fn reconcile(
    header: Option<&Header>,
    found: Option<&Found>,
    wal: &Path,
    snapshots: &Snapshots,
) -> Result<Verdict, StorageError> {
    let (header, found) = match (header, found) {
        (None, None) => return Ok(Verdict::Keep),
        (None, Some(found)) if found.replay.base == Position(0) => return Ok(Verdict::Keep),
        (None, Some(found)) => {
            let needed_by =
                format!("the log begins after position {}, a snapshot stood for the rest", found.replay.base);
            return Err(StorageError::Missing { path: snapshots.directory().join("*.snap"), needed_by });
        }
        (Some(header), None) if header.log_durable == 0 => return Ok(Verdict::Void),
        (Some(header), None) => {
            let needed_by = format!("record {} was durable when {} was written", header.log_durable, header.name());
            return Err(StorageError::Missing { path: wal.join("*.wal"), needed_by });
        }
        (Some(header), Some(found)) => (header, found),
    };
    let (current, replay) = (found.current(), &found.replay);
    if found.next_sequence <= header.log_durable {
        let (next, durable, name) = (found.next_sequence, header.log_durable, header.name());
        let problem = format!("record {next} is not there, yet record {durable} was durable when {name} was written");
        return Err(StorageError::corrupt(&current.path, found.end, problem));
    }
    let reset_is_missing = header.installed && found.next_sequence == header.log_durable + 1;
    if reset_is_missing {
        return Ok(Verdict::Void);
    }
    if replay.base > header.position {
        let first = &found.segments[0].0;
        let needed_by = format!(
            "{} begins after position {}, and {} ends with {}",
            first.path.display(),
            replay.base,
            header.name(),
            header.position
        );
        return Err(StorageError::Missing { path: super::segment::path(wal, first.number - 1), needed_by });
    }
    let index = header.position.0.checked_sub(replay.base.0 + 1);
    let claim = index.and_then(|index| replay.entries.get(index as usize)).map(|entry| entry.claim);
    let is_other = replay.last() < header.position || claim.is_some_and(|claim| claim != header.claim);
    if !is_other {
        return Ok(Verdict::Keep);
    }
    if found.next_sequence <= header.log_written {
        // Where records are not flushed one by one, a snapshot may be durable before what it stands for. What is left of
        // the log was written before it, and whatever contradicts it there had been truncated.
        return Ok(Verdict::Void);
    }
    let (path, offset) = found.place_of(header.position)?;
    let in_log = match claim {
        Some(claim) => format!("position {} is of term {} of {} here", header.position, claim.term, claim.leader),
        None => format!("the log ends with position {} here", replay.last()),
    };
    let problem = format!(
        "{in_log}, yet {} stands for term {} of {} at position {} and for every record up to {}",
        header.name(),
        header.claim.term,
        header.claim.leader,
        header.position,
        header.log_written
    );
    Err(StorageError::corrupt(path, offset, problem))
}

#[cfg(test)]
mod tests {
    use super::super::fuzz_test::{Model, Prefix, SNAPSHOTS, WAL, items};
    use super::super::simulated_files::{Crash, SimulatedFiles};
    use super::*;
    use crate::core::{Command, NodeId, Term};
    use crate::settings::Fsync;

    fn claim(term: u64) -> Claim {
        Claim { term: Term(term), leader: NodeId(1) }
    }

    fn append(position: u64, term: u64) -> Record {
        let position = Position(position);
        Record::Append(Entry { claim: claim(term), position, command: Command::Noop, origin: None })
    }

    fn open(files: &SimulatedFiles, fsync: Fsync) -> Result<(Store, Contents<Prefix>), StorageError> {
        let options = LogOptions { files: Arc::new(files.clone()), fsync, segment_bytes: 4096, threaded: false };
        Store::open(Path::new(WAL), Path::new(SNAPSHOTS), &options, 10)
    }

    fn write(store: &mut Store, records: &[Record], flush: bool) {
        records.iter().for_each(|record| store.log.append(record));
        store.log.write().unwrap();
        if flush {
            store.log.sync().unwrap();
        }
    }

    fn save(store: &mut Store, log: &[Claim]) {
        let saving = store.begin_save(Position(log.len() as u64), log[log.len() - 1]);
        saving.write(items(log)).unwrap();
        store.finish_save(&saving).unwrap();
    }

    /// The log of a node: three entries of term 1, of which the last two gave way to two of term 2.
    fn rewritten() -> [Record; 6] {
        [append(1, 1), append(2, 1), append(3, 1), Record::Truncate { from: Position(2) }, append(2, 2), append(3, 2)]
    }

    #[test]
    fn a_snapshot_outlives_a_log_that_was_not_flushed_whatever_is_left_of_it() {
        let log = [claim(1), claim(2), claim(2)];
        let mut others = 0;
        for seed in 0..300 {
            let files = SimulatedFiles::new(seed);
            let (mut store, _) = open(&files, Fsync::Never).unwrap();
            write(&mut store, &rewritten()[..3], seed % 2 == 0);
            write(&mut store, &rewritten()[3..], false);
            save(&mut store, &log);
            drop(store);
            files.crash(Crash::Power);
            let found = recovery::read(&files, Path::new(WAL)).unwrap().unwrap();
            others += usize::from(found.replay.entries.get(2).is_some_and(|entry| entry.claim == claim(1)));
            // The setting may have been changed between the two lives.
            let fsync = if seed % 3 == 0 { Fsync::Always } else { Fsync::Never };
            for life in 1..=2 {
                let (_, contents) = open(&files, fsync).unwrap_or_else(|refused| panic!("seed {seed}: {refused}"));
                assert_eq!(Model::found(&contents).log, log, "seed {seed}, life {life}");
                files.crash(Crash::Power);
            }
        }
        assert!(others > 50, "another claim was left at the snapshot's position only {others} times");
    }

    #[test]
    fn a_snapshot_that_contradicts_a_durable_log_is_refused_with_file_and_offset() {
        for (log, expected) in [
            (vec![claim(1), claim(2), claim(3)], "position 3 is of term 2 of n1 here"),
            (vec![claim(1), claim(2), claim(2), claim(2)], "the log ends with position 3 here"),
        ] {
            let files = SimulatedFiles::new(7);
            let (mut store, _) = open(&files, Fsync::Always).unwrap();
            write(&mut store, &rewritten()[..5], true);
            let (path, offset) = store.log.place();
            write(&mut store, &rewritten()[5..], true);
            let (_, end) = store.log.place();
            save(&mut store, &log);
            drop(store);
            files.crash(Crash::Power);
            let offset = if log.len() == 3 { offset } else { end };
            let refused = open(&files, Fsync::Always).unwrap_err();
            let StorageError::Corrupt { path: file, offset: byte, problem } = &refused else { panic!("{refused}") };
            assert_eq!((file, *byte), (&path, offset as u64), "{problem}");
            assert!(problem.contains(expected), "{problem}");
            let advice = refused.to_string();
            assert!(advice.contains("remove the node from the members") && advice.contains("--join"), "{advice}");
        }
    }
}
