//! Values, interned: a value of a history is a number of four bytes, and equal values have equal numbers.

use std::fmt;
use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// Number of a value within one history. Equal values have equal numbers, so comparing them compares the values; their
/// order means nothing.
///
/// Integers from 0 to 2³¹ − 1 are their own number and take no room in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(u32);

/// Set in the numbers of values that stand in the table.
const IN_TABLE: u32 = 1 << 31;

impl ValueId {
    /// Null: no argument, no result, the initial state of a register.
    pub const NULL: Self = Self(IN_TABLE);
    /// True.
    pub const TRUE: Self = Self(IN_TABLE + 1);
    /// False.
    pub const FALSE: Self = Self(IN_TABLE + 2);

    /// Whether it is null.
    #[must_use]
    pub fn is_null(self) -> bool {
        self == Self::NULL
    }

    /// The number of a small integer, which needs no table.
    #[must_use]
    pub fn small(integer: i64) -> Option<Self> {
        (0..i64::from(IN_TABLE)).contains(&integer).then_some(Self(integer as u32))
    }

    /// The bits, for columns and hashes of one's own.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The number with these bits, which must have come from [`Self::bits`].
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    fn in_table(place: usize) -> Self {
        Self(IN_TABLE | place as u32)
    }

    fn place(self) -> Option<usize> {
        (self.0 & IN_TABLE != 0).then_some((self.0 & !IN_TABLE) as usize)
    }
}

impl Default for ValueId {
    fn default() -> Self {
        Self::NULL
    }
}

/// A value, looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'h> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number; `1.0` is `1`.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A number beyond 64 bits, as it was written.
    Number(&'h str),
    /// Text; also what EDN calls keywords and symbols.
    Text(&'h str),
    /// A list.
    List(&'h [ValueId]),
    /// Pairs of key and value, in order of the key's number.
    Map(&'h [(ValueId, ValueId)]),
}

/// What stands in the table: kind, and where the content lies in the pool of its kind.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    length: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Null,
    True,
    False,
    Integer,
    Float,
    Number,
    Text,
    List,
    Map,
}

/// Every value of a history that is not a small integer, each once.
#[derive(Clone, Default)]
pub struct Values {
    table: HashTable<Slot>,
    pools: Pools,
}

/// 2⁶⁴ divided by the golden ratio: Fibonacci hashing.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;

/// An entry of the table. It keeps its hash, so that neither growing nor most comparisons look at the value.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    place: u32,
}

impl Slot {
    /// The hash as the table wants it: its low bits choose the bucket, its high ones are compared first.
    #[inline]
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(GOLDEN_RATIO) ^ u64::from(hash)
    }
}

/// The contents, one pool for each kind.
#[derive(Clone)]
struct Pools {
    entries: Vec<Entry>,
    text: String,
    numbers: Vec<u64>,
    items: Vec<ValueId>,
    pairs: Vec<(ValueId, ValueId)>,
}

impl Default for Pools {
    fn default() -> Self {
        let constant = |kind| Entry { start: 0, length: 0, kind };
        Self {
            entries: [Kind::Null, Kind::True, Kind::False].map(constant).to_vec(),
            text: String::new(),
            numbers: Vec::new(),
            items: Vec::new(),
            pairs: Vec::new(),
        }
    }
}

impl Pools {
    fn get(&self, place: usize) -> Value<'_> {
        let Entry { start, length, kind } = self.entries[place];
        let range = start..start + length as usize;
        match kind {
            Kind::Null => Value::Null,
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Integer => Value::Integer(self.numbers[start] as i64),
            Kind::Float => Value::Float(f64::from_bits(self.numbers[start])),
            Kind::Number => Value::Number(&self.text[range]),
            Kind::Text => Value::Text(&self.text[range]),
            Kind::List => Value::List(&self.items[range]),
            Kind::Map => Value::Map(&self.pairs[range]),
        }
    }

    /// Adds a value that is not there yet.
    fn push(&mut self, value: Value<'_>) -> usize {
        let (kind, start, length) = match value {
            Value::Null => (Kind::Null, 0, 0),
            Value::Bool(true) => (Kind::True, 0, 0),
            Value::Bool(false) => (Kind::False, 0, 0),
            Value::Integer(integer) => (Kind::Integer, self.push_number(integer as u64), 0),
            Value::Float(float) => (Kind::Float, self.push_number(float.to_bits()), 0),
            Value::Number(text) => (Kind::Number, self.push_text(text), text.len()),
            Value::Text(text) => (Kind::Text, self.push_text(text), text.len()),
            Value::List(items) => {
                self.items.extend_from_slice(items);
                (Kind::List, self.items.len() - items.len(), items.len())
            }
            Value::Map(pairs) => {
                self.pairs.extend_from_slice(pairs);
                (Kind::Map, self.pairs.len() - pairs.len(), pairs.len())
            }
        };
        self.entries.push(Entry { start, length: length as u32, kind });
        self.entries.len() - 1
    }

    fn push_number(&mut self, bits: u64) -> usize {
        self.numbers.push(bits);
        self.numbers.len() - 1
    }

    fn push_text(&mut self, text: &str) -> usize {
        self.text.push_str(text);
        self.text.len() - text.len()
    }
}

#[inline]
fn hash_of(value: Value<'_>) -> u32 {
    let mut hasher = FxHasher::default();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(value) => value.hash(&mut hasher),
        Value::Integer(value) => (Kind::Integer, value).hash(&mut hasher),
        Value::Float(value) => (Kind::Float, value.to_bits()).hash(&mut hasher),
        Value::Number(text) => (Kind::Number, text).hash(&mut hasher),
        Value::Text(text) => text.hash(&mut hasher),
        Value::List(items) => hash_numbers(items, &mut hasher),
        Value::Map(pairs) => (Kind::Map, pairs).hash(&mut hasher),
    }
    // All bits have a say in the high half of the product.
    (hasher.finish().wrapping_mul(GOLDEN_RATIO) >> 32) as u32
}

/// Two numbers at a time: histories of transactions are mostly lists.
#[inline]
fn hash_numbers(items: &[ValueId], hasher: &mut FxHasher) {
    hasher.write_usize(items.len());
    let (pairs, last) = items.as_chunks::<2>();
    for [one, other] in pairs {
        hasher.write_u64(u64::from(one.0) | u64::from(other.0) << 32);
    }
    for item in last {
        hasher.write_u32(item.0);
    }
}

/// Equal as values of a history: unlike numbers, not-a-number equals itself.
fn is_same(one: Value<'_>, other: Value<'_>) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

impl Values {
    /// The value with this number.
    #[must_use]
    pub fn get(&self, id: ValueId) -> Value<'_> {
        match id.place() {
            None => Value::Integer(i64::from(id.0)),
            Some(place) => self.pools.get(place),
        }
    }

    /// A whole number's value.
    #[must_use]
    pub fn as_integer(&self, id: ValueId) -> Option<i64> {
        match self.get(id) {
            Value::Integer(integer) => Some(integer),
            _ => None,
        }
    }

    /// A text's content.
    #[must_use]
    pub fn as_text(&self, id: ValueId) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list's elements.
    #[must_use]
    pub fn as_list(&self, id: ValueId) -> Option<&[ValueId]> {
        match self.get(id) {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a key of a map.
    #[must_use]
    pub fn field(&self, map: ValueId, name: &str) -> Option<ValueId> {
        let Value::Map(pairs) = self.get(map) else { return None };
        pairs.iter().find(|(key, _)| self.as_text(*key) == Some(name)).map(|(_, value)| *value)
    }

    /// A value that is already there.
    #[must_use]
    pub fn find(&self, value: Value<'_>) -> Option<ValueId> {
        match value {
            Value::Null => Some(ValueId::NULL),
            Value::Bool(true) => Some(ValueId::TRUE),
            Value::Bool(false) => Some(ValueId::FALSE),
            Value::Integer(integer) if ValueId::small(integer).is_some() => ValueId::small(integer),
            _ => self.find_in_table(hash_of(value), value),
        }
    }

    /// The number of a truth value.
    #[must_use]
    pub fn boolean(&self, value: bool) -> ValueId {
        if value { ValueId::TRUE } else { ValueId::FALSE }
    }

    /// The number of a whole number.
    pub fn integer(&mut self, integer: i64) -> ValueId {
        ValueId::small(integer).unwrap_or_else(|| self.intern(Value::Integer(integer)))
    }

    /// The number of a number; a whole one is the same value as the integer.
    pub fn float(&mut self, float: f64) -> ValueId {
        const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
        if float.fract() == 0.0 && float.abs() < EXACT_BELOW {
            return self.integer(float as i64);
        }
        self.intern(Value::Float(if float.is_nan() { f64::NAN } else { float }))
    }

    /// The number of a number beyond 64 bits, as it was written.
    pub fn number(&mut self, text: &str) -> ValueId {
        self.intern(Value::Number(text))
    }

    /// The number of a text.
    pub fn text(&mut self, text: &str) -> ValueId {
        self.intern(Value::Text(text))
    }

    /// The number of a list.
    pub fn list(&mut self, items: &[ValueId]) -> ValueId {
        self.intern(Value::List(items))
    }

    /// The number of a map; pairs may come in any order, and of two pairs with one key the last counts.
    pub fn map(&mut self, pairs: &[(ValueId, ValueId)]) -> ValueId {
        let mut sorted: Vec<(ValueId, ValueId)> = pairs.iter().rev().copied().collect();
        sorted.sort_by_key(|(key, _)| *key);
        sorted.dedup_by_key(|(key, _)| *key);
        self.intern(Value::Map(&sorted))
    }

    /// The number of a JSON value.
    pub fn json(&mut self, value: &serde_json::Value) -> ValueId {
        match value {
            serde_json::Value::Null => ValueId::NULL,
            serde_json::Value::Bool(value) => self.boolean(*value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(integer), _, _) => self.integer(integer),
                (None, None, Some(float)) => self.float(float),
                _ => self.number(&number.to_string()),
            },
            serde_json::Value::String(text) => self.text(text),
            serde_json::Value::Array(items) => {
                let items: Vec<ValueId> = items.iter().map(|item| self.json(item)).collect();
                self.list(&items)
            }
            serde_json::Value::Object(fields) => {
                let pairs: Vec<_> = fields.iter().map(|(name, value)| (self.text(name), self.json(value))).collect();
                self.map(&pairs)
            }
        }
    }

    fn find_in_table(&self, hash: u32, value: Value<'_>) -> Option<ValueId> {
        let pools = &self.pools;
        let is_value = |slot: &Slot| {
            slot.hash == hash
                && match value {
                    // The most frequent kind, without looking at the others.
                    Value::List(items) => {
                        let Entry { start, length, kind } = pools.entries[slot.place as usize];
                        kind == Kind::List && length as usize == items.len() && pools.items[start..].starts_with(items)
                    }
                    _ => is_same(pools.get(slot.place as usize), value),
                }
        };
        self.table.find(Slot::spread(hash), is_value).map(|slot| ValueId::in_table(slot.place as usize))
    }

    /// The number of a value that is not a constant.
    fn intern(&mut self, value: Value<'_>) -> ValueId {
        let hash = hash_of(value);
        if let Some(found) = self.find_in_table(hash, value) {
            return found;
        }
        let place = self.pools.push(value);
        let slot = Slot { hash, place: place as u32 };
        self.table.insert_unique(Slot::spread(hash), slot, |slot| Slot::spread(slot.hash));
        ValueId::in_table(place)
    }

    /// Bytes held, capacity included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let pools = &self.pools;
        self.table.allocation_size()
            + pools.entries.capacity() * size_of::<Entry>()
            + pools.text.capacity()
            + pools.numbers.capacity() * size_of::<u64>()
            + pools.items.capacity() * size_of::<ValueId>()
            + pools.pairs.capacity() * size_of::<(ValueId, ValueId)>()
    }

    /// A value as JSON text.
    #[must_use]
    pub fn display(&self, id: ValueId) -> DisplayValue<'_> {
        DisplayValue { values: self, id }
    }
}

/// A value that writes itself as JSON text.
#[derive(Clone, Copy)]
pub struct DisplayValue<'h> {
    values: &'h Values,
    id: ValueId,
}

impl DisplayValue<'_> {
    fn inner(&self, id: ValueId) -> Self {
        Self { values: self.values, id }
    }
}

impl fmt::Display for DisplayValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values.get(self.id) {
            Value::Null => formatter.write_str("null"),
            Value::Bool(value) => write!(formatter, "{value}"),
            Value::Integer(integer) => write!(formatter, "{integer}"),
            // JSON has no infinities and no not-a-number.
            Value::Float(float) if !float.is_finite() => formatter.write_str("null"),
            Value::Float(float) => write!(formatter, "{float:?}"),
            Value::Number(text) => formatter.write_str(text),
            Value::Text(text) => write_text(formatter, text),
            Value::List(items) => {
                formatter.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    let comma = if place > 0 { "," } else { "" };
                    write!(formatter, "{comma}{}", self.inner(*item))?;
                }
                formatter.write_str("]")
            }
            Value::Map(pairs) => {
                formatter.write_str("{")?;
                for (place, (key, value)) in pairs.iter().enumerate() {
                    let comma = if place > 0 { "," } else { "" };
                    match self.values.as_text(*key) {
                        Some(name) => {
                            formatter.write_str(comma)?;
                            write_text(formatter, name)?;
                        }
                        // A key that is no text, as EDN allows.
                        None => {
                            formatter.write_str(comma)?;
                            write_text(formatter, &self.inner(*key).to_string())?;
                        }
                    }
                    write!(formatter, ":{}", self.inner(*value))?;
                }
                formatter.write_str("}")
            }
        }
    }
}

fn write_text(formatter: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    formatter.write_str(&quoted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_have_equal_numbers_and_unequal_ones_do_not() {
        let mut values = Values::default();
        let samples = [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(7),
            json!(-7),
            json!(1_i64 << 31),
            json!(u64::MAX),
            json!(0.5),
            json!(""),
            json!("7"),
            json!("a\"b"),
            json!([]),
            json!([[]]),
            json!([7]),
            json!([7, "7"]),
            json!({}),
            json!({"b": 1, "a": [2]}),
        ];
        let ids: Vec<ValueId> = samples.iter().map(|sample| values.json(sample)).collect();
        for (one, id) in ids.iter().enumerate() {
            assert_eq!(values.json(&samples[one]), *id);
            for (other, other_id) in ids.iter().enumerate() {
                assert_eq!(id == other_id, one == other, "{} {}", samples[one], samples[other]);
            }
        }
        for (sample, id) in samples.iter().zip(&ids).filter(|(sample, _)| **sample != json!(u64::MAX)) {
            let shown: serde_json::Value = serde_json::from_str(&values.display(*id).to_string()).unwrap();
            assert_eq!(shown, *sample);
        }
    }

    #[test]
    fn whole_numbers_are_integers_however_written() {
        let mut values = Values::default();
        assert_eq!(values.json(&json!(1.0)), values.integer(1));
        assert_eq!(values.float(-0.0), values.integer(0));
        assert_eq!(values.float(f64::NAN), values.float(-f64::NAN));
        assert_ne!(values.float(1e300), values.float(2e300));
    }

    #[test]
    fn maps_are_equal_whatever_the_order_of_their_pairs() {
        let mut values = Values::default();
        let (a, b, one) = (values.text("a"), values.text("b"), values.integer(1));
        let map = values.map(&[(b, one), (a, ValueId::NULL)]);
        assert_eq!(map, values.map(&[(a, ValueId::NULL), (b, one)]));
        assert_eq!(map, values.map(&[(a, one), (b, one), (a, ValueId::NULL)]));
        assert_eq!(values.field(map, "b"), Some(one));
    }
}
