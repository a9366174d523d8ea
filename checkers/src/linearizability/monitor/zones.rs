//! A register whose values are written once each, in O(n log n).
//!
//! Gibbons & Korach, *Testing Shared Memories* (1997), section 4, extended by undecided operations, compare-and-set and an
//! initial value. Why it is right:
//!
//! *What takes part.* Failed operations and undecided reads say nothing. An undecided write (or compare-and-set) whose value
//! nobody observed is left out: if some order places it, removing it leaves an order, for nobody needed its value. One that
//! was observed did happen, some time after its invocation: its completion is at infinity. Observed means: returned by a
//! read, or expected by a compare-and-set that itself takes part.
//!
//! *Blocks.* Between the write of `v` and the next write the register holds `v`, so each order is a sequence of groups: a
//! write and then its reads. A successful compare-and-set from `u` to `v` makes the group of `v` follow that of `u` at once.
//! As every value is written once, a value has at most one compare-and-set out of it, and groups joined so form chains, the
//! blocks. The initial value is written at minus infinity; its block comes first.
//!
//! *Inside a block* the order of groups is fixed. It is possible iff no read completed before the write of its value was
//! invoked, and no operation of a later group completed before one of an earlier group was invoked.
//!
//! *Between blocks.* Let `f` be a block's earliest completion and `s` its latest invocation. Block A must come before B iff
//! some operation of A completed before one of B was invoked, that is `f(A) < s(B)`. An order of blocks exists iff that
//! relation has no cycle, and it has none iff no two blocks must each come before the other: in a shortest cycle of k ≥ 3
//! blocks no edge is reversed, so `s(i) ≤ f(i+1)`, hence `f(i) < s(i+1) ≤ f(i+2)`, and going round by twos `f(1) < f(1)`.
//! Two blocks conflict iff `f(A) < s(B)` and `f(B) < s(A)`: if `f < s` in both (the value was certainly there throughout
//! `[f, s]`) these zones overlap; if in A only, then B's `[s, f]` lies inside A's zone; it cannot be in neither. Sorted
//! zones that do not overlap are sorted by both ends, so each test needs one neighbour.
//!
//! Equal times are concurrent throughout, so every comparison is strict.

use super::{Conflict, NEVER, NONE, Part, Span};
use crate::index::{RegisterKey, RegisterRead, RegisterWrite};

/// Ends of what is known about a group or a block: times, and the operations they are of ([`NONE`]: the initial write).
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) earliest_completion: u64,
    pub(super) latest_invocation: u64,
    pub(super) completed_by: u32,
    pub(super) invoked_by: u32,
}

impl Extent {
    /// Times are moved by one to make room for the initial write before all of them.
    pub(super) fn of(span: &Span) -> Self {
        Self {
            earliest_completion: span.completed.saturating_add(1),
            latest_invocation: span.invoked.saturating_add(1),
            completed_by: span.operation,
            invoked_by: span.operation,
        }
    }

    pub(super) const INITIAL: Self =
        Self { earliest_completion: 0, latest_invocation: 0, completed_by: NONE, invoked_by: NONE };

    /// Of a group of which nothing is known.
    const UNKNOWN: Self =
        Self { earliest_completion: NEVER, latest_invocation: 0, completed_by: NONE, invoked_by: NONE };

    pub(super) fn join(self, other: Self) -> Self {
        let mut joined = self;
        if other.earliest_completion < self.earliest_completion {
            (joined.earliest_completion, joined.completed_by) = (other.earliest_completion, other.completed_by);
        }
        if other.latest_invocation > self.latest_invocation {
            (joined.latest_invocation, joined.invoked_by) = (other.latest_invocation, other.invoked_by);
        }
        joined
    }

    /// Whether the first must come before the second.
    pub(super) fn precedes(&self, other: &Self) -> bool {
        self.earliest_completion < other.latest_invocation
    }

    /// The four operations because of which each of two blocks must come before the other.
    pub(super) fn conflict(&self, other: &Self) -> Conflict {
        let tell = |operation: u32| match operation {
            NONE => Part::Text("the initial state"),
            operation => Part::Operation(operation),
        };
        Conflict::new([
            Part::Text("every value is written once, so all operations on one value stand together. But "),
            tell(self.completed_by),
            Part::Text(" was over before "),
            tell(other.invoked_by),
            Part::Text(" began, and "),
            tell(other.completed_by),
            Part::Text(" was over before "),
            tell(self.invoked_by),
            Part::Text(" began: each of the two values must come before the other"),
        ])
    }

    /// A later group of a chain has an operation that was over before one of an earlier group began.
    pub(super) fn out_of_chain(earlier: &Self, later: &Self) -> Conflict {
        let words = "each of some values was made from the one before, which fixes their order, yet an operation on a later \
                     one was over before one on an earlier one began";
        Conflict::list([Part::Text(words)], [later.completed_by, earlier.invoked_by])
    }
}

pub(super) fn nobody_wrote(value: u32, observer: u32) -> Conflict {
    Conflict::new([
        Part::Operation(observer),
        Part::Text(" needs the value "),
        Part::Value(value),
        Part::Text(", which nobody wrote"),
    ])
}

pub(super) fn read_too_early(read: u32, write: u32) -> Conflict {
    Conflict::list([Part::Text("a read was over before the only write of its value began")], [read, write])
}

pub(super) fn two_out_of_one(old: u32, one: u32, other: u32) -> Conflict {
    let words = [
        Part::Text("two operations that happened each replaced the value "),
        Part::Value(old),
        Part::Text(", which was there only once"),
    ];
    Conflict::list(words, [one, other])
}

/// A value's group.
#[derive(Debug, Clone, Copy)]
struct Group {
    extent: Extent,
    /// The value that a compare-and-set put in its place, or [`NONE`].
    next: u32,
    /// Whether anything is known of the value; else it takes no part.
    is_known: bool,
    /// Whether a compare-and-set made it.
    is_chained: bool,
}

/// Decides a register none of whose values is ambiguous. The reads are those of its reads that are judged.
pub(crate) fn check(register: &RegisterKey<'_>, reads: impl Iterator<Item = RegisterRead>) -> Result<(), Conflict> {
    let unknown = Group { extent: Extent::UNKNOWN, next: NONE, is_known: false, is_chained: false };
    let mut blocks = Blocks { register, groups: vec![unknown; register.values.len()] };
    blocks.groups[RegisterKey::INITIAL as usize] = Group { extent: Extent::INITIAL, is_known: true, ..unknown };
    for write in register.writes.iter().filter(|write| write.span.is_decided()) {
        blocks.observe(write.new, write.span.operation)?;
    }
    for read in reads {
        blocks.take(&read)?;
    }
    blocks.check()
}

/// The groups of a register, joined by compare-and-set.
struct Blocks<'a> {
    register: &'a RegisterKey<'a>,
    groups: Vec<Group>,
}

impl Blocks<'_> {
    fn writer(&self, value: u32) -> Option<&RegisterWrite> {
        self.register.writer(value)
    }

    fn take(&mut self, read: &RegisterRead) -> Result<(), Conflict> {
        self.observe(read.value, read.span.operation)?;
        if let Some(write) = self.writer(read.value)
            && read.span.precedes(&write.span)
        {
            return Err(read_too_early(read.span.operation, write.span.operation));
        }
        let group = &mut self.groups[read.value as usize];
        group.extent = group.extent.join(Extent::of(&read.span));
        Ok(())
    }

    /// Notes that a value was certainly written, and with it every value that its chain of compare-and-sets needed.
    fn observe(&mut self, value: u32, observer: u32) -> Result<(), Conflict> {
        let (mut value, mut observer) = (value, observer);
        while !self.groups[value as usize].is_known {
            let Some(&write) = self.writer(value) else { return Err(nobody_wrote(value, observer)) };
            let group = &mut self.groups[value as usize];
            group.extent = Extent::of(&write.span);
            group.is_known = true;
            if write.old == NONE {
                return Ok(());
            }
            group.is_chained = true;
            let other = std::mem::replace(&mut self.groups[write.old as usize].next, value);
            if other != NONE {
                let other = self.writer(other).map_or(NONE, |write| write.span.operation);
                return Err(two_out_of_one(write.old, other, write.span.operation));
            }
            observer = write.span.operation;
            value = write.old;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Conflict> {
        let mut zones = Vec::new();
        let mut points = Vec::new();
        let (mut known, mut visited) = (0, 0);
        for group in self.groups.iter().filter(|group| group.is_known) {
            known += 1;
            if group.is_chained {
                continue;
            }
            let (block, length) = self.block(group)?;
            visited += length;
            if block.precedes(&block) { zones.push(block) } else { points.push(block) }
        }
        if visited < known {
            return Err(self.circle());
        }
        zones.sort_unstable_by_key(|zone| zone.earliest_completion);
        for pair in zones.windows(2) {
            if pair[1].precedes(&pair[0]) {
                return Err(pair[0].conflict(&pair[1]));
            }
        }
        for point in &points {
            // The last zone that must come before the point: if any zone must also come after it, this one must.
            let before = zones.partition_point(|zone| zone.precedes(point));
            if let Some(zone) = before.checked_sub(1).map(|place| &zones[place]).filter(|zone| point.precedes(zone)) {
                return Err(zone.conflict(point));
            }
        }
        Ok(())
    }

    /// Joins a chain's groups, and checks their fixed order. Answers how many values it has.
    fn block(&self, first: &Group) -> Result<(Extent, usize), Conflict> {
        let (mut block, mut next, mut length) = (first.extent, first.next, 1);
        while next != NONE {
            let group = &self.groups[next as usize];
            if group.extent.precedes(&block) {
                return Err(Extent::out_of_chain(&block, &group.extent));
            }
            block = block.join(group.extent);
            next = group.next;
            length += 1;
        }
        Ok((block, length))
    }

    /// Values that are left over need each other: a circle of compare-and-sets.
    fn circle(&self) -> Conflict {
        const NAMED_MAX: usize = 6;
        let mut reached = vec![false; self.groups.len()];
        let roots = self.groups.iter().enumerate().filter(|(_, group)| group.is_known && !group.is_chained);
        for (root, _) in roots {
            let mut value = root as u32;
            while value != NONE {
                reached[value as usize] = true;
                value = self.groups[value as usize].next;
            }
        }
        let left_over = (0..self.groups.len()).filter(|value| self.groups[*value].is_known && !reached[*value]);
        let writers = left_over.filter_map(|value| self.writer(value as u32));
        let words = [Part::Text("operations that happened need each other's values in a circle")];
        Conflict::list(words, writers.take(NAMED_MAX).map(|write| write.span.operation))
    }
}
