//! A disk that finishes in order, some time later; what a crash of the process or of the machine leaves on it.
//!
//! A process that is killed leaves what it wrote: the operating system keeps it. Of the write under way a prefix may have
//! been written. A power loss takes from the machine what was not forced to the medium: with `fsync = always` what is under
//! way, otherwise what was written since the log was last forced. The medium may have taken any of it in any order, whole or
//! torn, but a log is read up to the first record that is missing or torn: what is left is a prefix.

use std::collections::VecDeque;

use rand::{Rng, RngExt};

use crate::{
    core::{Claim, Entry, HardState, Position, Record, Token},
    settings::Fsync,
};

/// How long an undisturbed disk takes, in microseconds.
const WRITE_US: std::ops::RangeInclusive<u64> = 50..=400;

/// What can be read back.
#[derive(Debug, Clone, Default)]
struct Image {
    hard_state: HardState,
    entries: Vec<Entry>,
}

impl Image {
    /// Takes records; returns the entries appended, each with the claim of the entry before it.
    fn apply(&mut self, records: impl IntoIterator<Item = Record>) -> Vec<(Entry, Claim)> {
        let mut appended = Vec::new();
        for record in records {
            match record {
                Record::HardState(hard_state) => self.hard_state = hard_state,
                Record::Truncate { from } => self.entries.truncate(from.0 as usize - 1),
                Record::Reset { .. } => self.entries.clear(),
                Record::Append(entry) => {
                    let previous = self.entries.last().map_or(Claim::NONE, |previous| previous.claim);
                    self.entries.push(entry.clone());
                    appended.push((entry, previous));
                }
            }
        }
        appended
    }
}

/// One node's disk.
#[derive(Debug)]
pub(super) struct Disk {
    fsync: Fsync,
    /// What a process reads.
    written: Image,
    /// What the medium holds at least, and when each record after it was written; unused with `fsync = always`.
    forced: Image,
    unforced: VecDeque<(u64, Record)>,
    under_way: VecDeque<(Token, Vec<Record>)>,
    busy_until_us: u64,
    pub(super) slowness: u64,
}

impl Disk {
    pub(super) fn new(fsync: Fsync) -> Self {
        Self {
            fsync,
            written: Image::default(),
            forced: Image::default(),
            unforced: VecDeque::new(),
            under_way: VecDeque::new(),
            busy_until_us: 0,
            slowness: 1,
        }
    }

    /// Begins to write; returns when it will be done.
    pub(super) fn write(&mut self, now_us: u64, token: Token, records: Vec<Record>, rng: &mut impl Rng) -> u64 {
        self.under_way.push_back((token, records));
        self.busy_until_us = self.busy_until_us.max(now_us) + rng.random_range(WRITE_US) * self.slowness;
        self.busy_until_us
    }

    /// Finishes the oldest write under way; returns the entries that it appended, each with the claim
    /// of the entry before it.
    pub(super) fn finish(&mut self, now_us: u64, token: Token) -> Vec<(Entry, Claim)> {
        match self.under_way.pop_front() {
            Some((oldest, records)) if oldest == token => self.take(now_us, records),
            other => unreachable!("the disk finished {token:?}, but the oldest write under way is {other:?}"),
        }
    }

    /// The process ends: of what is under way a random prefix is written; returns like [`Disk::finish`].
    pub(super) fn kill(&mut self, now_us: u64, rng: &mut impl Rng) -> Vec<(Entry, Claim)> {
        let records = self.under_way.drain(..).flat_map(|(_, records)| records).collect();
        self.busy_until_us = 0;
        let records = random_prefix(records, rng);
        self.take(now_us, records)
    }

    /// The machine ends: what was not forced to the medium is lost, except for a random prefix; returns like
    /// [`Disk::finish`].
    pub(super) fn lose_power(&mut self, now_us: u64, rng: &mut impl Rng) -> Vec<(Entry, Claim)> {
        if self.fsync == Fsync::Always {
            return self.kill(now_us, rng);
        }
        self.force_by_the_clock(now_us);
        let records = self.unforced.drain(..).map(|(_, record)| record).collect();
        self.under_way.clear();
        self.busy_until_us = 0;
        let appended = self.forced.apply(random_prefix(records, rng));
        self.written = self.forced.clone();
        appended
    }

    fn take(&mut self, now_us: u64, records: Vec<Record>) -> Vec<(Entry, Claim)> {
        if self.fsync != Fsync::Always {
            self.unforced.extend(records.iter().map(|record| (now_us, record.clone())));
        }
        self.written.apply(records)
    }

    /// Forces what was written before the last moment at which that was due.
    fn force_by_the_clock(&mut self, now_us: u64) {
        let Fsync::IntervalMs(interval_ms) = self.fsync else { return };
        let interval_us = interval_ms * 1_000;
        let due_us = now_us / interval_us * interval_us;
        while let Some((_, record)) = self.unforced.pop_front_if(|(written_us, _)| *written_us < due_us) {
            self.forced.apply([record]);
        }
    }

    pub(super) fn contents(&self) -> (HardState, Vec<Entry>) {
        (self.written.hard_state, self.written.entries.clone())
    }

    /// Whether the entry of this claim at this position is on disk.
    pub(super) fn holds(&self, position: Position, claim: Claim) -> bool {
        let entry = (position.0 as usize).checked_sub(1).and_then(|index| self.written.entries.get(index));
        entry.is_some_and(|entry| entry.claim == claim)
    }
}

/// Nothing in every second case, else any number of the first.
fn random_prefix(mut records: Vec<Record>, rng: &mut impl Rng) -> Vec<Record> {
    let kept = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=records.len()) };
    records.truncate(kept);
    records
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::ChaCha8Rng};

    use super::*;
    use crate::core::{Command, NodeId, Term};

    fn entry(position: u64) -> Record {
        let claim = Claim { term: Term(1), leader: NodeId(1) };
        Record::Append(Entry { claim, position: Position(position), command: Command::Noop, origin: None })
    }

    /// A disk that finished three records at 1, 2 and 3 ms and has a fourth under way.
    fn disk(fsync: Fsync, rng: &mut ChaCha8Rng) -> Disk {
        let mut disk = Disk::new(fsync);
        for position in 1..=4 {
            disk.write(position * 1_000, Token(position), vec![entry(position)], rng);
            if position < 4 {
                disk.finish(position * 1_000, Token(position));
            }
        }
        disk
    }

    fn lengths(fsync: Fsync, crash: fn(&mut Disk, &mut ChaCha8Rng)) -> std::collections::BTreeSet<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let length = |_| {
            let mut disk = disk(fsync, &mut rng);
            crash(&mut disk, &mut rng);
            disk.contents().1.len()
        };
        (0..200).map(length).collect()
    }

    #[test]
    fn a_kill_takes_at_most_what_is_under_way() {
        for fsync in [Fsync::Always, Fsync::IntervalMs(2), Fsync::Never] {
            let left = lengths(fsync, |disk, rng| drop(disk.kill(3_500, rng)));
            assert!(left.iter().eq(&[3, 4]), "{fsync}: {left:?}");
        }
    }

    #[test]
    fn a_power_loss_takes_what_was_not_forced() {
        let lose_power = |disk: &mut Disk, rng: &mut _| drop(disk.lose_power(3_500, rng));
        assert!(lengths(Fsync::Always, lose_power).iter().eq(&[3, 4]));
        assert!(lengths(Fsync::IntervalMs(3), lose_power).iter().eq(&[2, 3]));
        assert!(lengths(Fsync::Never, lose_power).iter().eq(&[0, 1, 2, 3]));
    }
}
