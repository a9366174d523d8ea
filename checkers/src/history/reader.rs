//! Reads histories of one JSON object a line, and says exactly which line is wrong and why.
//!
//! Unknown keys are ignored, an unknown `type` is refused, a missing `index` is filled in. A crash of the writer leaves a
//! readable prefix; whether a last line that was cut off may be left out is the caller's choice.

use std::io::BufRead;

use super::builder::HistoryBuilder;
use super::event::Event;
use super::history::History;
use super::line::{Line, Source};

/// What to do about a last line that was cut off in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TruncatedTail {
    /// It is an error.
    #[default]
    Refuse,
    /// Leave it out, and read the prefix.
    LeaveOut,
}

/// Whether the input is at fault or reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The text is not a history.
    Malformed,
    /// Reading failed.
    Io,
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

impl History {
    /// Reads a whole history; a last line that was cut off is an error.
    ///
    /// # Errors
    /// The first line that is not an event, or that contradicts the lines before it.
    pub fn read_jsonl(reader: impl BufRead) -> Result<Self, ReadError> {
        Self::read_jsonl_with(reader, TruncatedTail::Refuse)
    }

    /// Reads a whole history.
    ///
    /// # Errors
    /// The first line that is not an event, or that contradicts the lines before it.
    pub fn read_jsonl_with(mut reader: impl BufRead, tail: TruncatedTail) -> Result<Self, ReadError> {
        let mut builder = HistoryBuilder::new(Source::Jsonl);
        let mut buffer = Vec::new();
        let mut line = 0;
        loop {
            buffer.clear();
            line += 1;
            let failed = |reason, kind| ReadError { line, reason, kind };
            let length =
                reader.read_until(b'\n', &mut buffer).map_err(|error| failed(error.to_string(), ReadErrorKind::Io))?;
            if length == 0 {
                return Ok(builder.finish(false));
            }
            let text = buffer.trim_ascii();
            if text.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Event>(text) {
                Ok(event) => push(&mut builder, &event).map_err(|reason| failed(reason, ReadErrorKind::Malformed))?,
                Err(error) if error.is_eof() && buffer.last() != Some(&b'\n') => match tail {
                    TruncatedTail::LeaveOut => return Ok(builder.finish(true)),
                    TruncatedTail::Refuse => return Err(failed(CUT_OFF.to_owned(), ReadErrorKind::Malformed)),
                },
                Err(error) => return Err(failed(json_reason(&error), ReadErrorKind::Malformed)),
            }
        }
    }
}

fn push(builder: &mut HistoryBuilder, event: &Event) -> Result<(), String> {
    let line = Line::from_event(event, builder.values_mut())?;
    builder.push(line)
}

const CUT_OFF: &str = "the last line is cut off, as a crash of the writer leaves it; the lines before it can be judged if \
                       asked for";

/// The message without "at line 1": within one line only the column says something.
fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(reason) => format!("{reason} (column {})", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Value, ValueId};

    fn read(text: &str) -> Result<History, ReadError> {
        History::read_jsonl(text.as_bytes())
    }

    fn refused(text: &str, line: u64, part: &str) {
        let error = read(text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.reason.contains(part), "{error} does not say {part:?}");
    }

    const INVOKE: &str = r#"{"time":1,"type":"invoke","process":0,"f":"read"}"#;
    const OK: &str = r#"{"time":2,"type":"ok","process":0,"f":"read","value":[1]}"#;

    #[test]
    fn pairs_and_numbers_lines_without_index() {
        let history = read(&format!("{INVOKE}\n\n{OK}\n")).unwrap();
        let operations: Vec<_> = history.operations().collect();
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0].invoked_index(), 0);
        assert_eq!(operations[0].completed_index(), Some(1));
        assert_eq!(operations[0].result(), history.values().find(Value::List(&[ValueId::small(1).unwrap()])));
    }

    #[test]
    fn unknown_keys_are_ignored_and_unknown_types_refused() {
        read(r#"{"time":1,"type":"invoke","process":0,"f":"read","colour":"red"}"#).unwrap();
        refused(r#"{"time":1,"type":"maybe","process":0,"f":"read"}"#, 1, "unknown variant `maybe`");
    }

    #[test]
    fn malformed_lines_are_named() {
        refused(&format!("{INVOKE}\nnot json\n"), 2, "expected");
        refused(r#"{"type":"invoke","process":0,"f":"read"}"#, 1, "missing field `time`");
        refused(r#"{"time":1,"type":"invoke","process":-1,"f":"read"}"#, 1, "never negative");
        refused(r#"{"time":1,"type":"invoke","process":null,"f":"read"}"#, 1, "a process number or name");
        refused(OK, 1, "without having invoked");
        refused(&format!("{INVOKE}\n{INVOKE}\n"), 2, "still open");
        refused(&format!("{INVOKE}\n{}\n", OK.replace("\"time\":2", "\"time\":0")), 2, "backwards");
        refused(&format!("{INVOKE}\n{}\n", OK.replace("\"read\"", "\"write\"")), 2, "its open operation is the `read`");
        refused(&format!("{INVOKE}\n{}\n", OK.replace("\"time\"", "\"key\":\"k\",\"time\"")), 2, "another key");
        refused(
            "{\"index\":5,\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n\
             {\"index\":5,\"time\":2,\"type\":\"ok\",\"process\":0,\"f\":\"read\"}\n",
            2,
            "index must grow",
        );
    }

    #[test]
    fn a_cut_off_last_line_is_refused_unless_the_prefix_is_asked_for() {
        let text = format!("{INVOKE}\n{}", &OK[..20]);
        refused(&text, 2, "cut off");
        let history = History::read_jsonl_with(text.as_bytes(), TruncatedTail::LeaveOut).unwrap();
        assert!(history.is_truncated());
        assert_eq!(history.line_count(), 1);
        // The same in the middle is not a crash's doing.
        let text = format!("{}\n{INVOKE}\n", &OK[..20]);
        assert!(History::read_jsonl_with(text.as_bytes(), TruncatedTail::LeaveOut).is_err());
    }
}
