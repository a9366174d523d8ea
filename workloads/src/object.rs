//! The objects that operations are about.

use serde_json::{Value, json};

/// What kind of object an operation is about. It decides what a client makes of the operation, for `add` to a set is not
/// `add` to a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// `read`, `write` v, `cas` [old, new].
    Register,
    /// `add` v, `read` → [v…].
    Set,
    /// `add` n, `read` → n.
    Counter,
    /// First in, first out: `enqueue` v, `dequeue` → v or null.
    Queue,
    /// `txn` over lists: [["append", k, v], ["r", k, null or [v…]]…].
    Lists,
    /// `txn` over registers: [["w", k, v], ["r", k, null or v]…].
    Registers,
    /// `transfer` {from, to, amount}, `read` → {account: balance…}.
    Bank,
    /// `acquire` → token, `release`; `write` [token, v] and `read` of what the lock protects, which takes every write.
    Lock,
    /// As [`Object::Lock`], but what it protects refuses a write with a lower token than it has seen.
    FencedLock,
}

/// Every object with its name, in order.
const OBJECTS: [(Object, &str); 9] = [
    (Object::Register, "register"),
    (Object::Set, "set"),
    (Object::Counter, "counter"),
    (Object::Queue, "queue"),
    (Object::Lists, "lists"),
    (Object::Registers, "registers"),
    (Object::Bank, "bank"),
    (Object::Lock, "lock"),
    (Object::FencedLock, "fenced-lock"),
];

impl Object {
    /// All of them.
    pub const ALL: [Self; 9] = {
        let mut all = [Self::Register; 9];
        let mut place = 0;
        while place < all.len() {
            all[place] = OBJECTS[place].0;
            place += 1;
        }
        all
    };

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        OBJECTS[self as usize].1
    }

    /// What a read of one that was never written returns.
    #[must_use]
    pub fn absent(self) -> Value {
        match self {
            Self::Set | Self::Queue | Self::Lists => json!([]),
            Self::Counter => json!(0),
            Self::Register | Self::Registers | Self::Bank | Self::Lock | Self::FencedLock => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(Object::ALL.iter().enumerate().all(|(place, object)| *object as usize == place));
    }
}
