//! Any object: the configurations that the events so far allow, advanced event by event.
//!
//! After Lowe, *Testing for Linearizability* (2017), section on just-in-time linearization: a configuration is a state and
//! the operations under way that it has placed already. An operation is placed only when a completion forces it: at the
//! completion of an operation, a configuration that has not placed it goes on to every configuration that places some of
//! those under way and then it. If no configuration is left, there is no linearization, whatever follows: see [`super`].
//!
//! *Results come late.* What an operation does to the state, or whether it can come next at all, follows from what it will
//! answer, and whether it happens, from how it ends. So an invocation is held back, and all that came after it, until its
//! operation has ended; a violation is told when the operations have ended that were under way as it happened. Undecided
//! operations have ended. At the finish, those that have not are undecided.
//!
//! Reductions, as in the search over whole histories:
//! 1. *A pure operation that is possible next is placed at once*: placed later, it can be moved here, for it is legal, changes
//!    no state, and has begun.
//! 2. *An undecided operation is never placed where it changes nothing*; and of equal ones only the number of those placed
//!    matters, as the one invoked first may stand wherever another may.
//! 3. *A configuration that placed more undecided operations of some kinds, and fewer of none, than another with the same
//!    state and the same decided ones, is dropped*: whatever the first can go on to, the other can.
//!
//! A queue or a set is part of the state, so memory follows what the object holds, beside the operations under way and
//! undecided ones. Past a budget of configurations the key is left to the end. A long queue soon takes too many: of two
//! enqueues at once nobody knows the order until their values come out.

use std::collections::VecDeque;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::check::{Completion, OnlineOperation};
use super::datum::Datum;
use super::keyed::{End, KeyMonitor, Stop};
use super::objects::Object;
use crate::history::Function;
use crate::model::Step;

/// Configurations looked at for one completion, at most.
const BUDGET: usize = 4_000;
/// Decided operations under way, at most: the bits of a set.
const PLACES_MAX: usize = 128;

/// An event that is held back, or was not looked at yet.
#[derive(Debug)]
enum Held {
    /// Number of the operation.
    Invocation(u64),
    Completion {
        number: u64,
        time_ns: u64,
        events: [u64; 2],
    },
}

/// What is known of how an operation ended.
#[derive(Debug)]
enum Fate<A> {
    UnderWay { function: Option<Function>, argument: Datum },
    Happened(A),
    Undecided(A),
    Nothing,
}

/// Undecided operations that are equal.
#[derive(Debug)]
struct Class<A> {
    action: A,
    invoked: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Position<S> {
    state: S,
    /// Places of the decided operations under way that were placed.
    placed: u128,
}

/// How many of each class were placed; trailing zeros are left out.
type Used = Vec<u32>;

/// Configurations, of those with one position none worse than another.
#[derive(Debug)]
struct Frontier<S> {
    configurations: FxHashMap<Position<S>, Vec<Used>>,
    len: usize,
}

impl<S: Clone + Eq + Hash> Frontier<S> {
    fn new() -> Self {
        Self { configurations: FxHashMap::default(), len: 0 }
    }

    /// Whether it is new and no worse than one that is known. What is worse than it goes.
    fn insert(&mut self, position: &Position<S>, used: &Used) -> bool {
        let Some(known) = self.configurations.get_mut(position) else {
            self.configurations.insert(position.clone(), vec![used.clone()]);
            self.len += 1;
            return true;
        };
        if known.iter().any(|known| is_within(known, used)) {
            return false;
        }
        let before = known.len();
        known.retain(|known| !is_within(used, known));
        known.push(used.clone());
        self.len = self.len + known.len() - before;
        true
    }
}

/// Whether the first used no more of any class than the second.
fn is_within(one: &Used, other: &Used) -> bool {
    one.len() <= other.len() && one.iter().zip(other).all(|(one, other)| one <= other)
}

#[derive(Debug)]
pub(super) struct Configurations<O: Object> {
    held: VecDeque<Held>,
    fates: FxHashMap<u64, Fate<O::Action>>,
    /// Decided operations under way, by place.
    under_way: Vec<Option<O::Action>>,
    places: FxHashMap<u64, usize>,
    classes: Vec<Class<O::Action>>,
    class_of: FxHashMap<O::Action, usize>,
    frontier: Frontier<O::State>,
}

impl<O: Object> Default for Configurations<O> {
    fn default() -> Self {
        let mut frontier = Frontier::new();
        frontier.insert(&Position { state: O::State::default(), placed: 0 }, &Used::new());
        Self {
            held: VecDeque::new(),
            fates: FxHashMap::default(),
            under_way: Vec::new(),
            places: FxHashMap::default(),
            classes: Vec::new(),
            class_of: FxHashMap::default(),
            frontier,
        }
    }
}

impl<O: Object> KeyMonitor for Configurations<O> {
    const HAS_READS: bool = O::HAS_READS;

    fn invoked(&mut self, operation: &OnlineOperation) -> Result<(), Stop> {
        self.held.push_back(Held::Invocation(operation.number));
        let fate = Fate::UnderWay { function: operation.function, argument: operation.argument.clone() };
        self.fates.insert(operation.number, fate);
        Ok(())
    }

    fn ended(&mut self, operation: &OnlineOperation, end: End<'_>, completion: &Completion) -> Result<(), Stop> {
        let action = |result| {
            O::action(operation.function, &operation.argument, result).map_err(|object| not_of(operation.index, object))
        };
        let fate = match end {
            End::Fail => Fate::Nothing,
            End::Undecided => action(None)?.map_or(Fate::Nothing, Fate::Undecided),
            End::Ok(result) => action(Some(result))?.map_or(Fate::Nothing, Fate::Happened),
        };
        if matches!(fate, Fate::Happened(_)) {
            self.held.push_back(Held::Completion {
                number: operation.number,
                time_ns: completion.time_ns,
                events: [operation.index, completion.index],
            });
        }
        self.fates.insert(operation.number, fate);
        self.advance()
    }

    fn settle(&mut self, _watermark_ns: u64) {}

    fn finish(&mut self) -> Result<(), Stop> {
        for fate in self.fates.values_mut() {
            if let Fate::UnderWay { function, argument } = fate {
                let action = O::action(*function, argument, None);
                *fate = action.ok().flatten().map_or(Fate::Nothing, Fate::Undecided);
            }
        }
        self.advance()
    }

    fn entries(&self) -> usize {
        self.held.len() + self.fates.len() + self.places.len() + self.classes.len() + self.frontier.len
    }
}

fn not_of(index: u64, object: &str) -> Stop {
    Stop::GaveUp(format!("index {index}: not an operation of {object}"))
}

impl<O: Object> Configurations<O> {
    /// Looks at events until one is of an operation that has not ended.
    fn advance(&mut self) -> Result<(), Stop> {
        while let Some(event) = self.held.front() {
            match *event {
                Held::Invocation(number) => {
                    if matches!(self.fates.get(&number), Some(Fate::UnderWay { .. })) {
                        return Ok(());
                    }
                    self.held.pop_front();
                    self.begin(number)?;
                }
                Held::Completion { number, time_ns, events } => {
                    self.held.pop_front();
                    self.complete(number, time_ns, events)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, number: u64) -> Result<(), Stop> {
        match self.fates.remove(&number) {
            Some(Fate::Happened(action)) => {
                let place = self.under_way.iter().position(Option::is_none).unwrap_or(self.under_way.len());
                if place == PLACES_MAX {
                    return Err(Stop::GaveUp(format!("more than {PLACES_MAX} operations under way at once")));
                }
                if place == self.under_way.len() {
                    self.under_way.push(None);
                }
                self.under_way[place] = Some(action);
                self.places.insert(number, place);
            }
            Some(Fate::Undecided(action)) => {
                let class = *self.class_of.entry(action.clone()).or_insert_with(|| {
                    self.classes.push(Class { action, invoked: 0 });
                    self.classes.len() - 1
                });
                self.classes[class].invoked += 1;
            }
            Some(Fate::UnderWay { .. } | Fate::Nothing) | None => {}
        }
        Ok(())
    }

    /// Every configuration goes on until it has placed the operation.
    fn complete(&mut self, number: u64, time_ns: u64, events: [u64; 2]) -> Result<(), Stop> {
        let Some(place) = self.places.remove(&number) else { return Ok(()) };
        let bit = 1 << place;
        let mut next = Frontier::new();
        let mut seen = Frontier::new();
        let mut waiting: Vec<(Position<O::State>, Used)> = Vec::new();
        let before = std::mem::replace(&mut self.frontier, Frontier::new());
        for (position, all_used) in before.configurations {
            for used in all_used {
                if seen.insert(&position, &used) {
                    waiting.push((position.clone(), used));
                }
            }
        }
        while let Some((mut position, used)) = waiting.pop() {
            self.place_pure(&mut position);
            if position.placed & bit != 0 {
                position.placed &= !bit;
                next.insert(&position, &used);
                continue;
            }
            self.for_each_next(&position, &used, |position, used| {
                if seen.insert(&position, &used) {
                    waiting.push((position, used));
                }
            });
            if seen.len > BUDGET {
                return Err(Stop::GaveUp(format!("more than {BUDGET} configurations")));
            }
        }
        self.under_way[place] = None;
        if next.len == 0 {
            let text = format!(
                "no order of the operations explains the one that completed at {:.3} s, whatever those under way did",
                time_ns as f64 / 1e9
            );
            return Err(Stop::Violation { text, time_ns, events: events.to_vec() });
        }
        self.frontier = next;
        Ok(())
    }

    /// Reduction 1.
    fn place_pure(&self, position: &mut Position<O::State>) {
        for (place, action) in self.under_way.iter().enumerate() {
            let Some(action) = action else { continue };
            if O::is_pure(action) && O::step(&position.state, action) == Step::Same {
                position.placed |= 1 << place;
            }
        }
    }

    fn for_each_next(
        &self,
        position: &Position<O::State>,
        used: &Used,
        mut visit: impl FnMut(Position<O::State>, Used),
    ) {
        for (place, action) in self.under_way.iter().enumerate() {
            let Some(action) = action.as_ref().filter(|_| position.placed & (1 << place) == 0) else { continue };
            let placed = position.placed | 1 << place;
            match O::step(&position.state, action) {
                Step::Illegal => {}
                Step::Same => visit(Position { state: position.state.clone(), placed }, used.clone()),
                Step::Next(state) => visit(Position { state, placed }, used.clone()),
            }
        }
        for (number, class) in self.classes.iter().enumerate() {
            let so_far = used.get(number).copied().unwrap_or(0);
            if so_far == class.invoked {
                continue;
            }
            if let Step::Next(state) = O::step(&position.state, &class.action) {
                let mut used = used.clone();
                used.resize(used.len().max(number + 1), 0);
                used[number] += 1;
                visit(Position { state, placed: position.placed }, used);
            }
        }
    }
}
