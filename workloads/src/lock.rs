//! Locks that are taken, used and given back, and what they protect.
//!
//! There are as many locks as workers. A worker acquires one, works for a while, writes what the lock protects, works again and
//! releases the lock. Most critical sections are short; one in [`LONG_ONE_IN`] works up to [`LONG_THINK_MAX`] before it writes, in
//! which the lock may slip away from a holder that does not look. The token of an acquire goes into the write. Without fencing
//! what is protected takes every write; with fencing it refuses one with a lower token than it has seen, which is what makes a
//! lock with leases safe to use.
//!
//! *Holders that die.* A process whose operation ended in doubt is gone, and releases nothing: a lock without leases is held for
//! ever then, one with leases until its lease runs out. So a lock on which somebody was left in doubt is doubtful: it stays in
//! use, and a fresh one comes beside it, so that work goes on. Of the doubtful ones the latest [`DOUBTFUL_MAX`] are kept.
//!
//! A client asks once for a lock and does not wait for it.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::History;
use schism_checkers::{Analysis, Checker, Limits, lock};
use serde_json::{Value, json};

use crate::judging::judge;
use crate::object::Object;
use crate::workload::{Ending, Generator, Operation, Workload, WorkloadOptions};

/// Doubtful locks that stay in use.
pub const DOUBTFUL_MAX: usize = 6;
/// The longest work before or after the write of a short critical section.
pub const SHORT_THINK_MAX: Duration = Duration::from_millis(20);
/// The longest work before the write of a long critical section: longer than a lease survives its client's silence.
pub const LONG_THINK_MAX: Duration = Duration::from_secs(12);
/// One critical section in so many is long.
pub const LONG_ONE_IN: u32 = 16;
/// How often a release that was refused is tried again: whoever was asked may not have been the leader.
pub const RELEASE_ATTEMPTS: u32 = 20;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockWorkload {
    /// Whether what is protected checks tokens.
    pub fenced: bool,
}

static CHECKERS: [&Checker; 1] = [&lock::CHECKER];
static FENCED_CHECKERS: [&Checker; 1] = [&lock::FENCING_CHECKER];

impl Workload for LockWorkload {
    fn name(&self) -> &'static str {
        if self.fenced { "lock-fenced" } else { "lock" }
    }

    fn description(&self) -> &'static str {
        if self.fenced {
            "locks whose tokens are checked by what they protect: fencing violations; overlaps are measured only"
        } else {
            "locks that are taken, used and given back: two holders at once, writes of earlier holders"
        }
    }

    fn object(&self) -> Object {
        if self.fenced { Object::FencedLock } else { Object::Lock }
    }

    fn operations(&self) -> &'static [&'static str] {
        &["acquire", "write", "release"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(LockGenerator::new(self.object(), options))
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, if self.fenced { &FENCED_CHECKERS } else { &CHECKERS })
    }
}

/// What a worker is about.
#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Idle,
    /// It holds a lock and has yet to write what that protects.
    Holding {
        key: String,
        token: Value,
    },
    /// It has written, or was refused, and has yet to release the lock; so many refusals to go.
    Done {
        key: String,
        attempts: u32,
    },
}

#[derive(Debug)]
struct LockGenerator {
    object: Object,
    random: ChaCha8Rng,
    stages: Vec<Stage>,
    sound: Vec<String>,
    doubtful: VecDeque<String>,
    next_lock: u64,
    next_value: u64,
}

impl LockGenerator {
    fn new(object: Object, options: &WorkloadOptions) -> Self {
        let mut generator = Self {
            object,
            random: ChaCha8Rng::seed_from_u64(options.seed),
            stages: vec![Stage::Idle; options.workers],
            sound: Vec::new(),
            doubtful: VecDeque::new(),
            next_lock: 0,
            next_value: 0,
        };
        (0..options.workers).for_each(|_| generator.add_lock());
        generator
    }

    fn add_lock(&mut self) {
        self.sound.push(format!("k{}", self.next_lock));
        self.next_lock += 1;
    }

    /// Somebody may hold this lock and never give it back.
    fn doubt(&mut self, key: &str) {
        let Some(place) = self.sound.iter().position(|sound| sound == key) else { return };
        self.doubtful.push_back(self.sound.swap_remove(place));
        if self.doubtful.len() > DOUBTFUL_MAX {
            self.doubtful.pop_front();
        }
        self.add_lock();
    }

    fn any_lock(&mut self) -> String {
        let place = self.random.random_range(0..self.sound.len() + self.doubtful.len());
        self.sound.get(place).unwrap_or_else(|| &self.doubtful[place - self.sound.len()]).clone()
    }

    fn think(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.random.random_range(0.0..1.0))
    }
}

impl Generator for LockGenerator {
    fn next(&mut self, worker: usize) -> Option<Operation> {
        let stage = self.stages.get(worker).cloned()?;
        Some(match stage {
            Stage::Idle => Operation::new(self.object, "acquire", Some(&self.any_lock()), Value::Null),
            Stage::Holding { key, token } => {
                let value = json!([token, self.next_value]);
                self.next_value += 1;
                let is_long = self.random.random_range(0..LONG_ONE_IN) == 0;
                let think = self.think(if is_long { LONG_THINK_MAX } else { SHORT_THINK_MAX });
                Operation { think, ..Operation::new(self.object, "write", Some(&key), value) }
            }
            Stage::Done { key, attempts } => {
                let is_first = attempts == RELEASE_ATTEMPTS;
                let think = if is_first { self.think(SHORT_THINK_MAX) } else { Duration::ZERO };
                Operation { think, ..Operation::new(self.object, "release", Some(&key), Value::Null) }
            }
        })
    }

    fn learn(&mut self, worker: usize, operation: &Operation, ending: &Ending) {
        let (Some(stage), Some(key)) = (self.stages.get(worker).cloned(), operation.key.clone()) else { return };
        self.stages[worker] = match (operation.f, stage, ending) {
            (_, _, Ending::Info) => {
                self.doubt(&key);
                Stage::Idle
            }
            ("acquire", _, Ending::Ok(token)) => Stage::Holding { key, token: token.clone() },
            ("write", ..) => Stage::Done { key, attempts: RELEASE_ATTEMPTS },
            ("release", Stage::Done { attempts, .. }, Ending::Fail) if attempts > 1 => {
                Stage::Done { key, attempts: attempts - 1 }
            }
            // Perhaps it never learned that the lock is free again.
            ("release", _, Ending::Fail) => {
                self.doubt(&key);
                Stage::Idle
            }
            _ => Stage::Idle,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn generator(seed: u64) -> LockGenerator {
        LockGenerator::new(Object::Lock, &WorkloadOptions { seed, workers: 4 })
    }

    #[test]
    fn a_worker_acquires_writes_with_its_token_and_releases() {
        let mut generator = generator(3);
        let acquire = generator.next(1).unwrap();
        assert_eq!((acquire.f, acquire.think), ("acquire", Duration::ZERO));
        generator.learn(1, &acquire, &Ending::Ok(json!(17)));
        let write = generator.next(1).unwrap();
        assert_eq!((write.f, &write.key, &write.value[0]), ("write", &acquire.key, &json!(17)));
        generator.learn(1, &write, &Ending::Fail);
        for _ in 0..RELEASE_ATTEMPTS {
            let release = generator.next(1).unwrap();
            assert_eq!((release.f, &release.key), ("release", &acquire.key));
            generator.learn(1, &release, &Ending::Fail);
        }
        assert_eq!(generator.next(1).unwrap().f, "acquire", "it gives up at last");
    }

    #[test]
    fn a_lock_that_was_left_in_doubt_stays_and_a_fresh_one_comes() {
        let mut generator = generator(3);
        let acquire = generator.next(0).unwrap();
        let doubtful = acquire.key.clone().unwrap();
        generator.learn(0, &acquire, &Ending::Info);
        let mut keys = BTreeSet::new();
        for _ in 0..200 {
            let next = generator.next(0).unwrap();
            assert_eq!(next.f, "acquire");
            generator.learn(0, &next, &Ending::Fail);
            keys.insert(next.key.unwrap());
        }
        assert!(keys.len() == 5 && keys.contains(&doubtful), "{keys:?}");
        for number in 0..100 {
            let next = generator.next(number % 4).unwrap();
            generator.learn(number % 4, &next, &Ending::Info);
        }
        assert_eq!((generator.sound.len(), generator.doubtful.len()), (4, DOUBTFUL_MAX));
    }

    #[test]
    fn a_seed_and_the_endings_fix_the_stream() {
        let drawn = |seed| {
            let mut generator = generator(seed);
            let mut all = Vec::new();
            for number in 0..1_000 {
                let operation = generator.next(number % 4).unwrap();
                generator.learn(number % 4, &operation, &Ending::Ok(json!(number)));
                all.push(operation);
            }
            all
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }
}
