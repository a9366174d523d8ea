//! Values of JSON (RFC 8259), straight from bytes into interned values.
//!
//! What is taken and what is refused is what `serde_json` takes and refuses, with one exception: an integer too large for it
//! is kept as it is written instead of losing digits. Of a key that occurs twice in an object the last one counts.

use std::borrow::Cow;

use super::cursor::{Cursor, Fault, Stack};
use crate::history::{ValueId, Values};

/// How deep lists and objects may lie in each other; deeper ones would be hard on the stack.
pub(super) const DEPTH_MAX: usize = 127;

/// Entries of the cache of texts; a power of two.
const CACHE_SIZE: usize = 4096;
/// Longest text that is cached, in bytes: the last byte of an entry holds the length.
const CACHED_BYTES_MAX: usize = 15;

/// Reads values. Holds what is reused from one to the next.
pub(super) struct JsonReader {
    pub(super) stack: Stack,
    /// Raw bytes of a short text without escapes, and its value: the same few keys come in every line.
    cache: Vec<(u128, ValueId)>,
}

/// A number as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number<'a> {
    Integer(i64),
    Float(f64),
    /// An integer that fits no `i64`.
    Large(&'a [u8]),
}

impl JsonReader {
    pub(super) fn new() -> Self {
        // No text has 255 bytes here, so this entry is nobody's.
        Self { stack: Stack::new(), cache: vec![(u128::MAX, ValueId::NULL); CACHE_SIZE] }
    }

    /// The value that begins here; `depth` lists and objects are around it.
    #[inline]
    pub(super) fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        values: &mut Values,
        depth: usize,
    ) -> Result<ValueId, Fault> {
        match cursor.peek() {
            Some(b'n') if cursor.takes(b"null") => Ok(ValueId::NULL),
            Some(b't') if cursor.takes(b"true") => Ok(values.boolean(true)),
            Some(b'f') if cursor.takes(b"false") => Ok(values.boolean(false)),
            Some(b'-' | b'0'..=b'9') => Ok(match number(cursor)? {
                Number::Integer(integer) => values.integer(integer),
                Number::Float(float) => values.float(float),
                Number::Large(digits) => values.number(&String::from_utf8_lossy(digits)),
            }),
            Some(b'"') => self.text(cursor, values),
            Some(b'[') => self.list(cursor, values, depth + 1),
            Some(b'{') => self.object(cursor, values, depth + 1),
            _ => Err(no_value(cursor)),
        }
    }

    #[inline]
    fn text(&mut self, cursor: &mut Cursor<'_>, values: &mut Values) -> Result<ValueId, Fault> {
        let short = short_text(cursor);
        let Some((raw, length)) = short else { return Ok(values.text(&string(cursor, Controls::Refused)?)) };
        // The multiplier is 2^64 divided by the golden ratio: Fibonacci hashing.
        let hash = ((raw as u64) ^ (raw >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = (hash >> (u64::BITS - CACHE_SIZE.trailing_zeros())) as usize;
        let (cached, value) = self.cache[slot];
        if cached == raw {
            cursor.at += length + 2;
            return Ok(value);
        }
        let start = cursor.at;
        let text = string(cursor, Controls::Refused)?;
        let value = values.text(&text);
        // Otherwise the first quote was an escaped one.
        if matches!(text, Cow::Borrowed(_)) && cursor.at == start + length + 2 {
            self.cache[slot] = (raw, value);
        }
        Ok(value)
    }

    fn list(&mut self, cursor: &mut Cursor<'_>, values: &mut Values, depth: usize) -> Result<ValueId, Fault> {
        check_depth(cursor, depth)?;
        cursor.at += 1;
        let first = self.stack.items.len();
        skip_space(cursor);
        if !cursor.takes(b"]") {
            loop {
                let item = self.value(cursor, values, depth)?;
                self.stack.push(item, cursor, values)?;
                if !another(cursor, b']')? {
                    break;
                }
            }
        }
        self.stack.list(first, cursor, values)
    }

    fn object(&mut self, cursor: &mut Cursor<'_>, values: &mut Values, depth: usize) -> Result<ValueId, Fault> {
        check_depth(cursor, depth)?;
        cursor.at += 1;
        let first = self.stack.entries.len();
        skip_space(cursor);
        if !cursor.takes(b"}") {
            loop {
                check_key(cursor)?;
                let key = self.text(cursor, values)?;
                colon(cursor)?;
                let value = self.value(cursor, values, depth)?;
                self.stack.push_entry((key, value), cursor, values)?;
                if !another(cursor, b'}')? {
                    break;
                }
            }
        }
        self.stack.map(first, cursor, values)
    }
}

/// The raw bytes up to the next quote with their number above them, and that number, if there are few.
#[inline]
fn short_text(cursor: &Cursor<'_>) -> Option<(u128, usize)> {
    const ONES: u128 = u128::from_ne_bytes([0x01; 16]);
    let window = u128::from_le_bytes(*cursor.bytes.get(cursor.at + 1..)?.first_chunk::<16>()?);
    let other = window ^ (ONES * b'"' as u128);
    // The lowest byte that is zero sets its high bit (and perhaps higher bytes do, which does not matter).
    let quotes = other.wrapping_sub(ONES) & !other & (ONES << 7);
    let length = quotes.trailing_zeros() as usize / 8;
    if length > CACHED_BYTES_MAX {
        return None;
    }
    Some((window & ((1 << (8 * length)) - 1) | (length as u128) << 120, length))
}

/// Steps over a value that nobody wants, and refuses what is none.
pub(super) fn skip_value(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    match cursor.peek() {
        Some(b'n') if cursor.takes(b"null") => {}
        Some(b't') if cursor.takes(b"true") => {}
        Some(b'f') if cursor.takes(b"false") => {}
        Some(b'-' | b'0'..=b'9') => drop(number(cursor)?),
        Some(b'"') => drop(string(cursor, Controls::Refused)?),
        Some(open @ (b'[' | b'{')) => {
            let close = if open == b'[' { b']' } else { b'}' };
            check_depth(cursor, depth + 1)?;
            cursor.at += 1;
            skip_space(cursor);
            if cursor.takes(&[close]) {
                return Ok(());
            }
            loop {
                if open == b'{' {
                    check_key(cursor)?;
                    string(cursor, Controls::Refused)?;
                    colon(cursor)?;
                }
                skip_value(cursor, depth + 1)?;
                if !another(cursor, close)? {
                    break;
                }
            }
        }
        _ => return Err(no_value(cursor)),
    }
    Ok(())
}

/// Whether control characters may stand in a string as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controls {
    /// As in EDN.
    Taken,
    /// As in JSON.
    Refused,
}

/// The string that begins here.
pub(super) fn string<'a>(cursor: &mut Cursor<'a>, controls: Controls) -> Result<Cow<'a, str>, Fault> {
    if !cursor.takes(b"\"") {
        return cursor.fault("expected a string in double quotes");
    }
    let mut text = Cow::Borrowed("");
    loop {
        let start = cursor.at;
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\') || (*byte < 0x20 && controls == Controls::Refused);
        let length = cursor.bytes[start..].iter().position(ends);
        cursor.at = length.map_or(cursor.bytes.len(), |length| start + length);
        let Some(end) = cursor.peek() else { return cursor.fault("expected the end of the string") };
        let plain = std::str::from_utf8(cursor.since(start))
            .map_err(|error| Fault::new(start + error.valid_up_to(), "this is not UTF-8"))?;
        // Adding to an empty borrowed text only borrows.
        text += plain;
        match end {
            b'"' => {
                cursor.at += 1;
                return Ok(text);
            }
            b'\\' => text.to_mut().push(escape(cursor)?),
            _ => return cursor.fault("a control character in a string must be escaped"),
        }
    }
}

fn escape(cursor: &mut Cursor<'_>) -> Result<char, Fault> {
    let start = cursor.at;
    cursor.at += 1;
    let Some(letter) = cursor.peek() else { return cursor.fault("expected the rest of the escape") };
    cursor.at += 1;
    Ok(match letter {
        b'"' | b'\\' | b'/' => char::from(letter),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = hexadecimal(cursor)?;
            let lone = || Fault::new(start, "half of a surrogate pair");
            if !(0xd800..0xdc00).contains(&first) {
                return char::from_u32(first).ok_or_else(lone);
            }
            if !cursor.takes(b"\\u") {
                let cut_off = cursor.bytes.len() < cursor.at + 2 && b"\\u".starts_with(&cursor.bytes[cursor.at..]);
                let at = if cut_off { cursor.bytes.len() } else { start };
                return Err(Fault { at, ..lone() });
            }
            let second = hexadecimal(cursor)?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(lone());
            }
            return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or_else(lone);
        }
        _ => return Err(Fault::new(start, "there is no such escape")),
    })
}

/// Four hexadecimal digits.
pub(super) fn hexadecimal(cursor: &mut Cursor<'_>) -> Result<u32, Fault> {
    let mut number = 0;
    for _ in 0..4 {
        let digit = cursor.peek().and_then(|byte| char::from(byte).to_digit(16));
        let Some(digit) = digit else { return cursor.fault("expected four hexadecimal digits") };
        number = number * 16 + digit;
        cursor.at += 1;
    }
    Ok(number)
}

/// The number that begins here.
#[inline]
pub(super) fn number<'a>(cursor: &mut Cursor<'a>) -> Result<Number<'a>, Fault> {
    let start = cursor.at;
    let negative = cursor.takes(b"-");
    let first = cursor.peek();
    let (magnitude, count) = cursor.digits();
    if count == 0 {
        return cursor.fault("expected a digit");
    }
    if first == Some(b'0') && count > 1 {
        return Err(Fault::new(cursor.at - count + 1, "a number does not begin with 0"));
    }
    if matches!(cursor.peek(), Some(b'.' | b'e' | b'E')) {
        return float(cursor, start);
    }
    Ok(match (magnitude.map(i64::try_from), negative) {
        (Some(Ok(magnitude)), false) => Number::Integer(magnitude),
        (Some(Ok(magnitude)), true) => Number::Integer(-magnitude),
        _ if cursor.since(start) == b"-9223372036854775808" => Number::Integer(i64::MIN),
        _ => Number::Large(cursor.since(start)),
    })
}

/// Goes on after the digits in front of the point.
fn float<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Number<'a>, Fault> {
    if cursor.takes(b".") && cursor.digits().1 == 0 {
        return cursor.fault("expected a digit after the point");
    }
    if cursor.takes(b"e") || cursor.takes(b"E") {
        let _sign = cursor.takes(b"+") || cursor.takes(b"-");
        if cursor.digits().1 == 0 {
            return cursor.fault("expected the digits of the exponent");
        }
    }
    let parsed = std::str::from_utf8(cursor.since(start)).ok().and_then(|text| text.parse().ok());
    match parsed {
        Some(float) if f64::is_finite(float) => Ok(Number::Float(float)),
        _ => Err(Fault::new(start, "number out of range")),
    }
}

/// A line break is no space here: it ends the value's line, and so the value.
#[inline]
pub(super) fn skip_space(cursor: &mut Cursor<'_>) {
    while let Some(b' ' | b'\t' | b'\r') = cursor.peek() {
        cursor.at += 1;
    }
}

pub(super) fn colon(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    skip_space(cursor);
    if !cursor.takes(b":") {
        return cursor.fault("expected `:`");
    }
    skip_space(cursor);
    Ok(())
}

/// After an item: whether another one follows, where it begins; otherwise what it was in is closed.
#[inline]
pub(super) fn another(cursor: &mut Cursor<'_>, close: u8) -> Result<bool, Fault> {
    skip_space(cursor);
    if cursor.takes(b",") {
        skip_space(cursor);
        return Ok(true);
    }
    if cursor.takes(&[close]) {
        return Ok(false);
    }
    cursor.fault(if close == b'}' { "expected `,` or `}`" } else { "expected `,` or `]`" })
}

pub(super) fn check_key(cursor: &Cursor<'_>) -> Result<(), Fault> {
    if cursor.peek() == Some(b'"') { Ok(()) } else { cursor.fault("expected a key in double quotes") }
}

fn check_depth(cursor: &Cursor<'_>, depth: usize) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return cursor.fault(format!("more than {DEPTH_MAX} lists and objects in each other"));
    }
    Ok(())
}

/// Steps over a literal if it is next. One that stops in its middle at the end of the text is cut off there.
pub(super) fn literal(cursor: &mut Cursor<'_>, text: &[u8]) -> Result<bool, Fault> {
    let rest = &cursor.bytes[cursor.at..];
    if rest.len() < text.len() && text.starts_with(rest) {
        return Err(Fault::new(cursor.bytes.len(), "expected a value"));
    }
    Ok(cursor.takes(text))
}

fn no_value(cursor: &Cursor<'_>) -> Fault {
    let rest = &cursor.bytes[cursor.at..];
    let cut_off = ["null", "true", "false"].iter().any(|literal| literal.as_bytes().starts_with(rest));
    Fault::new(if cut_off { cursor.bytes.len() } else { cursor.at }, "expected a value")
}
