//! Reads, writes and compare-and-sets on independent registers, every written value unique.
//!
//! Unique values make linearizability decidable in near-linear time, however many operations stay undecided. Values are
//! integers that count up over all keys. [`KEYS_IN_USE`] keys are in use at a time; each is retired after
//! [`OPERATIONS_PER_KEY`] operations. Of ten operations four read, four write and two compare and set, from one of the
//! [`GUESSES`] values last sent to that key, so that a good part of them succeed. At the end every key is read once.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::History;
use schism_checkers::online::{self, OnlineChecker};
use schism_checkers::{Analysis, Checker, Limits, linearizability, register_values, stale, staleness};
use serde_json::{Value, json};

use crate::judging::judge;
use crate::keys::RotatingKeys;
use crate::object::Object;
use crate::workload::{Generator, Operation, Workload, WorkloadOptions};

/// Keys in use at a time.
pub const KEYS_IN_USE: usize = 5;
/// Operations after which a key is retired.
pub const OPERATIONS_PER_KEY: u32 = 100;
/// A compare-and-set expects one of so many values last sent.
pub const GUESSES: usize = 2;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterWorkload;

static CHECKERS: [&Checker; 4] =
    [&register_values::CHECKER, &stale::REGISTER_CHECKER, &linearizability::REGISTER_CHECKER, &staleness::CHECKER];

impl Workload for RegisterWorkload {
    fn name(&self) -> &'static str {
        "register"
    }

    fn description(&self) -> &'static str {
        "read, write and compare-and-set of unique values on rotating keys: linearizable, stale"
    }

    fn object(&self) -> Object {
        Object::Register
    }

    fn operations(&self) -> &'static [&'static str] {
        &["read", "write", "cas"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(RegisterGenerator {
            random: ChaCha8Rng::seed_from_u64(options.seed),
            keys: RotatingKeys::new(KEYS_IN_USE, OPERATIONS_PER_KEY),
            next_value: 1,
        })
    }

    fn online_checkers(&self) -> Vec<Box<dyn OnlineChecker>> {
        vec![online::linearizable_register(), online::split_brain()]
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, &CHECKERS)
    }
}

#[derive(Debug)]
struct RegisterGenerator {
    random: ChaCha8Rng,
    keys: RotatingKeys<Vec<u64>>,
    next_value: u64,
}

impl Generator for RegisterGenerator {
    fn next(&mut self, _worker: usize) -> Option<Operation> {
        let choice = self.random.random_range(0..10);
        let guess = self.random.random_range(0..GUESSES);
        let new = self.next_value;
        let drawn = self.keys.use_one(&mut self.random, |key, recent| {
            if choice < 4 {
                return operation("read", key, Value::Null);
            }
            // Nothing was sent to a new key yet: there is nothing to guess.
            let old = recent.iter().rev().nth(guess).or_else(|| recent.last()).copied();
            recent.push(new);
            if recent.len() > GUESSES {
                recent.remove(0);
            }
            match old {
                Some(old) if choice >= 8 => operation("cas", key, json!([old, new])),
                _ => operation("write", key, json!(new)),
            }
        });
        if drawn.f != "read" {
            self.next_value += 1;
        }
        Some(drawn)
    }
}

fn operation(f: &'static str, key: &str, value: Value) -> Operation {
    Operation::new(Object::Register, f, Some(key), value)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn operations(seed: u64, count: usize) -> Vec<Operation> {
        let mut generator = RegisterWorkload.generator(&WorkloadOptions { seed, workers: 5 });
        (0..count).map(|number| generator.next(number % 5).unwrap()).collect()
    }

    #[test]
    fn a_seed_fixes_the_stream() {
        assert_eq!(operations(7, 2000), operations(7, 2000));
        assert_ne!(operations(7, 2000), operations(8, 2000));
    }

    #[test]
    fn values_are_unique_and_keys_are_retired() {
        let operations = operations(3, 10_000);
        let mut uses: BTreeMap<String, u32> = BTreeMap::new();
        let mut values = BTreeSet::new();
        let mut names: BTreeMap<&str, u32> = BTreeMap::new();
        for operation in &operations {
            *uses.entry(operation.key.clone().unwrap()).or_default() += 1;
            *names.entry(operation.f).or_default() += 1;
            match operation.f {
                "write" => assert!(values.insert(operation.value.as_u64().unwrap())),
                "cas" => assert!(values.insert(operation.value[1].as_u64().unwrap())),
                _ => {}
            }
        }
        assert!(uses.values().all(|count| *count <= OPERATIONS_PER_KEY));
        assert!(uses.len() >= 100, "{} keys", uses.len());
        assert!(names["read"] > 3700 && names["write"] > 3700 && names["cas"] > 1500, "{names:?}");
    }
}
