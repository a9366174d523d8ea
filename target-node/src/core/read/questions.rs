//! What a node that does not lead asks its leader: up to where a read must see.
//!
//! One question is under way at a time; reads that arrive meanwhile share the next one. A question that is not answered is
//! repeated under its number, which is safe, because all its reads arrived before it was asked first. No two questions
//! share a number, not even in two lives of a node: an answer that was delayed must never count for a later question.

use std::collections::BTreeSet;

use super::WaitingRead;
use crate::core::types::{NodeId, Position, Term};

/// A question under way.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: u64,
    /// Whom, and in which term.
    pub(super) leader: (NodeId, Term),
    /// When first.
    pub(super) since_us: u64,
    /// When it is repeated.
    pub(super) again_us: u64,
    /// When it is given up.
    pub(super) until_us: u64,
    pub(super) reads: Vec<WaitingRead>,
}

/// A read index that was obtained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fresh {
    /// Of whom, in which term.
    pub(super) leader: (NodeId, Term),
    /// When it was asked for.
    pub(super) since_us: u64,
    pub(super) index: Position,
}

/// The questions of one node.
#[derive(Debug, Clone, Default)]
pub(in crate::core) struct Questions {
    last_id: u64,
    pub(super) asked: Option<Asked>,
    pub(super) for_next: Vec<WaitingRead>,
    pub(super) fresh: Option<Fresh>,
}

impl Questions {
    /// The questions of a node that has started for the `incarnation`-th time.
    pub(in crate::core) fn new(incarnation: u64) -> Self {
        // Numbers of different lives are far apart.
        Self { last_id: incarnation.wrapping_mul(0x9e37_79b9_7f4a_7c15), ..Self::default() }
    }

    pub(in crate::core) fn len(&self) -> usize {
        self.for_next.len() + self.asked.as_ref().map_or(0, |asked| asked.reads.len())
    }

    pub(in crate::core) fn push(&mut self, read: WaitingRead) {
        self.for_next.push(read);
    }

    /// Asks `leader` for all that wait; returns the number of the question.
    pub(super) fn ask(&mut self, leader: (NodeId, Term), now_us: u64, again_us: u64, until_us: u64) -> u64 {
        self.last_id = self.last_id.wrapping_add(1);
        let reads = std::mem::take(&mut self.for_next);
        self.asked = Some(Asked { id: self.last_id, leader, since_us: now_us, again_us, until_us, reads });
        self.last_id
    }

    /// Takes every read out.
    pub(super) fn take_all(&mut self) -> Vec<WaitingRead> {
        let mut reads = self.asked.take().map(|asked| asked.reads).unwrap_or_default();
        reads.append(&mut self.for_next);
        reads
    }

    /// When the question under way is repeated or given up; `u64::MAX` if there is none.
    pub(in crate::core) fn due_us(&self) -> u64 {
        self.asked.as_ref().map_or(u64::MAX, |asked| asked.again_us.min(asked.until_us))
    }

    /// The log has lost entries: a position says nothing any more about what was there when it was obtained.
    pub(in crate::core) fn forget_fresh(&mut self) {
        self.fresh = None;
    }

    /// Forgets the reads of clients that are gone.
    pub(super) fn forget(&mut self, requests: &BTreeSet<u64>) {
        let stays = |read: &WaitingRead| !requests.contains(&read.request);
        self.for_next.retain(stays);
        if let Some(asked) = &mut self.asked {
            asked.reads.retain(stays);
        }
    }
}
