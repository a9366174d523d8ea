//! Objects whose operations of one kind are all alike, so that only their times matter: taken greedily, in O(n log n).
//!
//! An order respects real time iff each operation, when its turn comes, was invoked no later than the first completion
//! among the decided operations that are not placed yet, itself included; call that completion the *deadline*. (If an
//! operation invoked later were placed, the one of the deadline would come after one that it precedes.) The deadline only
//! moves on as operations are placed.
//!
//! Where the next place must hold an operation of a certain kind, and all of that kind are alike:
//!
//! * *Of the decided ones invoked by the deadline, the one with the earliest completion comes next.* Take any linearization
//!   that goes on with y instead of this x, and swap the two. In its new place x was invoked in time. Between the two places
//!   y is still to come instead of x and completes no earlier, so the deadlines there are no earlier. In x's old place y is
//!   in time, for it was so where more was still to come. The same swap shows that a decided one comes before an undecided
//!   one, which has no completion at all.
//! * *If there is none, an undecided one invoked by the deadline must come*; the one invoked first is as good as any.
//!   If there is none either, no linearization exists.
//! * Once no decided operation is left the rest never happened.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Conflict, NEVER, NONE, Part, Span};

/// Operations of one kind.
struct Pool {
    /// Decided ones in order of invocation.
    decided: Vec<Span>,
    /// How many of them are invoked by the deadline.
    begun: usize,
    /// Those of them that are not placed, by completion, with their places.
    ready: BinaryHeap<Reverse<(u64, u32)>>,
    /// Invocations of undecided ones, the first at the end.
    undecided: Vec<u64>,
}

impl Pool {
    fn new(spans: impl Iterator<Item = Span>) -> Self {
        let (mut decided, undecided): (Vec<Span>, Vec<Span>) = spans.partition(Span::is_decided);
        decided.sort_unstable_by_key(|span| span.invoked);
        let mut undecided: Vec<u64> = undecided.into_iter().map(|span| span.invoked).collect();
        undecided.sort_unstable_by_key(|invoked| Reverse(*invoked));
        Self { decided, begun: 0, ready: BinaryHeap::new(), undecided }
    }

    /// Takes out the operation that comes next; `None` in it: an undecided one. `None`: there is none.
    fn next(&mut self, deadline: u64) -> Option<Option<u32>> {
        while let Some(span) = self.decided.get(self.begun).filter(|span| span.invoked <= deadline) {
            self.ready.push(Reverse((span.completed, self.begun as u32)));
            self.begun += 1;
        }
        if let Some(Reverse((_, place))) = self.ready.pop() {
            return Some(Some(self.decided[place as usize].operation));
        }
        self.undecided.pop_if(|invoked| *invoked <= deadline).map(|_| None)
    }

    /// The decided operation that is invoked next after the deadline.
    fn too_late(&self) -> u32 {
        self.decided.get(self.begun).map_or(NONE, |span| span.operation)
    }
}

/// The completions of decided operations that are not placed yet.
struct Deadlines {
    /// Completion and operation; the first at the end.
    spans: Vec<(u64, u32)>,
    placed: rustc_hash::FxHashSet<u32>,
}

impl Deadlines {
    fn new(spans: impl Iterator<Item = Span>) -> Self {
        let mut spans: Vec<(u64, u32)> =
            spans.filter(Span::is_decided).map(|span| (span.completed, span.operation)).collect();
        spans.sort_unstable_by_key(|span| Reverse(*span));
        Self { spans, placed: rustc_hash::FxHashSet::default() }
    }

    fn place(&mut self, operation: u32) {
        self.placed.insert(operation);
        while self.spans.last().is_some_and(|(_, operation)| self.placed.remove(operation)) {
            self.spans.pop();
        }
    }

    /// The earliest completion, and whose it is; [`NEVER`] where everything decided is placed.
    fn first(&self) -> (u64, u32) {
        self.spans.last().copied().unwrap_or((NEVER, NONE))
    }
}

/// An order in the making.
struct Order {
    deadlines: Deadlines,
    /// What was placed last, the latest at the end.
    recent: Vec<u32>,
}

impl Order {
    fn new(spans: impl Iterator<Item = Span>) -> Self {
        Self { deadlines: Deadlines::new(spans), recent: Vec::new() }
    }

    /// Places an operation of a pool; answers whether there is one.
    fn place_one_of(&mut self, pool: &mut Pool) -> bool {
        let next = pool.next(self.deadlines.first().0);
        if let Some(operation) = next.flatten() {
            self.place(operation);
        }
        next.is_some()
    }

    fn place(&mut self, operation: u32) {
        const RECENT_MAX: usize = 3;
        self.deadlines.place(operation);
        if self.recent.len() == RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(operation);
    }

    fn is_done(&self) -> bool {
        self.deadlines.first().0 == NEVER
    }

    /// Tells what could not be placed, after what was placed last, and what would have been needed.
    fn conflict(&self, words: &'static str, others: impl IntoIterator<Item = u32>) -> Conflict {
        let mut named: Vec<u32> = Vec::new();
        for operation in self.recent.iter().copied().chain([self.deadlines.first().1]).chain(others) {
            if !named.contains(&operation) {
                named.push(operation);
            }
        }
        Conflict::list([Part::Text(words)], named)
    }
}

/// Decides a lock that anybody may release; free at first. Failed operations are not given.
///
/// The order must be acquire, release, acquire, …; all acquires are alike and so are all releases.
pub(crate) fn check_mutex(acquires: &[Span], releases: &[Span]) -> Result<(), Conflict> {
    let mut order = Order::new(acquires.iter().chain(releases).copied());
    let mut pools = [Pool::new(acquires.iter().copied()), Pool::new(releases.iter().copied())];
    let mut is_held = false;
    while !order.is_done() {
        let pool = &mut pools[usize::from(is_held)];
        if !order.place_one_of(pool) {
            let words = if is_held {
                "however they are ordered, the lock is held and nobody can have released it before the completion of an \
                 operation that comes later; the last operations of the longest order, that one, and the next release"
            } else {
                "however they are ordered, the lock is free and nobody can have acquired it before the completion of an \
                 operation that comes later; the last operations of the longest order, that one, and the next acquire"
            };
            return Err(order.conflict(words, [pool.too_late()]));
        }
        is_held = !is_held;
    }
    Ok(())
}

/// Decides a counter all of whose additions are of one unit: reads give the number of additions before them.
///
/// The order must have exactly k additions before the reads of k. Those reads come in order of completion, by the argument
/// above, for they are alike. `reads` are the numbers read, none of them negative.
pub(crate) fn check_units(additions: &[Span], reads: &[(i128, Span)]) -> Result<(), Conflict> {
    let mut reads = reads.to_vec();
    reads.sort_unstable_by_key(|(count, span)| (*count, span.completed));
    let mut order = Order::new(additions.iter().copied().chain(reads.iter().map(|(_, span)| *span)));
    let mut pool = Pool::new(additions.iter().copied());
    let mut placed = 0;
    for (count, read) in &reads {
        while placed < *count {
            if !order.place_one_of(&mut pool) {
                let words = "a read needs more additions before it than can have happened before the completion of an \
                             operation that is not among them; the last operations of the longest order, that one, the \
                             next addition, and the read";
                return Err(order.conflict(words, [pool.too_late(), read.operation]));
            }
            placed += 1;
        }
        if read.invoked > order.deadlines.first().0 {
            let words = "a read leaves out an operation that was over before it began; the last operations of the longest \
                         order, that one, and the read";
            return Err(order.conflict(words, [read.operation]));
        }
        order.place(read.operation);
    }
    // The additions that are left come in order of completion.
    Ok(())
}
