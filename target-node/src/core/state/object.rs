//! One object under a key: a register, a set, a list or a counter.
//!
//! Objects are persistent: a clone shares all of its structure and costs the same however large the object is. Each knows
//! a digest of its contents that every change updates in constant time (of a list: logarithmic), so that the digest of a
//! large state is there at any time.

use std::hash::Hasher;

use rpds::{QueueSync, RedBlackTreeSetSync};
use rustc_hash::FxHasher;

use super::Outcome;
use crate::core::{types::Change, value::Value};

/// What lies under a key.
#[derive(Debug, Clone)]
pub(super) enum Object {
    Register(Value),
    /// The digest is the sum of the elements' digests.
    Set {
        elements: RedBlackTreeSetSync<Value>,
        digest: u64,
    },
    /// The digest is the sum of the elements' digests, each times [`LIST_BASE`] to the power of its index.
    List {
        elements: QueueSync<Value>,
        digest: u64,
    },
    Counter(i64),
}

/// Odd, so that it can be divided by modulo 2^64.
const LIST_BASE: u64 = 0x9e37_79b9_7f4a_7c15;
/// `LIST_BASE * LIST_BASE_INVERSE = 1` modulo 2^64.
const LIST_BASE_INVERSE: u64 = inverse(LIST_BASE);

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

/// A digest of some bytes, the same on every machine; `kind` keeps equal bytes of different meaning apart.
pub(super) fn digest_of(kind: u8, bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(kind);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hasher.write_u64(u64::from_le_bytes(word));
    }
    hasher.write_u64(bytes.len() as u64);
    mixed(hasher.finish())
}

/// Spreads every bit over the whole word (the finaliser of SplitMix64).
pub(super) fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn element_digest(value: &Value) -> u64 {
    digest_of(0, value.as_json_text().as_bytes())
}

impl Object {
    /// The empty object that the first change of its kind finds; a register begins as null.
    pub(super) fn before_first(change: &Change) -> Option<Self> {
        match change {
            Change::Write { .. } | Change::Cas { .. } => Some(Self::Register(Value::null())),
            Change::Add { .. } => Some(Self::empty_set()),
            Change::Append { .. } => Some(Self::empty_list()),
            Change::Increment { .. } => Some(Self::Counter(0)),
            Change::Delete { .. } | Change::Take { .. } => None,
        }
    }

    /// An empty set.
    pub(super) fn empty_set() -> Self {
        Self::Set { elements: RedBlackTreeSetSync::new_sync(), digest: 0 }
    }

    /// An empty list.
    pub(super) fn empty_list() -> Self {
        Self::List { elements: QueueSync::new_sync(), digest: 0 }
    }

    /// Changes the object in place, if the change is of its kind; a deletion is not for the object itself.
    pub(super) fn change(&mut self, change: &Change) -> Outcome {
        match (change, &mut *self) {
            (Change::Write { value, .. }, Self::Register(register)) => register.clone_from(value),
            (Change::Cas { old, new, .. }, Self::Register(register)) => {
                if register != old {
                    return Outcome::PreconditionFailed;
                }
                register.clone_from(new);
            }
            (Change::Add { value, .. }, Self::Set { .. }) => self.insert(value),
            (Change::Append { value, .. }, Self::List { .. }) => self.push(value),
            (Change::Take { .. }, Self::List { .. }) => {
                return Outcome::Done(Some(self.take_first().unwrap_or_else(Value::null)));
            }
            (Change::Increment { by, .. }, Self::Counter(value)) => {
                *value = value.wrapping_add(*by);
                return Outcome::Done(Some(Value::integer(*value)));
            }
            _ => return Outcome::WrongType,
        }
        Outcome::Done(None)
    }

    /// Puts an element into a set.
    pub(super) fn insert(&mut self, value: &Value) {
        if let Self::Set { elements, digest } = self
            && !elements.contains(value)
        {
            elements.insert_mut(value.clone());
            *digest = digest.wrapping_add(element_digest(value));
        }
    }

    /// Puts an element at the end of a list.
    pub(super) fn push(&mut self, value: &Value) {
        if let Self::List { elements, digest } = self {
            let weight = LIST_BASE.wrapping_pow(elements.len() as u32);
            *digest = digest.wrapping_add(element_digest(value).wrapping_mul(weight));
            elements.enqueue_mut(value.clone());
        }
    }

    fn take_first(&mut self) -> Option<Value> {
        let Self::List { elements, digest } = self else { return None };
        let first = elements.peek()?.clone();
        elements.dequeue_mut();
        *digest = digest.wrapping_sub(element_digest(&first)).wrapping_mul(LIST_BASE_INVERSE);
        Some(first)
    }

    /// As a client reads it: a register's value, the array of a set's or a list's elements, a counter's number.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Register(value) => value.clone(),
            Self::Set { elements, .. } => Value::list(elements.iter()),
            Self::List { elements, .. } => Value::list(elements.iter()),
            Self::Counter(value) => Value::integer(*value),
        }
    }

    /// How many values it holds; an empty set or list counts as one.
    pub(super) fn values(&self) -> u64 {
        match self {
            Self::Register(_) | Self::Counter(_) => 1,
            Self::Set { elements, .. } => elements.size().max(1) as u64,
            Self::List { elements, .. } => elements.len().max(1) as u64,
        }
    }

    /// The digest of its kind and contents.
    pub(super) fn digest(&self) -> u64 {
        match self {
            Self::Register(value) => digest_of(1, value.as_json_text().as_bytes()),
            Self::Set { elements, digest } => mixed(digest ^ mixed(2 + ((elements.size() as u64) << 3))),
            Self::List { elements, digest } => mixed(digest ^ mixed(3 + ((elements.len() as u64) << 3))),
            Self::Counter(value) => digest_of(4, &value.to_le_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lists_digest_depends_on_its_elements_and_not_on_its_past() {
        assert_eq!(LIST_BASE.wrapping_mul(LIST_BASE_INVERSE), 1);
        let list = |values: &[u64]| {
            let mut list = Object::empty_list();
            values.iter().for_each(|value| list.push(&Value::from(*value)));
            list
        };
        let mut shortened = list(&[9, 8, 1, 2, 3]);
        assert_eq!(shortened.take_first(), Some(Value::from(9_u64)));
        shortened.take_first();
        assert_eq!(shortened.digest(), list(&[1, 2, 3]).digest());
        assert_ne!(list(&[1, 2]).digest(), list(&[2, 1]).digest());
        assert_ne!(list(&[]).digest(), Object::empty_set().digest());
    }
}
