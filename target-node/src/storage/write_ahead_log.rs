//! The write-ahead log as a file: opened and repaired, appended to in batches, flushed when asked.
//!
//! ```text
//! file   := header record* zero*
//! header := magic[8] version:u32 first_sequence:u64 checksum:u32                  (little endian)
//! ```
//! A batch is one `pwrite`. Under `fsync = always` the file is kept zeroed some way ahead of its end: `fdatasync` of a file
//! that does not grow needs no journal commit and takes about half the time. This type blocks and knows no thread; the
//! [`writer`](super::writer) has both. It reads its whole file when opened, and it never gives space back.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::StorageError;
use super::data_directory::sync_parent;
use super::frame::encode;
use super::scan::scan;
use crate::settings::Fsync;

const MAGIC: [u8; 8] = *b"schismwl";
const VERSION: u32 = 1;
const FILE_HEADER_BYTES: usize = 24;
const FIRST_SEQUENCE: u64 = 1;

/// How far the file is zeroed ahead of its end.
const ZEROED_AHEAD_BYTES: usize = 1024 * 1024;

/// An open log.
#[derive(Debug)]
pub(crate) struct WriteAheadLog {
    file: File,
    path: PathBuf,
    fsync: Fsync,
    /// Records encoded and not yet written.
    pending: Vec<u8>,
    /// Where `pending` goes.
    end: u64,
    /// Up to where the file is known to exist as zeroes.
    zeroed_to: u64,
    next_sequence: u64,
    durable_sequence: u64,
}

impl WriteAheadLog {
    /// Opens or creates the log, drops a torn tail with a warning, and returns the payloads of its records.
    pub(crate) fn open(path: &Path, fsync: Fsync) -> Result<(Self, Vec<Vec<u8>>), StorageError> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(StorageError::io("opening", path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(StorageError::io("reading", path))?;
        let mut log = Self {
            file,
            path: path.to_owned(),
            fsync,
            pending: Vec::new(),
            end: FILE_HEADER_BYTES as u64,
            zeroed_to: 0,
            next_sequence: FIRST_SEQUENCE,
            durable_sequence: 0,
        };
        if bytes.len() < FILE_HEADER_BYTES || bytes.iter().all(|byte| *byte == 0) {
            log.create(bytes.len())?;
            return Ok((log, Vec::new()));
        }
        check_header(path, &bytes)?;
        let payloads = log.recover(&bytes)?;
        Ok((log, payloads))
    }

    /// Writes the header of a new file. One that ends within its header was interrupted here and holds nothing yet.
    fn create(&mut self, found_bytes: usize) -> Result<(), StorageError> {
        if found_bytes > 0 {
            warn!(path = %self.path.display(), found_bytes, "the log was being created when the node stopped; starting it anew");
        }
        let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&FIRST_SEQUENCE.to_le_bytes());
        header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
        self.file.set_len(0).map_err(StorageError::io("truncating", &self.path))?;
        self.file.write_all_at(&header, 0).map_err(StorageError::io("writing", &self.path))?;
        // Under every setting: a log whose header a power failure took away could not be told from a foreign file.
        self.file.sync_all().map_err(StorageError::io("flushing", &self.path))?;
        sync_parent(&self.path).map_err(StorageError::io("flushing the directory of", &self.path))
    }

    fn recover(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, StorageError> {
        let found = scan(bytes, FILE_HEADER_BYTES, FIRST_SEQUENCE).map_err(|damage| StorageError::Corrupt {
            path: self.path.clone(),
            offset: damage.offset as u64,
            expected: damage.expected,
            later: damage.later,
            later_offset: damage.later_offset as u64,
        })?;
        if found.torn_bytes > 0 {
            let (offset, torn_bytes) = (found.end, found.torn_bytes);
            warn!(path = %self.path.display(), offset, torn_bytes, "dropped a torn tail that was never promised");
        }
        self.end = found.end as u64;
        self.zeroed_to = self.end;
        self.next_sequence = found.next_sequence;
        self.durable_sequence = found.durable;
        self.file.set_len(self.end).map_err(StorageError::io("truncating", &self.path))?;
        if self.fsync != Fsync::Never {
            // What was read may still be only in the page cache, and everything that follows builds on it.
            self.sync()?;
        }
        info!(path = %self.path.display(), records = found.payloads.len(), bytes = self.end, "recovered the log");
        Ok(found.payloads.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// Adds a record to the next batch.
    pub(crate) fn append<E>(&mut self, payload: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        encode(&mut self.pending, self.next_sequence, self.durable_sequence, payload)?;
        self.next_sequence += 1;
        Ok(())
    }

    /// Bytes of the next batch so far.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Writes the batch to the file. It is then safe from the death of the process, not from a power failure.
    pub(crate) fn write(&mut self) -> Result<(), StorageError> {
        let end = self.end + self.pending.len() as u64;
        if self.fsync == Fsync::Always && end > self.zeroed_to {
            // Zeroes behind the batch go out in the same write, so that their order does not matter.
            let batch_bytes = self.pending.len();
            self.pending.resize(batch_bytes + ZEROED_AHEAD_BYTES, 0);
            let outcome = self.write_pending();
            self.zeroed_to = self.end + self.pending.len() as u64;
            self.pending.truncate(batch_bytes);
            outcome?;
        } else {
            self.write_pending()?;
        }
        self.end = end;
        self.pending.clear();
        Ok(())
    }

    fn write_pending(&self) -> Result<(), StorageError> {
        self.file.write_all_at(&self.pending, self.end).map_err(StorageError::io("writing", &self.path))
    }

    /// Flushes everything written. After an error the file must not be used again.
    pub(crate) fn sync(&mut self) -> Result<(), StorageError> {
        self.file.sync_data().map_err(StorageError::io("flushing", &self.path))?;
        debug_assert!(self.pending.is_empty(), "a batch is written before it is flushed");
        self.durable_sequence = self.next_sequence - 1;
        Ok(())
    }

    /// Whether something is written that is not known to be durable.
    pub(crate) fn is_dirty(&self) -> bool {
        self.durable_sequence + 1 < self.next_sequence
    }

    /// When records are flushed.
    pub(crate) fn fsync(&self) -> Fsync {
        self.fsync
    }
}

fn check_header(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let refuse = |found: String| StorageError::NotALog { path: path.to_owned(), found };
    let mut version = [0; 4];
    version.copy_from_slice(&bytes[8..12]);
    let version = u32::from_le_bytes(version);
    if bytes[..8] != MAGIC {
        Err(refuse("it begins with other bytes".to_owned()))
    } else if version != VERSION {
        Err(refuse(format!("its version is {version}, this program reads {VERSION}")))
    } else if crc32c::crc32c(&bytes[..20]).to_le_bytes() != bytes[20..24] {
        Err(refuse("its first 24 bytes do not match their checksum".to_owned()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(log: &mut WriteAheadLog, payloads: &[&[u8]]) {
        for payload in payloads {
            log.append(|buffer| {
                buffer.extend_from_slice(payload);
                Ok::<_, std::io::Error>(())
            })
            .unwrap();
        }
        log.write().unwrap();
        if log.fsync() == Fsync::Always {
            log.sync().unwrap();
        }
    }

    fn reopen(path: &Path, fsync: Fsync) -> Vec<Vec<u8>> {
        WriteAheadLog::open(path, fsync).unwrap().1
    }

    #[test]
    fn records_survive_and_go_on_where_they_ended() {
        for fsync in [Fsync::Always, Fsync::IntervalMs(5), Fsync::Never] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("log.wal");
            let (mut log, found) = WriteAheadLog::open(&path, fsync).unwrap();
            assert!(found.is_empty());
            append(&mut log, &[b"one", b"two"]);
            drop(log);
            let (mut log, found) = WriteAheadLog::open(&path, fsync).unwrap();
            assert_eq!(found, [b"one", b"two"]);
            append(&mut log, &[b"three"]);
            drop(log);
            assert_eq!(reopen(&path, fsync), [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
        }
    }

    #[test]
    fn a_batch_that_outgrows_the_zeroed_area_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.wal");
        let (mut log, _) = WriteAheadLog::open(&path, Fsync::Always).unwrap();
        let large = vec![7; ZEROED_AHEAD_BYTES * 2];
        append(&mut log, &[b"small"]);
        append(&mut log, &[&large]);
        append(&mut log, &[b"after"]);
        assert_eq!(reopen(&path, Fsync::Always), [b"small".to_vec(), large, b"after".to_vec()]);
    }

    #[test]
    fn a_torn_tail_is_dropped_and_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.wal");
        let (mut log, _) = WriteAheadLog::open(&path, Fsync::Never).unwrap();
        append(&mut log, &[b"kept", b"torn"]);
        drop(log);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        let (mut log, found) = WriteAheadLog::open(&path, Fsync::Always).unwrap();
        assert_eq!(found, [b"kept"]);
        append(&mut log, &[b"next"]);
        drop(log);
        assert_eq!(reopen(&path, Fsync::Always), [b"kept", b"next"]);
    }

    #[test]
    fn damage_to_durable_records_is_refused_with_file_and_offset() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.wal");
        let (mut log, _) = WriteAheadLog::open(&path, Fsync::Always).unwrap();
        append(&mut log, &[b"first"]);
        append(&mut log, &[b"second"]);
        drop(log);
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.write_all_at(b"F", (FILE_HEADER_BYTES + 24) as u64).unwrap();
        let refused = WriteAheadLog::open(&path, Fsync::Always).unwrap_err().to_string();
        assert!(refused.contains("log.wal is damaged at byte 24"), "{refused}");
    }

    #[test]
    fn a_file_of_another_kind_or_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.wal");
        std::fs::write(&path, b"hello, this is not a write-ahead log").unwrap();
        let refused = WriteAheadLog::open(&path, Fsync::Never).unwrap_err().to_string();
        assert!(refused.contains("is not a write-ahead log"), "{refused}");

        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&9u32.to_le_bytes());
        header.extend_from_slice(&[1; 12]);
        std::fs::write(&path, &header).unwrap();
        let refused = WriteAheadLog::open(&path, Fsync::Never).unwrap_err().to_string();
        assert!(refused.contains("its version is 9"), "{refused}");
    }
}
