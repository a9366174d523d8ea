//! A snapshot on its way to one follower, chunk by chunk, each cut from the state when it is sent.
//!
//! One chunk is under way at a time. It is sent again when beats have passed without an answer, the longer the oftener that
//! happened, so that a slow link is not flooded; meanwhile heartbeats go on. The snapshot stays the same until it is
//! installed, whatever the leader commits or compacts in between.

use super::{
    snapshot::Snapshot,
    state::{Cursor, Item},
    types::Position,
};

/// About how many bytes are in a chunk.
const CHUNK_BYTES: usize = 256 * 1024;
/// A chunk is sent again after so many beats at first,
const PATIENCE_BEATS_MIN: u32 = 4;
/// and after so many at last.
const PATIENCE_BEATS_MAX: u32 = 64;

/// What is sent at once.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) number: u64,
    pub(super) items: Vec<Item>,
    pub(super) is_last: bool,
}

/// A snapshot on its way to one follower.
#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) snapshot: Snapshot,
    /// Where each chunk begins, as far as that is known.
    starts: Vec<Cursor>,
    /// How many chunks there are, once that is known.
    count: Option<u64>,
    /// The chunk under way; behind the last one, the question whether all of it is installed.
    number: u64,
    is_due: bool,
    /// Beats since it was sent.
    waited: u32,
    patience: u32,
}

impl Transfer {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            starts: vec![Cursor::start()],
            count: None,
            number: 0,
            is_due: true,
            waited: 0,
            patience: PATIENCE_BEATS_MIN,
        }
    }

    /// The snapshot's position.
    pub(super) fn position(&self) -> Position {
        self.snapshot.position
    }

    /// The chunk to send now, if one is due.
    pub(super) fn take_chunk(&mut self) -> Option<Chunk> {
        if !std::mem::take(&mut self.is_due) {
            return None;
        }
        self.waited = 0;
        let number = self.number;
        let Some(start) = self.starts.get(number as usize) else {
            return Some(Chunk { number, items: Vec::new(), is_last: true });
        };
        let (items, next) = self.snapshot.state.items_after(start, CHUNK_BYTES);
        match next {
            None => self.count = Some(number + 1),
            Some(next) if self.starts.len() as u64 == number + 1 => self.starts.push(next),
            Some(_) => {}
        }
        Some(Chunk { number, items, is_last: self.count == Some(number + 1) })
    }

    /// The follower heard its leader; after some beats without an answer the chunk is sent again.
    pub(super) fn beat(&mut self) {
        self.waited += 1;
        if self.waited >= self.patience {
            self.patience = (self.patience * 2).min(PATIENCE_BEATS_MAX);
            self.is_due = true;
        }
    }

    /// The follower wants the chunk `wanted` next.
    pub(super) fn wants(&mut self, wanted: u64) {
        let has_all = self.count == Some(wanted);
        if wanted == self.number || !(has_all || wanted < self.starts.len() as u64) {
            return;
        }
        self.number = wanted;
        self.patience = PATIENCE_BEATS_MIN;
        self.waited = 0;
        // The follower says by itself when it has stored everything.
        self.is_due = !has_all;
    }
}
