//! The write-ahead log: segments that are appended to in batches, flushed when asked, and removed when a snapshot stands
//! for what they hold.
//!
//! A batch is one `pwrite` into one segment; a batch larger than a segment makes its segment larger. Under
//! `fsync = always` segments are filled with zeroes before they are used. This type blocks on the disk and knows no
//! request; the [`writer`](super::writer) has both. After an error it must not be used again.

use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};

use super::files::parent;
use super::frame::encode;
use super::preparer::{OpenSegment, Preparer, Workshop};
use super::recovery::{Found, Kept};
use super::segment::{Start, encode_start};
use super::{Files, StorageError};
use crate::core::{HardState, Position, Record};
use crate::settings::Fsync;

/// The size of a segment.
pub(crate) const SEGMENT_BYTES: u64 = 2 * 1024 * 1024;

/// How a log is kept.
#[derive(Debug, Clone)]
pub(crate) struct LogOptions {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) fsync: Fsync,
    /// A segment takes no further batch above this.
    pub(crate) segment_bytes: u64,
    /// Segments are prepared on a thread of their own.
    pub(crate) threaded: bool,
}

/// What has been appended so far.
#[derive(Debug, Clone, Copy)]
struct Tail {
    next_sequence: u64,
    hard_state: HardState,
    last: Position,
}

impl Tail {
    fn add(&mut self, record: &Record) {
        self.next_sequence += 1;
        match record {
            Record::HardState(newer) => self.hard_state = *newer,
            Record::Truncate { from } => self.last = from.previous(),
            Record::Append(entry) => self.last = entry.position,
            Record::Reset { position, .. } => self.last = *position,
        }
    }
}

/// An open log.
#[derive(Debug)]
pub(crate) struct WriteAheadLog {
    fsync: Fsync,
    segment_bytes: u64,
    /// The segment that is written to.
    current: OpenSegment,
    /// Where its records begin, and where the next batch goes.
    start: u64,
    end: u64,
    /// Records encoded and not yet written.
    pending: Vec<u8>,
    /// With `pending`, and without.
    tail: Tail,
    written: Tail,
    durable_sequence: u64,
    /// All segments in order; the last one is `current`.
    segments: Vec<Kept>,
    /// Segments before `current` that are not flushed.
    unsynced: Vec<OpenSegment>,
    preparer: Preparer,
}

impl WriteAheadLog {
    /// Goes on with the log in `directory` as it was found, or begins a new one; a torn tail is dropped with a warning.
    pub(super) fn open(directory: &Path, options: &LogOptions, found: Option<Found>) -> Result<Self, StorageError> {
        let zeroed_bytes = if options.fsync == Fsync::Always { options.segment_bytes } else { 0 };
        let mut workshop = Workshop::new(Arc::clone(&options.files), directory, zeroed_bytes);
        let mut found = match found {
            Some(found) => found,
            None => create(directory, options, &mut workshop)?,
        };
        repair(directory, options, &mut found)?;
        let prepared = found.prepared.take();
        let preparer = Preparer::new(workshop, prepared, options.threaded)
            .map_err(StorageError::io("starting a thread for", directory))?;
        let tail =
            Tail { next_sequence: found.next_sequence, hard_state: found.replay.hard_state, last: found.replay.last() };
        let (mut open, segments): (Vec<_>, Vec<_>) = found.segments.into_iter().unzip();
        let Some(current) = open.pop() else {
            unreachable!("a log was found or begun, and either has a segment");
        };
        let mut log = Self {
            fsync: options.fsync,
            segment_bytes: options.segment_bytes,
            start: found.start as u64,
            end: found.end as u64,
            pending: Vec::new(),
            tail,
            written: tail,
            durable_sequence: found.durable,
            segments,
            unsynced: open,
            preparer,
            current,
        };
        log.preparer.request(log.current.number + 1)?;
        if log.fsync != Fsync::Never {
            // What was read may still be only in the page cache, and everything that follows builds on it.
            log.sync()?;
        }
        Ok(log)
    }

    /// Adds a record to the next batch.
    pub(crate) fn append(&mut self, record: &Record) {
        let durable = self.durable_sequence;
        let encoded = encode(&mut self.pending, self.tail.next_sequence, durable, |buffer| {
            postcard::to_io(record, buffer).map(drop)
        });
        encoded.expect("a record is encoded into memory");
        self.tail.add(record);
        if let Record::Reset { .. } = record {
            // Nothing that was in the log before is needed, wherever it ended.
            self.segments.iter_mut().for_each(|segment| segment.last_before = Position(0));
        }
    }

    /// Bytes of the next batch so far.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Writes the batch to the file. It is then safe from the death of the process, not from a power failure.
    pub(crate) fn write(&mut self) -> Result<(), StorageError> {
        self.preparer.poll()?;
        if self.end > self.start && self.end + self.pending.len() as u64 > self.segment_bytes {
            self.begin_segment()?;
        }
        let (file, path) = (&self.current.file, &self.current.path);
        file.write_at(&self.pending, self.end).map_err(StorageError::io("writing", path))?;
        self.end += self.pending.len() as u64;
        self.written = self.tail;
        self.pending.clear();
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), StorageError> {
        let next = self.preparer.take(self.current.number + 1)?;
        let start = Start { segment: next.number, hard_state: self.written.hard_state, last: self.written.last };
        let beginning = encode_start(&start, self.written.next_sequence, self.durable_sequence);
        next.file.write_at(&beginning, 0).map_err(StorageError::io("writing", &next.path))?;
        // Durable before any record follows it: where records are, an unreadable beginning is damage.
        next.file.sync().map_err(StorageError::io("flushing", &next.path))?;
        let full = std::mem::replace(&mut self.current, next);
        if self.durable_sequence + 1 < self.written.next_sequence {
            self.unsynced.push(full);
        }
        (self.start, self.end) = (beginning.len() as u64, beginning.len() as u64);
        self.segments.push(Kept { number: self.current.number, last_before: self.written.last });
        self.preparer.request(self.current.number + 1)
    }

    /// Flushes everything written.
    pub(crate) fn sync(&mut self) -> Result<(), StorageError> {
        for segment in self.unsynced.iter().chain([&self.current]) {
            segment.file.sync().map_err(StorageError::io("flushing", &segment.path))?;
        }
        self.unsynced.clear();
        self.durable_sequence = self.written.next_sequence - 1;
        Ok(())
    }

    /// Whether something is written that is not known to be durable.
    pub(crate) fn is_dirty(&self) -> bool {
        self.durable_sequence + 1 < self.written.next_sequence
    }

    /// Where the next batch goes, unless it needs a new segment.
    #[cfg(test)]
    pub(super) fn place(&self) -> (std::path::PathBuf, usize) {
        (self.current.path.clone(), self.end as usize)
    }

    /// When records are flushed.
    pub(crate) fn fsync(&self) -> Fsync {
        self.fsync
    }

    /// The last record that is known to be durable.
    pub(crate) fn durable_sequence(&self) -> u64 {
        self.durable_sequence
    }

    /// The last record that is written.
    pub(crate) fn written_sequence(&self) -> u64 {
        self.written.next_sequence - 1
    }

    /// Removes the segments that hold nothing but entries up to `position`, for which a durable snapshot stands.
    pub(crate) fn remove_up_to(&mut self, position: Position) -> Result<(), StorageError> {
        let kept = self.segments.iter().rposition(|segment| segment.last_before <= position).unwrap_or(0);
        if kept == 0 {
            return Ok(());
        }
        if self.is_dirty() {
            // The first segment that is kept begins with what was known from the removed ones.
            self.sync()?;
        }
        for segment in self.segments.drain(..kept) {
            self.preparer.retire(segment.number)?;
        }
        info!(segments = kept, %position, "removed the log's oldest segments");
        Ok(())
    }
}

/// Begins a log. Its first segment is whole and durable before it has its name.
fn create(directory: &Path, options: &LogOptions, workshop: &mut Workshop) -> Result<Found, StorageError> {
    let files = &options.files;
    let above = parent(directory);
    files.sync_directory(&above).map_err(StorageError::io("flushing the directory", &above))?;
    let start = Start { segment: 1, hard_state: HardState::default(), last: Position(0) };
    let beginning = encode_start(&start, 1, 0);
    let segment = workshop.prepare(1, &beginning)?;
    Ok(Found::new(segment, &start, beginning.len()))
}

/// Drops what a crash tore off, and what it left lying about, so that nothing of it can come back.
fn repair(directory: &Path, options: &LogOptions, found: &mut Found) -> Result<(), StorageError> {
    let files = &options.files;
    let removing = |path: &Path| files.remove(path).map_err(StorageError::io("removing", path));
    let flush_directory =
        || files.sync_directory(directory).map_err(StorageError::io("flushing the directory", directory));
    // What was found is relied on, and the names may still be only in the page cache.
    flush_directory()?;
    found.leftovers.drain(..).try_for_each(|path| removing(&path))?;
    // From the highest on, one by one, so that never a gap appears that a lost segment might have left.
    while let Some(path) = found.torn.pop() {
        warn!(path = %path.display(), "dropped a torn segment that was never promised");
        removing(&path)?;
        flush_directory()?;
    }
    if found.torn_bytes > 0 {
        let (current, offset, torn_bytes) = (found.current(), found.end, found.torn_bytes);
        warn!(path = %current.path.display(), offset, torn_bytes, "dropped a torn tail that was never promised");
        let erased = current.file.write_at(&vec![0; torn_bytes], offset as u64);
        erased.map_err(StorageError::io("writing", &current.path))?;
    }
    if found.torn_bytes > 0 || found.end == found.start {
        // The first record to come needs a clean place, and a durable beginning before it.
        let current = found.current();
        current.file.sync().map_err(StorageError::io("flushing", &current.path))?;
    }
    let (records, bytes) = (found.next_sequence - 1, found.end);
    info!(segments = found.segments.len(), records, bytes, "recovered the log");
    Ok(())
}
