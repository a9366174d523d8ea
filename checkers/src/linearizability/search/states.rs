//! States by number, and what classes of actions do to them.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use super::plan::Plan;
use crate::model::{Effect, SequentialSpec, Step};

/// A state past its use: see [`super::reductions`], *usefulness*.
pub(super) const SPENT: u32 = 0;
/// In the table: not asked yet.
const UNKNOWN: u32 = u32::MAX;
/// In the table: not possible.
const ILLEGAL: u32 = u32::MAX - 1;
/// Beyond so many classes the table would be mostly empty.
const CLASSES_IN_TABLE_MAX: usize = 256;
/// What a state costs beside itself: its bound, and its slot in the hash table.
const STATE_OVERHEAD_BYTES: usize = 32;
/// Units of work are this many bytes of state, or one step.
const BYTES_PER_WORK: usize = 1024;

fn hash_of<T: Hash>(value: &T) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What placing a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Illegal,
    Same,
    Next(u32),
}

/// The states one search has seen.
pub(super) struct States<'p, 's, S: SequentialSpec> {
    plan: &'p Plan<'s, S>,
    states: Vec<S::State>,
    /// Numbers of states, found by the states themselves.
    ids: HashTable<u32>,
    useful_until: Vec<u32>,
    /// By state and class, where there are few classes.
    table: Vec<u32>,
    table_width: usize,
    heap_bytes: usize,
    /// Units of work since they were last asked for.
    work: usize,
}

impl<'p, 's, S: SequentialSpec> States<'p, 's, S> {
    /// Number 0 is [`SPENT`], number 1 the initial state.
    pub(super) fn new(plan: &'p Plan<'s, S>) -> Self {
        let classes = plan.actions.len();
        let mut states = Self {
            plan,
            states: Vec::new(),
            ids: HashTable::new(),
            useful_until: Vec::new(),
            table: Vec::new(),
            table_width: if classes <= CLASSES_IN_TABLE_MAX { classes } else { 0 },
            heap_bytes: 0,
            work: 0,
        };
        // The state behind SPENT is never looked at.
        states.push(plan.spec.initial(), u32::MAX);
        states.intern(plan.spec.initial());
        states
    }

    pub(super) const INITIAL: u32 = 1;

    pub(super) fn intern(&mut self, state: S::State) -> u32 {
        let hash = hash_of(&state);
        if let Some(id) = self.ids.find(hash, |id| self.states[*id as usize] == state) {
            return *id;
        }
        let id = self.states.len() as u32;
        let heap_bytes = self.plan.spec.heap_bytes(&state);
        self.heap_bytes += heap_bytes;
        self.work += heap_bytes / BYTES_PER_WORK;
        let useful_until = (self.plan.outlook.useful_until)(&state);
        self.push(state, useful_until);
        let states = &self.states;
        self.ids.insert_unique(hash, id, |id| hash_of(&states[*id as usize]));
        id
    }

    fn push(&mut self, state: S::State, useful_until: u32) {
        self.states.push(state);
        self.useful_until.push(useful_until);
        self.table.resize(self.table.len() + self.table_width, UNKNOWN);
    }

    /// The state as it counts when the completion numbered `rank` is next.
    pub(super) fn at(&self, state: u32, rank: u32) -> u32 {
        if self.useful_until[state as usize] <= rank { SPENT } else { state }
    }

    /// What a call of a class does to a state when the completion numbered `rank` is next.
    #[inline]
    pub(super) fn apply(&mut self, state: u32, class: u32, rank: u32) -> Move {
        if state == SPENT {
            return match self.plan.effect(class) {
                Effect::Pure | Effect::Conditional => Move::Illegal,
                Effect::Update => Move::Same,
                // It leaves the same state wherever it is placed, so the initial one will do to ask.
                Effect::Overwrite => {
                    let next = self.raw(Self::INITIAL, class);
                    match self.at(next, rank) {
                        SPENT => Move::Same,
                        next => Move::Next(next),
                    }
                }
            };
        }
        match self.raw(state, class) {
            ILLEGAL => Move::Illegal,
            next if next == state => Move::Same,
            next => Move::Next(self.at(next, rank)),
        }
    }

    /// The state an overwrite leaves, unless that is spent.
    pub(super) fn left_by(&mut self, class: u32, rank: u32) -> Option<u32> {
        let next = self.raw(Self::INITIAL, class);
        Some(self.at(next, rank)).filter(|state| *state != SPENT)
    }

    fn raw(&mut self, state: u32, class: u32) -> u32 {
        if self.table_width == 0 {
            return self.step(state, class);
        }
        let place = state as usize * self.table_width + class as usize;
        if self.table[place] == UNKNOWN {
            self.table[place] = self.step(state, class);
        }
        self.table[place]
    }

    fn step(&mut self, state: u32, class: u32) -> u32 {
        self.work += 1;
        match self.plan.spec.step(&self.states[state as usize], self.plan.actions[class as usize]) {
            Step::Illegal => ILLEGAL,
            Step::Same => state,
            Step::Next(next) => self.intern(next),
        }
    }

    /// Units of work since the last time.
    pub(super) fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.heap_bytes + self.states.len() * (size_of::<S::State>() + STATE_OVERHEAD_BYTES) + self.table.len() * 4
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Forgets every state but the given ones, and numbers those anew: answers the new number of each old one.
    pub(super) fn keep_only(&mut self, mut kept: Vec<u32>) -> FxHashMap<u32, u32> {
        kept.extend([SPENT, Self::INITIAL]);
        kept.sort_unstable();
        kept.dedup();
        let mut renumbered = FxHashMap::default();
        let old = std::mem::replace(self, Self::new(self.plan));
        self.work = old.work;
        for id in kept {
            let new = if id == SPENT { SPENT } else { self.intern(old.states[id as usize].clone()) };
            renumbered.insert(id, new);
        }
        renumbered
    }
}
