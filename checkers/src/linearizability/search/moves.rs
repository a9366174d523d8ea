//! Configurations, and how one leads to others at a completion. Why each step is right: see [`super::reductions`].

use rustc_hash::{FxHashMap, FxHashSet};

use super::bits::Bits;
use super::budget::{Budget, Limit};
use super::plan::{NO_SLOT, Plan};
use super::states::{Move, SPENT, States};
use super::trail::{Placement, START, Trail};
use super::window::{Open, Window};
use crate::model::{Effect, SequentialSpec};

/// Drafts between two counts of the bytes held.
const DRAFTS_PER_COUNT: usize = 256;

/// What matters of the calls placed so far.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Configuration<B> {
    pub(super) state: u32,
    /// Open calls that were placed.
    pub(super) used: B,
    /// Open decided calls that neither were placed nor could be put before now where they change nothing.
    pub(super) needed: B,
}

/// A configuration, and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Node<B> {
    pub(super) configuration: Configuration<B>,
    pub(super) way: u32,
}

/// A configuration under way to a completion.
struct Draft<B> {
    node: Node<B>,
    /// The placement that led to it, where nothing has happened yet in the state it left: the state before it, and it.
    unobserved: Option<(u32, Open)>,
}

/// The calls that are open, and what is known about placing them.
pub(super) struct Moves<'p, 's, S: SequentialSpec, B> {
    pub(super) plan: &'p Plan<'s, S>,
    pub(super) states: States<'p, 's, S>,
    pub(super) window: Window,
    pub(super) trail: Trail,
    /// Slots of open calls that change nothing in a state.
    unchanging: FxHashMap<u32, B>,
    /// Slots of open calls that are possible in every state.
    total: B,
    visited: FxHashSet<Configuration<B>>,
    drafts: Vec<Draft<B>>,
}

impl<'p, 's, S: SequentialSpec, B: Bits> Moves<'p, 's, S, B> {
    pub(super) fn new(plan: &'p Plan<'s, S>) -> Self {
        Self {
            plan,
            states: States::new(plan),
            window: Window::default(),
            trail: Trail::default(),
            unchanging: FxHashMap::default(),
            total: B::empty(plan.slot_count),
            visited: FxHashSet::default(),
            drafts: Vec::new(),
        }
    }

    pub(super) fn start(&self) -> Node<B> {
        let empty = || B::empty(self.plan.slot_count);
        let configuration = Configuration { state: States::<S>::INITIAL, used: empty(), needed: empty() };
        Node { configuration, way: START }
    }

    /// Forgets what was visited at the next completion.
    pub(super) fn begin_again(&mut self) {
        self.visited.clear();
    }

    /// Lets in what is open at the next completion; answers which calls were invoked since the one before it.
    pub(super) fn admit(&mut self) -> std::ops::Range<u32> {
        let admitted = self.window.admit(self.plan);
        self.window_changed();
        admitted
    }

    /// Goes past the next completion; answers the undecided calls that retire with it.
    pub(super) fn pass(&mut self) -> &'p [(u32, u32)] {
        self.window.pass(self.plan)
    }

    /// Back to the completion before.
    pub(super) fn back(&mut self) {
        self.window.back(self.plan);
        self.window_changed();
    }

    fn window_changed(&mut self) {
        self.unchanging.clear();
        self.visited.clear();
        self.total = B::empty(self.plan.slot_count);
        let total = self.window.overwrites.iter().chain(&self.window.others);
        for open in total.filter(|open| self.plan.is_total(open.class)) {
            self.total.insert(open.slot);
        }
    }

    /// Slots of open calls that are possible in every state.
    pub(super) fn total(&self) -> &B {
        &self.total
    }

    /// Lets the newly invoked calls into a configuration, and lets go of a state past its use.
    pub(super) fn arrive(&mut self, configuration: &mut Configuration<B>, admitted: std::ops::Range<u32>) {
        let state = self.states.at(configuration.state, self.window.rank);
        configuration.state = state;
        // A spent state is like more and more others.
        let mut is_new = state == SPENT;
        for call in admitted {
            let slot = self.plan.slot[call as usize];
            if slot != NO_SLOT && self.plan.is_decided(call) {
                configuration.needed.insert(slot);
                is_new = true;
            }
        }
        if is_new && self.plan.reductions.unchanging {
            let unchanging = self.unchanging(state);
            configuration.needed.remove_all(&unchanging);
        }
    }

    /// The open calls that are possible in a state and leave it as it is.
    pub(super) fn unchanging(&mut self, state: u32) -> B {
        if let Some(known) = self.unchanging.get(&state) {
            return known.clone();
        }
        let mut slots = B::empty(self.plan.slot_count);
        let mut last = None;
        for open in self.window.pure.iter().chain(&self.window.overwrites).chain(&self.window.others) {
            let is_same = match last {
                Some((class, is_same)) if class == open.class => is_same,
                _ => self.states.apply(state, open.class, self.window.rank) == Move::Same,
            };
            last = Some((open.class, is_same));
            if is_same {
                slots.insert(open.slot);
            }
        }
        self.unchanging.insert(state, slots.clone());
        slots
    }

    /// Every configuration in which the call of the next completion is done for, each without its slot.
    pub(super) fn complete(
        &mut self,
        from: Node<B>,
        results: &mut Vec<Node<B>>,
        budget: &mut Budget<'_>,
    ) -> Result<(), Limit> {
        let closing = Window::open_of(self.plan, self.plan.returns[self.window.rank as usize]);
        if from.configuration.used.contains(closing.slot) {
            results.push(without(from, closing.slot));
            return budget.spend(1);
        }
        let is_pure = self.plan.effect(closing.class) == Effect::Pure;
        if !from.configuration.needed.contains(closing.slot) {
            results.push(without(from.clone(), closing.slot));
            if is_pure {
                return budget.spend(1);
            }
        }
        self.drafts.clear();
        self.drafts.push(Draft { node: from, unobserved: None });
        let mut count = 0_usize;
        while let Some(draft) = self.drafts.pop() {
            budget.spend(1 + self.states.take_work())?;
            count += 1;
            if count.is_multiple_of(DRAFTS_PER_COUNT) {
                budget.hold(self.bytes() + results.capacity() * self.node_bytes())?;
            }
            self.place_last(&draft, closing, results);
            self.place_others(&draft, closing, is_pure, results);
        }
        Ok(())
    }

    /// Places the call of the next completion itself.
    fn place_last(&mut self, draft: &Draft<B>, closing: Open, results: &mut Vec<Node<B>>) {
        let configuration = &draft.node.configuration;
        if configuration.used.contains(closing.slot) || self.is_hidden(draft, closing) {
            return;
        }
        let state = match self.states.apply(configuration.state, closing.class, self.window.rank) {
            Move::Illegal => return,
            // It is done for already; but others may hide before it.
            Move::Same if self.plan.reductions.unchanging && !self.hides_others(configuration, closing) => return,
            Move::Same => configuration.state,
            // Nothing that is open could follow but what could follow without it.
            Move::Next(SPENT) if !configuration.needed.contains(closing.slot) => return,
            Move::Next(state) => state,
        };
        if self.commutes(draft, closing, state) {
            return;
        }
        let (placed, _) = self.place(&draft.node, closing, state, closing.slot);
        results.push(without(placed, closing.slot));
    }

    /// Places any other open call.
    fn place_others(&mut self, draft: &Draft<B>, closing: Open, is_pure: bool, results: &mut Vec<Node<B>>) {
        let reductions = self.plan.reductions;
        let hides = reductions.hiding && draft.unobserved.is_some_and(|(_, last)| self.plan.is_total(last.class));
        if !hides {
            self.place_any_of(draft, closing, is_pure, Effect::Overwrite, results);
        }
        self.place_any_of(draft, closing, is_pure, Effect::Conditional, results);
        if !reductions.unchanging {
            self.place_any_of(draft, closing, is_pure, Effect::Pure, results);
        }
    }

    fn place_any_of(
        &mut self,
        draft: &Draft<B>,
        closing: Open,
        is_pure: bool,
        effect: Effect,
        results: &mut Vec<Node<B>>,
    ) {
        let configuration = &draft.node.configuration;
        // The class whose calls need not be tried any more; for one whose first call is not needed, those that are not either.
        let mut tried: Option<(u32, bool)> = None;
        for place in 0.. {
            let list = match effect {
                Effect::Pure => &self.window.pure,
                Effect::Overwrite => &self.window.overwrites,
                Effect::Update | Effect::Conditional => &self.window.others,
            };
            let Some(open) = list.get(place).copied() else { return };
            if configuration.used.contains(open.slot) {
                continue;
            }
            let is_needed = configuration.needed.contains(open.slot);
            if tried.is_some_and(|(class, all)| class == open.class && (all || !is_needed)) {
                continue;
            }
            if self.plan.reductions.identical {
                tried = Some((open.class, is_needed));
            }
            if open.slot == closing.slot {
                continue;
            }
            let state = match self.states.apply(configuration.state, open.class, self.window.rank) {
                Move::Illegal => continue,
                // Others may hide before it.
                Move::Same if self.hides_others(configuration, open) => configuration.state,
                Move::Same if self.plan.reductions.unchanging || !self.plan.is_decided(open.call) => continue,
                Move::Same => configuration.state,
                Move::Next(state) if self.is_replaceable(configuration, open, state) => continue,
                Move::Next(state) => state,
            };
            let (node, is_observed) = self.place(&draft.node, open, state, closing.slot);
            if !self.visited.insert(node.configuration.clone()) {
                continue;
            }
            let is_done_for = !node.configuration.needed.contains(closing.slot);
            if is_done_for && configuration.needed.contains(closing.slot) {
                results.push(without(node.clone(), closing.slot));
            }
            if !(is_done_for && is_pure) {
                let unobserved = (!is_observed).then_some((configuration.state, open));
                self.drafts.push(Draft { node, unobserved });
            }
        }
    }

    /// The configuration after a placement, and whether the state it left was of use to some other open call at once.
    fn place(&mut self, from: &Node<B>, open: Open, state: u32, closing_slot: u32) -> (Node<B>, bool) {
        let mut configuration = from.configuration.clone();
        configuration.state = state;
        configuration.used.insert(open.slot);
        configuration.needed.remove(open.slot);
        if self.plan.reductions.hiding && self.plan.effect(open.class) == Effect::Overwrite {
            let is_closing_needed = configuration.needed.contains(closing_slot);
            configuration.needed.remove_all(&self.total);
            if is_closing_needed {
                configuration.needed.insert(closing_slot);
            }
        }
        let mut is_observed = false;
        if self.plan.reductions.unchanging {
            let unchanging = self.unchanging(state);
            is_observed = configuration.needed.intersects(&unchanging);
            configuration.needed.remove_all(&unchanging);
        }
        let way = self.trail.push(from.way, Placement { call: open.call, rank: self.window.rank });
        (Node { configuration, way }, is_observed)
    }

    /// Whether the last placement would stand directly before an overwrite without having been of use.
    fn is_hidden(&self, draft: &Draft<B>, next: Open) -> bool {
        self.plan.reductions.hiding
            && self.plan.effect(next.class) == Effect::Overwrite
            && draft.unobserved.is_some_and(|(_, last)| self.plan.is_total(last.class))
    }

    /// Whether an open call that is possible in fewer states than an undecided overwrite leads to the same state here.
    fn is_replaceable(&mut self, configuration: &Configuration<B>, open: Open, state: u32) -> bool {
        if !self.plan.reductions.standing_in
            || self.plan.is_decided(open.call)
            || self.plan.effect(open.class) != Effect::Overwrite
            || configuration.needed.intersects(&self.total)
        {
            return false;
        }
        let action = self.plan.actions[open.class as usize];
        (0..self.window.others.len()).any(|place| {
            let other = self.window.others[place];
            !configuration.used.contains(other.slot)
                && self.plan.spec.stands_in(action, self.plan.actions[other.class as usize])
                && self.states.apply(configuration.state, other.class, self.window.rank) == Move::Next(state)
        })
    }

    /// Whether placing a call would hide any other that has to be placed.
    fn hides_others(&self, configuration: &Configuration<B>, open: Open) -> bool {
        self.plan.reductions.hiding
            && configuration.state != SPENT
            && self.plan.effect(open.class) == Effect::Overwrite
            && self.total.words().iter().zip(configuration.needed.words()).enumerate().any(|(word, (total, needed))| {
                let own = if word == open.slot as usize / 64 { 1 << (open.slot % 64) } else { 0 };
                total & needed & !own != 0
            })
    }

    /// Whether the last placement might as well come after the next one, which leads to `state`.
    fn commutes(&mut self, draft: &Draft<B>, next: Open, state: u32) -> bool {
        let Some((before, last)) = draft.unobserved.filter(|_| self.plan.reductions.commuting) else { return false };
        let rank = self.window.rank;
        match self.states.apply(before, next.class, rank) {
            Move::Next(between) if between != SPENT => {
                self.states.apply(between, last.class, rank) == Move::Next(state)
            }
            _ => false,
        }
    }

    /// Forgets every state but these, which are numbered anew.
    pub(super) fn forget_states(&mut self, kept: Vec<u32>) -> FxHashMap<u32, u32> {
        self.unchanging.clear();
        self.visited.clear();
        self.states.keep_only(kept)
    }

    /// Bytes of one node.
    pub(super) fn node_bytes(&self) -> usize {
        size_of::<Node<B>>() + 2 * self.total.heap_bytes()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let configuration = self.node_bytes();
        self.states.bytes()
            + self.trail.bytes()
            + self.visited.capacity() * (configuration + 1)
            + self.drafts.capacity() * (configuration + size_of::<Draft<B>>())
    }
}

fn without<B: Bits>(mut node: Node<B>, slot: u32) -> Node<B> {
    node.configuration.used.remove(slot);
    node.configuration.needed.remove(slot);
    node
}
