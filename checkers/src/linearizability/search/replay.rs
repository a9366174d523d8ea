//! From the placements that change something to a whole order.
//!
//! The searches do not say where calls stand that change nothing, or that are hidden: directly before an overwrite. Here
//! they are put where they may stand first.

use super::plan::{NO_SLOT, Plan};
use super::trail::Placement;
use crate::model::{Effect, SequentialSpec, Step};

/// An order that explains the first completions of a problem.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order<S> {
    /// Calls, by their place in the problem.
    pub(super) calls: Vec<u32>,
    /// The state they leave.
    pub(super) state: S,
    /// Decided calls that are open then and not in the order, in order of completion.
    pub(super) open: Vec<u32>,
    /// Undecided calls that were invoked by then and are not in the order.
    pub(super) undecided: Vec<u32>,
}

/// The order in which `completions` completions are explained by these placements.
pub(super) fn replay<S: SequentialSpec>(
    plan: &Plan<'_, S>,
    placements: &[Placement],
    completions: u32,
) -> Order<S::State> {
    let mut replay = Replay::new(plan, placements);
    let mut placements = placements.iter().peekable();
    for rank in 0..=completions {
        replay.admit(rank);
        replay.put_unchanging();
        if rank == completions {
            break;
        }
        while let Some(placement) = placements.next_if(|placement| placement.rank <= rank) {
            replay.put_hidden_before(placement.call);
            replay.put(placement.call);
            replay.put_unchanging();
        }
        let closing = plan.returns[rank as usize];
        // A call that is possible always, in a state past its use: nothing tells where it stands.
        if !replay.is_put[closing as usize] {
            replay.put(closing);
        }
        replay.open.retain(|call| *call != closing);
    }
    replay.finish()
}

struct Replay<'p, 's, S: SequentialSpec> {
    plan: &'p Plan<'s, S>,
    state: S::State,
    is_placed: Vec<bool>,
    is_put: Vec<bool>,
    /// Decided calls that are open and not placed by the search.
    open: Vec<u32>,
    undecided: Vec<u32>,
    next_call: u32,
    order: Vec<u32>,
}

impl<'p, 's, S: SequentialSpec> Replay<'p, 's, S> {
    fn new(plan: &'p Plan<'s, S>, placements: &[Placement]) -> Self {
        let mut is_placed = vec![false; plan.opens.len()];
        placements.iter().for_each(|placement| is_placed[placement.call as usize] = true);
        Self {
            plan,
            state: plan.spec.initial(),
            is_placed,
            is_put: vec![false; plan.opens.len()],
            open: Vec::new(),
            undecided: Vec::new(),
            next_call: 0,
            order: Vec::new(),
        }
    }

    fn admit(&mut self, rank: u32) {
        while self.plan.opens.get(self.next_call as usize).is_some_and(|opens| *opens <= rank) {
            let call = self.next_call;
            if !self.plan.is_decided(call) {
                self.undecided.push(call);
            } else if self.plan.slot[call as usize] != NO_SLOT {
                self.open.push(call);
            }
            self.next_call += 1;
        }
    }

    fn put(&mut self, call: u32) {
        let action = self.plan.actions[self.plan.class[call as usize] as usize];
        if let Step::Next(state) = self.plan.spec.step(&self.state, action) {
            self.state = state;
        }
        self.is_put[call as usize] = true;
        self.order.push(call);
    }

    fn put_unchanging(&mut self) {
        for place in 0..self.open.len() {
            let call = self.open[place];
            let action = self.plan.actions[self.plan.class[call as usize] as usize];
            let may_stand = !self.is_put[call as usize] && !self.is_placed[call as usize];
            if may_stand && self.plan.spec.step(&self.state, action) == Step::Same {
                self.put(call);
            }
        }
    }

    fn put_hidden_before(&mut self, next: u32) {
        if self.plan.effect(self.plan.class[next as usize]) != Effect::Overwrite {
            return;
        }
        for place in 0..self.open.len() {
            let call = self.open[place];
            let may_stand = !self.is_put[call as usize] && !self.is_placed[call as usize];
            if may_stand && self.plan.is_total(self.plan.class[call as usize]) {
                self.put(call);
            }
        }
    }

    fn finish(self) -> Order<S::State> {
        let Self { plan, state, is_put, mut open, mut undecided, order, .. } = self;
        open.retain(|call| !is_put[*call as usize]);
        open.sort_by_key(|call| plan.closes[*call as usize]);
        undecided.retain(|call| !is_put[*call as usize]);
        Order { calls: order, state, open, undecided }
    }
}
