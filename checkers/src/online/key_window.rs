//! The operations of a key that have not ended, and when the first of them began.

use std::collections::VecDeque;

/// Operations in order of invocation, from the first that has not ended on.
#[derive(Debug, Default)]
pub(super) struct KeyWindow {
    /// When each began, and whether it has not ended.
    operations: VecDeque<(u64, bool)>,
    /// Number of the first.
    first: u64,
}

impl KeyWindow {
    /// An operation begins; answers its place.
    pub(super) fn open(&mut self, invoked_ns: u64) -> u64 {
        self.operations.push_back((invoked_ns, true));
        self.first + self.operations.len() as u64 - 1
    }

    /// The operation at a place ends.
    pub(super) fn close(&mut self, place: u64) {
        if let Some((_, is_open)) = self.operations.get_mut((place - self.first) as usize) {
            *is_open = false;
        }
        while self.operations.front().is_some_and(|(_, is_open)| !is_open) {
            self.operations.pop_front();
            self.first += 1;
        }
    }

    /// When the first operation that has not ended began.
    pub(super) fn watermark_ns(&self) -> Option<u64> {
        self.operations.front().map(|(invoked_ns, _)| *invoked_ns)
    }

    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }
}
