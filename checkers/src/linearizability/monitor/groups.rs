//! Operations in groups: the order of the groups is fixed, the order inside each is free.
//!
//! An order of that shape that respects real time exists iff no operation of a later group completed before one of an
//! earlier group was invoked; inside a group the order of invocation does. For each group its earliest completion is held
//! against the latest invocation of all groups before it.

use super::Span;

/// The ends of each group.
pub(crate) struct Groups {
    ends: Vec<Ends>,
}

#[derive(Clone, Copy)]
struct Ends {
    first_completed: Span,
    last_invoked: Option<Span>,
}

/// Two operations that are in the wrong order: the first completed before the second was invoked, whose group is earlier.
pub(crate) struct OutOfOrder {
    pub(crate) later_group: usize,
    pub(crate) completed: Span,
    pub(crate) earlier_group: usize,
    pub(crate) invoked: Span,
}

impl Groups {
    pub(crate) fn new(count: usize) -> Self {
        Self { ends: vec![Ends { first_completed: Span::ABSENT, last_invoked: None }; count] }
    }

    /// Puts an operation into a group.
    pub(crate) fn add(&mut self, group: usize, span: Span) {
        let ends = &mut self.ends[group];
        if span.completed < ends.first_completed.completed {
            ends.first_completed = span;
        }
        if ends.last_invoked.is_none_or(|last| last.invoked < span.invoked) {
            ends.last_invoked = Some(span);
        }
    }

    pub(crate) fn check(&self) -> Result<(), OutOfOrder> {
        let mut latest: Option<(usize, Span)> = None;
        for (group, ends) in self.ends.iter().enumerate() {
            if let Some((earlier_group, invoked)) = latest.filter(|(_, span)| ends.first_completed.precedes(span)) {
                return Err(OutOfOrder { later_group: group, completed: ends.first_completed, earlier_group, invoked });
            }
            if let Some(last) = ends.last_invoked
                && latest.is_none_or(|(_, latest)| latest.invoked < last.invoked)
            {
                latest = Some((group, last));
            }
        }
        Ok(())
    }
}
