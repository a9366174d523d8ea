//! The event log: what the node's protocol did, one JSON object a line, in `events.jsonl`.
//!
//! It is evidence for whoever judges the node (which writes it acknowledged, which of those it truncated), and after a
//! restart the node learns from it what it had acknowledged. Events are written with `write(2)` before an answer that
//! rests on them leaves, so a killed node has told all it knew; they are not flushed, so a power failure may take the end.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::StorageError;

/// An open event log.
#[derive(Debug)]
pub(crate) struct EventLog {
    file: File,
    path: PathBuf,
    pending: Vec<u8>,
}

impl EventLog {
    /// Opens or creates the log and hands over the events in it, one by one: it may be larger than memory. A torn last line
    /// is cut off; an unreadable line elsewhere, which only a power failure leaves, is passed over with a warning.
    pub(crate) fn open<E: DeserializeOwned>(path: &Path, take: impl FnMut(E)) -> Result<Self, StorageError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .map_err(StorageError::io("opening", path))?;
        let whole_bytes = read(path, &file, take)?;
        file.set_len(whole_bytes).map_err(StorageError::io("truncating", path))?;
        Ok(Self { file, path: path.to_owned(), pending: Vec::new() })
    }

    /// Adds an event to the next write.
    pub(crate) fn record<E: Serialize>(&mut self, event: &E) -> Result<(), StorageError> {
        let encoded = serde_json::to_writer(&mut self.pending, event);
        encoded.map_err(|error| StorageError::io("encoding an event for", &self.path)(error.into()))?;
        self.pending.push(b'\n');
        Ok(())
    }

    /// Writes what was recorded, in one call; nothing to write costs nothing.
    pub(crate) fn write(&mut self) -> Result<(), StorageError> {
        if !self.pending.is_empty() {
            self.file.write_all(&self.pending).map_err(StorageError::io("writing", &self.path))?;
            self.pending.clear();
        }
        Ok(())
    }
}

/// Reads the events and returns where the last whole line ends.
fn read<E: DeserializeOwned>(path: &Path, file: &File, mut take: impl FnMut(E)) -> Result<u64, StorageError> {
    let mut reader = BufReader::new(file);
    let (mut line, mut whole_bytes, mut number) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(StorageError::io("reading", path))?;
        if line.last() != Some(&b'\n') {
            return Ok(whole_bytes);
        }
        number += 1;
        whole_bytes += length as u64;
        match serde_json::from_slice(&line) {
            Ok(event) => take(event),
            Err(error) => warn!(path = %path.display(), line = number, %error, "passed over an unreadable event"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> (EventLog, Vec<u32>) {
        let mut found = Vec::new();
        let log = EventLog::open(path, |event| found.push(event)).unwrap();
        (log, found)
    }

    #[test]
    fn events_are_read_back_and_a_torn_line_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let (mut log, found) = open(&path);
        assert!(found.is_empty());
        log.record(&1u32).unwrap();
        log.record(&2u32).unwrap();
        log.write().unwrap();
        log.record(&3u32).unwrap();
        drop(log);

        let mut torn = std::fs::read(&path).unwrap();
        torn.extend_from_slice(b"4");
        std::fs::write(&path, torn).unwrap();
        let (mut log, found) = open(&path);
        assert_eq!(found, [1, 2]);
        log.record(&5u32).unwrap();
        log.write().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n5\n");
    }

    #[test]
    fn an_unreadable_line_does_not_hide_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        std::fs::write(&path, b"1\n\0\0\0\n3\n").unwrap();
        assert_eq!(open(&path).1, [1, 3]);
    }
}
