//! What clients ask for. The first letter of a key tells the kind of its object; written values are unique.

use rand::{Rng, RngExt};

use super::plan::Plan;
use crate::{
    core::{Access, Change, ClientRequest, Origin, Position, Value},
    settings::{Failover, ReadLevel, Replication, Settings},
};

/// How many registers, lists of one age, counters and queues there are.
const REGISTERS: u32 = 3;
const LISTS: u32 = 3;
const COUNTERS: u32 = 2;
const QUEUES: u32 = 1;
/// After so many operations a new set, and new lists, take the place of the older of two: reads stay small however long a
/// run.
const OPERATIONS_PER_AGE: usize = 150;
/// Of a hundred reads so many are at the cluster's own level, the others at any that exists.
const READS_AT_OWN_LEVEL: u32 = 70;
/// The age of what fresh reads may show at most at the level `bounded`, in milliseconds.
const BOUNDED_MS: u64 = 100;
/// The most keys that a scan is asked for: more than there are.
const SCAN_LIMIT: usize = 100;

/// The `number`-th operation of a run, for a client that has seen the state at `seen`.
pub(super) fn request(client: usize, number: usize, seen: Position, plan: &Plan, rng: &mut impl Rng) -> ClientRequest {
    let settings = &plan.settings;
    let at_own_level = if plan.plain_reads { 100 } else { READS_AT_OWN_LEVEL };
    let mut draw = Draw { number, age: number / OPERATIONS_PER_AGE, at_own_level, rng };
    let value = || Value::from(number as u64);
    let change = match draw.rng.random_range(0..100) {
        0..18 => return draw.read(Draw::register, seen, settings),
        18..24 => return draw.read(Draw::set, seen, settings),
        24..28 => return draw.read(Draw::list, seen, settings),
        28..31 => return draw.read(Draw::counter, seen, settings),
        31..33 => return draw.scan(seen, settings),
        33..43 => return draw.transaction(client),
        43..58 => Change::Write { key: draw.register(), value: value() },
        58..65 => draw.cas(),
        65..81 => Change::Add { key: draw.set(), value: value() },
        81..88 => Change::Append { key: draw.list(), value: value() },
        88..93 => Change::Increment { key: draw.counter(), by: draw.rng.random_range(1..=5) },
        93..97 => Change::Append { key: draw.queue(), value: value() },
        _ => Change::Take { key: draw.queue() },
    };
    ClientRequest::Write { change, replication: draw.replication(), origin: draw.origin(client) }
}

struct Draw<'a, R> {
    number: usize,
    age: usize,
    at_own_level: u32,
    rng: &'a mut R,
}

impl<R: Rng> Draw<'_, R> {
    fn one_of(&mut self, count: u32) -> u32 {
        self.rng.random_range(0..count)
    }

    fn recent_age(&mut self) -> usize {
        self.age + self.rng.random_range(0..2)
    }

    fn register(&mut self) -> String {
        format!("r{}", self.one_of(REGISTERS))
    }

    fn set(&mut self) -> String {
        format!("s{}", self.recent_age())
    }

    fn list(&mut self) -> String {
        format!("{}{}", list_prefix(self.recent_age()), self.one_of(LISTS))
    }

    fn counter(&mut self) -> String {
        format!("c{}", self.one_of(COUNTERS))
    }

    fn queue(&mut self) -> String {
        format!("q{}", self.one_of(QUEUES))
    }

    fn read(&mut self, key: fn(&mut Self) -> String, seen: Position, settings: &Settings) -> ClientRequest {
        let key = key(self);
        let level = self.level(settings);
        ClientRequest::Read { key, level: Some(level), at_least: (level == ReadLevel::Session).then_some(seen) }
    }

    fn scan(&mut self, seen: Position, settings: &Settings) -> ClientRequest {
        let (prefix, level) = (list_prefix(self.recent_age()), self.level(settings));
        let at_least = (level == ReadLevel::Session).then_some(seen);
        ClientRequest::Scan { prefix, after: None, limit: SCAN_LIMIT, level: Some(level), at_least }
    }

    fn level(&mut self, settings: &Settings) -> ReadLevel {
        const ANYWHERE: [ReadLevel; 4] =
            [ReadLevel::Local, ReadLevel::Leader, ReadLevel::Bounded(BOUNDED_MS), ReadLevel::Session];
        const BY_MAJORITY: [ReadLevel; 3] = [ReadLevel::Lease, ReadLevel::ReadIndex, ReadLevel::Log];
        if self.one_of(100) < self.at_own_level {
            return settings.read;
        }
        let by_majority: &[_] = if settings.failover == Failover::Consensus { &BY_MAJORITY } else { &[] };
        let choice = self.rng.random_range(0..ANYWHERE.len() + by_majority.len());
        ANYWHERE.iter().chain(by_majority).nth(choice).copied().unwrap_or(settings.read)
    }

    /// Guesses one of the values last written somewhere; now and then that it was never written.
    fn cas(&mut self) -> Change {
        let back = self.rng.random_range(0..=8);
        let old = if back == 0 { Value::null() } else { Value::from(self.number.saturating_sub(back) as u64) };
        Change::Cas { key: self.register(), old, new: Value::from(self.number as u64) }
    }

    /// Reads and appends to lists; an appended value is unique within its list.
    fn transaction(&mut self, client: usize) -> ClientRequest {
        let accesses = (0..self.rng.random_range(1..=4))
            .map(|step| {
                let key = self.list();
                if self.rng.random_bool(0.5) {
                    return Access::Read { key };
                }
                let value = Value::integer(-(self.number as i64 * 4 + step + 1));
                Access::Change(Change::Append { key, value })
            })
            .collect();
        ClientRequest::Transaction { accesses, replication: self.replication(), origin: self.origin(client) }
    }

    /// Now and then a critical write asks for more than the default.
    fn replication(&mut self) -> Option<Replication> {
        self.rng.random_bool(0.05).then_some(Replication::Sync)
    }

    fn origin(&self, client: usize) -> Option<Origin> {
        Some(Origin { client: format!("c{client}"), operation: self.number as u64 })
    }
}

/// What the keys of all lists of one age begin with.
fn list_prefix(age: usize) -> String {
    format!("l{age}-")
}

/// Every list that a scan of this prefix asks for.
pub(super) fn lists(prefix: &str) -> impl Iterator<Item = String> {
    (0..LISTS).map(move |list| format!("{prefix}{list}"))
}
