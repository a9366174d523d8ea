//! The values of a register as blocks on a line of time, and which of them no order can reconcile.
//!
//! A *group* is a value with the operations on it that ended: its write, its reads. Compare-and-set joins groups into a
//! *block*, whose order is fixed; see [`crate::linearizability`] for why a history is linearizable iff no operation on a later
//! group of a block completed before one on an earlier group was invoked, and no two blocks A and B have `f(A) < s(B)` and
//! `f(B) < s(A)`, where `f` is the first completion in a block and `s` the last invocation.
//!
//! *Event by event.* Completions come in order of time, so `f` of a block is set once, by the first, and is then the greatest
//! of all; and no `s` is later than now. So setting `f` contradicts nothing, and only a rising `s` can: if `s(A)` becomes `i`,
//! the question is whether a block B ≠ A with `f(B) < i` has `s(B) > f(A)`; inside the block, whether a later group's first
//! completion is less than `i`. Blocks in order of `f` are in order of their appearance, so the first takes the greatest `s`
//! of a range.
//!
//! *What may go.* Let `w` be the watermark: whatever ends later was invoked at `w` or after it. Let B have `f(B) < w`, and let
//! some other block C with `f(C) < w` have `s(C) > f(B)`. Whatever ends later on a value of B raises `s(B)` to at least
//! `w > f(C)`, a contradiction with C: every value of B is certainly overwritten, and seeing it again is a violation, as
//! seeing a value that was never written is. So B is forgotten but for its `s`, which may still contradict others: the
//! greatest of all that were forgotten suffices, for their `f` are less than `w`, and so than each `i` to come. Inside a
//! block, the groups before one whose first completion is less than `w` go likewise.
//!
//! (An undecided compare-and-set may have been invoked before `w` and be observed later. Then its block gets a group that was
//! invoked before `w`; but what observes it was invoked at `w` or after it, and is in the same block.)
//!
//! *What stays.* Blocks with `f ≥ w` have an operation that ended since the first one that has not ended began. Of the others,
//! any two B and C have `s(C) ≤ f(B)`: the intervals `[s, f]` meet pairwise, hence in one moment, at which an operation of
//! each block was under way.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::datum::Datum;
use super::maxima::Maxima;

/// After every other time: nothing on the value ended yet.
const NEVER: u64 = u64::MAX;

/// A time, moved by one so that the initial value was there before it; and the index of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) time: u64,
    /// `None`: the initial state.
    pub(super) index: Option<u64>,
}

impl Moment {
    pub(super) const BEFORE_TIME: Self = Self { time: 0, index: None };
    const NEVER: Self = Self { time: NEVER, index: None };

    pub(super) fn new(time_ns: u64, index: u64) -> Self {
        Self { time: time_ns.saturating_add(1), index: Some(index) }
    }
}

/// First completion and last invocation.
#[derive(Debug, Clone, Copy)]
struct Extent {
    first_completed: Moment,
    last_invoked: Moment,
}

impl Extent {
    fn invoked(moment: Moment) -> Self {
        Self { first_completed: Moment::NEVER, last_invoked: moment }
    }
}

#[derive(Debug)]
struct Group {
    value: Datum,
    extent: Extent,
}

#[derive(Debug)]
struct Block {
    /// In order; groups that went are in front.
    chain: VecDeque<Group>,
    gone: u64,
    extent: Extent,
    /// Its place among the blocks in order of first completion.
    place: u64,
}

/// Where a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupId {
    block: u64,
    /// Its place in the chain, those that went included.
    place: u64,
}

/// Operations that no order can reconcile; the events that show it.
#[derive(Debug)]
pub(super) struct Conflict(pub(super) Vec<u64>);

#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: FxHashMap<u64, Block>,
    next_block: u64,
    /// First completions at the watermark or after it, in order, with their blocks.
    window: VecDeque<(u64, u64)>,
    /// Last invocations, in the same order.
    latest: Maxima,
    /// Place of the first in the window.
    first: u64,
    /// Blocks whose first completion is before the watermark.
    settled: Vec<u64>,
    is_settled_raised: bool,
    /// The last invocation on a block that was forgotten.
    forgotten: Option<Extent>,
    /// First completions of groups that follow another, in order.
    followers: VecDeque<(u64, GroupId)>,
}

impl Blocks {
    /// The block of the initial value.
    pub(super) fn with_initial(value: Datum) -> (Self, GroupId) {
        let mut blocks = Self::default();
        let group = blocks.add(value, Moment::BEFORE_TIME);
        blocks.complete(group, Moment::BEFORE_TIME);
        (blocks, group)
    }

    pub(super) fn entries(&self) -> usize {
        self.blocks.values().map(|block| block.chain.len()).sum::<usize>()
            + self.window.len()
            + self.settled.len()
            + self.followers.len()
    }

    /// A value that was written.
    pub(super) fn add(&mut self, value: Datum, invoked: Moment) -> GroupId {
        let extent = Extent::invoked(invoked);
        let chain = VecDeque::from([Group { value, extent }]);
        let block = self.next_block;
        self.next_block += 1;
        self.blocks.insert(block, Block { chain, gone: 0, extent, place: NEVER });
        GroupId { block, place: 0 }
    }

    /// A value that a compare-and-set put into the place of another; `None` where that was replaced already.
    pub(super) fn follow(
        &mut self,
        previous: GroupId,
        value: Datum,
        invoked: Moment,
    ) -> Option<Result<GroupId, Conflict>> {
        let block = self.blocks.get_mut(&previous.block)?;
        if previous.place + 1 != block.gone + block.chain.len() as u64 {
            return None;
        }
        block.chain.push_back(Group { value, extent: Extent::invoked(invoked) });
        Some(self.raise_block(previous.block, invoked).map(|()| GroupId { place: previous.place + 1, ..previous }))
    }

    /// An operation on a value was invoked then, as is known now.
    pub(super) fn raise(&mut self, group: GroupId, invoked: Moment) -> Result<(), Conflict> {
        let Some(block) = self.blocks.get_mut(&group.block) else { return Ok(()) };
        let Some(place) = group.place.checked_sub(block.gone).map(|place| place as usize) else { return Ok(()) };
        let Some(found) = block.chain.get_mut(place) else { return Ok(()) };
        if found.extent.last_invoked.time < invoked.time {
            found.extent.last_invoked = invoked;
            let later = block.chain.iter().skip(place + 1).map(|group| group.extent.first_completed);
            if let Some(completed) = later.into_iter().find(|completed| completed.time < invoked.time) {
                return Err(Conflict([completed.index, invoked.index].into_iter().flatten().collect()));
            }
        }
        self.raise_block(group.block, invoked)
    }

    /// An operation on a value completed now.
    pub(super) fn complete(&mut self, group: GroupId, completed: Moment) {
        let Some(block) = self.blocks.get_mut(&group.block) else { return };
        let Some(place) = group.place.checked_sub(block.gone) else { return };
        let Some(found) = block.chain.get_mut(place as usize) else { return };
        if found.extent.first_completed == Moment::NEVER {
            found.extent.first_completed = completed;
            if group.place > 0 {
                self.followers.push_back((completed.time, group));
            }
        }
        if block.extent.first_completed == Moment::NEVER {
            block.extent.first_completed = completed;
            block.place = self.first + self.window.len() as u64;
            self.window.push_back((completed.time, group.block));
            self.latest.push(block.extent.last_invoked.time);
        }
    }

    fn raise_block(&mut self, id: u64, invoked: Moment) -> Result<(), Conflict> {
        let Some(block) = self.blocks.get(&id) else { return Ok(()) };
        if block.extent.last_invoked.time >= invoked.time {
            return Ok(());
        }
        if let Some(other) = self.reaching_beyond(id, block, invoked.time) {
            let events = [
                block.extent.first_completed.index,
                other.last_invoked.index,
                other.first_completed.index,
                invoked.index,
            ];
            return Err(Conflict(events.into_iter().flatten().collect()));
        }
        let place = block.place;
        if let Some(block) = self.blocks.get_mut(&id) {
            block.extent.last_invoked = invoked;
        }
        if place != NEVER && place >= self.first {
            self.latest.raise(place, invoked.time);
        } else {
            self.is_settled_raised |= place != NEVER;
        }
        Ok(())
    }

    /// A block that began to be there before `invoked`, and was there after the given one began to be.
    fn reaching_beyond(&self, id: u64, block: &Block, invoked: u64) -> Option<Extent> {
        let since = block.extent.first_completed.time;
        if since == NEVER {
            return None;
        }
        let reaches = |extent: &Extent| extent.last_invoked.time > since;
        let of_others = self.settled.iter().filter(|other| **other != id).filter_map(|other| self.blocks.get(other));
        let settled = of_others.map(|other| other.extent).find(reaches);
        if let Some(found) = self.forgotten.filter(|extent| reaches(extent)).or(settled) {
            return Some(found);
        }
        let end = self.first + self.window.partition_point(|(completed, _)| *completed < invoked) as u64;
        let before = self.latest.greatest(self.first, end.min(block.place));
        let after = if block.place < end { self.latest.greatest(self.first.max(block.place + 1), end) } else { 0 };
        if before.max(after) <= since {
            return None;
        }
        let others = self.window.iter().take((end - self.first) as usize).filter(|(_, other)| *other != id);
        others.filter_map(|(_, other)| Some(self.blocks.get(other)?.extent)).find(reaches)
    }

    /// Forgets what cannot matter any more; tells the values that went.
    pub(super) fn settle(&mut self, watermark: u64, went: &mut impl FnMut(&Datum)) {
        while let Some((_, group)) = self.followers.front().filter(|(completed, _)| *completed < watermark) {
            if let Some(block) = self.blocks.get_mut(&group.block) {
                while block.gone < group.place {
                    if let Some(group) = block.chain.pop_front() {
                        went(&group.value);
                    }
                    block.gone += 1;
                }
            }
            self.followers.pop_front();
        }
        let before = self.settled.len();
        while let Some((_, block)) = self.window.front().filter(|(completed, _)| *completed < watermark) {
            self.settled.push(*block);
            self.window.pop_front();
            self.first += 1;
        }
        if self.settled.len() > before || self.is_settled_raised {
            self.latest.drop_before(self.first);
            self.is_settled_raised = false;
            self.forget(went);
        }
    }

    /// Forgets blocks that are before the watermark and before another that is.
    fn forget(&mut self, went: &mut impl FnMut(&Datum)) {
        let extent = |id: &u64| self.blocks.get(id).map(|block| block.extent);
        let mut latest: [(u64, Option<u64>); 2] =
            [(self.forgotten.map_or(0, |extent| extent.last_invoked.time), None), (0, None)];
        for id in &self.settled {
            let time = extent(id).map_or(0, |extent| extent.last_invoked.time);
            if time > latest[0].0 {
                latest = [(time, Some(*id)), latest[0]];
            } else if time > latest[1].0 {
                latest[1] = (time, Some(*id));
            }
        }
        let Self { settled, blocks, forgotten, .. } = self;
        settled.retain(|id| {
            let of_others = if latest[0].1 == Some(*id) { latest[1].0 } else { latest[0].0 };
            let Some(block) = blocks.get(id) else { return false };
            if of_others <= block.extent.first_completed.time {
                return true;
            }
            block.chain.iter().for_each(|group| went(&group.value));
            if forgotten.is_none_or(|extent| extent.last_invoked.time < block.extent.last_invoked.time) {
                *forgotten = Some(block.extent);
            }
            blocks.remove(id);
            false
        });
    }
}
