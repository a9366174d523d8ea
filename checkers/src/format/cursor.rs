//! A place in a run of bytes, and what is wrong there: what the hand-written parsers of JSON and EDN share.

use std::borrow::Cow;

use super::ReadErrorKind;
use crate::history::{ValueId, Values};

/// What is wrong with the text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Offset into the bytes that were parsed. At their end: they stop too early.
    pub(super) at: usize,
    pub(super) reason: Cow<'static, str>,
    pub(super) kind: ReadErrorKind,
}

impl Fault {
    pub(super) fn new(at: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { at, reason: reason.into(), kind: ReadErrorKind::Malformed }
    }

    /// The same, where the text is part of a longer one.
    pub(super) fn further(self, bytes: usize) -> Self {
        Self { at: self.at + bytes, ..self }
    }
}

/// What is said when memory is short.
pub(super) const NO_ROOM: &str = "the history does not fit into the memory allowed: allow more, or judge a part of it";

/// A place in a run of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over a literal if it is next.
    #[inline]
    pub(super) fn takes(&mut self, literal: &[u8]) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(literal));
        if found {
            self.at += literal.len();
        }
        found
    }

    #[inline]
    pub(super) fn fault<T>(&self, reason: impl Into<Cow<'static, str>>) -> Result<T, Fault> {
        Err(Fault::new(self.at, reason))
    }

    /// Bytes from an earlier place to this one.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.at]
    }

    /// Steps over decimal digits: their value, and how many there are; `None` where they do not fit.
    #[inline]
    pub(super) fn digits(&mut self) -> (Option<u64>, usize) {
        let (first, count) = eight_digits(&self.bytes[self.at..]);
        self.at += count;
        if count < 8 { (Some(first), count) } else { self.more_digits(first, count) }
    }

    fn more_digits(&mut self, first: u64, mut total: usize) -> (Option<u64>, usize) {
        let mut value = Some(first);
        loop {
            let (next, count) = eight_digits(&self.bytes[self.at..]);
            self.at += count;
            total += count;
            value = value.and_then(|value| value.checked_mul(10_u64.pow(count as u32))?.checked_add(next));
            if count < 8 {
                return (value, total);
            }
        }
    }
}

/// Up to eight decimal digits at the start: their value, and how many there are.
///
/// Eight bytes are looked at as one number. What is left of them after `^ '0'` is at most 9 exactly for digits; the digits
/// are moved to the high end, where zeros fill up in front, and then joined by twos, fours and eights (as in D. Lemire,
/// "Quickly parsing eight digits").
#[inline]
fn eight_digits(bytes: &[u8]) -> (u64, usize) {
    const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let Some(eight) = bytes.first_chunk::<8>() else { return few_digits(bytes) };
    let values = u64::from_le_bytes(*eight) ^ 0x3030_3030_3030_3030;
    let others = (((values & LOW_BITS) + 0x7676_7676_7676_7676) | values) & !LOW_BITS;
    let count = others.trailing_zeros() as usize / 8;
    if count == 0 {
        return (0, 0);
    }
    let digits = values << (64 - 8 * count);
    let twos = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100).wrapping_add(twos >> 16) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff, count)
}

#[cold]
fn few_digits(bytes: &[u8]) -> (u64, usize) {
    let digits = bytes.iter().take(8).take_while(|byte| byte.is_ascii_digit());
    digits.fold((0, 0), |(value, count), byte| (value * 10 + u64::from(byte - b'0'), count + 1))
}

/// The values that lists and maps under construction have so far, innermost last.
pub(super) struct Stack {
    pub(super) items: Vec<ValueId>,
    pub(super) entries: Vec<(ValueId, ValueId)>,
    /// Bytes that these and all interned values may take.
    pub(super) bytes_max: usize,
}

impl Stack {
    pub(super) fn new() -> Self {
        Self { items: Vec::new(), entries: Vec::new(), bytes_max: usize::MAX }
    }

    /// Adds an item to the innermost list.
    #[inline]
    pub(super) fn push(&mut self, item: ValueId, cursor: &Cursor<'_>, values: &Values) -> Result<(), Fault> {
        // Growth is where memory is taken, and rare enough to look.
        if self.items.len() == self.items.capacity() {
            self.check_room(cursor, values)?;
        }
        self.items.push(item);
        Ok(())
    }

    /// Adds an entry to the innermost map.
    pub(super) fn push_entry(
        &mut self,
        entry: (ValueId, ValueId),
        cursor: &Cursor<'_>,
        values: &Values,
    ) -> Result<(), Fault> {
        if self.entries.len() == self.entries.capacity() {
            self.check_room(cursor, values)?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The list of all items from a place on, which are taken off.
    pub(super) fn list(&mut self, first: usize, cursor: &Cursor<'_>, values: &mut Values) -> Result<ValueId, Fault> {
        let list = values.list(&self.items[first..]);
        self.items.truncate(first);
        self.check_room(cursor, values)?;
        Ok(list)
    }

    /// The map of all entries from a place on, which are taken off.
    pub(super) fn map(&mut self, first: usize, cursor: &Cursor<'_>, values: &mut Values) -> Result<ValueId, Fault> {
        let map = values.map(&self.entries[first..]);
        self.entries.truncate(first);
        self.check_room(cursor, values)?;
        Ok(map)
    }

    /// Forgets what a value that turned out faulty left behind.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.entries.clear();
    }

    fn check_room(&self, cursor: &Cursor<'_>, values: &Values) -> Result<(), Fault> {
        // Twice: while a list grows, the old one is there beside the new one.
        let stacked = size_of_val(self.items.as_slice()) + size_of_val(self.entries.as_slice());
        if values.bytes() + 2 * stacked <= self.bytes_max {
            return Ok(());
        }
        Err(Fault { kind: ReadErrorKind::MemoryLimit, ..Fault::new(cursor.at, NO_ROOM) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_stand() {
        for text in
            ["", "7", "x", "0", "09", "12345678", "123456789", "18446744073709551615", "4294967296,8", "1:", "5/"]
        {
            for padding in ["", "        "] {
                let text = format!("{text}{padding}");
                let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
                let mut cursor = Cursor::new(text.as_bytes());
                let expected = if digits.is_empty() { Some(0) } else { digits.parse().ok() };
                assert_eq!(cursor.digits(), (expected, digits.len()), "{text:?}");
                assert_eq!(cursor.at, digits.len());
            }
        }
        assert_eq!(Cursor::new(b"18446744073709551616").digits(), (None, 20));
        assert_eq!(Cursor::new(b"99999999999999999999999999999999999").digits(), (None, 35));
    }

    #[test]
    fn every_byte_that_is_no_digit_ends_the_digits() {
        for byte in 0..=u8::MAX {
            let text = [b'4', b'2', byte, b'7', b'7', b'7', b'7', b'7'];
            let expected = if byte.is_ascii_digit() { 8 } else { 2 };
            assert_eq!(Cursor::new(&text).digits().1, expected, "{byte}");
        }
    }
}
