//! A disk that finishes in order, some time later; what a crash of the process or of the machine leaves on it.
//!
//! A process that is killed leaves what it wrote: the operating system keeps it. Of the write under way a prefix may have
//! been written. A power loss takes from the machine what was not forced to the medium: with `fsync = always` what is under
//! way, otherwise what was written since the log was last forced. The medium may have taken any of it in any order, whole or
//! torn, but a log is read up to the first record that is missing or torn: what is left is a prefix.

use std::collections::VecDeque;

use rand::{Rng, RngExt};

use crate::{
    core::{Claim, Entry, HardState, Position, Record, Snapshot, Token},
    settings::Fsync,
};

/// How long an undisturbed disk takes, in microseconds.
const WRITE_US: std::ops::RangeInclusive<u64> = 50..=400;

/// How long an undisturbed disk takes to store a snapshot, in microseconds.
const SAVE_US: std::ops::RangeInclusive<u64> = 200..=20_000;

/// One thing that is on disk or not.
#[derive(Debug, Clone)]
enum Piece {
    Record(Record),
    /// A leader's snapshot, stored before the record with which the log begins anew after it.
    Installed(Snapshot),
}

/// What can be read back.
#[derive(Debug, Clone, Default)]
struct Image {
    hard_state: HardState,
    snapshot: Option<Snapshot>,
    /// The position before the first entry, and the claim of the entry there.
    base: (Position, Option<Claim>),
    entries: Vec<Entry>,
    /// How many pieces were put here.
    pieces: u64,
    /// How many had been when the newest snapshot was begun.
    pieces_before_snapshot: u64,
    /// The newest snapshot was installed, and the record with which the log begins anew is missing: the log is void.
    is_void: bool,
}

impl Image {
    /// Takes pieces; returns the entries appended, each with the claim of the entry before it.
    fn apply(&mut self, pieces: impl IntoIterator<Item = Piece>) -> Vec<(Entry, Claim)> {
        let mut appended = Vec::new();
        for piece in pieces {
            self.pieces += 1;
            match piece {
                Piece::Installed(snapshot) => {
                    self.snapshot = Some(snapshot);
                    self.pieces_before_snapshot = self.pieces;
                    self.is_void = true;
                }
                Piece::Record(Record::HardState(hard_state)) => self.hard_state = hard_state,
                Piece::Record(Record::Truncate { from }) => {
                    assert!(from > self.base.0, "a truncation from {from} in a log after {:?}", self.base);
                    self.entries.truncate((from.0 - self.base.0.0) as usize - 1);
                }
                Piece::Record(Record::Reset { position, claim }) => self.begin_anew(position, claim),
                Piece::Record(Record::Append(entry)) => {
                    let last = self.base.0.0 + self.entries.len() as u64;
                    assert_eq!(entry.position.0, last + 1, "an entry is appended where the log does not end");
                    let previous = self.entries.last().map(|previous| previous.claim);
                    // An entry that was removed from the log is not known any more.
                    let previous = previous.or(self.base.1).unwrap_or(Claim::NONE);
                    self.entries.push(entry.clone());
                    appended.push((entry, previous));
                }
            }
        }
        appended
    }

    fn begin_anew(&mut self, position: Position, claim: Claim) {
        self.entries.clear();
        self.base = (position, Some(claim));
        self.is_void = false;
    }

    /// Puts a snapshot beside the log, which loses what is `kept` entries and more before it.
    fn save(&mut self, snapshot: Snapshot, kept: u64) {
        let removed = snapshot.position.0.saturating_sub(kept).saturating_sub(self.base.0.0) as usize;
        if removed > 0 && removed <= self.entries.len() {
            self.base = (self.entries[removed - 1].position, Some(self.entries[removed - 1].claim));
            self.entries.drain(..removed);
        }
        self.snapshot = Some(snapshot);
    }

    /// Begins the log anew after the snapshot if the snapshot does not follow from the log; true if it did. That happens
    /// where the log lost its tail; a whole log that contradicts its snapshot is what a real node refuses as damage.
    fn begin_anew_if_void(&mut self) -> bool {
        let Some(Snapshot { position, claim, .. }) = &self.snapshot else { return false };
        let (position, claim) = (*position, *claim);
        let is_void = self.is_void || self.claim_in_log(position) != Some(claim);
        let is_cut = self.is_void || self.pieces < self.pieces_before_snapshot;
        assert!(
            is_cut || !is_void,
            "the log holds other entries than {claim:?} at {position}, and nothing of it was lost"
        );
        if is_void {
            self.begin_anew(position, claim);
        }
        is_void
    }

    fn contents(&self) -> (HardState, Option<Snapshot>, Vec<Entry>) {
        let position = self.snapshot.as_ref().map_or(Position(0), |snapshot| snapshot.position);
        let entries = self.entries.iter().filter(|entry| entry.position > position);
        (self.hard_state, self.snapshot.clone(), entries.cloned().collect())
    }

    fn claim_in_log(&self, position: Position) -> Option<Claim> {
        let index = position.0.checked_sub(self.base.0.0)?;
        let before = index.checked_sub(1);
        before.map_or(self.base.1, |index| self.entries.get(index as usize).map(|entry| entry.claim))
    }

    fn holds(&self, position: Position, claim: Claim) -> bool {
        let in_snapshot = self.snapshot.as_ref().and_then(|snapshot| snapshot.state.claim_at(position));
        in_snapshot == Some(claim) || (!self.is_void && self.claim_in_log(position) == Some(claim))
    }
}

/// One node's disk.
#[derive(Debug)]
pub(super) struct Disk {
    fsync: Fsync,
    /// So many entries before a snapshot stay in the log.
    kept: u64,
    /// What a process reads.
    written: Image,
    /// What the medium holds at least, and when each piece after it was written; unused with `fsync = always`.
    forced: Image,
    unforced: VecDeque<(u64, Piece)>,
    under_way: VecDeque<(Token, Vec<Piece>)>,
    /// The snapshot that is being stored beside the log, and how much was written when that was begun.
    saving: Option<(Snapshot, u64)>,
    busy_until_us: u64,
    pub(super) slowness: u64,
}

impl Disk {
    pub(super) fn new(fsync: Fsync, kept: u64) -> Self {
        Self {
            fsync,
            kept,
            written: Image::default(),
            forced: Image::default(),
            unforced: VecDeque::new(),
            under_way: VecDeque::new(),
            saving: None,
            busy_until_us: 0,
            slowness: 1,
        }
    }

    /// Begins to write; returns when it will be done.
    pub(super) fn write(&mut self, now_us: u64, token: Token, records: Vec<Record>, rng: &mut impl Rng) -> u64 {
        self.enqueue(now_us, token, records.into_iter().map(Piece::Record).collect(), rng)
    }

    /// Begins to put a leader's snapshot in the place of the log; returns when it will be done.
    pub(super) fn install(&mut self, now_us: u64, token: Token, snapshot: Snapshot, rng: &mut impl Rng) -> u64 {
        let Snapshot { position, claim, .. } = snapshot;
        let pieces = vec![Piece::Installed(snapshot), Piece::Record(Record::Reset { position, claim })];
        self.enqueue(now_us, token, pieces, rng)
    }

    fn enqueue(&mut self, now_us: u64, token: Token, pieces: Vec<Piece>, rng: &mut impl Rng) -> u64 {
        self.under_way.push_back((token, pieces));
        self.busy_until_us = self.busy_until_us.max(now_us) + rng.random_range(WRITE_US) * self.slowness;
        self.busy_until_us
    }

    /// Begins to store a snapshot beside the log; returns when it will be done.
    pub(super) fn save(&mut self, now_us: u64, snapshot: Snapshot, rng: &mut impl Rng) -> u64 {
        assert!(self.saving.is_none(), "one snapshot is stored at a time");
        self.saving = Some((snapshot, self.written.pieces));
        now_us + rng.random_range(SAVE_US) * self.slowness
    }

    /// Finishes the snapshot that is being stored.
    pub(super) fn finish_save(&mut self) {
        if let Some((snapshot, pieces)) = self.saving.take() {
            // The log up to it is not forced to the medium with it.
            self.forced.snapshot = Some(snapshot.clone());
            self.forced.pieces_before_snapshot = pieces;
            self.written.save(snapshot, self.kept);
            self.written.pieces_before_snapshot = pieces;
        }
    }

    /// Finishes the oldest write under way; returns the entries that it appended, each with the claim
    /// of the entry before it.
    pub(super) fn finish(&mut self, now_us: u64, token: Token) -> Vec<(Entry, Claim)> {
        match self.under_way.pop_front() {
            Some((oldest, pieces)) if oldest == token => self.take(now_us, pieces),
            other => unreachable!("the disk finished {token:?}, but the oldest write under way is {other:?}"),
        }
    }

    /// The process ends: of what is under way a random prefix is written; returns like [`Disk::finish`].
    pub(super) fn kill(&mut self, now_us: u64, rng: &mut impl Rng) -> Vec<(Entry, Claim)> {
        let pieces = self.under_way.drain(..).flat_map(|(_, pieces)| pieces).collect();
        self.busy_until_us = 0;
        self.end_save(rng);
        let pieces = random_prefix(pieces, rng);
        self.take(now_us, pieces)
    }

    /// A snapshot that is being stored has its name already or never gets it.
    fn end_save(&mut self, rng: &mut impl Rng) {
        if rng.random_bool(0.5) {
            self.finish_save();
        }
        self.saving = None;
    }

    /// The machine ends: what was not forced to the medium is lost, except for a random prefix; returns like
    /// [`Disk::finish`].
    pub(super) fn lose_power(&mut self, now_us: u64, rng: &mut impl Rng) -> Vec<(Entry, Claim)> {
        if self.fsync == Fsync::Always {
            return self.kill(now_us, rng);
        }
        self.force_by_the_clock(now_us);
        self.end_save(rng);
        let pieces = self.unforced.drain(..).map(|(_, piece)| piece).collect();
        self.under_way.clear();
        self.busy_until_us = 0;
        let appended = self.forced.apply(random_prefix(pieces, rng));
        self.written = self.forced.clone();
        appended
    }

    fn take(&mut self, now_us: u64, pieces: Vec<Piece>) -> Vec<(Entry, Claim)> {
        if self.fsync != Fsync::Always {
            self.unforced.extend(pieces.iter().map(|piece| (now_us, piece.clone())));
            if let Some(installed) = pieces.iter().rposition(|piece| matches!(piece, Piece::Installed(_))) {
                // A snapshot is forced to the medium, and before it what it follows; so is the record after it.
                let after = pieces.len().saturating_sub(installed + 2);
                let forced = self.unforced.len() - after;
                let pieces: Vec<_> = self.unforced.drain(..forced).map(|(_, piece)| piece).collect();
                self.forced.apply(pieces);
            }
        }
        self.written.apply(pieces)
    }

    /// Forces what was written before the last moment at which that was due.
    fn force_by_the_clock(&mut self, now_us: u64) {
        let Fsync::IntervalMs(interval_ms) = self.fsync else { return };
        let interval_us = interval_ms * 1_000;
        let due_us = now_us / interval_us * interval_us;
        while let Some((_, piece)) = self.unforced.pop_front_if(|(written_us, _)| *written_us < due_us) {
            self.forced.apply([piece]);
        }
    }

    /// What a process finds when it starts.
    pub(super) fn recover(&mut self) -> (HardState, Option<Snapshot>, Vec<Entry>) {
        if self.written.begin_anew_if_void() {
            self.unforced.clear();
            self.forced = self.written.clone();
        }
        self.written.contents()
    }

    /// Whether the entry of this claim at this position is on disk.
    pub(super) fn holds(&self, position: Position, claim: Claim) -> bool {
        self.written.holds(position, claim)
    }
}

/// Nothing in every second case, else any number of the first.
fn random_prefix<T>(mut pieces: Vec<T>, rng: &mut impl Rng) -> Vec<T> {
    let kept = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=pieces.len()) };
    pieces.truncate(kept);
    pieces
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::ChaCha8Rng};

    use super::*;
    use crate::core::{Command, Members, NodeId, State, Term};

    fn entry(position: u64) -> Record {
        let claim = Claim { term: Term(1), leader: NodeId(1) };
        Record::Append(Entry { claim, position: Position(position), command: Command::Noop, origin: None })
    }

    /// A disk that finished three records at 1, 2 and 3 ms and has a fourth under way.
    fn disk(fsync: Fsync, rng: &mut ChaCha8Rng) -> Disk {
        let mut disk = Disk::new(fsync, 10);
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
            disk.recover().2.len()
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

    /// As the real storage does it (`a_snapshot_outlives_a_log_that_was_not_flushed_whatever_is_left_of_it`).
    #[test]
    fn a_snapshot_outlives_a_log_that_was_not_forced_whatever_is_left_of_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let later = Claim { term: Term(2), leader: NodeId(1) };
        let rewritten = |position| {
            let position = Position(position);
            Record::Append(Entry { claim: later, position, command: Command::Noop, origin: None })
        };
        let mut left = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut disk = Disk::new(Fsync::Never, 10);
            let truncation = Record::Truncate { from: Position(2) };
            let records = [entry(1), entry(2), entry(3), truncation, rewritten(2), rewritten(3)];
            disk.write(1_000, Token(1), records.to_vec(), &mut rng);
            disk.finish(1_000, Token(1));
            let (position, state) = (Position(3), State::empty_at(Position(3)));
            let members = Members::first(3);
            disk.save(1_000, Snapshot { position, claim: later, members, state }, &mut rng);
            disk.finish_save();
            disk.lose_power(2_000, &mut rng);
            left.insert(disk.written.pieces);
            let (_, snapshot, entries) = disk.recover();
            assert_eq!((snapshot.map(|snapshot| snapshot.claim), entries), (Some(later), vec![]));
        }
        assert!(left.iter().eq(&[0, 1, 2, 3, 4, 5, 6]), "{left:?}");
    }

    #[test]
    #[should_panic(expected = "nothing of it was lost")]
    fn a_whole_log_that_contradicts_its_snapshot_is_no_crash() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut disk = disk(Fsync::Always, &mut rng);
        let (position, state) = (Position(3), State::empty_at(Position(3)));
        let claim = Claim { term: Term(2), leader: NodeId(1) };
        disk.save(1_000, Snapshot { position, claim, members: Members::first(3), state }, &mut rng);
        disk.finish_save();
        disk.recover();
    }

    #[test]
    fn a_power_loss_takes_what_was_not_forced() {
        let lose_power = |disk: &mut Disk, rng: &mut _| drop(disk.lose_power(3_500, rng));
        assert!(lengths(Fsync::Always, lose_power).iter().eq(&[3, 4]));
        assert!(lengths(Fsync::IntervalMs(3), lose_power).iter().eq(&[2, 3]));
        assert!(lengths(Fsync::Never, lose_power).iter().eq(&[0, 1, 2, 3]));
    }
}
