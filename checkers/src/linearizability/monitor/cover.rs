//! When a collection was certainly not empty, and the removals that say that it was.
//!
//! A value was certainly inside between the completion of its insertion and the invocation of its removal, both excluded:
//! its *stay*. A moment outside every stay is *free*.

use super::{Conflict, Part, Span};

/// The open interval in which a value was certainly inside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    pub(crate) from: u64,
    /// [`super::NEVER`] for a value that was never taken out.
    pub(crate) to: u64,
    /// The insertion that was over at `from`.
    pub(crate) put: u32,
    /// The removal that began at `to`, or [`super::NONE`].
    pub(crate) take: u32,
}

/// The union of stays.
pub(crate) struct Cover {
    stays: Vec<Stay>,
    /// Where the union begins and ends, in order of time; they touch at most in a point, which is free.
    stretches: Vec<(u64, u64)>,
}

impl Cover {
    /// Takes the stays that are not empty.
    pub(crate) fn new(stays: impl Iterator<Item = Stay>) -> Self {
        let mut stays: Vec<Stay> = stays.filter(|stay| stay.from < stay.to).collect();
        stays.sort_unstable_by_key(|stay| (stay.from, stay.to));
        let mut stretches: Vec<(u64, u64)> = Vec::new();
        for stay in &stays {
            match stretches.last_mut() {
                Some((_, to)) if stay.from < *to => *to = (*to).max(stay.to),
                _ => stretches.push((stay.from, stay.to)),
            }
        }
        Self { stays, stretches }
    }

    /// The first free moment at or after a time.
    pub(crate) fn free_from(&self, time: u64) -> u64 {
        let before = self.stretches.partition_point(|(from, _)| *from < time);
        match before.checked_sub(1).map(|place| self.stretches[place]) {
            Some((_, to)) if time < to => to,
            _ => time,
        }
    }

    /// The ends of its stretches, in order: with a time itself all that can be the first free moment after it.
    pub(crate) fn ends(&self) -> impl Iterator<Item = u64> {
        self.stretches.iter().map(|(_, to)| *to)
    }

    /// Whether a removal that found nothing has a free moment; if not, why.
    pub(crate) fn check(&self, empty: &Span) -> Result<(), Conflict> {
        if self.free_from(empty.invoked) <= empty.completed { Ok(()) } else { Err(self.conflict(empty)) }
    }

    /// The shortest chain of stays that leaves no moment of a removal free.
    fn conflict(&self, empty: &Span) -> Conflict {
        let mut chain: Vec<Stay> = Vec::new();
        let mut moment = empty.invoked;
        let mut candidates = self.stays.iter().peekable();
        while moment <= empty.completed {
            let mut longest: Option<Stay> = None;
            while let Some(stay) = candidates.next_if(|stay| stay.from < moment) {
                if longest.is_none_or(|longest| longest.to < stay.to) {
                    longest = Some(*stay);
                }
            }
            let Some(longest) = longest.filter(|stay| stay.to > moment) else { break };
            moment = longest.to;
            chain.push(longest);
        }
        let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
            return Conflict::new([Part::Operation(empty.operation)]);
        };
        let mut parts = vec![Part::Operation(empty.operation), Part::Text(" found nothing, yet ")];
        match chain.len() {
            1 => parts.push(Part::Text("a value was certainly inside all that time")),
            count => parts.extend([
                Part::Text("at every moment of that time one of "),
                Part::Number(count as i128),
                Part::Text(" values was certainly inside; the first and the last of them"),
            ]),
        }
        let mut operations = vec![first.put, first.take, last.put, last.take];
        operations.dedup();
        operations.truncate(if chain.len() == 1 { 2 } else { 4 });
        Conflict::list(parts, operations)
    }
}
