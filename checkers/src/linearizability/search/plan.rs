//! A problem made ready: times become counts of completions, equal actions one class, and every call gets a slot, a small
//! number that is its own while it is open.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::budget::{Budget, Limit};
use super::problem::{Interval, Problem};
use super::reductions::Reductions;
use crate::model::{Effect, Outlook, SequentialSpec, Step};

/// The slot of a call that takes no part.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// What both searches share and neither changes. Calls go by their place in the problem.
pub(super) struct Plan<'s, S: SequentialSpec> {
    pub(super) spec: &'s S,
    pub(super) outlook: Outlook<'s, S::State>,
    pub(super) opens: Vec<u32>,
    pub(super) closes: Vec<u32>,
    pub(super) class: Vec<u32>,
    pub(super) slot: Vec<u32>,
    /// Decided calls in order of completion.
    pub(super) returns: Vec<u32>,
    /// Undecided calls that are of no use once the completion with the number before them is past.
    pub(super) retirements: Vec<(u32, u32)>,
    /// The action of each class.
    pub(super) actions: Vec<S::Action>,
    pub(super) effects: Vec<Effect>,
    pub(super) slot_count: usize,
    pub(super) reductions: Reductions,
}

impl<'s, S: SequentialSpec> Plan<'s, S> {
    pub(super) fn new(
        spec: &'s S,
        problem: &Problem<S::Action>,
        reductions: Reductions,
        budget: &mut Budget<'_>,
    ) -> Result<Self, Limit> {
        let count = problem.calls.len();
        budget.spend(1)?;
        let mut returns: Vec<u32> =
            (0..count as u32).filter(|call| problem.calls[*call as usize].completed_ns.is_some()).collect();
        let completed = |call: u32| problem.calls[call as usize].completed_ns.unwrap_or(u64::MAX);
        returns.sort_by_key(|call| completed(*call));
        let mut plan = Self {
            spec,
            outlook: Outlook::default(),
            opens: Vec::with_capacity(count),
            closes: vec![Interval::<()>::NEVER; count],
            class: Vec::with_capacity(count),
            slot: vec![NO_SLOT; count],
            returns,
            retirements: Vec::new(),
            actions: Vec::new(),
            effects: Vec::new(),
            slot_count: 0,
            reductions,
        };
        let mut completions = 0;
        let mut classes: FxHashMap<S::Action, u32> = FxHashMap::default();
        for call in &problem.calls {
            budget.spend(1)?;
            while plan.returns.get(completions).is_some_and(|other| completed(*other) < call.invoked_ns) {
                completions += 1;
            }
            plan.opens.push(completions as u32);
            let next = plan.actions.len() as u32;
            let class = *classes.entry(call.action).or_insert(next);
            if class == next {
                plan.actions.push(call.action);
                plan.effects.push(spec.effect(call.action));
            }
            plan.class.push(class);
        }
        for (rank, call) in plan.returns.iter().enumerate() {
            plan.closes[*call as usize] = rank as u32;
        }
        drop(classes);
        plan.look_ahead(budget)?;
        plan.assign_slots(budget)?;
        Ok(plan)
    }

    fn look_ahead(&mut self, budget: &mut Budget<'_>) -> Result<(), Limit> {
        if !self.reductions.usefulness && !self.reductions.zones {
            return Ok(());
        }
        let intervals: Vec<Interval<S::Action>> = (0..self.opens.len())
            .map(|call| Interval {
                action: self.actions[self.class[call] as usize],
                opens: self.opens[call],
                closes: self.closes[call],
            })
            .collect();
        budget.spend(1)?;
        let outlook = self.spec.outlook(&intervals);
        budget.spend(1)?;
        if self.reductions.usefulness {
            self.outlook.useful_until = outlook.useful_until;
        }
        if self.reductions.zones {
            self.outlook.zones = outlook.zones;
            self.outlook.zones.sort_by_key(|zone| zone.from);
            self.outlook.impossible = outlook.impossible;
        }
        Ok(())
    }

    /// An undecided call keeps its slot until it can be of no use any more; one that never can gets none.
    fn assign_slots(&mut self, budget: &mut Budget<'_>) -> Result<(), Limit> {
        let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
        let mut next_call = 0;
        // Counted as ends of ranks, as retirements are.
        let mut retiring: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
        let initial = self.spec.initial();
        for rank in 0..self.returns.len() as u32 {
            budget.spend(1)?;
            while next_call < self.opens.len() && self.opens[next_call] <= rank {
                let call = next_call;
                next_call += 1;
                if self.closes[call] == Interval::<()>::NEVER {
                    let until = self.useful_until(call, &initial);
                    if until <= rank {
                        continue;
                    }
                    if until < self.returns.len() as u32 {
                        retiring.push(Reverse((until - 1, call as u32)));
                    }
                }
                self.slot[call] = free.pop().map_or(self.slot_count as u32, |Reverse(slot)| slot);
                self.slot_count = self.slot_count.max(self.slot[call] as usize + 1);
            }
            free.push(Reverse(self.slot[self.returns[rank as usize] as usize]));
            while let Some(Reverse((end, call))) = retiring.peek().copied()
                && end == rank
            {
                retiring.pop();
                free.push(Reverse(self.slot[call as usize]));
                self.retirements.push((rank, call));
            }
        }
        Ok(())
    }

    /// How long an undecided call may be of use.
    fn useful_until(&self, call: usize, any_state: &S::State) -> u32 {
        let class = self.class[call] as usize;
        match self.effects[class] {
            Effect::Pure => 0,
            Effect::Update | Effect::Conditional => Interval::<()>::NEVER,
            Effect::Overwrite => match self.spec.step(any_state, self.actions[class]) {
                Step::Illegal => Interval::<()>::NEVER,
                Step::Same => (self.outlook.useful_until)(any_state),
                Step::Next(state) => (self.outlook.useful_until)(&state),
            },
        }
    }

    pub(super) fn effect(&self, class: u32) -> Effect {
        self.effects[class as usize]
    }

    pub(super) fn is_total(&self, class: u32) -> bool {
        matches!(self.effect(class), Effect::Overwrite | Effect::Update)
    }

    pub(super) fn is_decided(&self, call: u32) -> bool {
        self.closes[call as usize] != Interval::<()>::NEVER
    }
}
