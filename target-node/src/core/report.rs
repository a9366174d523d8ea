//! What the node tells about the course of its log: entries taken, committed, durable.
//!
//! Every line holds at the moment at which it is written, but not every move has a line: under load there is one of each
//! kind in [`INTERVAL_US`], whatever the rate of writes.

use std::fmt;

use super::{
    interface::{Effect, ProtocolEvent},
    node::Core,
    types::{Claim, Position, Term},
};

/// The least time between two reports, in microseconds.
const INTERVAL_US: u64 = 10_000;

/// Entries that were taken from a leader and not reported yet.
#[derive(Debug, Clone, Copy)]
struct Taken {
    term: Term,
    from: Position,
    to: Position,
}

/// What was reported last, and when.
#[derive(Clone, Default)]
pub(super) struct Reports {
    taken: Option<Taken>,
    committed: Position,
    durable: Position,
    due_us: u64,
}

/// It tells of the past and decides nothing but when the next report is due: for whoever compares the states of nodes it
/// is no part of them.
impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reports")
    }
}

impl Reports {
    /// Those of a node that starts like this.
    pub(super) fn at(committed: Position, durable: Position) -> Self {
        Self { committed, durable, ..Self::default() }
    }
}

impl Core {
    /// Notes that the entries from `from` to `to` were taken from the leader of `term`.
    pub(super) fn note_taken(&mut self, term: Term, from: Position, to: Position) {
        let follows = |taken: &Taken| taken.term == term && taken.to.next() == from;
        match &mut self.reports.taken {
            Some(taken) if follows(taken) => taken.to = to,
            _ => {
                self.report_taken();
                self.reports.taken = Some(Taken { term, from, to });
            }
        }
    }

    /// Reports the entries that were taken; what happens to the log next may contradict them.
    pub(super) fn report_taken(&mut self) {
        if let Some(Taken { term, from, to }) = self.reports.taken.take() {
            let event = ProtocolEvent::Appended { term, previous: from.previous(), from, to };
            self.effects.push(Effect::Event(event));
        }
    }

    /// Ends a step: reports what has moved, if it is time to.
    pub(super) fn report_progress(&mut self) {
        let (committed, durable) = (self.committed, self.durability.durable());
        let has_moved = committed != self.reports.committed || durable != self.reports.durable;
        if self.now_us < self.reports.due_us || !(has_moved || self.reports.taken.is_some()) {
            return;
        }
        self.reports.due_us = self.now_us + INTERVAL_US;
        self.report_taken();
        if durable != self.reports.durable {
            self.reports.durable = durable;
            self.effects.push(Effect::Event(ProtocolEvent::Durable { position: durable }));
        }
        if committed != self.reports.committed {
            self.reports.committed = committed;
            let claim = self.claim_at(committed).unwrap_or(Claim::NONE);
            let (term, position) = (self.hard_state.term, committed);
            self.effects.push(Effect::Event(ProtocolEvent::Committed { term, position, claim }));
        }
    }
}
