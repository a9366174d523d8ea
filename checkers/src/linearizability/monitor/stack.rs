//! Last in, first out, with values that are pushed once each, in O(n log n).
//!
//! The idea of taking out one value after the other is that of Lee & Mathur, *Efficient Decrease-and-Conquer Linearizability
//! Monitoring* (2025); this form and its proof are our own. Write [a, b] for the push of a value and [c, d] for its pop; for a
//! value that stays c = d = ∞; for an undecided push that was observed b = ∞. A linearization chooses moments e in [a, b] and
//! f in [c, d] with e before f for each value such that any two of these intervals are nested or disjoint.
//!
//! 1. *Values without a stay* (b ≥ c) need a ≤ d and nothing else: push and pop stand together at one moment of
//!    [max(a, c), min(b, d)], which no other value and no empty pop notices. Taking such a value out of a linearization
//!    leaves one. So they are left out.
//! 2. *Free moments cut.* Let t be in no stay (b, c). Each value has c ≤ t or b ≥ t. Move the moments of the former down to
//!    t where they are later, those of the latter up to t where they are earlier, keep the order within each part, and let
//!    the first part come first: each moment stays in its interval and the parts remain nested. So a linearization exists
//!    iff one exists that respects every cut; an empty pop needs one free moment, and then does not matter.
//! 3. *A bottom.* Between two neighbouring cuts L and R the stays overlap without a gap, so the stack is never empty
//!    inside: the value at its bottom is there throughout, hence has a ≤ L and d ≥ R. Conversely let u be any value there
//!    with a ≤ L and d ≥ R. Taking u out of a linearization (moments within [L, R]) and pushing it at L, popping it at R,
//!    leaves a linearization. So any such u may be taken out, and what is left is linearizable iff the whole was.
//! 4. Taking a value out uncovers moments, which cut its part into smaller ones; L only grows and R only falls, so a value
//!    that may be taken out stays so. If none is left, a linearization exists; if none of those left may be taken out, none.
//!
//! Two trees find, for each new part, the values whose a ≤ L or d ≥ R holds for the first time; a third counts covers. Each
//! value is found once in each and each moment is uncovered once.
//!
//! *Undecided pops* may each take one value that was left, from their invocation p on; that value's c becomes p, which only
//! helps, and the more the earlier. A value v that was left must be taken by the end of the pop of a returned value w if v
//! certainly went in after w and before w came out, b(w) < a(v) and b(v) < c(w): a deadline. Three questions in turn:
//! where the deadlines cannot be met, or an empty pop has no possible moment (see the bag), there is no linearization. Where
//! one exists with the values in order of their deadlines, the moments of empty pops included, taken by the pops in order of
//! their invocations, there is one. Where none exists even if every value that was left is taken from the first p on, there
//! is none. In between the monitor does not decide. An undecided push that no decided pop returned is left out: together
//! with the undecided pop that took it, or alone.

use std::collections::BTreeSet;

use super::container::{Container, Life, meet};
use super::tree::{Coverage, Minima};
use super::{Conflict, NEVER, NONE, Part};

/// Decides a stack; `None` where a value may have been pushed twice, and in the case described above.
pub(crate) fn check(stack: &Container) -> Option<Result<(), Conflict>> {
    if stack.is_ambiguous {
        return None;
    }
    let moments = match stack.check_values().and_then(|()| stack.empty_moments()) {
        Ok(moments) => moments,
        Err(conflict) => return Some(Err(conflict)),
    };
    let lives: Vec<Life> = stack.lives.iter().copied().filter(|life| !life.put.is_absent()).collect();
    if stack.undecided.is_empty() { Some(decide(&lives)) } else { check_undecided(stack, lives, moments) }
}

fn check_undecided(stack: &Container, mut lives: Vec<Life>, mut moments: Vec<u64>) -> Option<Result<(), Conflict>> {
    let mut pops: Vec<u64> = stack.undecided.iter().map(|span| span.invoked).collect();
    pops.sort_unstable();
    moments.sort_unstable();
    let deadlines = deadlines(&lives);
    let mut times: Vec<u64> = deadlines.iter().map(|deadline| deadline.time).filter(|time| *time != NEVER).collect();
    if let Err(missed) = meet(&mut times, &pops) {
        let missed = deadlines.iter().find(|deadline| deadline.time == missed);
        return missed.map(|deadline| Err(below(&lives[deadline.value], &lives[deadline.by])));
    }

    let mut order: Vec<(u64, usize)> = deadlines
        .iter()
        .map(|deadline| {
            let put = lives[deadline.value].put.completed;
            let moment = moments.get(moments.partition_point(|moment| *moment <= put));
            (deadline.time.min(moment.copied().unwrap_or(NEVER)), deadline.value)
        })
        .collect();
    order.sort_unstable();
    let mut times: Vec<u64> = order.iter().map(|(time, _)| *time).filter(|time| *time != NEVER).collect();
    let can_meet = meet(&mut times, &pops).is_ok();
    let mut take = |invoked: u64, value: usize| lives[value].take.invoked = invoked;
    order.iter().zip(&pops).for_each(|((_, value), invoked)| take(*invoked, *value));
    if can_meet && decide(&lives).is_ok() {
        return Some(Ok(()));
    }
    for deadline in &deadlines {
        lives[deadline.value].take.invoked = pops[0];
    }
    decide(&lives).err().map(Err)
}

/// A value that was left, and when an undecided pop must have begun to take it; [`NEVER`]: it may stay.
struct Deadline {
    value: usize,
    time: u64,
    /// The value below it.
    by: usize,
}

/// The deadlines of the values that were left.
fn deadlines(lives: &[Life]) -> Vec<Deadline> {
    let mut below: Vec<usize> = (0..lives.len()).filter(|value| !lives[*value].take.is_absent()).collect();
    let mut pops: Vec<u64> = below.iter().map(|value| lives[*value].take.invoked).collect();
    pops.sort_unstable();
    below.sort_unstable_by_key(|value| lives[*value].put.completed);
    let mut below = below.into_iter().peekable();
    let mut left: Vec<usize> = (0..lives.len()).filter(|value| lives[*value].is_left()).collect();
    left.sort_unstable_by_key(|value| lives[*value].put.invoked);
    // Of the values pushed so far, by the invocation of their pops: the one whose pop ends first.
    let mut first = Earliest::new(pops.len());
    left.into_iter()
        .map(|value| {
            let put = &lives[value].put;
            while let Some(other) = below.next_if(|other| lives[*other].put.precedes(put)) {
                let take = &lives[other].take;
                let rank = pops.partition_point(|invoked| *invoked < take.invoked);
                first.note(rank, (take.completed, other));
            }
            let rank = pops.partition_point(|invoked| *invoked <= put.completed);
            let (time, by) = first.from(rank);
            Deadline { value, time, by }
        })
        .collect()
}

/// The smallest of what was noted at a place or after it.
struct Earliest {
    /// A Fenwick tree over the places from behind.
    nodes: Vec<(u64, usize)>,
}

impl Earliest {
    fn new(count: usize) -> Self {
        Self { nodes: vec![(NEVER, usize::MAX); count + 1] }
    }

    fn note(&mut self, place: usize, entry: (u64, usize)) {
        let mut node = self.nodes.len() - 1 - place;
        while node < self.nodes.len() {
            self.nodes[node] = self.nodes[node].min(entry);
            node += node & node.wrapping_neg();
        }
    }

    fn from(&self, place: usize) -> (u64, usize) {
        let mut node = self.nodes.len() - 1 - place;
        let mut least = (NEVER, usize::MAX);
        while node > 0 {
            least = least.min(self.nodes[node]);
            node -= node & node.wrapping_neg();
        }
        least
    }
}

fn below(left: &Life, returned: &Life) -> Conflict {
    let words = [Part::Text(
        "a value was certainly pushed on top of another one, which was popped, and no decided pop returned the upper one; \
         the undecided pops begun by then cannot have taken it and all others of that kind",
    )];
    Conflict::list(words, [returned.put, left.put, returned.take].map(|span| span.operation))
}

/// Decides by the values alone, the takes of those that were left being undecided ones or none.
fn decide(lives: &[Life]) -> Result<(), Conflict> {
    let mut stays: Vec<Life> = lives.iter().copied().filter(|life| life.put.completed < life.take.invoked).collect();
    stays.sort_unstable_by_key(|life| life.put.completed);
    if stays.is_empty() {
        return Ok(());
    }
    Parts::new(&stays).take_out_all()
}

/// The parts between cuts, and what is left in them.
struct Parts<'a> {
    /// The values with a stay, by its beginning.
    stays: &'a [Life],
    /// Every end of a stay once, in order.
    times: Vec<u64>,
    /// By place in `times`: how many stays begin before it.
    begun: Vec<usize>,
    /// Places in `times` that no stay covers.
    cuts: BTreeSet<usize>,
    coverage: Coverage,
    /// The beginnings of pushes of values that began too late so far to be a bottom.
    late_pushes: Minima,
    /// As above for the ends of pops, turned round.
    early_pops: Minima,
    /// By value: how many of the two conditions hold.
    met: Vec<u8>,
    /// Values that may be taken out.
    bottoms: Vec<usize>,
}

impl<'a> Parts<'a> {
    fn new(stays: &'a [Life]) -> Self {
        let mut times: Vec<u64> = stays.iter().flat_map(|life| [life.put.completed, life.take.invoked]).collect();
        times.sort_unstable();
        times.dedup();
        let begun = times.iter().map(|time| stays.partition_point(|life| life.put.completed < *time)).collect();
        // A stay covers what is strictly inside it.
        let mut changes = vec![0_i64; times.len() + 1];
        for life in stays {
            changes[place(&times, life.put.completed) + 1] += 1;
            changes[place(&times, life.take.invoked)] -= 1;
        }
        let mut count = 0;
        let counts: Vec<u32> = changes[..times.len()]
            .iter()
            .map(|change| {
                count += change;
                count as u32
            })
            .collect();
        let mut coverage = Coverage::new(counts.into_iter());
        let cuts = coverage.bare().into_iter().collect();
        Self {
            coverage,
            cuts,
            begun,
            times,
            late_pushes: Minima::new(stays.iter().map(|life| life.put.invoked)),
            early_pops: Minima::new(stays.iter().map(|life| !life.take.completed)),
            met: vec![0; stays.len()],
            bottoms: Vec::new(),
            stays,
        }
    }

    fn take_out_all(mut self) -> Result<(), Conflict> {
        let cuts: Vec<usize> = self.cuts.iter().copied().collect();
        cuts.windows(2).for_each(|pair| self.find_bottoms(pair[0], pair[1]));
        let mut is_left = vec![true; self.stays.len()];
        let mut bare = Vec::new();
        while let Some(value) = self.bottoms.pop() {
            is_left[value] = false;
            let life = &self.stays[value];
            let (from, to) = (place(&self.times, life.put.completed), place(&self.times, life.take.invoked));
            bare.clear();
            self.coverage.uncover(from + 1..to, &mut bare);
            if bare.is_empty() {
                continue;
            }
            let mut left = self.cuts.range(..=from).next_back().copied().unwrap_or(from);
            let right = self.cuts.range(to..).next().copied().unwrap_or(to);
            self.cuts.extend(bare.iter().copied());
            for cut in bare.iter().copied().chain([right]) {
                self.find_bottoms(left, cut);
                left = cut;
            }
        }
        match is_left.iter().position(|is_left| *is_left) {
            None => Ok(()),
            Some(value) => Err(self.no_bottom(value, &is_left)),
        }
    }

    /// Finds the values of the part between two cuts that meet a condition for the first time.
    fn find_bottoms(&mut self, left: usize, right: usize) {
        let values = self.begun[left]..self.begun[right];
        if values.is_empty() {
            return;
        }
        let mut found = Vec::new();
        self.late_pushes.take(values.clone(), self.times[left], &mut found);
        self.early_pops.take(values, !self.times[right], &mut found);
        for value in found {
            self.met[value] += 1;
            if self.met[value] == 2 {
                self.bottoms.push(value);
            }
        }
    }

    /// The values of the first part that has no bottom; the first is its first.
    fn no_bottom(&self, first: usize, is_left: &[bool]) -> Conflict {
        const NAMED_MAX: usize = 3;
        let from = place(&self.times, self.stays[first].put.completed);
        let right = self.cuts.range(from + 1..).next().map_or(self.times.len(), |cut| *cut);
        let values: Vec<usize> = (first..self.stays.len())
            .take_while(|value| place(&self.times, self.stays[*value].put.completed) < right)
            .filter(|value| is_left[*value])
            .collect();
        let spans = values.iter().take(NAMED_MAX).flat_map(|value| {
            let life = &self.stays[*value];
            [life.put.operation, life.take.operation]
        });
        let words = [
            Part::Text("the stays of "),
            Part::Number(values.len() as i128),
            Part::Text(
                " values overlap, so the stack was never empty meanwhile, yet none of them can have been at its bottom all \
                 that time: each was pushed after another one certainly was, or popped before another one was",
            ),
        ];
        Conflict::list(words, spans.filter(|operation| *operation != NONE))
    }
}

fn place(times: &[u64], time: u64) -> usize {
    times.partition_point(|other| *other < time)
}
