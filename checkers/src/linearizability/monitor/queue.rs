//! First in, first out, with values that are enqueued once each, in O(n log n).
//!
//! The bad patterns are those of Bouajjani, Emmi, Enea & Hamza, *On Reducing Linearizability to State Reachability* (2015);
//! the proof for them, for undecided operations and for equal times is our own. Write [a, b] for the enqueue of a value and
//! [c, d] for its dequeue; for a value that stays c = d = ∞; for an undecided enqueue that was observed b = ∞.
//!
//! *Orders of values.* A linearization enqueues and dequeues in one order of the values. Let b' = min(b, d) and
//! c' = max(c, a), which narrows the intervals by "enqueued before dequeued" (a ≤ d is required). Value v must come before
//! w iff b'(v) < a(w) or d(v) < c'(w); write v → w. Conversely an order of the values that extends → is a linearization:
//! enqueue each at the greatest a so far and dequeue each at the greatest c' so far. No such moment is after b' or d, for
//! that would be an arrow backwards; and the second is never before the first. At one moment all enqueues come first.
//!
//! *Circles.* Each half of → is an interval order. In a shortest circle two arrows of one half do not follow each other
//! (they would be one arrow), so halves alternate, and of two arrows v1 → v2, v3 → v4 of the first half either v1 → v4 or
//! v3 → v2, which makes a shorter circle. So the shortest is v → w → v with one arrow of each half: b'(v) < a(w) and
//! d(w) < c'(v). With a ≤ b, a ≤ d and c ≤ d that leaves only: **b(v) < a(w) and d(w) < c(v)**, an order turned round.
//!
//! *Empty dequeues.* Fix a moment t for each and treat it as a value with all four times t: the linearization above puts it
//! at t, when all before it are gone and none after it is there. A value and t make a circle iff b < t < c; two moments
//! never do. So each empty dequeue needs a moment outside every (b, c), whatever the others choose.
//!
//! *Undecided dequeues* may each take one value that was left: its c becomes the invocation p, its d remains ∞. A value that
//! was left and has b < a(w) for some returned w needs p ≤ d(w): a deadline. Without empty dequeues the deadlines can be met
//! iff those of the values and the invocations, both in order, can be matched in order. With them each chosen moment t is a
//! deadline for all values with b < t. Each empty dequeue having a possible moment (see the bag) and deadlines without
//! moments being met are both necessary; deadlines being met with the first possible moments is sufficient. In between the
//! monitor does not decide: that takes undecided dequeues, empty dequeues and values that were left and overtaken, together.
//!
//! An undecided enqueue that no decided dequeue returned has b = ∞: no deadline, no stay, and nothing depends on it.

use super::container::{Container, Life, meet};
use super::{Conflict, NEVER, Part};

/// Decides a queue; `None` where a value may have been enqueued twice, and in the case described above.
pub(crate) fn check(queue: &Container) -> Option<Result<(), Conflict>> {
    if queue.is_ambiguous {
        return None;
    }
    let checked = queue.check_values().and_then(|()| check_order(queue));
    let deadlines = match checked {
        Ok(deadlines) => deadlines,
        Err(conflict) => return Some(Err(conflict)),
    };
    let mut times: Vec<u64> = deadlines.iter().map(|deadline| deadline.time).filter(|time| *time != NEVER).collect();
    let mut undecided: Vec<u64> = queue.undecided.iter().map(|span| span.invoked).collect();
    undecided.sort_unstable();
    if let Err(missed) = meet(&mut times, &undecided) {
        return Some(Err(overtaken(queue, &deadlines, missed)));
    }
    let mut moments = match queue.empty_moments() {
        Ok(moments) => moments,
        Err(conflict) => return Some(Err(conflict)),
    };
    if moments.is_empty() || times.is_empty() {
        return Some(Ok(()));
    }
    moments.sort_unstable();
    let mut with_moments: Vec<u64> = deadlines
        .iter()
        .map(|deadline| {
            let put = queue.lives[deadline.value as usize].put.completed;
            let next = moments.get(moments.partition_point(|moment| *moment <= put));
            deadline.time.min(next.copied().unwrap_or(NEVER))
        })
        .filter(|time| *time != NEVER)
        .collect();
    meet(&mut with_moments, &undecided).is_ok().then_some(Ok(()))
}

/// A value that was left, and when an undecided dequeue must have begun to take it; [`NEVER`]: it may stay.
struct Deadline {
    value: u32,
    time: u64,
    /// The value that overtook it.
    by: u32,
}

/// Looks for two values that changed places; answers the deadlines of those that were left.
fn check_order(queue: &Container) -> Result<Vec<Deadline>, Conflict> {
    let lives = &queue.lives;
    let present = |value: &u32| !lives[*value as usize].put.is_absent();
    let returned = |value: &u32| present(value) && !lives[*value as usize].take.is_absent();
    let all = || 0..lives.len() as u32;

    let mut by_completion: Vec<u32> = all().filter(returned).collect();
    let mut by_invocation = by_completion.clone();
    by_completion.sort_unstable_by_key(|value| lives[*value as usize].put.completed);
    by_invocation.sort_unstable_by_key(|value| lives[*value as usize].put.invoked);

    let mut earlier = by_completion.iter().copied().peekable();
    let mut latest: Option<u32> = None;
    for value in &by_invocation {
        let life = &lives[*value as usize];
        while let Some(other) = earlier.next_if(|other| lives[*other as usize].put.precedes(&life.put)) {
            let is_later = |latest: u32| lives[latest as usize].take.invoked < lives[other as usize].take.invoked;
            if latest.is_none_or(is_later) {
                latest = Some(other);
            }
        }
        if let Some(first) = latest.filter(|first| life.take.precedes(&lives[*first as usize].take)) {
            return Err(turned_round(first, &lives[first as usize], *value, life));
        }
    }

    // From the last: the smallest completion of a dequeue among the values enqueued later.
    let mut left: Vec<u32> = all().filter(|value| lives[*value as usize].is_left()).collect();
    left.sort_unstable_by_key(|value| std::cmp::Reverse(lives[*value as usize].put.completed));
    let mut later = by_invocation.iter().rev().copied().peekable();
    let mut first: Option<u32> = None;
    let mut deadlines = Vec::with_capacity(left.len());
    for value in left {
        let put = &lives[value as usize].put;
        while let Some(other) = later.next_if(|other| put.precedes(&lives[*other as usize].put)) {
            let is_earlier = |first: u32| lives[other as usize].take.completed < lives[first as usize].take.completed;
            if first.is_none_or(is_earlier) {
                first = Some(other);
            }
        }
        let time = first.map_or(NEVER, |first| lives[first as usize].take.completed);
        deadlines.push(Deadline { value, time, by: first.unwrap_or(value) });
    }
    Ok(deadlines)
}

fn turned_round(first: u32, one: &Life, second: u32, other: &Life) -> Conflict {
    let words = [
        Part::Text("the value "),
        Part::Value(first),
        Part::Text(" certainly went in before "),
        Part::Value(second),
        Part::Text(" and certainly came out after it"),
    ];
    Conflict::list(words, [one.put, other.put, other.take, one.take].map(|span| span.operation))
}

fn overtaken(queue: &Container, deadlines: &[Deadline], missed: u64) -> Conflict {
    // Any of those with the deadline that was missed shows it.
    let Some(deadline) = deadlines.iter().find(|deadline| deadline.time == missed) else {
        return Conflict::new([]);
    };
    let (one, other) = (&queue.lives[deadline.value as usize], &queue.lives[deadline.by as usize]);
    let words = [
        Part::Text("the value "),
        Part::Value(deadline.value),
        Part::Text(" certainly went in before "),
        Part::Value(deadline.by),
        Part::Text(if queue.undecided.is_empty() {
            ", which came out, and itself never came out"
        } else {
            ", which came out; no decided removal returned it, and the undecided ones begun by then cannot have taken \
             it and all others that were overtaken"
        }),
    ];
    Conflict::list(words, [one.put, other.put, other.take].map(|span| span.operation))
}
