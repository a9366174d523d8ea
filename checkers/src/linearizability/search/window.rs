//! The calls that are open at a completion: invoked before it, and not completed before it.

use super::plan::{NO_SLOT, Plan};
use crate::model::{Effect, SequentialSpec};

/// An open call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Open {
    pub(super) class: u32,
    /// Within a class, in order of completion: see [`super::reductions`], *identical calls*.
    pub(super) closes: u32,
    pub(super) call: u32,
    pub(super) slot: u32,
}

/// The open calls, sorted, by how they treat states.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) pure: Vec<Open>,
    pub(super) overwrites: Vec<Open>,
    pub(super) others: Vec<Open>,
    /// The completion that comes next.
    pub(super) rank: u32,
    /// The first call that is not invoked before it.
    pub(super) next_call: u32,
    /// The first retirement that has not been made.
    next_retirement: usize,
}

impl Window {
    fn list(&mut self, effect: Effect) -> &mut Vec<Open> {
        match effect {
            Effect::Pure => &mut self.pure,
            Effect::Overwrite => &mut self.overwrites,
            Effect::Update | Effect::Conditional => &mut self.others,
        }
    }

    fn insert<S: SequentialSpec>(&mut self, plan: &Plan<'_, S>, call: u32) {
        let open = Self::open_of(plan, call);
        if open.slot != NO_SLOT {
            let list = self.list(plan.effect(open.class));
            let place = list.partition_point(|other| *other < open);
            list.insert(place, open);
        }
    }

    fn remove<S: SequentialSpec>(&mut self, plan: &Plan<'_, S>, call: u32) {
        let open = Self::open_of(plan, call);
        let list = self.list(plan.effect(open.class));
        if let Ok(place) = list.binary_search(&open) {
            list.remove(place);
        }
    }

    pub(super) fn open_of<S: SequentialSpec>(plan: &Plan<'_, S>, call: u32) -> Open {
        let place = call as usize;
        Open { class: plan.class[place], closes: plan.closes[place], call, slot: plan.slot[place] }
    }

    /// Lets in the calls that were invoked before the next completion; answers which. Calls are let in once.
    pub(super) fn admit<S: SequentialSpec>(&mut self, plan: &Plan<'_, S>) -> std::ops::Range<u32> {
        let first = self.next_call;
        while (self.next_call as usize) < plan.opens.len() && plan.opens[self.next_call as usize] <= self.rank {
            self.insert(plan, self.next_call);
            self.next_call += 1;
        }
        first..self.next_call
    }

    /// Goes past the next completion; answers the undecided calls that retire with it.
    pub(super) fn pass<'p, S: SequentialSpec>(&mut self, plan: &'p Plan<'_, S>) -> &'p [(u32, u32)] {
        self.remove(plan, plan.returns[self.rank as usize]);
        let first = self.next_retirement;
        while let Some((_, call)) = plan.retirements.get(self.next_retirement).filter(|(rank, _)| *rank == self.rank) {
            self.remove(plan, *call);
            self.next_retirement += 1;
        }
        self.rank += 1;
        &plan.retirements[first..self.next_retirement]
    }

    /// From the calls open at one completion back to those open at the one before it.
    pub(super) fn back<S: SequentialSpec>(&mut self, plan: &Plan<'_, S>) {
        while self.next_call > 0 && plan.opens[self.next_call as usize - 1] >= self.rank {
            self.next_call -= 1;
            self.remove(plan, self.next_call);
        }
        self.rank -= 1;
        while self.next_retirement > 0 && plan.retirements[self.next_retirement - 1].0 == self.rank {
            self.next_retirement -= 1;
            self.insert(plan, plan.retirements[self.next_retirement].1);
        }
        self.insert(plan, plan.returns[self.rank as usize]);
    }
}
