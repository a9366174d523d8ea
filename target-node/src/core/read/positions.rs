//! Reads that wait for a position to become visible.

use std::collections::{BTreeMap, BTreeSet};

use super::WaitingRead;
use crate::{core::types::Position, settings::ReadLevel};

/// The reads that need nothing but a state that is far enough, by position.
#[derive(Debug, Clone, Default)]
pub(in crate::core) struct Positions {
    reads: BTreeMap<(Position, u64), WaitingRead>,
}

impl Positions {
    pub(in crate::core) fn len(&self) -> usize {
        self.reads.len()
    }

    pub(in crate::core) fn push(&mut self, read: WaitingRead) {
        self.reads.insert((read.at_least, read.request), read);
    }

    /// Takes out one that `visible` satisfies.
    pub(in crate::core) fn pop(&mut self, visible: Position) -> Option<WaitingRead> {
        let first = self.reads.first_entry()?;
        (first.key().0 <= visible).then(|| first.remove())
    }

    /// Takes out those that only a leader may answer.
    pub(in crate::core) fn take_leaders(&mut self) -> Vec<WaitingRead> {
        let only_leaders = |_: &(Position, u64), read: &mut WaitingRead| read.level == ReadLevel::Leader;
        self.reads.extract_if(.., only_leaders).map(|(_, read)| read).collect()
    }

    /// Forgets the reads of clients that are gone.
    pub(in crate::core) fn forget(&mut self, requests: &BTreeSet<u64>) {
        self.reads.retain(|(_, request), _| !requests.contains(request));
    }
}
