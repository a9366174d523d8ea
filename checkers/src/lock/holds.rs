//! Who certainly held which lock when.
//!
//! A hold begins for certain when its `acquire` has ended ok (with anything but `false`), and lasts until its process invokes the
//! next `release` or `acquire` of that lock, however that ends: after that invocation the lock may be free. A hold without
//! such an end lasts at least until the last line of its process, for all that time the process acted without giving the lock
//! up; whether a lease ran out after that, nobody knows. An undecided acquire is never a hold.
//!
//! Two holds *certainly overlap* iff each began before the other could have ended: A's acquire completed before B's release was
//! invoked, and B's acquire completed before A's release was invoked. Then no choice of the moments at which the four
//! operations took effect puts one hold before the other; equal times are concurrent and prove nothing. Otherwise there is such
//! a choice. The overlap lasts, for certain, from the later completion to the earlier invocation.
//!
//! A `release` by a process that certainly does not hold the lock may free it all the same, for there are locks that do not ask
//! who releases them. So every hold that such a release may have ended (it did not fail, and was not over before the
//! acquire was invoked) is certain up to its invocation only.
//!
//! *Finding them.* Of the holds of a key in order of their beginning, the one that lasts longest so far is compared with the
//! next: it overlaps with any earlier one iff it overlaps with that one. What two or more held at once is the union of these
//! overlaps, for if i and j overlap at a time, j being later, then so do j and the one that lasts longest. O(n log n).

use rustc_hash::FxHashMap;

use crate::history::{History, KeyId, Operation, Outcome, ProcessId, ValueId};

/// A time for which a process certainly held a lock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold<'h> {
    pub(super) acquire: Operation<'h>,
    /// Ends it for certain; `None`: it was not given up.
    pub(super) release: Option<Operation<'h>>,
    begin_ns: u64,
    end_ns: u64,
    /// Whether it lasts through its end.
    includes_end: bool,
}

impl Hold<'_> {
    fn end(&self) -> (u64, bool) {
        (self.end_ns, self.includes_end)
    }
}

/// What is known of a process and a lock.
#[derive(Default)]
struct Claim {
    /// Place of the hold that lasts.
    hold: Option<usize>,
    may_hold: bool,
}

/// Every certain hold.
pub(super) struct Holds<'h> {
    history: &'h History,
    holds: Vec<Hold<'h>>,
    claims: FxHashMap<(ProcessId, KeyId), Claim>,
    /// By process: time of its last line.
    last_line_ns: Vec<u64>,
    /// Releases that may have happened, by who certainly did not hold the lock.
    foreign_releases: Vec<Operation<'h>>,
}

/// Two holds that certainly overlap, the one that began first in front.
pub(super) struct Overlap<'h> {
    pub(super) holds: [Hold<'h>; 2],
}

impl Overlap<'_> {
    pub(super) fn begin_ns(&self) -> u64 {
        self.holds[1].begin_ns
    }

    fn end_ns(&self) -> u64 {
        self.holds[0].end_ns.min(self.holds[1].end_ns)
    }

    pub(super) fn length_ns(&self) -> u64 {
        self.end_ns() - self.begin_ns()
    }
}

/// All overlaps together.
#[derive(Default)]
pub(super) struct Overlaps<'h> {
    /// Holds that began while another lasted.
    pub(super) count: u64,
    /// Time in which more than one held a lock, summed over locks.
    pub(super) total_ns: u64,
    pub(super) longest: Option<Overlap<'h>>,
}

impl<'h> Holds<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut last_line_ns = vec![0; history.processes().len()];
        for operation in history.operations() {
            let last = &mut last_line_ns[operation.process().index()];
            *last = operation.ended_ns().unwrap_or_else(|| operation.invoked_ns()).max(*last);
        }
        Self { history, holds: Vec::new(), claims: FxHashMap::default(), last_line_ns, foreign_releases: Vec::new() }
    }

    /// Notes an acquire; answers whether its process held the lock already.
    pub(super) fn acquire(&mut self, operation: Operation<'h>) -> bool {
        let claim = self.claims.entry((operation.process(), operation.key())).or_default();
        let before = claim.hold.take();
        if let Some(hold) = before.map(|place| &mut self.holds[place]) {
            hold.end_at(operation);
        }
        match (operation.outcome(), operation.result()) {
            (Outcome::Fail, _) | (_, Some(ValueId::FALSE)) => {}
            (_, None) => claim.may_hold = true,
            (_, Some(_)) => {
                claim.may_hold = true;
                claim.hold = Some(self.holds.len());
                let begin_ns = operation.completed_ns().unwrap_or_else(|| operation.invoked_ns());
                let end_ns = self.last_line_ns[operation.process().index()];
                self.holds.push(Hold { acquire: operation, release: None, begin_ns, end_ns, includes_end: true });
            }
        }
        before.is_some()
    }

    pub(super) fn release(&mut self, operation: Operation<'h>) {
        let claim = self.claims.entry((operation.process(), operation.key())).or_default();
        if let Some(hold) = claim.hold.take().map(|place| &mut self.holds[place]) {
            hold.end_at(operation);
        }
        if !claim.may_hold && operation.outcome() != Outcome::Fail {
            self.foreign_releases.push(operation);
        }
        // A refused or undecided release may leave it held.
        claim.may_hold &= !operation.is_ok();
    }

    pub(super) fn is_any_acquired(&self) -> bool {
        !self.holds.is_empty()
    }

    pub(super) fn foreign_releases(&self) -> &[Operation<'h>] {
        &self.foreign_releases
    }

    /// The holds that no foreign release makes doubtful, by key and beginning.
    fn certain(&self) -> Vec<Hold<'h>> {
        // By key: ends of the foreign releases, each with the first invocation of this and all later ends.
        let mut doubts: FxHashMap<KeyId, Vec<(u64, u64)>> = FxHashMap::default();
        for release in &self.foreign_releases {
            let end = release.completed_ns().unwrap_or(u64::MAX);
            doubts.entry(release.key()).or_default().push((end, release.invoked_ns()));
        }
        for doubts in doubts.values_mut() {
            doubts.sort_unstable();
            for place in (1..doubts.len()).rev() {
                doubts[place - 1].1 = doubts[place - 1].1.min(doubts[place].1);
            }
        }
        let mut certain: Vec<Hold<'h>> = Vec::with_capacity(self.holds.len());
        for hold in &self.holds {
            let mut hold = *hold;
            if let Some(doubts) = doubts.get(&hold.acquire.key()) {
                let place = doubts.partition_point(|(end, _)| *end < hold.acquire.invoked_ns());
                let doubtful_from = doubts.get(place).map_or(u64::MAX, |(_, invoked)| *invoked);
                if doubtful_from <= hold.end_ns {
                    (hold.end_ns, hold.includes_end) = (doubtful_from, false);
                }
            }
            if hold.begin_ns <= hold.end_ns {
                certain.push(hold);
            }
        }
        // Of those that begin together the shortest first: an empty one then overlaps with none that begins with it.
        certain.sort_by_key(|hold| (hold.acquire.key(), hold.begin_ns, hold.end(), hold.acquire.id()));
        certain
    }

    pub(super) fn overlaps(&self) -> Overlaps<'h> {
        let mut overlaps = Overlaps::default();
        for holds in self.certain().chunk_by(|one, other| one.acquire.key() == other.acquire.key()) {
            let mut longest_lasting = holds[0];
            let mut counted_until_ns = 0;
            for hold in &holds[1..] {
                let last = longest_lasting;
                if hold.end() > last.end() {
                    longest_lasting = *hold;
                }
                if last.end() <= (hold.begin_ns, false) {
                    continue;
                }
                let overlap = Overlap { holds: [last, *hold] };
                overlaps.count += 1;
                overlaps.total_ns += overlap.end_ns().saturating_sub(overlap.begin_ns().max(counted_until_ns));
                counted_until_ns = counted_until_ns.max(overlap.end_ns());
                if overlaps.longest.as_ref().is_none_or(|longest| longest.length_ns() < overlap.length_ns()) {
                    overlaps.longest = Some(overlap);
                }
            }
        }
        debug_assert!(self.history.end_ns() >= overlaps.longest.as_ref().map_or(0, Overlap::end_ns));
        overlaps
    }
}

impl<'h> Hold<'h> {
    fn end_at(&mut self, operation: Operation<'h>) {
        self.release = Some(operation);
        (self.end_ns, self.includes_end) = (operation.invoked_ns(), false);
    }
}
