//! Linearizability of a register whose values are written once each, in O(n log n).
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

use super::check::{Contradiction, KeyVerdict, Method, is_judged};
use crate::checker::Context;
use crate::history::{History, KeyId, Operation};
use crate::index::{RegisterKey, ValueId};
use crate::witness::{describe, short};

/// Before every other time: the initial value is written then.
const BEFORE_TIME: u64 = 0;
/// After every other time: an undecided operation that was observed may have taken effect late.
const AFTER_TIME: u64 = u64::MAX;

/// A time of the history, moved by one to make room for [`BEFORE_TIME`].
fn moment(time_ns: u64) -> u64 {
    time_ns.saturating_add(1)
}

/// Decides one key; `None` where a value is written twice, or the history is not one of registers.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let register = &context.registers().ok()?.keys[key.index()];
    if (0..register.values.len()).any(|value| register.is_ambiguous(value as ValueId)) {
        return None;
    }
    let result = Ok(Blocks::new(context.history, register).and_then(|blocks| blocks.check()).err());
    Some(KeyVerdict { method: Method::Zones, result })
}

/// Ends of what is known about a group or a block: times, and the operations they are of (`None`: the initial write).
#[derive(Debug, Clone, Copy)]
struct Extent {
    earliest_completion: u64,
    completed_by: Option<u32>,
    latest_invocation: u64,
    invoked_by: Option<u32>,
}

impl Extent {
    fn of(operation: &Operation<'_>) -> Self {
        Self {
            earliest_completion: operation.completed_ns().map_or(AFTER_TIME, moment),
            completed_by: Some(operation.id() as u32),
            latest_invocation: moment(operation.invoked_ns()),
            invoked_by: Some(operation.id() as u32),
        }
    }

    const INITIAL: Self =
        Self { earliest_completion: BEFORE_TIME, completed_by: None, latest_invocation: BEFORE_TIME, invoked_by: None };

    fn join(self, other: Self) -> Self {
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
    fn precedes(&self, other: &Self) -> bool {
        self.earliest_completion < other.latest_invocation
    }
}

/// A value's group.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    /// `None`: nothing is known of the value, so it takes no part.
    extent: Option<Extent>,
    /// The value that a compare-and-set put in its place.
    next: Option<ValueId>,
    /// Whether a compare-and-set made it.
    is_chained: bool,
}

/// The groups of a key, joined by compare-and-set.
struct Blocks<'k, 'h> {
    history: &'h History,
    register: &'k RegisterKey<'h>,
    groups: Vec<Group>,
}

impl<'k, 'h> Blocks<'k, 'h> {
    fn new(history: &'h History, register: &'k RegisterKey<'h>) -> Result<Self, Contradiction> {
        let mut blocks = Self { history, register, groups: vec![Group::default(); register.values.len()] };
        blocks.groups[RegisterKey::INITIAL as usize].extent = Some(Extent::INITIAL);
        blocks.take_decided_writes()?;
        blocks.take_reads()?;
        Ok(blocks)
    }

    fn take_decided_writes(&mut self) -> Result<(), Contradiction> {
        for write in self.register.writes.iter().filter(|write| write.operation.is_ok()) {
            self.observe(write.new, &write.operation)?;
        }
        Ok(())
    }

    fn take_reads(&mut self) -> Result<(), Contradiction> {
        for read in self.register.reads.iter().filter(|read| is_judged(&read.operation)) {
            self.observe(read.value, &read.operation)?;
            if let Some(write) = self.register.writer(read.value)
                && read.operation.completed_ns().is_some_and(|completed| completed < write.operation.invoked_ns())
            {
                let operations = vec![read.operation.id(), write.operation.id()];
                return Err(self.contradiction("a read was over before the only write of its value began:", operations));
            }
            let group = &mut self.groups[read.value as usize];
            group.extent = group.extent.map(|extent| extent.join(Extent::of(&read.operation)));
        }
        Ok(())
    }

    /// Notes that a value was certainly written, and with it every value that its chain of compare-and-sets needed.
    fn observe(&mut self, value: ValueId, observer: &Operation<'h>) -> Result<(), Contradiction> {
        let mut value = value;
        let mut observer = observer.id();
        while self.groups[value as usize].extent.is_none() {
            let Some(write) = self.register.writer(value) else {
                let text =
                    format!("{} needs the value {}, which nobody wrote", self.describe(observer), self.name(value));
                return Err(Contradiction::new(text, vec![observer]));
            };
            self.groups[value as usize].extent = Some(Extent::of(&write.operation));
            let Some(old) = write.old else { return Ok(()) };
            self.groups[value as usize].is_chained = true;
            if let Some(other) = self.groups[old as usize].next.replace(value) {
                return Err(self.two_out_of_one(old, other, value));
            }
            observer = write.operation.id();
            value = old;
        }
        Ok(())
    }

    fn two_out_of_one(&self, old: ValueId, one: ValueId, other: ValueId) -> Contradiction {
        let writers = [one, other].into_iter().filter_map(|value| self.register.writer(value));
        let operations: Vec<usize> = writers.map(|write| write.operation.id()).collect();
        let text = format!("two compare-and-sets replaced the value {}, which was there only once:", self.name(old));
        self.contradiction(&text, operations)
    }

    fn check(&self) -> Result<(), Contradiction> {
        let mut zones = Vec::new();
        let mut points = Vec::new();
        let mut visited = 0;
        for (value, group) in self.groups.iter().enumerate().filter(|(_, group)| !group.is_chained) {
            let Some(extent) = group.extent else { continue };
            let (block, length) = self.block(extent, value as ValueId)?;
            visited += length;
            if block.precedes(&block) { zones.push(block) } else { points.push(block) }
        }
        if visited < self.groups.iter().filter(|group| group.extent.is_some()).count() {
            return Err(self.circle());
        }
        zones.sort_unstable_by_key(|zone| zone.earliest_completion);
        for pair in zones.windows(2) {
            if pair[1].precedes(&pair[0]) {
                return Err(self.conflict(&pair[0], &pair[1]));
            }
        }
        for point in &points {
            // The last zone that must come before the point: if any zone must also come after it, this one must.
            let before = zones.partition_point(|zone| zone.precedes(point));
            if let Some(zone) = before.checked_sub(1).map(|place| &zones[place]).filter(|zone| point.precedes(zone)) {
                return Err(self.conflict(zone, point));
            }
        }
        Ok(())
    }

    /// Joins a chain's groups, and checks their fixed order. Answers how many values it has.
    fn block(&self, first: Extent, value: ValueId) -> Result<(Extent, usize), Contradiction> {
        let (mut block, mut value, mut length) = (first, value, 1);
        while let Some(next) = self.groups[value as usize].next {
            value = next;
            length += 1;
            let Some(group) = self.groups[value as usize].extent else { break };
            if group.precedes(&block) {
                let operations =
                    [group.completed_by, block.invoked_by].into_iter().flatten().map(|id| id as usize).collect();
                let text = "compare-and-sets fix the order of these values, yet an operation on the later one was over \
                            before one on the earlier one began:";
                return Err(self.contradiction(text, operations));
            }
            block = block.join(group);
        }
        Ok((block, length))
    }

    /// Values that are left over need each other: a circle of compare-and-sets.
    fn circle(&self) -> Contradiction {
        const NAMED_MAX: usize = 6;
        let mut reached = vec![false; self.groups.len()];
        for (root, _) in self.groups.iter().enumerate().filter(|(_, group)| !group.is_chained && group.extent.is_some())
        {
            let mut value = Some(root as ValueId);
            while let Some(present) = value {
                reached[present as usize] = true;
                value = self.groups[present as usize].next;
            }
        }
        let left_over = (0..self.groups.len()).filter(|value| self.groups[*value].extent.is_some() && !reached[*value]);
        let writers = left_over.filter_map(|value| self.register.writer(value as ValueId));
        let operations = writers.take(NAMED_MAX).map(|write| write.operation.id()).collect();
        self.contradiction("compare-and-sets need each other's values in a circle:", operations)
    }

    fn conflict(&self, one: &Extent, other: &Extent) -> Contradiction {
        let ids = [one.completed_by, other.invoked_by, other.completed_by, one.invoked_by];
        let tell = |id: Option<u32>| id.map_or_else(|| "the initial state".to_owned(), |id| self.describe(id as usize));
        let text = format!(
            "every value is written once, so all operations on one value stand together. But {} was over before {} began, and \
             {} was over before {} began: each of the two values must come before the other",
            tell(ids[0]),
            tell(ids[1]),
            tell(ids[2]),
            tell(ids[3])
        );
        let mut operations: Vec<usize> = ids.into_iter().flatten().map(|id| id as usize).collect();
        operations.sort_unstable();
        operations.dedup();
        Contradiction::new(text, operations)
    }

    fn contradiction(&self, text: &str, operations: Vec<usize>) -> Contradiction {
        let told: Vec<String> = operations.iter().map(|id| self.describe(*id)).collect();
        Contradiction::new(format!("{text} {}", told.join("; ")), operations)
    }

    fn describe(&self, id: usize) -> String {
        self.history.operation(id).map(|operation| describe(self.history, &operation)).unwrap_or_default()
    }

    fn name(&self, value: ValueId) -> String {
        short(self.history, self.register.values[value as usize].value)
    }
}
