//! Breadth first, completion by completion: after Lowe, *Testing for Linearizability* (2017), section 4, "just-in-time
//! linearization".
//!
//! A level is every configuration that explains what was completed so far, less what the reductions make needless. Only
//! the present level is kept, so that memory follows the number of open calls, not the length of the history; where no
//! decided call is open, the level is just the set of possible states with the undecided calls each has used. The first
//! completion after which the level is empty is exactly the first that no order explains.

use super::bits::Bits;
use super::budget::{Budget, Limit};
use super::dominance::Dominance;
use super::moves::{Configuration, Moves, Node};
use super::plan::Plan;
use super::trail::Placement;
use crate::model::SequentialSpec;

/// What became of a search, apart from limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is an order; these are its placements that change something.
    Linearizable(Vec<Placement>),
    /// No order explains the completion with the number `rank`; these explain all before the one with the number `at`.
    Stuck { rank: u32, at: u32, way: Vec<Placement> },
}

/// Configurations that a new one is compared with. More find more that are needless, in the square of the time.
const COMPARED_MAX: usize = 256;
/// Below so many states none is forgotten.
const STATES_MIN: usize = 4096;

pub(super) struct JustInTime<'p, 's, S: SequentialSpec, B> {
    moves: Moves<'p, 's, S, B>,
    level: Vec<Node<B>>,
    /// The level of the next completion, as far as it is known.
    next: Vec<Node<B>>,
    zones: Zones,
    live_states: usize,
    /// Some configuration was dropped because of a zone.
    was_cut_by_zone: bool,
}

impl<'p, 's, S: SequentialSpec, B: Bits> JustInTime<'p, 's, S, B> {
    pub(super) fn new(plan: &'p Plan<'s, S>) -> Self {
        let mut moves = Moves::new(plan);
        let mut start = moves.start();
        let admitted = moves.admit();
        moves.arrive(&mut start.configuration, admitted);
        Self {
            moves,
            level: vec![start],
            next: Vec::new(),
            zones: Zones::default(),
            live_states: 0,
            was_cut_by_zone: false,
        }
    }

    /// Lets no zone end the search before its time.
    pub(super) fn without_zones(mut self) -> Self {
        self.zones.next = usize::MAX;
        self
    }

    /// How many completions are explained.
    pub(super) fn rank(&self) -> u32 {
        self.moves.window.rank
    }

    /// Placements that explain them.
    pub(super) fn way(&self) -> Vec<Placement> {
        self.level.first().map(|node| self.moves.trail.way(node.way)).unwrap_or_default()
    }

    /// Whether something was dropped because of what must be so in every linearization of the whole history, so that the
    /// completion the search ended at may come before the first that no order explains.
    pub(super) fn was_cut_by_zone(&self) -> bool {
        self.was_cut_by_zone
    }

    /// Searches on. After an error it may be called again, and begins again at the completion it had come to.
    pub(super) fn run(&mut self, budget: &mut Budget<'_>) -> Result<Outcome, Limit> {
        while (self.rank() as usize) < self.moves.plan.returns.len() {
            self.fill_next(budget)?;
            if self.next.is_empty() {
                return Ok(Outcome::Stuck { rank: self.rank(), at: self.rank(), way: self.way() });
            }
            self.go_on();
        }
        Ok(Outcome::Linearizable(self.way()))
    }

    fn fill_next(&mut self, budget: &mut Budget<'_>) -> Result<(), Limit> {
        self.next.clear();
        self.moves.begin_again();
        budget.set_base(self.level.capacity() * self.moves.node_bytes());
        for place in 0..self.level.len() {
            self.moves.complete(self.level[place].clone(), &mut self.next, budget)?;
            if place % 64 == 0 {
                budget.hold(self.next.capacity() * self.moves.node_bytes() + self.moves.bytes())?;
            }
        }
        let before = self.next.len();
        self.zones.keep_possible(&mut self.moves, &mut self.next);
        self.was_cut_by_zone |= self.next.len() < before;
        Ok(())
    }

    /// To the next completion. The way to the last level's first configuration is not needed any more.
    fn go_on(&mut self) {
        std::mem::swap(&mut self.level, &mut self.next);
        self.next.clear();
        for (_, call) in self.moves.pass() {
            let slot = self.moves.plan.slot[*call as usize];
            self.level.iter_mut().for_each(|node| node.configuration.used.remove(slot));
        }
        let admitted = self.moves.admit();
        for node in &mut self.level {
            self.moves.arrive(&mut node.configuration, admitted.clone());
        }
        self.drop_needless();
        if self.moves.trail.is_crowded() {
            let mut ends: Vec<&mut u32> = self.level.iter_mut().map(|node| &mut node.way).collect();
            self.moves.trail.tidy(&mut ends);
        }
        if self.moves.states.len() > STATES_MIN.max(2 * self.live_states) {
            self.forget_states();
        }
    }

    fn drop_needless(&mut self) {
        if self.level.len() < 2 {
            return;
        }
        let weight = |configuration: &Configuration<B>| configuration.used.count() + configuration.needed.count();
        self.level.sort_by_cached_key(|node| (weight(&node.configuration), node.configuration.clone()));
        self.level.dedup_by(|later, earlier| later.configuration == earlier.configuration);
        if !self.moves.plan.reductions.dominance {
            return;
        }
        let dominance = Dominance::new(&mut self.moves, &self.level);
        let mut kept: Vec<Node<B>> = Vec::with_capacity(self.level.len());
        for node in self.level.drain(..) {
            let lighter = kept.iter().take(COMPARED_MAX);
            if !dominance.is_dominated(&node.configuration, lighter.map(|other| &other.configuration)) {
                kept.push(node);
            }
        }
        self.level = kept;
    }

    fn forget_states(&mut self) {
        let renumbered = self.moves.forget_states(self.level.iter().map(|node| node.configuration.state).collect());
        for node in &mut self.level {
            node.configuration.state = renumbered[&node.configuration.state];
        }
        self.zones.forget_states();
        self.live_states = self.moves.states.len();
    }
}

/// The zones that the next completion lies in.
#[derive(Debug, Default)]
struct Zones {
    /// Place in the outlook, and the number of its state.
    active: Vec<(usize, u32)>,
    next: usize,
    are_numbered: bool,
}

impl Zones {
    /// Keeps the configurations that no zone forbids.
    fn keep_possible<S: SequentialSpec, B: Bits>(&mut self, moves: &mut Moves<'_, '_, S, B>, level: &mut Vec<Node<B>>) {
        let zones = &moves.plan.outlook.zones;
        let rank = moves.window.rank;
        self.active.retain(|(zone, _)| zones[*zone].until > rank);
        while let Some(zone) = zones.get(self.next).filter(|zone| zone.from <= rank) {
            if zone.until > rank {
                self.active.push((self.next, 0));
                self.are_numbered = false;
            }
            self.next += 1;
        }
        if !std::mem::replace(&mut self.are_numbered, true) {
            for (zone, state) in &mut self.active {
                *state = moves.states.intern(zones[*zone].state.clone());
            }
        }
        for (_, state) in &self.active {
            level.retain(|node| node.configuration.state == *state);
        }
    }

    /// After states were numbered anew.
    fn forget_states(&mut self) {
        self.are_numbered = false;
    }
}
