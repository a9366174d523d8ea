//! Additions of one to counters on rotating keys, and reads of them.
//!
//! Every addition is 1, so that linearizability is decided in near-linear time however many operations stay undecided: what
//! a read may return is a range. [`KEYS_IN_USE`] keys are in use at a time, each retired after [`ADDS_PER_KEY`] additions. One
//! operation in [`OPERATIONS_PER_READ`] is a read. At the end every counter is read once.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::History;
use schism_checkers::online::{self, OnlineChecker};
use schism_checkers::{Analysis, Checker, Limits, counter_bounds, linearizability};
use serde_json::json;

use crate::judging::judge;
use crate::keys::RotatingKeys;
use crate::object::Object;
use crate::workload::{Generator, Operation, Workload, WorkloadOptions};

/// Keys in use at a time.
pub const KEYS_IN_USE: usize = 4;
/// Additions after which a key is retired.
pub const ADDS_PER_KEY: u32 = 100;
/// One operation in so many is a read.
pub const OPERATIONS_PER_READ: u32 = 3;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterWorkload;

static CHECKERS: [&Checker; 2] = [&counter_bounds::CHECKER, &linearizability::COUNTER_CHECKER];

impl Workload for CounterWorkload {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn description(&self) -> &'static str {
        "additions of one to counters on rotating keys, and reads: out of bounds, linearizable"
    }

    fn object(&self) -> Object {
        Object::Counter
    }

    fn operations(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(CounterGenerator {
            random: ChaCha8Rng::seed_from_u64(options.seed),
            keys: RotatingKeys::new(KEYS_IN_USE, ADDS_PER_KEY),
        })
    }

    fn online_checkers(&self) -> Vec<Box<dyn OnlineChecker>> {
        online::linearizable_object("counter").into_iter().chain([online::split_brain()]).collect()
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, &CHECKERS)
    }
}

#[derive(Debug)]
struct CounterGenerator {
    random: ChaCha8Rng,
    keys: RotatingKeys<()>,
}

impl Generator for CounterGenerator {
    fn next(&mut self, _worker: usize) -> Option<Operation> {
        if self.random.random_range(0..OPERATIONS_PER_READ) == 0 {
            return Some(Operation::read(Object::Counter, &self.keys.pick(&mut self.random).name));
        }
        let add = |key: &str, (): &mut ()| Operation::new(Object::Counter, "add", Some(key), json!(1));
        Some(self.keys.use_one(&mut self.random, add))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_stream_and_two_thirds_add() {
        let drawn = |seed| {
            let mut generator = CounterWorkload.generator(&WorkloadOptions { seed, workers: 5 });
            (0..3_000).map(|number| generator.next(number % 5).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let adds = drawn(7).iter().filter(|operation| operation.f == "add").count();
        assert!((1_900..2_100).contains(&adds), "{adds}");
    }
}
