//! Reads and writes of registers by clients that rely on session guarantees, sticky or roaming.
//!
//! A *sticky* client reads at its own node, a *roaming* one at another node every time; both write wherever the leader is. What
//! they may rely on follows from the read level of the run: with `local` reads a sticky client can miss its own writes, a
//! roaming one can also see an older state than before. With `session` reads a client names the highest position of the log that
//! it has seen, and the node waits until it has got there.
//!
//! Values are unique and count up over all keys. [`KEYS_IN_USE`] keys are in use at a time, each retired after
//! [`OPERATIONS_PER_KEY`] operations; of ten operations six read. At the end every key is read once.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::History;
use schism_checkers::online::{self, OnlineChecker};
use schism_checkers::{Analysis, Checker, Limits, linearizability, register_values, session, stale, staleness};
use serde_json::json;

use crate::judging::judge;
use crate::keys::RotatingKeys;
use crate::object::Object;
use crate::workload::{Generator, Operation, Visit, Workload, WorkloadOptions};

/// Keys in use at a time.
pub const KEYS_IN_USE: usize = 4;
/// Operations after which a key is retired.
pub const OPERATIONS_PER_KEY: u32 = 100;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionWorkload {
    /// Whether clients read at another node every time.
    pub roams: bool,
}

static CHECKERS: [&Checker; 5] = [
    &session::SESSION,
    &register_values::CHECKER,
    &stale::REGISTER_CHECKER,
    &linearizability::REGISTER_CHECKER,
    &staleness::CHECKER,
];

impl Workload for SessionWorkload {
    fn name(&self) -> &'static str {
        if self.roams { "session-roaming" } else { "session" }
    }

    fn description(&self) -> &'static str {
        if self.roams {
            "reads and writes of clients that read at another node every time: session guarantees, staleness"
        } else {
            "reads and writes of clients that stay with their node: session guarantees, staleness"
        }
    }

    fn object(&self) -> Object {
        Object::Register
    }

    fn operations(&self) -> &'static [&'static str] {
        &["read", "write"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(SessionGenerator {
            roams: self.roams,
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
struct SessionGenerator {
    roams: bool,
    random: ChaCha8Rng,
    keys: RotatingKeys<()>,
    next_value: u64,
}

impl Generator for SessionGenerator {
    fn next(&mut self, _worker: usize) -> Option<Operation> {
        let reads = self.random.random_range(0..10) < 6;
        let visit = if self.roams { Visit::Roaming(self.random.random()) } else { Visit::Routed };
        let value = self.next_value;
        self.next_value += u64::from(!reads);
        Some(self.keys.use_one(&mut self.random, |key, ()| {
            if reads {
                Operation { visit, ..Operation::read(Object::Register, key) }
            } else {
                Operation::new(Object::Register, "write", Some(key), json!(value))
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_of_roaming_clients_roam() {
        for roams in [false, true] {
            let mut generator = SessionWorkload { roams }.generator(&WorkloadOptions { seed: 3, workers: 3 });
            let drawn: Vec<Operation> = (0..1_000).map(|number| generator.next(number % 3).unwrap()).collect();
            let reads = drawn.iter().filter(|operation| operation.f == "read").count();
            assert!((550..650).contains(&reads), "{reads}");
            let roaming = drawn.iter().filter(|operation| operation.visit != Visit::Routed);
            assert_eq!(roaming.filter(|operation| operation.f == "read").count(), if roams { reads } else { 0 });
        }
    }
}
