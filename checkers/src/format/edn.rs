//! Values of EDN (the notation of Clojure's data), from bytes into interned values.
//!
//! | EDN | value |
//! | --- | --- |
//! | keyword, symbol, character, string | text; a keyword without its colon |
//! | integer, with or without `N` | integer, or the digits where it fits no `i64` |
//! | floating point | float; with `M` the digits, or an integer where it is one |
//! | ratio, `##NaN`, `##Inf` | text, as written in lowest terms |
//! | list, vector | list |
//! | set | list without duplicates, in an order of its own, so that equal sets are equal |
//! | map | map; of equal keys the last counts |
//! | tagged element | what is tagged |
//!
//! Commas are spaces; comments and `#_` discards are skipped.

use std::borrow::Cow;

use super::cursor::{Cursor, Fault, Stack};
use super::json::{self, hexadecimal};
use crate::history::{ValueId, Values};

/// How deep forms may lie in each other; deeper ones would be hard on the stack.
pub(super) const DEPTH_MAX: usize = 127;

/// Reads values. Holds what is reused from one to the next.
pub(super) struct EdnReader {
    pub(super) stack: Stack,
}

impl EdnReader {
    pub(super) fn new() -> Self {
        Self { stack: Stack::new() }
    }

    /// The value of the form that begins here; `depth` forms are around it.
    pub(super) fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        values: &mut Values,
        depth: usize,
    ) -> Result<ValueId, Fault> {
        check_depth(cursor, depth)?;
        skip_blank(cursor, depth)?;
        match cursor.peek() {
            Some(b'"') => Ok(values.text(&string(cursor)?)),
            Some(b'[') => self.list(cursor, values, b']', depth),
            Some(b'(') => self.list(cursor, values, b')', depth),
            Some(b'{') => self.map(cursor, values, depth),
            Some(b'#') => self.dispatched(cursor, values, depth),
            Some(b'\\') => Ok(values.text(&character(cursor)?)),
            Some(b'+' | b'-' | b'0'..=b'9') => number_or_symbol(cursor, values),
            Some(b':') => Ok(values.text(keyword(cursor)?)),
            _ => Ok(match token(cursor)? {
                "nil" => ValueId::NULL,
                "true" => values.boolean(true),
                "false" => values.boolean(false),
                symbol => values.text(symbol),
            }),
        }
    }

    /// What comes after `#`: a set, a number that is none, a regular expression, or a tag, which says nothing here.
    fn dispatched(&mut self, cursor: &mut Cursor<'_>, values: &mut Values, depth: usize) -> Result<ValueId, Fault> {
        match cursor.bytes.get(cursor.at + 1) {
            Some(b'{') => {
                cursor.at += 1;
                let first = self.items_until(cursor, values, b'}', depth)?;
                let mut items = self.stack.items.split_off(first);
                items.sort_unstable();
                items.dedup();
                self.stack.items.append(&mut items);
                self.stack.list(first, cursor, values)
            }
            Some(b'"') => {
                cursor.at += 1;
                Ok(values.text(&string(cursor)?))
            }
            Some(b'#') => Ok(values.text(token(cursor)?)),
            _ => {
                tag(cursor)?;
                self.value(cursor, values, depth + 1)
            }
        }
    }

    fn list(
        &mut self,
        cursor: &mut Cursor<'_>,
        values: &mut Values,
        close: u8,
        depth: usize,
    ) -> Result<ValueId, Fault> {
        let first = self.items_until(cursor, values, close, depth)?;
        self.stack.list(first, cursor, values)
    }

    /// Stacks the forms up to a closing bracket; where the first of them lies.
    fn items_until(
        &mut self,
        cursor: &mut Cursor<'_>,
        values: &mut Values,
        close: u8,
        depth: usize,
    ) -> Result<usize, Fault> {
        cursor.at += 1;
        let first = self.stack.items.len();
        while !closes(cursor, close, depth)? {
            let item = self.value(cursor, values, depth + 1)?;
            self.stack.push(item, cursor, values)?;
        }
        Ok(first)
    }

    fn map(&mut self, cursor: &mut Cursor<'_>, values: &mut Values, depth: usize) -> Result<ValueId, Fault> {
        cursor.at += 1;
        let first = self.stack.entries.len();
        while !closes(cursor, b'}', depth)? {
            let key = self.value(cursor, values, depth + 1)?;
            if closes(cursor, b'}', depth)? {
                return Err(Fault::new(cursor.at - 1, "a key of this map has no value"));
            }
            let value = self.value(cursor, values, depth + 1)?;
            self.stack.push_entry((key, value), cursor, values)?;
        }
        self.stack.map(first, cursor, values)
    }
}

/// Steps over a form that nobody wants.
pub(super) fn skip_form(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    check_depth(cursor, depth)?;
    skip_blank(cursor, depth)?;
    match cursor.peek() {
        Some(b'"') => drop(string(cursor)?),
        Some(b'\\') => drop(character(cursor)?),
        Some(b'[') => skip_until(cursor, b']', depth)?,
        Some(b'(') => skip_until(cursor, b')', depth)?,
        Some(b'{') => skip_until(cursor, b'}', depth)?,
        Some(b'#') => match cursor.bytes.get(cursor.at + 1) {
            Some(b'{') => {
                cursor.at += 1;
                skip_until(cursor, b'}', depth)?;
            }
            Some(b'"') => {
                cursor.at += 1;
                string(cursor)?;
            }
            Some(b'#') => drop(token(cursor)?),
            _ => {
                tag(cursor)?;
                skip_form(cursor, depth + 1)?;
            }
        },
        _ => drop(token(cursor)?),
    }
    Ok(())
}

fn skip_until(cursor: &mut Cursor<'_>, close: u8, depth: usize) -> Result<(), Fault> {
    cursor.at += 1;
    while !closes(cursor, close, depth)? {
        skip_form(cursor, depth + 1)?;
    }
    Ok(())
}

/// Before an item: whether the bracket closes here instead.
pub(super) fn closes(cursor: &mut Cursor<'_>, close: u8, depth: usize) -> Result<bool, Fault> {
    skip_blank(cursor, depth)?;
    match cursor.peek() {
        Some(byte) if byte == close => {
            cursor.at += 1;
            Ok(true)
        }
        Some(b']' | b')' | b'}') | None => cursor.fault(format!("expected `{}`", char::from(close))),
        Some(_) => Ok(false),
    }
}

/// Steps over spaces, commas, comments and discarded forms.
pub(super) fn skip_blank(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    loop {
        match cursor.peek() {
            Some(byte) if is_space(byte) => cursor.at += 1,
            Some(b';') => {
                let rest = &cursor.bytes[cursor.at..];
                cursor.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            }
            Some(b'#') if cursor.takes(b"#_") => skip_form(cursor, depth + 1)?,
            _ => return Ok(()),
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b',' | b'\t'..=b'\r' | 0x1c..=0x1f)
}

fn ends_token(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'"' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'\\')
}

/// A number, a keyword, a symbol: all up to the next delimiter.
pub(super) fn token<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, Fault> {
    let start = cursor.at;
    let rest = &cursor.bytes[start..];
    let length = rest.iter().position(|byte| ends_token(*byte)).unwrap_or(rest.len());
    cursor.at += length;
    match std::str::from_utf8(&rest[..length]) {
        Ok("") => cursor.fault("expected a value"),
        Ok(token) => Ok(token),
        Err(error) => Err(Fault::new(start + error.valid_up_to(), "this is not UTF-8")),
    }
}

/// Without its colon.
pub(super) fn keyword<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, Fault> {
    let start = cursor.at;
    match token(cursor)?.strip_prefix(':') {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(Fault::new(start, "a keyword needs a name")),
    }
}

/// Steps over `#` and the tag's name.
pub(super) fn tag(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    let start = cursor.at;
    cursor.at += 1;
    let name = token(cursor)?;
    if name.starts_with(|first: char| first.is_alphabetic() || first == ':') {
        return Ok(());
    }
    let reason = format!("`#{name}` is not data: this is how Clojure prints what cannot be read back");
    Err(Fault::new(start, reason))
}

/// Unlike one of JSON it may contain line breaks.
pub(super) fn string<'t>(cursor: &mut Cursor<'t>) -> Result<Cow<'t, str>, Fault> {
    json::string(cursor, json::Controls::Taken)
}

fn character(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let start = cursor.at;
    // The character itself may be a delimiter, and may have several bytes.
    let after = cursor.bytes.get(start + 2..).unwrap_or_default();
    let length = after.iter().position(|byte| ends_token(*byte)).unwrap_or(after.len());
    cursor.at = (start + 2 + length).min(cursor.bytes.len());
    let name = std::str::from_utf8(&cursor.bytes[start + 1..cursor.at])
        .map_err(|error| Fault::new(start + 1 + error.valid_up_to(), "this is not UTF-8"))?;
    if name.chars().count() == 1 {
        return Ok(name.to_owned());
    }
    let known = match name {
        "newline" => Some('\n'),
        "return" => Some('\r'),
        "space" => Some(' '),
        "tab" => Some('\t'),
        "formfeed" => Some('\u{c}'),
        "backspace" => Some('\u{8}'),
        _ => match name.strip_prefix('u') {
            Some(digits) if digits.len() == 4 => char::from_u32(hexadecimal(&mut Cursor::new(digits.as_bytes()))?),
            _ => None,
        },
    };
    known.map(String::from).ok_or_else(|| Fault::new(start, "there is no such character"))
}

fn number_or_symbol(cursor: &mut Cursor<'_>, values: &mut Values) -> Result<ValueId, Fault> {
    let start = cursor.at;
    let text = token(cursor)?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(values.text(text));
    }
    let signed = text.strip_prefix('+').unwrap_or(text);
    number(signed, values).ok_or_else(|| Fault::new(start, format!("`{text}` is not a number")))
}

fn number(text: &str, values: &mut Values) -> Option<ValueId> {
    if let Some((numerator, denominator)) = text.split_once('/') {
        return ratio(integer_digits(numerator)?, integer_digits(denominator)?, values);
    }
    if let Some(digits) = integer_digits(text.strip_suffix('N').unwrap_or(text)) {
        return Some(integer(digits, values));
    }
    let exact = text.strip_suffix('M');
    let decimal = exact.unwrap_or(text);
    let mut cursor = Cursor::new(decimal.as_bytes());
    let number = json::number(&mut cursor).ok()?;
    if cursor.at < decimal.len() {
        return None;
    }
    Some(match (number, exact) {
        (json::Number::Float(_), Some(decimal)) => values.number(decimal),
        (json::Number::Float(float), None) => values.float(float),
        (json::Number::Integer(integer), _) => values.integer(integer),
        (json::Number::Large(_), _) => values.number(decimal),
    })
}

/// The text, if it is an integer as Clojure prints it.
fn integer_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (digits == "0" || !digits.starts_with('0'))).then_some(if digits == "0" { digits } else { text })
}

fn integer(digits: &str, values: &mut Values) -> ValueId {
    match digits.parse() {
        Ok(integer) => values.integer(integer),
        Err(_) => values.number(digits),
    }
}

/// In lowest terms, as Clojure has it; as it stands where it is too large for that.
fn ratio(numerator: &str, denominator: &str, values: &mut Values) -> Option<ValueId> {
    let (Ok(mut over), Ok(mut under)) = (numerator.parse::<i64>(), denominator.parse::<i64>()) else {
        return Some(values.text(&format!("{numerator}/{denominator}")));
    };
    if under <= 0 {
        return None;
    }
    let (mut divisor, mut rest) = (over.unsigned_abs(), under.unsigned_abs());
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let divisor = i64::try_from(divisor).ok()?;
    over /= divisor;
    under /= divisor;
    Some(if under == 1 { values.integer(over) } else { values.text(&format!("{over}/{under}")) })
}

fn check_depth(cursor: &Cursor<'_>, depth: usize) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return cursor.fault(format!("more than {DEPTH_MAX} forms in each other"));
    }
    Ok(())
}
