//! Unique adds to sets, and reads of them: the workload that can tell what was lost.
//!
//! Elements are integers that count up over all keys. [`KEYS_IN_USE`] keys take adds at a time; each takes at most
//! [`ADDS_PER_KEY`], then a new one takes its place, so that reads stay small however long the run. One operation in
//! [`OPERATIONS_PER_READ`] is a read of a key in use. At the end every key is read once.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::History;
use schism_checkers::online::{self, OnlineChecker};
use schism_checkers::{Analysis, Checker, Limits, linearizability, set_full, stale, staleness};
use serde_json::json;

use crate::judging::judge;
use crate::keys::RotatingKeys;
use crate::object::Object;
use crate::workload::{Generator, Operation, Workload, WorkloadOptions};

/// Keys that take adds at a time.
pub const KEYS_IN_USE: usize = 4;
/// Adds after which a key is retired.
pub const ADDS_PER_KEY: u32 = 100;
/// One operation in so many is a read.
pub const OPERATIONS_PER_READ: u32 = 4;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetWorkload;

static CHECKERS: [&Checker; 4] =
    [&set_full::CHECKER, &stale::SET_CHECKER, &linearizability::SET_CHECKER, &staleness::CHECKER];

impl Workload for SetWorkload {
    fn name(&self) -> &'static str {
        "set"
    }

    fn description(&self) -> &'static str {
        "unique adds to sets on rotating keys, and reads: what is lost, recovered, dirty, stale, staleness, linearizable"
    }

    fn object(&self) -> Object {
        Object::Set
    }

    fn operations(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(SetGenerator {
            random: ChaCha8Rng::seed_from_u64(options.seed),
            keys: RotatingKeys::new(KEYS_IN_USE, ADDS_PER_KEY),
            next_element: 0,
        })
    }

    fn online_checkers(&self) -> Vec<Box<dyn OnlineChecker>> {
        vec![online::linearizable_set(), online::split_brain()]
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, &CHECKERS)
    }
}

#[derive(Debug)]
struct SetGenerator {
    random: ChaCha8Rng,
    keys: RotatingKeys<()>,
    next_element: u64,
}

impl Generator for SetGenerator {
    fn next(&mut self, _worker: usize) -> Option<Operation> {
        if self.random.random_range(0..OPERATIONS_PER_READ) == 0 {
            return Some(Operation::read(Object::Set, &self.keys.pick(&mut self.random).name));
        }
        let key = self.keys.use_one(&mut self.random, |name, ()| name.to_owned());
        let value = json!(self.next_element);
        self.next_element += 1;
        Some(Operation::new(Object::Set, "add", Some(&key), value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn operations(seed: u64, count: usize) -> Vec<Operation> {
        let mut generator = SetWorkload.generator(&WorkloadOptions { seed, workers: 5 });
        (0..count).map(|number| generator.next(number % 5).unwrap()).collect()
    }

    #[test]
    fn a_seed_fixes_the_stream() {
        assert_eq!(operations(7, 2000), operations(7, 2000));
        assert_ne!(operations(7, 2000), operations(8, 2000));
    }

    #[test]
    fn elements_are_unique_and_keys_stay_small() {
        let operations = operations(3, 10_000);
        let mut adds: BTreeMap<String, u32> = BTreeMap::new();
        let mut elements = BTreeSet::new();
        for add in operations.iter().filter(|operation| operation.f == "add") {
            *adds.entry(add.key.clone().unwrap()).or_default() += 1;
            assert!(elements.insert(add.value.as_u64().unwrap()));
        }
        assert!(adds.values().all(|count| *count <= ADDS_PER_KEY));
        assert!(adds.len() > 70, "{} keys", adds.len());
        let reads = operations.iter().filter(|operation| operation.f == "read").count();
        assert!((2200..2800).contains(&reads), "{reads} reads");
    }
}
