//! A segment of the write-ahead log: its name, and how it begins.
//!
//! ```text
//! segment := magic[8] version:u32 reserved:u32 start record* zero*                (little endian)
//! ```
//! The start is a frame like a record, but counts as none: its sequence is that of the first record to come. It says
//! which segment this is, and what was known before its first record, so that older segments are not needed to read it.
//! It is durable before a record follows it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StorageError;
use super::frame::{decode, encode};
use crate::core::{HardState, Position};

const MAGIC: [u8; 8] = *b"schismwl";
const VERSION: u32 = 2;
/// Bytes before the start.
pub(super) const PREAMBLE_BYTES: usize = 16;

/// What was known when a segment was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    /// The segment's number, so that a file under another segment's name is found out.
    pub(super) segment: u64,
    /// The hard state then.
    pub(super) hard_state: HardState,
    /// The last position of the log then.
    pub(super) last: Position,
}

/// How a file begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With a start that can be trusted.
    Readable {
        start: Start,
        /// Of the first record.
        sequence: u64,
        /// The highest sequence that was durable when the segment was begun.
        durable: u64,
        /// Where the first record goes.
        end: usize,
    },
    /// With zeroes throughout: prepared and never used.
    Blank,
    /// With a start that was written and is not whole.
    Unreadable,
}

/// The name of a segment's file.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:08}.wal"))
}

/// The segment that a file name stands for.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    let well_formed = digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| well_formed && *number > 0)
}

/// The first bytes of a segment whose first record is `sequence`.
pub(super) fn encode_start(start: &Start, sequence: u64, durable: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREAMBLE_BYTES + 64);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    let encoded = encode(&mut bytes, sequence, durable, |buffer| postcard::to_io(start, buffer).map(drop));
    encoded.expect("a segment's start is encoded into memory");
    bytes
}

/// Reads how a segment begins; refuses a file of another kind or version.
pub(super) fn beginning(path: &Path, bytes: &[u8]) -> Result<Beginning, StorageError> {
    let refuse = |found: String| Err(StorageError::Foreign { path: path.to_owned(), found });
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(Beginning::Blank);
    }
    let Some(preamble) = bytes.get(..PREAMBLE_BYTES) else { return Ok(Beginning::Unreadable) };
    // A crash leaves zeroes where nothing was written yet, never anything else.
    if preamble.iter().zip(MAGIC).any(|(byte, expected)| *byte != expected && *byte != 0) {
        return refuse("it does not begin as a write-ahead log".to_owned());
    }
    let mut version = [0; 4];
    version.copy_from_slice(&preamble[8..12]);
    let version = u32::from_le_bytes(version);
    if version != VERSION && version != 0 {
        return refuse(format!("its version is {version}, this program reads {VERSION}"));
    }
    let whole = preamble.starts_with(&MAGIC) && version == VERSION;
    let Some(frame) = decode(&bytes[PREAMBLE_BYTES..]).filter(|_| whole) else { return Ok(Beginning::Unreadable) };
    match postcard::from_bytes(frame.payload) {
        Ok(start) => Ok(Beginning::Readable {
            start,
            sequence: frame.sequence,
            durable: frame.durable,
            end: PREAMBLE_BYTES + frame.size(),
        }),
        Err(_) => Ok(Beginning::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{NodeId, Term};

    #[test]
    fn names_are_read_back_and_others_passed_over() {
        let name = |number| path(Path::new("wal"), number).file_name().unwrap().to_str().unwrap().to_owned();
        for segment in [1, 42, 99_999_999, 100_000_000, u64::MAX] {
            assert_eq!(number(&name(segment)), Some(segment));
        }
        for wrong in ["00000000.wal", "1.wal", "next.tmp", "0000000x.wal", "+0000001.wal", ".wal", "00000001.wal.bak"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_start_is_read_back_and_torn_ones_are_not_trusted() {
        let hard_state = HardState { term: Term(3), voted_for: Some(NodeId(2)) };
        let start = Start { segment: 7, hard_state, last: Position(12) };
        let bytes = encode_start(&start, 20, 19);
        let read = |bytes: &[u8]| beginning(Path::new("00000007.wal"), bytes).map_err(|error| error.to_string());
        let readable = Beginning::Readable { start, sequence: 20, durable: 19, end: bytes.len() };
        assert_eq!(read(&bytes), Ok(readable));
        assert_eq!(read(&[0; 100]), Ok(Beginning::Blank));
        assert_eq!(read(&[]), Ok(Beginning::Blank));
        for cut in 1..bytes.len() {
            assert_eq!(read(&bytes[..cut]), Ok(Beginning::Unreadable), "cut at {cut}");
        }
        let foreign = read(b"hello, this is not a write-ahead log").unwrap_err();
        assert!(foreign.contains("is not a file of this program"), "{foreign}");
        let mut other = bytes;
        other[8] = 9;
        assert!(read(&other).unwrap_err().contains("its version is 9"));
    }
}
