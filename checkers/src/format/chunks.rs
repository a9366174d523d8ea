//! The input a piece at a time: never more of it in memory than the longest line needs.

use std::io::{self, ErrorKind, Read};

use memchr::{memchr_iter, memrchr};

use super::cursor::{Fault, NO_ROOM};
use super::{ReadError, ReadErrorKind, ReadOptions};

/// Bytes read at once; fits the second-level cache of most machines.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
/// Zeros behind the input, so that parsers may look at whole words without asking whether they end.
const PADDING_BYTES: usize = 16;
/// The longest line (or top-level form of EDN) that is taken, in bytes.
const LINE_BYTES_MAX: usize = 256 << 20;

/// A window of the input: what was read and is not yet consumed.
pub(super) struct Chunks<'r> {
    reader: Box<dyn Read + 'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Nothing comes after the window.
    at_end: bool,
    /// The input stopped where its compression says that more must come.
    cut_off: bool,
    /// Number of the line at the window's start, from 1.
    line: u64,
    /// Column of the window's start, from 1.
    column: usize,
    /// Whether the byte before the window is a line break.
    after_line_break: bool,
}

impl<'r> Chunks<'r> {
    /// Reads `chunk_bytes` at once, more only where a line is longer.
    pub(super) fn new(reader: impl Read + 'r, chunk_bytes: usize) -> Self {
        let buffer = vec![0; chunk_bytes + PADDING_BYTES];
        Self {
            reader: Box::new(reader),
            buffer,
            start: 0,
            end: 0,
            at_end: false,
            cut_off: false,
            line: 1,
            column: 1,
            after_line_break: false,
        }
    }

    /// What is to be parsed.
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The same, and at least [`PADDING_BYTES`] zeros behind it.
    pub(super) fn padded(&self) -> &[u8] {
        &self.buffer[self.start..self.end + PADDING_BYTES]
    }

    /// Whether nothing comes after the window.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Whether the input stopped where its compression says that more must come.
    pub(super) fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// The first bytes, put back in front of the rest.
    pub(super) fn into_reader(self) -> impl Read + 'r {
        let mut head = self.buffer;
        head.truncate(self.end);
        head.drain(..self.start);
        io::Cursor::new(head).chain(self.reader)
    }

    /// Drops bytes from the window's start.
    pub(super) fn consume(&mut self, bytes: usize) {
        let consumed = &self.window()[..bytes];
        let after_line_break = consumed.last().map_or(self.after_line_break, |last| *last == b'\n');
        let column = memrchr(b'\n', consumed).map_or(self.column + bytes, |line_break| bytes - line_break);
        self.line += memchr_iter(b'\n', consumed).count() as u64;
        self.column = column;
        self.after_line_break = after_line_break;
        self.start += bytes;
    }

    /// Widens the window; `false` at the end of the input. `stored_bytes` is what the history takes up already.
    pub(super) fn fill(&mut self, stored_bytes: usize, options: &ReadOptions<'_>) -> Result<bool, ReadError> {
        if (options.should_stop)() {
            return Err(self.error(0, "stopped before the whole history was read", ReadErrorKind::Stopped));
        }
        if self.at_end {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = self.buffer.len() - PADDING_BYTES;
        let room = if self.end == room { room * 2 } else { room };
        if self.end >= LINE_BYTES_MAX {
            let reason = format!("longer than {} MiB: this is no history", LINE_BYTES_MAX >> 20);
            return Err(self.error(0, reason, ReadErrorKind::Malformed));
        }
        // While it grows, the old buffer is there beside the new one.
        if stored_bytes.saturating_add(room + self.end) > options.memory_bytes {
            return Err(self.error(0, NO_ROOM, ReadErrorKind::MemoryLimit));
        }
        self.buffer.resize(room + PADDING_BYTES, 0);
        let before = self.end;
        while self.end < room && !self.at_end {
            match self.reader.read(&mut self.buffer[self.end..room]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.at_end = true;
                    self.cut_off = true;
                }
                Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
                    let reason = format!("the compressed data is damaged: {error}");
                    return Err(self.error(self.end, reason, ReadErrorKind::Malformed));
                }
                Err(error) => return Err(self.error(self.end, error.to_string(), ReadErrorKind::Io)),
            }
        }
        self.buffer[self.end..self.end + PADDING_BYTES].fill(0);
        Ok(self.end > before)
    }

    /// An error at an offset into the window.
    pub(super) fn error(&self, offset: usize, reason: impl Into<String>, kind: ReadErrorKind) -> ReadError {
        let window = self.window();
        let before = &window[..offset.min(window.len())];
        let line = self.line + memchr_iter(b'\n', before).count() as u64;
        // After a last line break no new line begins.
        let is_behind =
            before.len() == window.len() && before.last().map_or(self.after_line_break, |last| *last == b'\n');
        ReadError { line: if is_behind { line - 1 } else { line }, reason: reason.into(), kind }
    }

    /// What is wrong with the text, with the column.
    pub(super) fn fault(&self, fault: &Fault) -> ReadError {
        let before = &self.window()[..fault.at.min(self.window().len())];
        let column = match memrchr(b'\n', before) {
            Some(line_break) => before.len() - line_break,
            None => self.column + before.len(),
        };
        self.error(fault.at, format!("{} (column {column})", fault.reason), fault.kind)
    }

    /// Bytes that values may take, when the history without them takes this many.
    pub(super) fn bytes_for_values(&self, stored_bytes: usize, options: &ReadOptions<'_>) -> usize {
        options.memory_bytes.saturating_sub(stored_bytes + self.buffer.len())
    }
}
