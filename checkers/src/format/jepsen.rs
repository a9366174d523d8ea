//! Jepsen's histories: maps of EDN, one after another or in one list.
//!
//! ```edn
//! {:index 3, :time 53137939465, :type :ok, :process 2, :f :read, :value 5}
//! ```
//! Keys come in any order, `:index`, `:time` and `:f` may be missing, and a map may take several lines. Older histories are
//! one vector or list of such maps; printed ones are tagged `#jepsen.history.Op{…}`.

use std::borrow::Cow;

use super::chunks::Chunks;
use super::cursor::{Cursor, Fault};
use super::edn::{self, EdnReader};
use super::line::{Fields, NAMES, Process, event_type_by_name, unknown_type};
use super::{CUT_OFF, ReadError, ReadErrorKind, ReadOptions, TruncatedTail};
use crate::history::{HistoryBuilder, Values};

/// Jepsen's clients are numbered: who else has a keyword for a name is a nemesis.
const NEMESIS: &str = "nemesis";
/// Except in the histories that Schism writes.
const OBSERVER: &str = "observer";

/// What a history consists of.
#[expect(clippy::large_enum_variant, reason = "nearly all are operations, and none is kept")]
enum Item<'t> {
    /// A list opens; the bracket that closes it.
    Opens(u8),
    /// The list closes.
    Closes,
    /// An operation, and where it begins.
    Operation(usize, Fields<'t>),
    /// Nothing is left.
    End,
}

/// Reads operations until the input ends; whether a cut-off last one was left out.
pub(super) fn read(
    chunks: &mut Chunks<'_>,
    builder: &mut HistoryBuilder,
    options: &ReadOptions<'_>,
) -> Result<bool, ReadError> {
    let mut reader = EdnReader::new();
    // The bracket that closes the list we are in.
    let mut inside = None;
    loop {
        let without_values = builder.bytes() - builder.values_mut().bytes();
        reader.stack.bytes_max = chunks.bytes_for_values(without_values, options);
        let mut cursor = Cursor::new(chunks.window());
        // Up to here everything is read for good.
        let mut done = 0;
        loop {
            let item = item(&mut reader, &mut cursor, builder.values_mut(), inside);
            let fault_at = item.as_ref().map_or_else(|fault| fault.at, |_| 0);
            let reaches_end = cursor.at == cursor.bytes.len() || fault_at == cursor.bytes.len();
            if reaches_end && !chunks.at_end() {
                // It may go on behind the window: again, when there is more.
                break;
            }
            let fault = match item {
                Ok(Item::Opens(close)) => {
                    inside = Some(close);
                    None
                }
                Ok(Item::Closes) => {
                    inside = None;
                    None
                }
                Ok(Item::Operation(start, fields)) => match fields.push(builder, options.independent) {
                    Ok(()) => None,
                    Err(reason) => return Err(chunks.error(start, reason, ReadErrorKind::Malformed)),
                },
                Ok(Item::End) if inside.is_none() => return Ok(false),
                Ok(Item::End) => Some(Fault::new(cursor.at, CUT_OFF)),
                Err(fault) => Some(fault),
            };
            done = cursor.at;
            let Some(fault) = fault else { continue };
            return match options.tail {
                TruncatedTail::LeaveOut if reaches_end => Ok(true),
                TruncatedTail::Refuse if reaches_end => Err(chunks.error(fault.at, CUT_OFF, ReadErrorKind::Malformed)),
                _ => Err(chunks.fault(&fault)),
            };
        }
        reader.stack.clear();
        chunks.consume(done);
        chunks.fill(builder.bytes(), options)?;
    }
}

fn item<'t>(
    reader: &mut EdnReader,
    cursor: &mut Cursor<'t>,
    values: &mut Values,
    inside: Option<u8>,
) -> Result<Item<'t>, Fault> {
    loop {
        edn::skip_blank(cursor, 0)?;
        let next = cursor.peek();
        match next {
            None => return Ok(Item::End),
            Some(b'{') => {
                let start = cursor.at;
                return Ok(Item::Operation(start, operation(reader, cursor, values)?));
            }
            Some(open @ (b'[' | b'(')) if inside.is_none() => {
                cursor.at += 1;
                return Ok(Item::Opens(if open == b'[' { b']' } else { b')' }));
            }
            Some(b'#') if cursor.bytes.get(cursor.at + 1) != Some(&b'{') => edn::tag(cursor)?,
            _ if next == inside => {
                cursor.at += 1;
                return Ok(Item::Closes);
            }
            _ => {
                return cursor
                    .fault("expected an operation: a map such as {:process 0, :type :invoke, :f :read, :value nil}");
            }
        }
    }
}

/// The map that begins here.
fn operation<'t>(reader: &mut EdnReader, cursor: &mut Cursor<'t>, values: &mut Values) -> Result<Fields<'t>, Fault> {
    let mut fields = Fields::default();
    cursor.at += 1;
    while !edn::closes(cursor, b'}', 1)? {
        let start = cursor.at;
        let name = match cursor.peek() {
            Some(b':') => Cow::Borrowed(edn::keyword(cursor)?),
            Some(b'"') => edn::string(cursor)?,
            _ => {
                edn::skip_form(cursor, 1)?;
                Cow::Borrowed("")
            }
        };
        if edn::closes(cursor, b'}', 1)? {
            return Err(Fault::new(start, format!("`:{name}` has no value")));
        }
        let Some(place) = NAMES.iter().position(|known| *known == name) else {
            edn::skip_form(cursor, 1)?;
            continue;
        };
        if fields.seen & (1 << place) != 0 {
            return Err(Fault::new(start, format!("`:{name}` comes twice")));
        }
        fields.seen |= 1 << place;
        field(place, reader, cursor, values, &mut fields)?;
    }
    let missing = match () {
        () if fields.event_type.is_none() => "type",
        () if !fields.has_function(values) => "f",
        () => {
            fields.process.get_or_insert(Process::Client(0));
            return Ok(fields);
        }
    };
    // At the brace, which is there: the text does not stop early.
    cursor.at -= 1;
    cursor.fault(format!("`:{missing}` is missing"))
}

fn field<'t>(
    place: usize,
    reader: &mut EdnReader,
    cursor: &mut Cursor<'t>,
    values: &mut Values,
    fields: &mut Fields<'t>,
) -> Result<(), Fault> {
    let start = cursor.at;
    match NAMES[place] {
        "index" => fields.index = integer(cursor)?.and_then(|index| u64::try_from(index).ok()),
        "time" => fields.time = integer(cursor)?.filter(|time| *time >= 0),
        "type" => {
            let name = name(cursor)?.unwrap_or_default();
            let known = event_type_by_name(&name);
            fields.event_type = Some(known.ok_or_else(|| Fault::new(start, unknown_type(&name)))?);
        }
        "process" => fields.process = process(cursor)?,
        "f" => fields.f = name(cursor)?,
        "key" => fields.key = Some(reader.value(cursor, values, 1)?).filter(|key| !key.is_null()),
        "value" => fields.value = Some(reader.value(cursor, values, 1)?),
        "node" => fields.node = name(cursor)?,
        "term" => fields.term = integer(cursor)?.and_then(|term| u64::try_from(term).ok()),
        "position" => fields.position = integer(cursor)?.and_then(|position| u64::try_from(position).ok()),
        "ack" => fields.ack = name(cursor)?,
        "level" => fields.level = name(cursor)?,
        "error" => fields.error = name(cursor)?,
        "final" => fields.is_final = name(cursor)?.is_some_and(|name| name == "true"),
        "id" => fields.id = integer(cursor)?.and_then(|id| u64::try_from(id).ok()),
        _ => fields.step = name(cursor)?,
    }
    Ok(())
}

/// A name however it is written; of any other form its text; `None` for `nil`.
fn name<'t>(cursor: &mut Cursor<'t>) -> Result<Option<Cow<'t, str>>, Fault> {
    edn::skip_blank(cursor, 1)?;
    match cursor.peek() {
        Some(b'"') => return edn::string(cursor).map(Some),
        Some(b':') => return edn::keyword(cursor).map(|name| Some(Cow::Borrowed(name))),
        _ => {}
    }
    let start = cursor.at;
    edn::skip_form(cursor, 1)?;
    match std::str::from_utf8(cursor.since(start)) {
        Ok("nil") => Ok(None),
        Ok(text) => Ok(Some(Cow::Borrowed(text))),
        Err(error) => Err(Fault::new(start + error.valid_up_to(), "this is not UTF-8")),
    }
}

/// An integer; `None` for anything else.
fn integer(cursor: &mut Cursor<'_>) -> Result<Option<i64>, Fault> {
    let text = name(cursor)?;
    Ok(text.and_then(|text| text.strip_suffix('N').unwrap_or(&text).parse().ok()))
}

fn process<'t>(cursor: &mut Cursor<'t>) -> Result<Option<Process<'t>>, Fault> {
    let start = cursor.at;
    let first = cursor.peek();
    let Some(text) = name(cursor)? else { return Ok(None) };
    match first {
        Some(b'"') => Ok(Some(Process::Named(text))),
        Some(b'-' | b'+' | b'0'..=b'9') => match text.parse() {
            Ok(number) => Ok(Some(Process::Client(number))),
            Err(_) => Err(Fault::new(start, "a process is a whole number, at least 0, or a name")),
        },
        _ if text == OBSERVER => Ok(Some(Process::Named(text))),
        _ => Ok(Some(Process::Named(Cow::Borrowed(NEMESIS)))),
    }
}
