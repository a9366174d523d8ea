//! A memoised search for a linearization of one object's history.
//!
//! Depth first over the orders that respect real time, after Wing & Gong (*Testing and Verifying Concurrent Objects*, 1993),
//! with a memo of configurations already found hopeless, after Lowe (*Testing for Linearizability*, 2017). A configuration is
//! the set of operations placed so far and the state they leave. It is stored relative to the first operation not yet
//! placed, so that an entry's size follows concurrency, not length.
//!
//! Decided operations must all be placed. Undecided ones are optional: each happens at some time after its invocation, or
//! never. Four reductions keep the search small:
//! 1. *A pure operation that is possible next is placed at once.* If the rest can be ordered with it later, it can be moved
//!    to the front: it is legal here, it changes no state, and nothing had to come before it.
//! 2. *An optional operation is never placed where it changes nothing.* Leaving it out changes nothing either.
//! 3. *Of equal optional operations only the one invoked first is tried.* In an order that uses a later one before it, the
//!    two can change places: the earlier may stand wherever the later may. So a class is described by how many of its
//!    members were used.
//! 4. *The search ends when all decided operations are placed.* What is left never happened.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::Limits;
use crate::model::{SequentialSpec, Step};

/// An operation that happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<A> {
    /// Its id in the history.
    pub(super) operation: usize,
    pub(super) invoked_ns: u64,
    pub(super) completed_ns: u64,
    pub(super) action: A,
}

/// Equal operations that may have happened.
#[derive(Debug, Clone)]
pub(super) struct OptionalClass<A> {
    pub(super) action: A,
    /// Ascending.
    pub(super) invoked_ns: Vec<u64>,
}

/// The history of one object.
#[derive(Debug, Clone)]
pub(super) struct Problem<A> {
    /// In order of invocation.
    pub(super) decided: Vec<Call<A>>,
    pub(super) optional: Vec<OptionalClass<A>>,
}

/// What the search found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer<S> {
    /// There is an order.
    Linearizable,
    /// There is none. The longest one tried placed so many, left this state, and could place none of these next.
    Stuck { placed: usize, state: S, blocked: Vec<usize> },
    /// A limit was reached first; its name.
    Exhausted(&'static str),
}

/// Operations named in a witness at most.
const BLOCKED_MAX: usize = 6;
/// Configurations between two questions to the caller.
const STEPS_PER_QUESTION: u64 = 64;
/// What a memo entry costs beside its words: pointer, length and its slot in the table.
const ENTRY_OVERHEAD_BYTES: usize = 32;

/// Searches within limits.
pub(super) fn search<'h, S: SequentialSpec<'h>>(
    spec: &S,
    problem: &Problem<S::Action>,
    limits: &Limits<'_>,
) -> Answer<S::State> {
    Search::new(spec, problem, limits).run()
}

/// What may be placed next.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Decided { place: u32, state: u32 },
    Optional { class: u32, state: u32 },
}

/// A configuration on the way to the present one, and what is still to be tried from it.
#[derive(Debug)]
struct Frame {
    state: u32,
    /// Length of the trail when it was entered, after pure operations were placed.
    trail: usize,
    first_open: usize,
    /// Where its choices begin on the stack of choices.
    choices_from: usize,
    /// The class whose member was used to leave it.
    used_class: Option<u32>,
}

struct Search<'s, 'h, S: SequentialSpec<'h>> {
    spec: &'s S,
    problem: &'s Problem<S::Action>,
    limits: &'s Limits<'s>,
    states: Vec<S::State>,
    state_ids: FxHashMap<S::State, u32>,
    state_bytes: usize,
    memo: FxHashSet<Box<[u64]>>,
    memo_bytes: usize,
    /// One bit for each decided operation.
    placed: Vec<u64>,
    /// Decided operations in the order in which they were placed.
    trail: Vec<u32>,
    /// Every decided operation before this one is placed.
    first_open: usize,
    state: u32,
    /// How many members of each class were used.
    used: Vec<u32>,
    frames: Vec<Frame>,
    choices: Vec<Choice>,
    longest: Option<(usize, u32, Vec<usize>)>,
    key: Vec<u64>,
    steps: u64,
}

impl<'s, 'h, S: SequentialSpec<'h>> Search<'s, 'h, S> {
    fn new(spec: &'s S, problem: &'s Problem<S::Action>, limits: &'s Limits<'s>) -> Self {
        let mut search = Self {
            spec,
            problem,
            limits,
            states: Vec::new(),
            state_ids: FxHashMap::default(),
            state_bytes: 0,
            memo: FxHashSet::default(),
            memo_bytes: 0,
            placed: vec![0; problem.decided.len().div_ceil(64)],
            trail: Vec::with_capacity(problem.decided.len()),
            first_open: 0,
            state: 0,
            used: vec![0; problem.optional.len()],
            frames: Vec::new(),
            choices: Vec::new(),
            longest: None,
            key: Vec::new(),
            steps: 0,
        };
        search.state = search.intern(spec.initial());
        search
    }

    fn run(mut self) -> Answer<S::State> {
        if self.enter() {
            return Answer::Linearizable;
        }
        loop {
            if let Some(limit) = self.limit_reached() {
                return Answer::Exhausted(limit);
            }
            let Some(frame) = self.frames.last() else { return self.stuck() };
            if self.choices.len() == frame.choices_from {
                self.leave();
            } else if let Some(choice) = self.choices.pop() {
                self.take(choice);
                if self.enter() {
                    return Answer::Linearizable;
                }
            }
        }
    }

    /// Places what can be placed at once, then opens a frame with the choices there are. A configuration that was seen
    /// before gets none. Answers whether everything is placed.
    fn enter(&mut self) -> bool {
        self.place_pure_operations();
        if self.trail.len() == self.problem.decided.len() {
            return true;
        }
        let frame = Frame {
            state: self.state,
            trail: self.trail.len(),
            first_open: self.first_open,
            choices_from: self.choices.len(),
            used_class: None,
        };
        self.frames.push(frame);
        if self.remember() {
            self.find_choices();
        }
        false
    }

    /// Back to the configuration before the present frame's.
    fn leave(&mut self) {
        self.frames.pop();
        let Some(frame) = self.frames.last_mut() else { return };
        while self.trail.len() > frame.trail {
            if let Some(place) = self.trail.pop() {
                self.placed[place as usize / 64] &= !(1 << (place % 64));
            }
        }
        self.first_open = frame.first_open;
        self.state = frame.state;
        if let Some(class) = frame.used_class.take() {
            self.used[class as usize] -= 1;
        }
    }

    fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Decided { place, state } => {
                self.place(place as usize);
                self.state = state;
            }
            Choice::Optional { class, state } => {
                self.used[class as usize] += 1;
                self.state = state;
                if let Some(frame) = self.frames.last_mut() {
                    frame.used_class = Some(class);
                }
            }
        }
    }

    fn place(&mut self, place: usize) {
        self.placed[place / 64] |= 1 << (place % 64);
        self.trail.push(place as u32);
        while self.first_open < self.problem.decided.len() && self.is_placed(self.first_open) {
            self.first_open += 1;
        }
    }

    fn is_placed(&self, place: usize) -> bool {
        self.placed[place / 64] & (1 << (place % 64)) != 0
    }

    /// Calls `visit` for every decided operation that nothing unplaced has to come before, and answers the earliest
    /// completion of all unplaced ones: an operation invoked after it must wait.
    fn for_each_next(&mut self, mut visit: impl FnMut(&mut Self, usize)) -> u64 {
        let decided = &self.problem.decided;
        let mut earliest = u64::MAX;
        let mut place = self.first_open;
        while place < decided.len() && decided[place].invoked_ns <= earliest {
            if !self.is_placed(place) {
                earliest = earliest.min(decided[place].completed_ns);
                visit(self, place);
            }
            place += 1;
        }
        earliest
    }

    /// Reduction 1, until nothing more can be placed so.
    fn place_pure_operations(&mut self) {
        loop {
            let before = self.trail.len();
            self.for_each_next(|search, place| {
                let action = search.problem.decided[place].action;
                let state = &search.states[search.state as usize];
                if search.spec.is_pure(action) && search.spec.step(state, action) == Step::Same {
                    search.place(place);
                }
            });
            if self.trail.len() == before {
                return;
            }
        }
    }

    /// Puts the choices of the present configuration on the stack, the most promising last: among decided operations the
    /// one that completes first, for it has to be placed soonest; optional ones after all of those.
    fn find_choices(&mut self) {
        let from = self.choices.len();
        let mut blocked = Vec::new();
        let earliest = self.for_each_next(|search, place| {
            let call = search.problem.decided[place];
            if let Some(state) = search.state_after(call.action, true) {
                search.choices.push(Choice::Decided { place: place as u32, state });
            }
            if blocked.len() < BLOCKED_MAX {
                blocked.push(call.operation);
            }
        });
        let decided = &self.problem.decided;
        self.choices[from..].sort_by_key(|choice| match choice {
            Choice::Decided { place, .. } => std::cmp::Reverse(decided[*place as usize].completed_ns),
            Choice::Optional { .. } => std::cmp::Reverse(u64::MAX),
        });
        let decided_choices = self.choices.split_off(from);
        for class in (0..self.problem.optional.len()).rev() {
            let optional = &self.problem.optional[class];
            let next = optional.invoked_ns.get(self.used[class] as usize);
            if next.is_none_or(|invoked| *invoked > earliest) {
                continue;
            }
            if let Some(state) = self.state_after(optional.action, false) {
                self.choices.push(Choice::Optional { class: class as u32, state });
            }
        }
        let is_stuck = decided_choices.is_empty();
        self.choices.extend(decided_choices);
        if is_stuck && self.longest.as_ref().is_none_or(|(placed, ..)| *placed < self.trail.len()) {
            self.longest = Some((self.trail.len(), self.state, blocked));
        }
    }

    /// The state an action leaves; `None` where it is not possible, or where it must change something and does not.
    fn state_after(&mut self, action: S::Action, may_be_same: bool) -> Option<u32> {
        match self.spec.step(&self.states[self.state as usize], action) {
            Step::Illegal => None,
            Step::Same => may_be_same.then_some(self.state),
            Step::Next(state) => Some(self.intern(state)),
        }
    }

    fn intern(&mut self, state: S::State) -> u32 {
        if let Some(id) = self.state_ids.get(&state) {
            return *id;
        }
        let id = self.states.len() as u32;
        self.state_bytes += 2 * (size_of::<S::State>() + self.spec.heap_bytes(&state)) + ENTRY_OVERHEAD_BYTES;
        self.states.push(state.clone());
        self.state_ids.insert(state, id);
        id
    }

    /// Whether the present configuration is new. Its key: the state, how many of each class were used, and the bits of
    /// the operations placed after the first open one, by whole words.
    fn remember(&mut self) -> bool {
        let first_word = self.first_open / 64;
        let last_word = self.trail_end().div_ceil(64);
        self.key.clear();
        self.key.push(u64::from(self.state) << 32 | first_word as u64);
        self.key
            .extend(self.used.chunks(2).map(|pair| pair.iter().fold(0, |word, count| word << 32 | u64::from(*count))));
        self.key.extend_from_slice(&self.placed[first_word..last_word.max(first_word)]);
        while self.key.len() > 1 + self.used.len().div_ceil(2) && self.key.last() == Some(&0) {
            self.key.pop();
        }
        if self.memo.contains(self.key.as_slice()) {
            return false;
        }
        self.memo_bytes += size_of_val(self.key.as_slice()) + ENTRY_OVERHEAD_BYTES;
        self.memo.insert(self.key.as_slice().into());
        true
    }

    /// A bound after which no operation is placed: those are invoked no later than the first open one completes.
    fn trail_end(&self) -> usize {
        let bound = self.problem.decided.get(self.first_open).map_or(u64::MAX, |call| call.completed_ns);
        let rest = &self.problem.decided[self.first_open..];
        self.first_open + rest.partition_point(|call| call.invoked_ns <= bound)
    }

    fn limit_reached(&mut self) -> Option<&'static str> {
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_PER_QUESTION) && (self.limits.should_stop)() {
            return Some("time");
        }
        let stacks = self.frames.len() * size_of::<Frame>() + self.choices.len() * size_of::<Choice>();
        (self.memo_bytes + self.state_bytes + stacks > self.limits.memory_bytes).then_some("memory")
    }

    fn stuck(self) -> Answer<S::State> {
        let (placed, state, blocked) = self.longest.unwrap_or((0, 0, Vec::new()));
        Answer::Stuck { placed, state: self.states[state as usize].clone(), blocked }
    }
}
