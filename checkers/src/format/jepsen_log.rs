//! The log lines of older Jepsen versions, and its `history.txt`.
//!
//! ```text
//! INFO  jepsen.util - 0  :invoke  :write  3
//! INFO  jepsen.util - 0  :info    :write  :timed-out
//! ```
//! Fields are separated by tabs: the process (before it the logger's own words), type, function, value, perhaps an error.
//! Lines of any other form are the log's own affair.

use std::borrow::Cow;

use memchr::memrchr;

use super::chunks::Chunks;
use super::cursor::{Cursor, Fault};
use super::edn::{self, EdnReader};
use super::line::{Fields, Process, event_type_by_name};
use super::{ReadError, ReadErrorKind, ReadOptions, TruncatedTail};
use crate::history::{EventType, HistoryBuilder, ValueId, Values};

const NO_LINE_BREAK: &str = "the last line has no line break, so it may be cut off: add one if it is whole; the lines before \
                             it can be judged if asked for";

/// Reads lines until the input ends; whether a cut-off last one was left out.
pub(super) fn read(
    chunks: &mut Chunks<'_>,
    builder: &mut HistoryBuilder,
    options: &ReadOptions<'_>,
) -> Result<bool, ReadError> {
    let mut reader = EdnReader::new();
    loop {
        let end = if chunks.at_end() { Some(chunks.window().len()) } else { memrchr(b'\n', chunks.window()) };
        let Some(end) = end else {
            chunks.fill(builder.bytes(), options)?;
            continue;
        };
        let without_values = builder.bytes() - builder.values_mut().bytes();
        reader.stack.bytes_max = chunks.bytes_for_values(without_values, options);
        let mut at = 0;
        for text in chunks.window()[..end].split(|byte| *byte == b'\n') {
            let text_end = at + text.len();
            // At the end of the input the last piece is what follows the last line break.
            if text_end == end && chunks.at_end() && is_operation(text) {
                return match options.tail {
                    TruncatedTail::LeaveOut => Ok(true),
                    TruncatedTail::Refuse => Err(chunks.error(at, NO_LINE_BREAK, ReadErrorKind::Malformed)),
                };
            }
            match operation(&mut reader, text, builder.values_mut()) {
                Ok(None) => {}
                Ok(Some(fields)) => {
                    let pushed = fields.push(builder, options.independent);
                    pushed.map_err(|reason| chunks.error(at, reason, ReadErrorKind::Malformed))?;
                }
                Err(fault) => return Err(chunks.fault(&fault.further(at))),
            }
            at = text_end + 1;
        }
        let consumed = at.min(chunks.window().len());
        chunks.consume(consumed);
        if !chunks.fill(builder.bytes(), options)? && chunks.window().is_empty() {
            return Ok(false);
        }
    }
}

/// Whether a line of the log is an operation's.
pub(super) fn is_operation(line: &[u8]) -> bool {
    parts(line).is_some()
}

/// An operation's line, split.
struct Parts<'t> {
    process: &'t [u8],
    event_type: EventType,
    /// The function's name and all after it, and where they begin.
    rest: &'t [u8],
    rest_at: usize,
}

fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let mut fields = line.splitn(3, |byte| *byte == b'\t');
    let (head, event_type, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let event_type = std::str::from_utf8(event_type.strip_prefix(b":")?).ok().and_then(event_type_by_name)?;
    // What the logger says before ends in a space.
    let process = head.rsplit(u8::is_ascii_whitespace).next()?;
    (!process.is_empty()).then_some(Parts { process, event_type, rest, rest_at: line.len() - rest.len() })
}

fn operation<'t>(reader: &mut EdnReader, line: &'t [u8], values: &mut Values) -> Result<Option<Fields<'t>>, Fault> {
    let Some(parts) = parts(line) else { return Ok(None) };
    let shift = |fault: Fault| fault.further(parts.rest_at);
    let process = match std::str::from_utf8(parts.process) {
        Ok(name) if name.starts_with(':') => Process::Named(Cow::Borrowed("nemesis")),
        Ok(number) if number.parse::<u64>().is_ok() => Process::Client(number.parse().unwrap_or_default()),
        _ => {
            return Err(Fault::new(0, "before the first tab there is no process number, and no name such as :nemesis"));
        }
    };
    let mut cursor = Cursor::new(parts.rest);
    let f = edn::keyword(&mut cursor).map_err(shift)?;
    let mut fields = Fields { event_type: Some(parts.event_type), f: Some(Cow::Borrowed(f)), ..Fields::default() };
    let value_at = cursor.at;
    let value = value(reader, &mut cursor, values);
    match (value, &process) {
        (Ok(value), _) => fields.value = Some(value),
        // The nemesis says what it likes.
        (Err(_), Process::Named(_)) => {
            fields.value = Some(values.text(&String::from_utf8_lossy(parts.rest[value_at..].trim_ascii())));
        }
        (Err(fault), Process::Client(_)) => return Err(shift(fault)),
    }
    fields.process = Some(process);
    // In place of the value such a line says what went wrong.
    let says_why = parts.rest[value_at..].trim_ascii().strip_prefix(b":");
    if let (EventType::Fail | EventType::Info, Some(reason)) = (parts.event_type, says_why) {
        fields.error = Some(String::from_utf8_lossy(reason));
        fields.value = Some(ValueId::NULL);
    }
    Ok(Some(fields))
}

/// The value, if there is one; an error after it is passed over.
fn value(reader: &mut EdnReader, cursor: &mut Cursor<'_>, values: &mut Values) -> Result<ValueId, Fault> {
    reader.stack.clear();
    edn::skip_blank(cursor, 0)?;
    if cursor.peek().is_none() {
        return Ok(ValueId::NULL);
    }
    let value = reader.value(cursor, values, 0)?;
    if !matches!(cursor.peek(), None | Some(b'\t' | b'\r')) {
        return cursor.fault("more after the value");
    }
    Ok(value)
}
