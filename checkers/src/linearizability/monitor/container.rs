//! What queues, stacks and bags have in common: values that go in once and come out at most once.
//!
//! *What takes part.* Failed operations say nothing; nor does an undecided insertion whose value no decided removal
//! returned: where some order places it, together with an undecided removal that took its value, leaving both out is an
//! order of the same object, and where it stayed inside until the end, leaving it out is one too. (That argument is spelled
//! out by each monitor, for it rests on the order in which values leave.) One whose value was returned did happen, and its
//! completion is at infinity.
//!
//! *A bag*, which gives any value it holds, is decided here. Write [a, b] for the insertion of a value and [c, d] for its
//! removal; both are at infinity for a value that stays. Values do not hinder each other, so the only conditions are
//! a ≤ d for each, and for each removal that found nothing a moment outside every stay (b, c): with the moments
//! t₁, t₂, … chosen, each value is inserted and removed between two of them: before t if c ≤ t, else after it, where b ≥ t.
//!
//! *Undecided removals* may each take one value that no decided removal returned, at any time from their invocation p on;
//! that value's c becomes p. A moment t is then possible for a removal that found nothing iff it is outside the stays of the
//! values returned, and the number of values with b < t that were left over is at most the number of undecided removals
//! with p ≤ t. That is necessary at each moment, and, if it holds at each moment chosen, it suffices (Hall): the values
//! ordered by the first chosen moment after their b, and the removals by p, are matched in order.

use super::cover::{Cover, Stay};
use super::{Conflict, NEVER, Part, Span};

/// A value's way in and out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// Its insertion, or [`Span::ABSENT`].
    pub(crate) put: Span,
    /// Its removal, or [`Span::ABSENT`], whose times are right for a value that stays.
    pub(crate) take: Span,
}

impl Life {
    pub(crate) const UNKNOWN: Self = Self { put: Span::ABSENT, take: Span::ABSENT };

    /// The interval in which it was certainly inside, if any.
    pub(crate) fn stay(&self) -> Stay {
        Stay { from: self.put.completed, to: self.take.invoked, put: self.put.operation, take: self.take.operation }
    }

    /// Whether it went in for certain and no decided removal returned it.
    pub(crate) fn is_left(&self) -> bool {
        self.take.is_absent() && self.put.is_decided()
    }
}

/// Everything about one object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Container {
    /// By value.
    pub(crate) lives: Vec<Life>,
    /// Removals that found nothing.
    pub(crate) empties: Vec<Span>,
    /// Removals that are undecided.
    pub(crate) undecided: Vec<Span>,
    /// Two removals that returned one value.
    pub(crate) twice: Option<(u32, Span, Span)>,
    /// Whether a value may have gone in more than once: no monitor decides that.
    pub(crate) is_ambiguous: bool,
}

impl Container {
    /// An insertion that was not refused.
    pub(crate) fn put(&mut self, value: u32, span: Span) {
        let life = self.life(value);
        let is_second = !life.put.is_absent();
        life.put = span;
        self.is_ambiguous |= is_second;
    }

    /// A decided removal that returned a value.
    pub(crate) fn take(&mut self, value: u32, span: Span) {
        let life = self.life(value);
        let earlier = std::mem::replace(&mut life.take, span);
        if !earlier.is_absent() {
            self.twice.get_or_insert((value, earlier, span));
        }
    }

    fn life(&mut self, value: u32) -> &mut Life {
        let place = value as usize;
        if self.lives.len() <= place {
            self.lives.resize(place + 1, Life::UNKNOWN);
        }
        &mut self.lives[place]
    }

    /// That each value was put in, came out once, and not before it went in.
    pub(crate) fn check_values(&self) -> Result<(), Conflict> {
        if let Some((value, one, other)) = self.twice {
            let words = [Part::Text("the value "), Part::Value(value), Part::Text(" went in once and came out twice")];
            return Err(Conflict::list(words, [one.operation, other.operation]));
        }
        for (value, life) in self.lives.iter().enumerate().filter(|(_, life)| !life.take.is_absent()) {
            if life.put.is_absent() {
                let value = Part::Value(value as u32);
                let words = [Part::Text("the value "), value, Part::Text(", which nobody put in, came out")];
                return Err(Conflict::list(words, [life.take.operation]));
            }
            if life.take.precedes(&life.put) {
                let words = [Part::Text("a value came out before it went in")];
                return Err(Conflict::list(words, [life.take.operation, life.put.operation]));
            }
        }
        Ok(())
    }

    /// The stays of the values that came out; with `and_left`, of all values.
    pub(crate) fn cover(&self, and_left: bool) -> Cover {
        let lives = self.lives.iter().filter(|life| !life.put.is_absent());
        Cover::new(lives.filter(|life| and_left || !life.take.is_absent()).map(Life::stay))
    }

    /// Decides a bag.
    pub(crate) fn check_bag(&self) -> Option<Result<(), Conflict>> {
        if self.is_ambiguous {
            return None;
        }
        Some(self.check_values().and_then(|()| self.empty_moments().map(drop)))
    }

    /// For each removal that found nothing the first moment at which nothing need have been inside.
    pub(crate) fn empty_moments(&self) -> Result<Vec<u64>, Conflict> {
        if self.empties.is_empty() {
            return Ok(Vec::new());
        }
        let everything = self.cover(true);
        if self.undecided.is_empty() {
            let moment = |empty: &Span| everything.check(empty).map(|()| everything.free_from(empty.invoked));
            return self.empties.iter().map(moment).collect();
        }
        let returned = self.cover(false);
        let mut left: Vec<u64> =
            self.lives.iter().filter(|life| life.is_left()).map(|life| life.put.completed).collect();
        let mut undecided: Vec<u64> = self.undecided.iter().map(|span| span.invoked).collect();
        left.sort_unstable();
        undecided.sort_unstable();
        let is_possible = |moment: u64| {
            moment != NEVER
                && returned.free_from(moment) == moment
                && left.partition_point(|from| *from < moment) <= undecided.partition_point(|from| *from <= moment)
        };
        // Possible moments begin where a stretch ends or an undecided removal was invoked, and end otherwise.
        let mut beginnings: Vec<u64> = returned.ends().chain(undecided.iter().copied()).collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        beginnings.retain(|moment| is_possible(*moment));
        let moment = |empty: &Span| {
            if is_possible(empty.invoked) {
                return Ok(empty.invoked);
            }
            let next = beginnings.get(beginnings.partition_point(|moment| *moment < empty.invoked));
            next.copied().filter(|moment| *moment <= empty.completed).ok_or_else(|| self.occupied(&returned, empty))
        };
        self.empties.iter().map(moment).collect()
    }

    /// No moment of a removal that found nothing was possible, whatever the undecided removals took.
    fn occupied(&self, returned: &Cover, empty: &Span) -> Conflict {
        if let Err(conflict) = returned.check(empty) {
            return conflict;
        }
        const NAMED_MAX: usize = 4;
        let left = self.lives.iter().filter(|life| life.is_left() && life.put.precedes(empty));
        let words = [
            Part::Operation(empty.operation),
            Part::Text(
                " found nothing, yet at every moment of that time a value was inside, even if each undecided removal \
                 had taken one; values that had gone in and that no decided removal returned",
            ),
        ];
        Conflict::list(words, left.take(NAMED_MAX).map(|life| life.put.operation))
    }
}

/// Matches deadlines with invocations, each at most its deadline; the deadline for which none is left.
pub(super) fn meet(deadlines: &mut [u64], invocations: &[u64]) -> Result<(), u64> {
    deadlines.sort_unstable();
    for (place, deadline) in deadlines.iter().enumerate() {
        if invocations.get(place).is_none_or(|invoked| invoked > deadline) {
            return Err(*deadline);
        }
    }
    Ok(())
}
