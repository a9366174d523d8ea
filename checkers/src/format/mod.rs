//! Histories in the formats they come in, read into one form, and written.
//!
//! [`History::read`] takes bytes from anywhere, compressed by gzip or not, and finds out by itself what they are. What the
//! sources mean differently (what is there at first, what a read of nothing says) is not decided here: a history says where
//! it comes from.
//!
//! # Layout
//! - `chunks`: the input a piece at a time, within a limit of memory; `detect`: which format it is.
//! - `cursor`, `json`, `edn`: parsers of values, from bytes into interned values.
//! - `jsonl`, `jepsen`, `jepsen_log`: one format a file (Porcupine's files look like Jepsen's); `line`: what they share.
//! - `lines`: a history as the lines it was read from; `write_jsonl`, `write_edn`: lines as text.

mod chunks;
mod cursor;
mod detect;
mod edn;
#[cfg(test)]
mod hostile_test;
mod jepsen;
mod jepsen_log;
mod json;
#[cfg(test)]
mod json_test;
mod jsonl;
#[cfg(test)]
mod jsonl_test;
mod line;
mod lines;
#[cfg(test)]
mod outline_test;
#[cfg(test)]
mod read_test;
#[cfg(test)]
mod round_trip_test;
mod write_edn;
mod write_jsonl;

pub use write_edn::write_edn;
pub use write_jsonl::write_jsonl;

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::history::{History, HistoryBuilder, Source};
use chunks::{CHUNK_BYTES, Chunks};

/// What to do about a last line that was cut off in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TruncatedTail {
    /// It is an error.
    #[default]
    Refuse,
    /// Leave it out, and read the prefix.
    LeaveOut,
}

/// Why reading ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The text is not a history.
    Malformed,
    /// Reading failed.
    Io,
    /// The history needs more memory than it may have.
    MemoryLimit,
    /// The caller asked to stop.
    Stopped,
}

/// Why a history could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ReadError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
    /// Whose fault it is.
    pub kind: ReadErrorKind,
}

/// Which format to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Input {
    /// Find out from the first bytes.
    #[default]
    Auto,
    /// One JSON object a line.
    Jsonl,
    /// A history of Jepsen: maps of EDN.
    Edn,
    /// The log of an older Jepsen, or its `history.txt`.
    JepsenLog,
    /// The text files of Porcupine's key-value tests.
    PorcupineKv,
}

impl Input {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Jsonl, Self::Edn, Self::JepsenLog, Self::PorcupineKv];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Jsonl => "jsonl",
            Self::Edn => "edn",
            Self::JepsenLog => "jepsen-log",
            Self::PorcupineKv => "porcupine-kv",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|input| input.name() == name)
    }
}

/// How to read a history.
#[derive(Clone, Copy)]
pub struct ReadOptions<'a> {
    /// Its format.
    pub input: Input,
    /// Whether values are pairs `[key value]`, as Jepsen's independent keys are written. EDN cannot tell them from lists of
    /// two.
    pub independent: bool,
    /// What to do about an end that is cut off.
    pub tail: TruncatedTail,
    /// How much memory reading may take, the history included, in bytes.
    pub memory_bytes: usize,
    /// Asked now and then; `true` ends the reading.
    pub should_stop: &'a dyn Fn() -> bool,
}

impl Default for ReadOptions<'_> {
    fn default() -> Self {
        Self {
            input: Input::Auto,
            independent: false,
            tail: TruncatedTail::Refuse,
            memory_bytes: usize::MAX,
            should_stop: &|| false,
        }
    }
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const UNKNOWN_FORMAT: &str = "this is no history: known are JSON (one object a line), Jepsen's EDN, Jepsen's log and \
                              Porcupine's key-value files, each also compressed by gzip; name the format if it is one of \
                              these";
const CUT_OFF: &str = "the last line is cut off, as a crash of the writer leaves it; the lines before it can be judged if \
                       asked for";

impl History {
    /// Reads a whole history, in any format, compressed by gzip or not.
    ///
    /// # Errors
    /// The first line that is not one of the format or that contradicts the lines before it; reading that fails; a limit that
    /// was reached.
    pub fn read(reader: impl Read, options: &ReadOptions<'_>) -> Result<Self, ReadError> {
        Self::read_in_chunks(reader, options, CHUNK_BYTES)
    }

    fn read_in_chunks(reader: impl Read, options: &ReadOptions<'_>, chunk_bytes: usize) -> Result<Self, ReadError> {
        let mut chunks = Chunks::new(reader, chunk_bytes);
        chunks.fill(0, options)?;
        if chunks.window().starts_with(&GZIP_MAGIC) {
            chunks = Chunks::new(MultiGzDecoder::new(chunks.into_reader()), chunk_bytes);
            chunks.fill(0, options)?;
        }
        if chunks.window().starts_with(BYTE_ORDER_MARK) {
            chunks.consume(BYTE_ORDER_MARK.len());
        }
        let source = match options.input {
            Input::Auto => detect::detect(chunks.window())
                .ok_or_else(|| chunks.error(0, UNKNOWN_FORMAT, ReadErrorKind::Malformed))?,
            Input::Jsonl => Source::Jsonl,
            Input::Edn => Source::Edn,
            Input::JepsenLog => Source::JepsenLog,
            Input::PorcupineKv => Source::PorcupineKv,
        };
        let mut builder = HistoryBuilder::new(source);
        let truncated = match source {
            Source::Jsonl | Source::Built => jsonl::read(&mut chunks, &mut builder, options),
            Source::Edn | Source::PorcupineKv => jepsen::read(&mut chunks, &mut builder, options),
            Source::JepsenLog => jepsen_log::read(&mut chunks, &mut builder, options),
        }?;
        if chunks.is_cut_off() && options.tail == TruncatedTail::Refuse {
            return Err(chunks.error(0, CUT_OFF, ReadErrorKind::Malformed));
        }
        Ok(builder.finish(truncated || chunks.is_cut_off()))
    }

    /// Reads a history of one JSON object a line; one that is cut off is an error.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn read_jsonl(reader: impl Read) -> Result<Self, ReadError> {
        Self::read(reader, &ReadOptions { input: Input::Jsonl, ..ReadOptions::default() })
    }
}
