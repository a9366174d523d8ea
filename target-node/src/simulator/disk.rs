//! A disk that finishes in order, some time later, and forgets on a crash what it has not finished.

use std::collections::VecDeque;

use rand::{Rng, RngExt};

use crate::core::{Claim, Entry, HardState, Position, Record, Token};

/// How long an undisturbed disk takes, in microseconds.
const WRITE_US: std::ops::RangeInclusive<u64> = 50..=400;

/// One node's disk.
#[derive(Debug)]
pub(super) struct Disk {
    hard_state: HardState,
    entries: Vec<Entry>,
    under_way: VecDeque<(Token, Vec<Record>)>,
    busy_until_us: u64,
    pub(super) slowness: u64,
}

impl Disk {
    pub(super) fn new() -> Self {
        let (entries, under_way) = (Vec::new(), VecDeque::new());
        Self { hard_state: HardState::default(), entries, under_way, busy_until_us: 0, slowness: 1 }
    }

    /// Begins to write; returns when it will be done.
    pub(super) fn write(&mut self, now_us: u64, token: Token, records: Vec<Record>, rng: &mut impl Rng) -> u64 {
        self.under_way.push_back((token, records));
        self.busy_until_us = self.busy_until_us.max(now_us) + rng.random_range(WRITE_US) * self.slowness;
        self.busy_until_us
    }

    /// Finishes the oldest write under way; returns the entries that it appended, each with the claim
    /// of the entry before it.
    pub(super) fn finish(&mut self, token: Token) -> Vec<(Entry, Claim)> {
        match self.under_way.pop_front() {
            Some((oldest, records)) if oldest == token => self.apply(records),
            other => unreachable!("the disk finished {token:?}, but the oldest write under way is {other:?}"),
        }
    }

    /// Loses what is under way, except for a random prefix of it; returns like [`Disk::finish`].
    pub(super) fn crash(&mut self, rng: &mut impl Rng) -> Vec<(Entry, Claim)> {
        let mut records: Vec<_> = self.under_way.drain(..).flat_map(|(_, records)| records).collect();
        let finished = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=records.len()) };
        records.truncate(finished);
        self.busy_until_us = 0;
        self.apply(records)
    }

    fn apply(&mut self, records: Vec<Record>) -> Vec<(Entry, Claim)> {
        let mut appended = Vec::new();
        for record in records {
            match record {
                Record::HardState(hard_state) => self.hard_state = hard_state,
                Record::Truncate { from } => self.entries.truncate(from.0 as usize - 1),
                Record::Append(entry) => {
                    let previous = self.entries.last().map_or(Claim::NONE, |previous| previous.claim);
                    self.entries.push(entry.clone());
                    appended.push((entry, previous));
                }
            }
        }
        appended
    }

    pub(super) fn contents(&self) -> (HardState, Vec<Entry>) {
        (self.hard_state, self.entries.clone())
    }

    /// Whether the entry of this claim at this position is on disk.
    pub(super) fn holds(&self, position: Position, claim: Claim) -> bool {
        let entry = (position.0 as usize).checked_sub(1).and_then(|index| self.entries.get(index));
        entry.is_some_and(|entry| entry.claim == claim)
    }
}
