//! Random transactions over rotating keys: what `list-append` and `rw-register` have in common.
//!
//! A transaction has one to [`LENGTH_MAX`] micro-operations on keys in use. Half of them write, each write a value of its own;
//! half of the writes come right after a read of their key, which tells the order of versions of registers. A key is retired
//! after [`WRITES_PER_KEY`] writes. At the end every key is read once, in a transaction of its own.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::keys::RotatingKeys;
use crate::object::Object;
use crate::workload::{Generator, Operation};

/// Keys in use at a time.
pub const KEYS_IN_USE: usize = 5;
/// Writes after which a key is retired.
pub const WRITES_PER_KEY: u32 = 60;
/// Most micro-operations of a transaction.
pub const LENGTH_MAX: usize = 4;

/// A stream of transactions.
#[derive(Debug)]
pub(crate) struct TransactionGenerator {
    object: Object,
    write: &'static str,
    random: ChaCha8Rng,
    keys: RotatingKeys<()>,
    next_value: u64,
}

impl TransactionGenerator {
    /// Transactions over objects that are written by micro-operations of this name.
    pub(crate) fn new(object: Object, write: &'static str, seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { object, write, random, keys: RotatingKeys::new(KEYS_IN_USE, WRITES_PER_KEY), next_value: 1 }
    }
}

impl Generator for TransactionGenerator {
    fn next(&mut self, _worker: usize) -> Option<Operation> {
        let length = self.random.random_range(1..=LENGTH_MAX);
        let mut micro_operations = Vec::with_capacity(length);
        while micro_operations.len() < length {
            if self.random.random_range(0..2) == 0 {
                micro_operations.push(read(&self.keys.pick(&mut self.random).name));
                continue;
            }
            let key = self.keys.use_one(&mut self.random, |name, ()| name.to_owned());
            if self.random.random_range(0..2) == 0 {
                micro_operations.push(read(&key));
            }
            micro_operations.push(json!([self.write, key, self.next_value]));
            self.next_value += 1;
        }
        // A read with its write may be one too many: the write is left out then.
        micro_operations.truncate(length);
        Some(Operation::new(self.object, "txn", None, Value::Array(micro_operations)))
    }
}

fn read(key: &str) -> Value {
    json!(["r", key, null])
}

/// The keys that a transaction writes.
pub(crate) fn written_keys(transaction: &Value) -> Vec<String> {
    let micro_operations = transaction.as_array().map(Vec::as_slice).unwrap_or_default();
    let writes = micro_operations.iter().filter(|micro_operation| micro_operation[0] != "r");
    writes.filter_map(|write| write[1].as_str().map(ToOwned::to_owned)).collect()
}

/// One read-only transaction for every key.
pub(crate) fn closing_operations(object: Object, keys: &[String]) -> Vec<Operation> {
    keys.iter().map(|key| Operation::new(object, "txn", None, json!([read(key)]))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn drawn(seed: u64) -> Vec<Operation> {
        let mut generator = TransactionGenerator::new(Object::Lists, "append", seed);
        (0..3_000).map(|number| generator.next(number % 5).unwrap()).collect()
    }

    #[test]
    fn a_seed_fixes_the_stream() {
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn values_are_unique_keys_are_retired_and_transactions_short() {
        let (mut writes, mut values, mut reads) = (BTreeMap::new(), BTreeSet::new(), 0);
        for transaction in drawn(3) {
            let micro_operations = transaction.value.as_array().unwrap();
            assert!((1..=LENGTH_MAX).contains(&micro_operations.len()));
            for micro_operation in micro_operations {
                if micro_operation[0] == "r" {
                    reads += 1;
                    continue;
                }
                *writes.entry(micro_operation[1].to_string()).or_insert(0) += 1;
                assert!(values.insert(micro_operation[2].as_u64().unwrap()));
            }
        }
        assert!(writes.values().all(|count| *count <= WRITES_PER_KEY), "{writes:?}");
        assert!(
            writes.len() > 30 && reads > 2_000 && values.len() > 2_000,
            "{} {reads} {}",
            writes.len(),
            values.len()
        );
    }

    #[test]
    fn the_keys_that_are_written_are_found() {
        let transaction = json!([["r", "a", null], ["append", "b", 1], ["w", "c", 2]]);
        assert_eq!(written_keys(&transaction), ["b", "c"]);
        assert!(written_keys(&Value::Null).is_empty());
    }
}
