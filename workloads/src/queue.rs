//! Unique values through first-in-first-out queues on rotating keys, drained at the end.
//!
//! As many operations enqueue as dequeue, so queues stay short. [`KEYS_IN_USE`] are in use at a time, each retired after
//! [`OPERATIONS_PER_KEY`] operations. At the end every queue is drained: dequeued until it is empty.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::History;
use schism_checkers::online::{self, OnlineChecker};
use schism_checkers::{Analysis, Checker, Limits, linearizability, total_queue};
use serde_json::{Value, json};

use crate::judging::judge;
use crate::keys::RotatingKeys;
use crate::object::Object;
use crate::workload::{Generator, Operation, Workload, WorkloadOptions};

/// Queues in use at a time.
pub const KEYS_IN_USE: usize = 4;
/// Operations after which a queue is retired.
pub const OPERATIONS_PER_KEY: u32 = 60;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueWorkload;

// Whether a linearization explains what is missing must be known when what is lost is judged.
static CHECKERS: [&Checker; 2] = [&linearizability::QUEUE_CHECKER, &total_queue::CHECKER];

impl Workload for QueueWorkload {
    fn name(&self) -> &'static str {
        "queue"
    }

    fn description(&self) -> &'static str {
        "unique values through queues on rotating keys, drained at the end: lost, duplicate, unexpected, linearizable"
    }

    fn object(&self) -> Object {
        Object::Queue
    }

    fn operations(&self) -> &'static [&'static str] {
        &["enqueue", "dequeue"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(QueueGenerator {
            random: ChaCha8Rng::seed_from_u64(options.seed),
            keys: RotatingKeys::new(KEYS_IN_USE, OPERATIONS_PER_KEY),
            next_value: 0,
        })
    }

    fn closing_operations(&self, keys: &[String]) -> Vec<Operation> {
        keys.iter().map(|key| Operation { until_null: true, ..dequeue(key) }).collect()
    }

    fn online_checkers(&self) -> Vec<Box<dyn OnlineChecker>> {
        online::linearizable_object("queue").into_iter().chain([online::split_brain()]).collect()
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, &CHECKERS)
    }
}

#[derive(Debug)]
struct QueueGenerator {
    random: ChaCha8Rng,
    keys: RotatingKeys<()>,
    next_value: u64,
}

impl Generator for QueueGenerator {
    fn next(&mut self, _worker: usize) -> Option<Operation> {
        let enqueues = self.random.random_range(0..2) == 0;
        let value = self.next_value;
        self.next_value += u64::from(enqueues);
        Some(self.keys.use_one(&mut self.random, |key, ()| {
            if enqueues { Operation::new(Object::Queue, "enqueue", Some(key), json!(value)) } else { dequeue(key) }
        }))
    }
}

fn dequeue(key: &str) -> Operation {
    Operation::new(Object::Queue, "dequeue", Some(key), Value::Null)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_fixes_the_stream_and_values_are_unique() {
        let drawn = |seed| {
            let mut generator = QueueWorkload.generator(&WorkloadOptions { seed, workers: 5 });
            (0..3_000).map(|number| generator.next(number % 5).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let of_stream = drawn(7);
        let enqueues: Vec<&Operation> = of_stream.iter().filter(|operation| operation.f == "enqueue").collect();
        assert!((1_400..1_600).contains(&enqueues.len()), "{}", enqueues.len());
        let values: BTreeSet<u64> = enqueues.iter().map(|enqueue| enqueue.value.as_u64().unwrap()).collect();
        assert_eq!(values.len(), enqueues.len());
    }
}
