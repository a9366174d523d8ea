//! Reads the segments of a log after a crash, and changes nothing.
//!
//! Numbers without a gap up to the highest form the chain; lower ones are left over from a removal that a crash cut
//! short. Along the chain the records follow each other. Where they stop, everything after it, in whatever segment, is
//! asked whether the missing record had been durable: then the log is refused, with file and offset. If nothing says so
//! the crash tore off what nobody had been promised.

use std::path::{Path, PathBuf};

use super::preparer::{OpenSegment, TEMPORARY};
use super::replay::Replay;
use super::scan::{evidence, find_record, scan};
use super::segment::{self, Beginning, PREAMBLE_BYTES, Start};
use super::{Files, StorageError, read_all};
use crate::core::{Position, Record};

/// A segment, and the last position of the log when it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) last_before: Position,
}

/// What is on disk.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) replay: Replay,
    /// The segments that hold records, in order; the last one is written on.
    pub(super) segments: Vec<(OpenSegment, Kept)>,
    /// Where the last one's records begin.
    pub(super) start: usize,
    /// Where its next record goes.
    pub(super) end: usize,
    /// Bytes after that which are not zero: a torn tail.
    pub(super) torn_bytes: usize,
    pub(super) next_sequence: u64,
    /// The highest sequence that is known to have been durable.
    pub(super) durable: u64,
    /// The segment after the last one, prepared and not used.
    pub(super) prepared: Option<OpenSegment>,
    /// Files without meaning, to be removed in any order.
    pub(super) leftovers: Vec<PathBuf>,
    /// Segments after the torn tail, to be removed from the highest on.
    pub(super) torn: Vec<PathBuf>,
}

impl Found {
    /// A log whose first segment is there and holds no record yet.
    pub(super) fn new(segment: OpenSegment, start: &Start, records: usize) -> Self {
        let kept = Kept { number: segment.number, last_before: start.last };
        Self { segments: vec![(segment, kept)], ..Self::before(start, records, 1, 0) }
    }

    /// Nothing but what a segment says that came before it.
    fn before(start: &Start, records: usize, next_sequence: u64, durable: u64) -> Self {
        Self {
            replay: Replay::new(start),
            segments: Vec::new(),
            start: records,
            end: records,
            torn_bytes: 0,
            next_sequence,
            durable,
            prepared: None,
            leftovers: Vec::new(),
            torn: Vec::new(),
        }
    }

    /// Where the record is that put the entry at `position` into the log; where the log ends if none did.
    pub(super) fn place_of(&self, position: Position) -> Result<(&Path, usize), StorageError> {
        let mut place = (self.current().path.as_path(), self.end);
        for (OpenSegment { path, file, .. }, _) in &self.segments {
            let bytes = read_all(file.as_ref()).map_err(StorageError::io("reading", path))?;
            let Beginning::Readable { sequence, end, .. } = segment::beginning(path, &bytes)? else { continue };
            scan(&bytes, end, sequence, |frame, offset| {
                match postcard::from_bytes(frame.payload) {
                    Ok(Record::Append(entry)) if entry.position == position => place = (path, offset),
                    _ => {}
                }
                Ok::<_, StorageError>(())
            })?;
        }
        Ok(place)
    }

    /// The segment that is written on.
    pub(super) fn current(&self) -> &OpenSegment {
        &self.segments[self.segments.len() - 1].0
    }
}

/// Where the readable records end.
#[derive(Debug)]
struct Stop {
    path: PathBuf,
    offset: usize,
    /// The record that is not there.
    expected: u64,
}

impl Stop {
    /// Refuses if something from `offset` of a file on proves the missing record to have been durable.
    fn check(&self, path: &Path, bytes: &[u8], offset: usize) -> Result<(), StorageError> {
        match evidence(bytes, offset, self.expected) {
            None => Ok(()),
            Some(later) => Err(self.refuse(later.sequence, path, later.offset)),
        }
    }

    fn refuse(&self, sequence: u64, path: &Path, offset: usize) -> StorageError {
        let expected = self.expected;
        let problem = format!(
            "record {expected} cannot be read, yet it was durable when record {sequence} was written at byte {offset} \
             of {path}",
            path = path.display()
        );
        StorageError::corrupt(&self.path, self.offset, problem)
    }
}

/// Reads the log in `directory`; none where no segment is.
pub(super) fn read(files: &dyn Files, directory: &Path) -> Result<Option<Found>, StorageError> {
    let names = files.list(directory).map_err(StorageError::io("listing", directory))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment::number(name)).collect();
    numbers.sort_unstable();
    let Some(&first) = numbers.get(gap_before_chain(&numbers)) else { return Ok(None) };
    let mut leftovers: Vec<PathBuf> =
        names.iter().filter(|name| name.ends_with(TEMPORARY)).map(|name| directory.join(name)).collect();
    leftovers.extend(numbers.iter().filter(|number| **number < first).map(|number| segment::path(directory, *number)));

    let mut reader = Reader { found: None, stop: None, unused: None };
    for number in numbers.into_iter().filter(|number| *number >= first) {
        let path = segment::path(directory, number);
        let file = files.open(&path).map_err(StorageError::io("opening", &path))?;
        let bytes = read_all(file.as_ref()).map_err(StorageError::io("reading", &path))?;
        reader.take(OpenSegment { number, path, file }, &bytes)?;
    }
    Ok(reader.found.map(|found| Found { leftovers, ..found }))
}

/// How many numbers are below the last gap.
fn gap_before_chain(numbers: &[u64]) -> usize {
    numbers.windows(2).rposition(|pair| pair[0] + 1 != pair[1]).map_or(0, |gap| gap + 1)
}

struct Reader {
    found: Option<Found>,
    /// Where the records ended, once they did.
    stop: Option<Stop>,
    /// The segment that ended them, if it has no beginning: nothing was written after it.
    unused: Option<PathBuf>,
}

impl Reader {
    /// Takes in the next segment of the chain.
    fn take(&mut self, segment: OpenSegment, bytes: &[u8]) -> Result<(), StorageError> {
        let beginning = segment::beginning(&segment.path, bytes)?;
        let Some(found) = &mut self.found else { return self.first(segment, &beginning, bytes) };
        if let Some(stop) = &self.stop {
            if let Beginning::Readable { start, .. } = &beginning {
                check_number(&segment, start)?;
                if let Some(unused) = &self.unused {
                    let problem =
                        format!("its beginning cannot be read, yet {} was begun after it", segment.path.display());
                    return Err(StorageError::corrupt(unused, 0, problem));
                }
            }
            stop.check(&segment.path, bytes, 0)?;
            found.torn.push(segment.path);
            return Ok(());
        }
        let before = Stop { path: found.current().path.clone(), offset: found.end, expected: found.next_sequence };
        match beginning {
            Beginning::Readable { start, sequence, durable, end } => {
                check_number(&segment, &start)?;
                if sequence < found.next_sequence {
                    let problem = format!("it begins with record {sequence}, which is in {}", before.path.display());
                    return Err(StorageError::corrupt(&segment.path, 0, problem));
                }
                if sequence == found.next_sequence {
                    found.durable = found.durable.max(durable);
                    return found.take(segment, &start, bytes, end);
                }
                if durable >= before.expected {
                    return Err(before.refuse(sequence, &segment.path, 0));
                }
                before.check(&segment.path, bytes, 0)?;
                found.torn.push(segment.path);
            }
            Beginning::Blank => {
                self.unused = Some(segment.path.clone());
                found.prepared = Some(segment);
            }
            Beginning::Unreadable => {
                // A beginning is durable before a record follows it.
                if let Some(record) = find_record(bytes, PREAMBLE_BYTES + 1, before.expected, 0) {
                    let stop = Stop { path: segment.path.clone(), offset: 0, ..before };
                    return Err(stop.refuse(record.sequence, &segment.path, record.offset));
                }
                self.unused = Some(segment.path.clone());
                found.torn.push(segment.path);
            }
        }
        self.stop = Some(before);
        Ok(())
    }

    /// The chain's first segment stands for all that were removed before it, which is done only once it is durable.
    fn first(&mut self, segment: OpenSegment, beginning: &Beginning, bytes: &[u8]) -> Result<(), StorageError> {
        if *beginning == Beginning::Blank && segment.number > 1 {
            let path = segment.path.with_file_name(format!("{:08}.wal", segment.number - 1));
            let needed_by = format!("{} was prepared to follow it", segment.path.display());
            return Err(StorageError::Missing { path, needed_by });
        }
        let Beginning::Readable { start, sequence, durable, end } = beginning else {
            let problem = "its beginning cannot be read, yet it was durable before older segments were removed";
            return Err(StorageError::corrupt(&segment.path, 0, problem.to_owned()));
        };
        check_number(&segment, start)?;
        let mut found = Found::before(start, *end, *sequence, *durable);
        found.take(segment, start, bytes, *end)?;
        self.found = Some(found);
        Ok(())
    }
}

impl Found {
    /// Takes in the records of a segment that follow those known.
    fn take(&mut self, segment: OpenSegment, start: &Start, bytes: &[u8], records: usize) -> Result<(), StorageError> {
        let replay = &mut self.replay;
        let scan = scan(bytes, records, self.next_sequence, |frame, offset| {
            let record = postcard::from_bytes(frame.payload).map_err(|error| format!("it does not decode ({error})"));
            let outcome = record.and_then(|record| replay.apply(record));
            outcome.map_err(|problem| StorageError::Meaningless {
                path: segment.path.clone(),
                offset: offset as u64,
                problem,
            })
        })?;
        (self.start, self.end, self.torn_bytes) = (records, scan.end, scan.torn_bytes);
        self.next_sequence = scan.next_sequence;
        self.durable = self.durable.max(scan.durable);
        let stop = Stop { path: segment.path.clone(), offset: scan.end, expected: scan.next_sequence };
        stop.check(&segment.path, bytes, scan.end)?;
        let kept = Kept { number: segment.number, last_before: start.last };
        self.segments.push((segment, kept));
        Ok(())
    }
}

fn check_number(segment: &OpenSegment, start: &Start) -> Result<(), StorageError> {
    if start.segment == segment.number {
        return Ok(());
    }
    let problem = format!("it is segment {} under the name of segment {}", start.segment, segment.number);
    Err(StorageError::corrupt(&segment.path, 0, problem))
}
