//! A disk that finishes what was asked of it when the script says so.

use std::collections::VecDeque;

use target_node::core::{Entry, HardState, Input, Ledger, Position, ProtocolEvent, Record, Restored, Snapshot, Token};

/// Something that the disk was asked to write.
#[derive(Debug)]
enum Write {
    Records(Token, Vec<Record>),
    /// A leader's snapshot, in the place of the log.
    Install(Token, Snapshot),
    /// A snapshot of the node's own state.
    Save(Snapshot),
}

/// What one node has written, and what it has asked to be written.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    hard_state: HardState,
    snapshot: Option<Snapshot>,
    entries: Vec<Entry>,
    ledger: Ledger,
    under_way: VecDeque<Write>,
    /// How often its node has crashed.
    incarnation: u64,
    /// Finishes only when told to.
    pub(crate) is_slow: bool,
}

impl Disk {
    /// A disk with this content.
    pub(crate) fn with(hard_state: HardState, entries: Vec<Entry>) -> Self {
        Self { hard_state, entries, ..Self::default() }
    }

    pub(crate) fn write(&mut self, token: Token, records: Vec<Record>) {
        self.under_way.push_back(Write::Records(token, records));
    }

    pub(crate) fn install(&mut self, token: Token, snapshot: Snapshot) {
        self.under_way.push_back(Write::Install(token, snapshot));
    }

    pub(crate) fn save(&mut self, snapshot: Snapshot) {
        self.under_way.push_back(Write::Save(snapshot));
    }

    /// Events are written at once.
    pub(crate) fn record(&mut self, event: &ProtocolEvent) {
        self.ledger.record(event);
    }

    /// Finishes the oldest write under way; returns what the node is told.
    pub(crate) fn finish(&mut self) -> Option<Input> {
        Some(match self.under_way.pop_front()? {
            Write::Records(token, records) => {
                records.into_iter().for_each(|record| self.apply(record));
                Input::Persisted { token }
            }
            Write::Install(token, snapshot) => {
                self.apply(Record::Reset { position: snapshot.position, claim: snapshot.claim });
                self.snapshot = Some(snapshot);
                Input::Persisted { token }
            }
            Write::Save(snapshot) => {
                let position = snapshot.position;
                self.snapshot = Some(snapshot);
                Input::SnapshotSaved { position }
            }
        })
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::HardState(hard_state) => self.hard_state = hard_state,
            Record::Truncate { from } => self.entries.retain(|entry| entry.position < from),
            Record::Append(entry) => self.entries.push(entry),
            Record::Reset { .. } => self.entries.clear(),
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Loses what is under way.
    pub(crate) fn crash(&mut self) {
        self.under_way.clear();
        self.incarnation += 1;
    }

    pub(crate) fn contents(&self) -> Restored {
        let base = self.snapshot.as_ref().map_or(Position(0), |snapshot| snapshot.position);
        let entries = self.entries.iter().filter(|entry| entry.position > base).cloned().collect();
        let (snapshot, ledger) = (self.snapshot.clone(), self.ledger.clone());
        Restored { hard_state: self.hard_state, snapshot, entries, ledger, incarnation: self.incarnation }
    }
}
