//! A disk that finishes what was asked of it when the script says so.

use std::collections::VecDeque;

use target_node::core::{Entry, HardState, Ledger, ProtocolEvent, Record, Restored, Token};

/// What one node has written, and what it has asked to be written.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    hard_state: HardState,
    entries: Vec<Entry>,
    ledger: Ledger,
    under_way: VecDeque<(Token, Vec<Record>)>,
    /// Finishes only when told to.
    pub(crate) is_slow: bool,
}

impl Disk {
    /// A disk with this content.
    pub(crate) fn with(hard_state: HardState, entries: Vec<Entry>) -> Self {
        Self { hard_state, entries, ..Self::default() }
    }

    pub(crate) fn write(&mut self, token: Token, records: Vec<Record>) {
        self.under_way.push_back((token, records));
    }

    /// Events are written at once.
    pub(crate) fn record(&mut self, event: &ProtocolEvent) {
        self.ledger.record(event);
    }

    /// Finishes the oldest write under way.
    pub(crate) fn finish(&mut self) -> Option<Token> {
        let (token, records) = self.under_way.pop_front()?;
        for record in records {
            match record {
                Record::HardState(hard_state) => self.hard_state = hard_state,
                Record::Truncate { from } => self.entries.truncate(from.0 as usize - 1),
                Record::Append(entry) => self.entries.push(entry),
            }
        }
        Some(token)
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Loses what is under way.
    pub(crate) fn crash(&mut self) {
        self.under_way.clear();
    }

    pub(crate) fn contents(&self) -> Restored {
        Restored { hard_state: self.hard_state, entries: self.entries.clone(), ledger: self.ledger.clone() }
    }
}
