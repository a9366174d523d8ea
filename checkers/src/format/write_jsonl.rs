//! Writes histories of one JSON object a line.

use std::io::{self, Write};

use super::lines::lines;
use crate::history::{EventType, History, Line, ProcessName, Values};

/// Writes a history in this program's own format, so that reading it gives the same history.
///
/// A history without a clock gets the time -1. What only EDN can say (not-a-number, keys of maps that are no text) is written
/// as text.
///
/// # Errors
/// Those of the writer; hand in a buffered one.
pub fn write_jsonl(history: &History, mut writer: impl Write) -> io::Result<()> {
    lines(history).try_for_each(|line| write_line(&line, history.values(), &mut writer))
}

fn write_line(line: &Line<'_>, values: &Values, writer: &mut impl Write) -> io::Result<()> {
    let event_type = type_name(line.event_type);
    let (index, time) = (line.index.unwrap_or_default(), line.time.unwrap_or(-1));
    write!(writer, r#"{{"index":{index},"time":{time},"type":"{event_type}","process":"#)?;
    match line.process {
        ProcessName::Client(number) => write!(writer, "{number}")?,
        ProcessName::Named(name) => write_text(name, writer)?,
    }
    writer.write_all(br#","f":"#)?;
    write_text(line.f, writer)?;
    if let Some(key) = line.key {
        write!(writer, r#","key":{}"#, values.display(key))?;
    }
    write!(writer, r#","value":{}"#, values.display(line.value))?;
    let texts =
        [("node", line.node), ("ack", line.ack), ("level", line.level), ("error", line.error), ("step", line.step)];
    for (name, text) in texts {
        if let Some(text) = text {
            write!(writer, r#","{name}":"#)?;
            write_text(text, writer)?;
        }
    }
    for (name, number) in [("term", line.term), ("position", line.position), ("id", line.id)] {
        if let Some(number) = number {
            write!(writer, r#","{name}":{number}"#)?;
        }
    }
    writer.write_all(if line.is_final { b",\"final\":true}\n" } else { b"}\n" })
}

pub(super) fn type_name(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Invoke => "invoke",
        EventType::Ok => "ok",
        EventType::Fail => "fail",
        EventType::Info => "info",
    }
}

fn write_text(text: &str, writer: &mut impl Write) -> io::Result<()> {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        return write!(writer, "\"{text}\"");
    }
    Ok(serde_json::to_writer(writer, text)?)
}
