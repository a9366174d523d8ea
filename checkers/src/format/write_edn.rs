//! Writes histories as Jepsen does: one map of EDN a line.

use std::io::{self, Write};

use super::lines::lines;
use super::write_jsonl::type_name;
use crate::history::{History, Line, Process, ProcessName, Value, ValueId, Values};

/// Writes a history for the tools of Jepsen, and so that reading it gives the same history.
///
/// Names of functions and of the operations inside transactions are keywords; all other text is strings. A key is written as
/// `:key`. A history without a clock gets no `:time`. A history says nothing about its initial state, and readers of EDN
/// assume what Knossos does.
///
/// # Errors
/// Those of the writer; hand in a buffered one.
pub fn write_edn(history: &History, mut writer: impl Write) -> io::Result<()> {
    lines(history).try_for_each(|line| write_line(&line, history.values(), &mut writer))
}

fn write_line(line: &Line<'_>, values: &Values, writer: &mut impl Write) -> io::Result<()> {
    write!(writer, "{{:index {}", line.index.unwrap_or_default())?;
    if let Some(time) = line.time {
        write!(writer, ", :time {time}")?;
    }
    write!(writer, ", :type :{}, :process ", type_name(line.event_type))?;
    match line.process {
        ProcessName::Client(number) => write!(writer, "{number}")?,
        // Other names are clients': a keyword would make them a nemesis.
        ProcessName::Named(name @ (Process::NEMESIS | Process::OBSERVER)) => write!(writer, ":{name}")?,
        ProcessName::Named(name) => write_string(name, writer)?,
    }
    writer.write_all(b", :f ")?;
    write_name(line.f, writer)?;
    if let Some(key) = line.key {
        writer.write_all(b", :key ")?;
        write_value(key, values, writer)?;
    }
    writer.write_all(b", :value ")?;
    match values.as_list(line.value) {
        Some(operations) if line.f == "txn" => write_transaction(operations, values, writer)?,
        _ => write_value(line.value, values, writer)?,
    }
    let texts =
        [("node", line.node), ("ack", line.ack), ("level", line.level), ("error", line.error), ("step", line.step)];
    for (name, text) in texts {
        if let Some(text) = text {
            write!(writer, ", :{name} ")?;
            write_string(text, writer)?;
        }
    }
    for (name, number) in [("term", line.term), ("position", line.position), ("id", line.id)] {
        if let Some(number) = number {
            write!(writer, ", :{name} {number}")?;
        }
    }
    writer.write_all(if line.is_final { b", :final true}\n" } else { b"}\n" })
}

/// Operations such as `[:append 3 1]`.
fn write_transaction(operations: &[ValueId], values: &Values, writer: &mut impl Write) -> io::Result<()> {
    write_all_of(operations, ("[", "]"), writer, |operation, writer| {
        let parts = values.as_list(*operation).and_then(<[ValueId]>::split_first);
        let Some((Some(name), rest)) = parts.map(|(name, rest)| (values.as_text(*name), rest)) else {
            return write_value(*operation, values, writer);
        };
        writer.write_all(b"[")?;
        write_name(name, writer)?;
        for part in rest {
            writer.write_all(b" ")?;
            write_value(*part, values, writer)?;
        }
        writer.write_all(b"]")
    })
}

fn write_value(id: ValueId, values: &Values, writer: &mut impl Write) -> io::Result<()> {
    match values.get(id) {
        Value::Null => writer.write_all(b"nil"),
        Value::Bool(value) => write!(writer, "{value}"),
        Value::Integer(integer) => write!(writer, "{integer}"),
        Value::Float(float) if float.is_nan() => writer.write_all(b"##NaN"),
        Value::Float(float) if float.is_infinite() => writer.write_all(if float > 0.0 { b"##Inf" } else { b"##-Inf" }),
        Value::Float(float) => write!(writer, "{float:?}"),
        // Integers beyond 64 bits, and decimals.
        Value::Number(text) if text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) => {
            write!(writer, "{text}N")
        }
        Value::Number(text) => write!(writer, "{text}M"),
        Value::Text(text) => write_string(text, writer),
        Value::List(items) => {
            write_all_of(items, ("[", "]"), writer, |item, writer| write_value(*item, values, writer))
        }
        Value::Map(pairs) => write_all_of(pairs, ("{", "}"), writer, |(key, value), writer| {
            write_value(*key, values, writer)?;
            writer.write_all(b" ")?;
            write_value(*value, values, writer)
        }),
    }
}

fn write_all_of<T, W: Write>(
    items: &[T],
    (open, close): (&str, &str),
    writer: &mut W,
    write: impl Fn(&T, &mut W) -> io::Result<()>,
) -> io::Result<()> {
    writer.write_all(open.as_bytes())?;
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            writer.write_all(b" ")?;
        }
        write(item, writer)?;
    }
    writer.write_all(close.as_bytes())
}

/// As a keyword where it can be one.
fn write_name(name: &str, writer: &mut impl Write) -> io::Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*+!?<>=".contains(&byte);
    if !name.is_empty() && name.bytes().all(plain) { write!(writer, ":{name}") } else { write_string(name, writer) }
}

fn write_string(text: &str, writer: &mut impl Write) -> io::Result<()> {
    writer.write_all(b"\"")?;
    for run in text.split_inclusive(['"', '\\']) {
        match run.strip_suffix(['"', '\\']) {
            Some(plain) => write!(writer, "{plain}\\{}", &run[plain.len()..])?,
            None => writer.write_all(run.as_bytes())?,
        }
    }
    writer.write_all(b"\"")
}
