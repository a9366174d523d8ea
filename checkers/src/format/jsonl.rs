//! Histories of one JSON object a line: the format that Schism writes, and that of tools which speak JSON.
//!
//! A line is read field by field. The order in which this program writes fields is tried first, by comparing whole names;
//! where a line differs, the fields that are left are read by name. Both ways read the same fields with the same functions.

use std::borrow::Cow;

use memchr::{memchr, memrchr};

use super::chunks::Chunks;
use super::cursor::{Cursor, Fault};
use super::json::{self, Controls, JsonReader, Number};
use super::line::{Fields, NAMES, Process, event_type_by_name, unknown_type};
use super::{CUT_OFF, ReadError, ReadErrorKind, ReadOptions, TruncatedTail};
use crate::history::{EventType, HistoryBuilder, Values};

/// Reads lines until the input ends; whether a cut-off last line was left out.
pub(super) fn read(
    chunks: &mut Chunks<'_>,
    builder: &mut HistoryBuilder,
    options: &ReadOptions<'_>,
) -> Result<bool, ReadError> {
    let mut reader = JsonlReader { json: JsonReader::new(), has_clock: None };
    loop {
        let end = if chunks.at_end() { Some(chunks.window().len()) } else { memrchr(b'\n', chunks.window()) };
        let Some(end) = end else {
            chunks.fill(builder.bytes(), options)?;
            continue;
        };
        let without_values = builder.bytes() - builder.values_mut().bytes();
        reader.json.stack.bytes_max = chunks.bytes_for_values(without_values, options);
        let text = chunks.padded();
        let mut at = 0;
        while at < end {
            // No value and no space between values contains a line break, so nothing runs into the next line.
            let mut cursor = Cursor { bytes: text, at };
            let mut fields = Fields::default();
            let parsed = reader.read_fields(&mut cursor, builder.values_mut(), &mut fields);
            match parsed {
                Ok(()) if ends_line(&mut cursor, end) => {}
                _ => {
                    // Again, and this time only this line, so that its end is known.
                    let line_end = memchr(b'\n', &text[at..end]).map_or(end, |length| at + length);
                    let line = without_space_behind(&text[at..line_end]);
                    let is_last = line_end == end && chunks.at_end();
                    if line.iter().all(u8::is_ascii_whitespace) {
                        at = line_end + 1;
                        continue;
                    }
                    let fault = reader.fault_of(line, builder.values_mut());
                    if fault.at == line.len() && is_last {
                        return match options.tail {
                            TruncatedTail::LeaveOut => Ok(true),
                            TruncatedTail::Refuse => Err(chunks.error(at, CUT_OFF, ReadErrorKind::Malformed)),
                        };
                    }
                    return Err(chunks.fault(&fault.further(at)));
                }
            };
            let pushed = fields.push(builder, options.independent);
            if let Err(reason) = pushed {
                return Err(chunks.error(at, reason, ReadErrorKind::Malformed));
            }
            at = cursor.at + 1;
        }
        let consumed = at.min(chunks.window().len());
        chunks.consume(consumed);
        if !chunks.fill(builder.bytes(), options)? && chunks.window().is_empty() {
            return Ok(false);
        }
    }
}

/// [`NAMES`] as they are written, for comparing whole words.
const USUAL: [&[u8]; NAMES.len()] = [
    b",\"index\":",
    b",\"time\":",
    b",\"type\":",
    b",\"process\":",
    b",\"f\":",
    b",\"key\":",
    b",\"value\":",
    b",\"node\":",
    b",\"term\":",
    b",\"position\":",
    b",\"ack\":",
    b",\"level\":",
    b",\"error\":",
    b",\"final\":",
    b",\"id\":",
    b",\"step\":",
];
/// Functions whose names need no decoding.
const FUNCTIONS: [(&[u8], &str); 7] = [
    (b"\"read\"", "read"),
    (b"\"write\"", "write"),
    (b"\"cas\"", "cas"),
    (b"\"txn\"", "txn"),
    (b"\"add\"", "add"),
    (b"\"enqueue\"", "enqueue"),
    (b"\"dequeue\"", "dequeue"),
];

struct JsonlReader {
    json: JsonReader,
    /// Whether lines have times: all have or none has. Not known before the first line.
    has_clock: Option<bool>,
}

impl JsonlReader {
    /// The object that begins here.
    fn read_fields<'t>(
        &mut self,
        cursor: &mut Cursor<'t>,
        values: &mut Values,
        fields: &mut Fields<'t>,
    ) -> Result<(), Fault> {
        json::skip_space(cursor);
        if !cursor.takes(b"{") {
            return cursor.fault("expected `{`: every line is one JSON object");
        }
        self.usual_field::<0>(cursor, values, fields)?;
        self.usual_field::<1>(cursor, values, fields)?;
        self.usual_field::<2>(cursor, values, fields)?;
        self.usual_field::<3>(cursor, values, fields)?;
        self.usual_field::<4>(cursor, values, fields)?;
        self.usual_field::<5>(cursor, values, fields)?;
        self.usual_field::<6>(cursor, values, fields)?;
        if cursor.peek() == Some(b',') {
            self.usual_field::<7>(cursor, values, fields)?;
            self.usual_field::<8>(cursor, values, fields)?;
            self.usual_field::<9>(cursor, values, fields)?;
            self.usual_field::<10>(cursor, values, fields)?;
            self.usual_field::<11>(cursor, values, fields)?;
            self.usual_field::<12>(cursor, values, fields)?;
            self.usual_field::<13>(cursor, values, fields)?;
            self.usual_field::<14>(cursor, values, fields)?;
            self.usual_field::<15>(cursor, values, fields)?;
        }
        if fields.seen == 0 {
            json::skip_space(cursor);
            if cursor.takes(b"}") {
                return missing(cursor, "time");
            }
            self.field_by_name(cursor, values, fields)?;
        }
        while json::another(cursor, b'}')? {
            self.field_by_name(cursor, values, fields)?;
        }
        self.check(cursor, fields, values)
    }

    /// Reads a field if it is next, with the comma before it. (A constant place makes this one comparison and one call.)
    #[inline]
    fn usual_field<'t, const PLACE: usize>(
        &mut self,
        cursor: &mut Cursor<'t>,
        values: &mut Values,
        fields: &mut Fields<'t>,
    ) -> Result<(), Fault> {
        let is_first = fields.seen == 0;
        let name = if is_first { &USUAL[PLACE][1..] } else { USUAL[PLACE] };
        if !cursor.takes(name) {
            return Ok(());
        }
        json::skip_space(cursor);
        self.field(PLACE, cursor, values, fields)
    }

    fn field_by_name<'t>(
        &mut self,
        cursor: &mut Cursor<'t>,
        values: &mut Values,
        fields: &mut Fields<'t>,
    ) -> Result<(), Fault> {
        json::check_key(cursor)?;
        let start = cursor.at;
        let name = string(cursor)?;
        json::colon(cursor)?;
        let Some(place) = NAMES.iter().position(|known| *known == name) else {
            return json::skip_value(cursor, 1);
        };
        if fields.seen & (1 << place) != 0 {
            return Err(Fault::new(start, format!("duplicate field `{name}`")));
        }
        self.field(place, cursor, values, fields)
    }

    #[inline]
    fn field<'t>(
        &mut self,
        place: usize,
        cursor: &mut Cursor<'t>,
        values: &mut Values,
        fields: &mut Fields<'t>,
    ) -> Result<(), Fault> {
        fields.seen |= 1 << place;
        match place {
            0 => fields.index = Some(whole_number(cursor, "index")?),
            1 => fields.time = time(cursor)?,
            2 => fields.event_type = Some(event_type(cursor)?),
            3 => fields.process = Some(process(cursor)?),
            4 => fields.f = Some(function(cursor)?),
            5 => fields.key = Some(self.json.value(cursor, values, 1)?).filter(|key| !key.is_null()),
            6 => fields.value = Some(self.json.value(cursor, values, 1)?),
            7 => fields.node = optional(cursor, string)?,
            8 => fields.term = optional(cursor, |cursor| whole_number(cursor, "term"))?,
            9 => fields.position = optional(cursor, |cursor| whole_number(cursor, "position"))?,
            10 => fields.ack = optional(cursor, string)?,
            11 => fields.level = optional(cursor, string)?,
            12 => fields.error = optional(cursor, string)?,
            13 => fields.is_final = truth(cursor)?,
            14 => fields.id = optional(cursor, |cursor| whole_number(cursor, "id"))?,
            _ => fields.step = optional(cursor, string)?,
        }
        Ok(())
    }

    /// Refuses a line that lacks what every line must have.
    #[inline]
    fn check(&mut self, cursor: &Cursor<'_>, fields: &mut Fields<'_>, values: &Values) -> Result<(), Fault> {
        if !fields.has_function(values) {
            return missing(cursor, "f");
        }
        if fields.seen & (1 << 1) == 0 {
            return missing(cursor, "time");
        }
        if fields.event_type.is_none() {
            return missing(cursor, "type");
        }
        if fields.process.is_none() {
            return missing(cursor, "process");
        }
        let has_clock = fields.time.is_some();
        if *self.has_clock.get_or_insert(has_clock) != has_clock {
            return Err(Fault::new(
                0,
                "time -1 means that there is no clock: then no line of the history may have a time",
            ));
        }
        Ok(())
    }

    /// What is wrong with a line that is.
    fn fault_of(&mut self, line: &[u8], values: &mut Values) -> Fault {
        self.json.stack.clear();
        let mut cursor = Cursor::new(line);
        let fault = self.read_fields(&mut cursor, values, &mut Fields::default()).err();
        fault.unwrap_or_else(|| Fault::new(cursor.at, "more after the object: every line is one JSON object"))
    }
}

fn without_space_behind(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}

#[cold]
fn missing<T>(cursor: &Cursor<'_>, name: &str) -> Result<T, Fault> {
    // At the brace that closes the object, which is never the end of the text.
    Err(Fault::new(cursor.at - 1, format!("missing field `{name}`")))
}

/// After an object: whether the line ends, with the cursor at its line break or at the end of the input.
#[inline]
fn ends_line(cursor: &mut Cursor<'_>, end: usize) -> bool {
    json::skip_space(cursor);
    cursor.at == end || cursor.peek() == Some(b'\n')
}

fn optional<'t, T>(
    cursor: &mut Cursor<'t>,
    read: impl FnOnce(&mut Cursor<'t>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    if json::literal(cursor, b"null")? { Ok(None) } else { read(cursor).map(Some) }
}

#[inline]
fn whole_number(cursor: &mut Cursor<'_>, name: &str) -> Result<u64, Fault> {
    let start = cursor.at;
    let number = match json::number(cursor)? {
        Number::Integer(number) => u64::try_from(number).ok(),
        Number::Large(digits) => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
        Number::Float(_) => None,
    };
    number.ok_or_else(|| Fault::new(start, format!("`{name}` is a whole number from 0 to 2^64 - 1")))
}

/// Nanoseconds; `None` for -1, which stands for no clock.
#[inline]
fn time(cursor: &mut Cursor<'_>) -> Result<Option<i64>, Fault> {
    let start = cursor.at;
    match json::number(cursor)? {
        Number::Integer(time) if time >= 0 => Ok(Some(time)),
        Number::Integer(-1) => Ok(None),
        _ => Err(Fault::new(start, "`time` is a whole number of nanoseconds, at least 0 (or always -1: no clock)")),
    }
}

#[inline]
fn event_type(cursor: &mut Cursor<'_>) -> Result<EventType, Fault> {
    let known: [(&[u8], EventType); 4] = [
        (b"\"invoke\"", EventType::Invoke),
        (b"\"ok\"", EventType::Ok),
        (b"\"info\"", EventType::Info),
        (b"\"fail\"", EventType::Fail),
    ];
    for (text, event_type) in known {
        if cursor.takes(text) {
            return Ok(event_type);
        }
    }
    let start = cursor.at;
    let name = string(cursor)?;
    event_type_by_name(&name).ok_or_else(|| Fault::new(start, unknown_type(&name)))
}

fn truth(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    if json::literal(cursor, b"true")? {
        return Ok(true);
    }
    if json::literal(cursor, b"false")? { Ok(false) } else { cursor.fault("`final` is true or false") }
}

#[inline]
fn process<'t>(cursor: &mut Cursor<'t>) -> Result<Process<'t>, Fault> {
    let start = cursor.at;
    match cursor.peek() {
        Some(b'"') => Ok(Process::Named(string(cursor)?)),
        Some(b'-' | b'0'..=b'9') => match json::number(cursor)? {
            Number::Integer(number) => u64::try_from(number)
                .map(Process::Client)
                .map_err(|_| Fault::new(start, "process: a process number is never negative")),
            _ => Err(Fault::new(start, "process: expected a process number or name")),
        },
        _ => cursor.fault("process: expected a process number or name"),
    }
}

#[inline]
fn function<'t>(cursor: &mut Cursor<'t>) -> Result<Cow<'t, str>, Fault> {
    for (text, name) in FUNCTIONS {
        if cursor.takes(text) {
            return Ok(Cow::Borrowed(name));
        }
    }
    string(cursor)
}

fn string<'t>(cursor: &mut Cursor<'t>) -> Result<Cow<'t, str>, Fault> {
    json::string(cursor, Controls::Refused)
}
