//! A snapshot as a file: written piece by piece, whole under its name or not there at all, and read piece by piece.
//!
//! ```text
//! file := magic[8] version:u32 reserved:u32 header item* end                      (little endian)
//! ```
//! Header, items and end are frames, counted from 1; a large item is several frames; the end says how many frames came
//! before it. The file is written under a temporary name and flushed; [`Snapshots`](super::snapshots::Snapshots) gives it
//! its own.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::frame::{HEADER_BYTES, claimed_size, decode, encode};
use super::preparer::TEMPORARY;
use super::{FileHandle, Files, StorageError};
use crate::core::{Claim, Position};

const MAGIC: [u8; 8] = *b"schismsn";
const VERSION: u32 = 2;
const PREAMBLE_BYTES: usize = 16;

/// Bytes written at once, and flushed at once: a flush of the log beside it never waits for more.
const CHUNK_BYTES: usize = 512 * 1024;

/// In front of each payload: what it is.
const ITEM: u8 = 0;
const END: u8 = 1;
const PART: u8 = 2;

/// An item larger than this is written in parts.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// What a snapshot stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Snapshots are counted in the order in which they were begun; of two the later one holds.
    pub(super) generation: u64,
    /// The last position that it stands for, and the claim of the entry there.
    pub(super) position: Position,
    pub(super) claim: Claim,
    /// A record of the log that was durable when the snapshot was begun.
    pub(super) log_durable: u64,
    /// The last record that was written then: what the snapshot stands for is in the log up to here.
    pub(super) log_written: u64,
    /// It came from a leader: the record after `log_durable` begins the log anew after it.
    pub(super) installed: bool,
}

impl Header {
    /// The name of its file.
    pub(super) fn name(&self) -> String {
        format!("{:08}-{}.snap", self.generation, self.position)
    }
}

/// The generation and the position that a file name stands for.
pub(super) fn parse_name(name: &str) -> Option<(u64, Position)> {
    let (generation, position) = name.strip_suffix(".snap")?.split_once('-')?;
    Some((generation.parse().ok()?, Position(position.parse().ok()?)))
}

/// Writes a snapshot under its temporary name, and flushes it.
pub(super) fn write(
    files: &dyn Files,
    directory: &Path,
    header: &Header,
    items: impl Iterator<Item = Vec<u8>>,
) -> Result<PathBuf, StorageError> {
    let path = directory.join(format!("{:08}{TEMPORARY}", header.generation));
    let file = files.create(&path).map_err(StorageError::io("creating", &path))?;
    let mut writer = Writer { file: file.as_ref(), offset: 0, buffer: Vec::with_capacity(2 * CHUNK_BYTES), frames: 0 };
    let written = writer.write_all(header, items);
    written.map_err(StorageError::io("writing", &path))?;
    Ok(path)
}

struct Writer<'a> {
    file: &'a dyn FileHandle,
    offset: u64,
    buffer: Vec<u8>,
    frames: u64,
}

impl Writer<'_> {
    fn write_all(&mut self, header: &Header, items: impl Iterator<Item = Vec<u8>>) -> std::io::Result<()> {
        self.buffer.extend_from_slice(&MAGIC);
        self.buffer.extend_from_slice(&VERSION.to_le_bytes());
        self.buffer.extend_from_slice(&[0; 4]);
        let header = postcard::to_stdvec(header).map_err(std::io::Error::other)?;
        self.frame(ITEM, &header)?;
        for item in items {
            let mut rest = &item[..];
            while let Some((part, after)) = rest.split_at_checked(PART_BYTES) {
                self.frame(PART, part)?;
                rest = after;
            }
            self.frame(ITEM, rest)?;
        }
        let frames = self.frames;
        self.frame(END, &frames.to_le_bytes())?;
        self.flush()
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<()> {
        self.frames += 1;
        encode(&mut self.buffer, self.frames, 0, |buffer| {
            buffer.push(kind);
            buffer.extend_from_slice(payload);
            Ok::<_, std::io::Error>(())
        })?;
        if self.buffer.len() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_at(&self.buffer, self.offset)?;
        self.file.sync()?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Reads a snapshot and hands its items to `visit`, in order. Nothing may be concluded from the items before this returns:
/// only then is the snapshot known to be whole.
pub(super) fn read(
    files: &dyn Files,
    path: &Path,
    visit: impl FnMut(&Header, &[u8]) -> Result<(), String>,
) -> Result<Header, StorageError> {
    let file = files.open(path).map_err(StorageError::io("opening", path))?;
    let reader = Reader { path, file: file.as_ref(), buffer: Vec::new(), start: 0, offset: 0, frames: 0 };
    reader.read_all(visit)
}

struct Reader<'a> {
    path: &'a Path,
    file: &'a dyn FileHandle,
    /// Bytes of the file that begin at `offset`; those before `start` are done with.
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    frames: u64,
}

impl Reader<'_> {
    fn read_all(mut self, mut visit: impl FnMut(&Header, &[u8]) -> Result<(), String>) -> Result<Header, StorageError> {
        let preamble = self.bytes(PREAMBLE_BYTES)?;
        if preamble.len() < PREAMBLE_BYTES {
            return Err(self.damaged("it ends within its first bytes"));
        }
        let magic = preamble.starts_with(&MAGIC);
        if !magic || preamble[8..12] != VERSION.to_le_bytes() {
            let found =
                if magic { "another version of this program wrote it" } else { "it does not begin as a snapshot" };
            return Err(StorageError::Foreign { path: self.path.to_owned(), found: found.to_owned() });
        }
        self.start += PREAMBLE_BYTES;
        let header = match self.frame()? {
            Frame::Item(payload) => postcard::from_bytes::<Header>(payload).ok(),
            Frame::Part(_) | Frame::End(_) => None,
        };
        let header = header.ok_or_else(|| self.damaged("its header cannot be read"))?;
        let mut parts = Vec::new();
        loop {
            let (at, before, path) = (self.position(), self.frames, self.path);
            let meaningless = |problem| StorageError::corrupt(path, at, problem);
            match self.frame()? {
                Frame::Part(payload) => parts.extend_from_slice(payload),
                Frame::Item(payload) if parts.is_empty() => visit(&header, payload).map_err(meaningless)?,
                Frame::Item(payload) => {
                    parts.extend_from_slice(payload);
                    visit(&header, &parts).map_err(meaningless)?;
                    parts.clear();
                }
                Frame::End(payload) if payload == before.to_le_bytes() => return Ok(header),
                Frame::End(_) => return Err(self.damaged("its end counts other items")),
            }
        }
    }

    fn frame(&mut self) -> Result<Frame<'_>, StorageError> {
        let size = claimed_size(self.bytes(HEADER_BYTES)?);
        let size = size.ok_or_else(|| self.damaged("a snapshot's item begins here and cannot be read"))?;
        self.bytes(size)?;
        let (start, expected) = (self.start, self.frames + 1);
        let whole = decode(&self.buffer[start..]).filter(|frame| frame.sequence == expected).is_some();
        if !whole {
            return Err(self.damaged("a snapshot's item begins here and does not match its checksum"));
        }
        self.start += size;
        self.frames += 1;
        let payload = &self.buffer[start + HEADER_BYTES..start + size];
        match payload.split_first() {
            Some((&END, rest)) => Ok(Frame::End(rest)),
            Some((&ITEM, rest)) => Ok(Frame::Item(rest)),
            Some((&PART, rest)) => Ok(Frame::Part(rest)),
            _ => Err(StorageError::corrupt(self.path, self.offset as usize + start, "an item of no kind".to_owned())),
        }
    }

    /// The next bytes, at least so many unless the file ends.
    fn bytes(&mut self, count: usize) -> Result<&[u8], StorageError> {
        if self.buffer.len() - self.start < count {
            self.buffer.drain(..self.start);
            self.offset += self.start as u64;
            self.start = 0;
            let kept = self.buffer.len();
            self.buffer.resize(kept + count.max(CHUNK_BYTES), 0);
            let read = self.file.read_at(&mut self.buffer[kept..], self.offset + kept as u64);
            let read = read.map_err(StorageError::io("reading", self.path))?;
            self.buffer.truncate(kept + read);
        }
        Ok(&self.buffer[self.start..])
    }

    fn position(&self) -> usize {
        self.offset as usize + self.start
    }

    fn damaged(&self, problem: &str) -> StorageError {
        StorageError::corrupt(self.path, self.position(), problem.to_owned())
    }
}

enum Frame<'a> {
    Item(&'a [u8]),
    Part(&'a [u8]),
    End(&'a [u8]),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::DiskFiles;
    use super::*;
    use crate::core::{NodeId, Term};

    fn header() -> Header {
        let claim = Claim { term: Term(4), leader: NodeId(2) };
        Header { generation: 3, position: Position(77), claim, log_durable: 90, log_written: 95, installed: true }
    }

    fn written(directory: &Path, items: &[Vec<u8>]) -> PathBuf {
        write(&DiskFiles, directory, &header(), items.iter().cloned()).unwrap()
    }

    fn read_back(path: &Path) -> Result<(Header, Vec<Vec<u8>>), StorageError> {
        let mut items = Vec::new();
        let header = read(&DiskFiles, path, |_, item| {
            items.push(item.to_vec());
            Ok(())
        })?;
        Ok((header, items))
    }

    #[test]
    fn names_say_the_order() {
        assert_eq!(header().name(), "00000003-77.snap");
        assert_eq!(parse_name(&header().name()), Some((3, Position(77))));
        assert_eq!(parse_name("00000003.tmp"), None);
    }

    #[test]
    fn items_of_any_size_are_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let items = vec![
            vec![],
            vec![1; 3],
            vec![2; CHUNK_BYTES * 3],
            vec![3; CHUNK_BYTES - 1],
            vec![4; 9],
            vec![5; PART_BYTES],
            vec![6; PART_BYTES * 2 + 1],
            vec![7; 2],
        ];
        assert_eq!(read_back(&written(directory.path(), &items)).unwrap(), (header(), items));
        assert_eq!(read_back(&written(directory.path(), &[])).unwrap(), (header(), vec![]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_damage_is_found(
            items in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let directory = tempfile::tempdir().unwrap();
            let path = written(directory.path(), &items);
            let whole = std::fs::read(&path).unwrap();
            let at = at.index(whole.len());
            std::fs::write(&path, &whole[..at]).unwrap();
            prop_assert!(read_back(&path).is_err(), "cut off at byte {}", at);
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            std::fs::write(&path, &flipped).unwrap();
            let reserved = (12..PREAMBLE_BYTES).contains(&at);
            prop_assert_eq!(read_back(&path).is_err(), !reserved, "flipped a bit of byte {}", at);
        }
    }
}
