//! Limits of one search: when it has to stop, and how many bytes it may hold.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::analysis::Limits;

/// Work between two questions to the caller. A unit is one step of the object or a kilobyte of its state, so that some
/// milliseconds pass between two questions at most.
const WORK_PER_QUESTION: usize = 2048;

/// Why a search ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It was told to stop.
    Time,
    /// It would have held more bytes than it may.
    Memory,
    /// Another search of the same problem has the answer.
    Cancelled,
    /// It has done the work it was given.
    Work,
}

impl Limit {
    /// As it stands before the word "limit".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Cancelled => "other search's",
            Self::Work => "work",
        }
    }
}

/// What may be counted of so many bytes: a quarter is left for tables that are held twice while they grow, and for what the
/// allocator keeps.
fn countable(memory_bytes: usize) -> usize {
    memory_bytes / 4 * 3
}

/// What is left of the limits.
pub(super) struct Budget<'l> {
    limits: &'l Limits<'l>,
    memory_bytes: usize,
    cancelled: Option<&'l AtomicBool>,
    /// Units of work until the next question.
    until_question: usize,
    /// Units of work that may still be done.
    work: usize,
    held_bytes: usize,
    /// A part of what is held that seldom changes.
    base_bytes: usize,
}

impl<'l> Budget<'l> {
    pub(super) fn new(limits: &'l Limits<'l>) -> Self {
        Self {
            limits,
            memory_bytes: countable(limits.memory_bytes),
            cancelled: None,
            until_question: WORK_PER_QUESTION,
            work: usize::MAX,
            held_bytes: 0,
            base_bytes: 0,
        }
    }

    /// A part of the memory, and another reason to stop.
    pub(super) fn share(mut self, memory_bytes: usize, cancelled: &'l AtomicBool) -> Self {
        self.memory_bytes = countable(memory_bytes);
        self.cancelled = Some(cancelled);
        self
    }

    /// Ends after so many units of work, counted from now.
    pub(super) fn set_work(&mut self, work: usize) {
        self.work = work;
    }

    /// Asked before every piece of work.
    #[inline]
    pub(super) fn spend(&mut self, work: usize) -> Result<(), Limit> {
        if work < self.until_question {
            self.until_question -= work;
            return Ok(());
        }
        self.until_question = WORK_PER_QUESTION;
        self.question(work)
    }

    #[cold]
    fn question(&mut self, work: usize) -> Result<(), Limit> {
        if self.cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed)) {
            return Err(Limit::Cancelled);
        }
        if (self.limits.should_stop)() {
            return Err(Limit::Time);
        }
        if self.held_bytes > self.memory_bytes {
            return Err(Limit::Memory);
        }
        match self.work.checked_sub(work.max(WORK_PER_QUESTION)) {
            Some(left) => self.work = left,
            None => return Err(Limit::Work),
        }
        Ok(())
    }

    /// Notes how much is held now, beside the base.
    #[inline]
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Limit> {
        self.held_bytes = self.base_bytes + bytes;
        if self.held_bytes > self.memory_bytes { Err(Limit::Memory) } else { Ok(()) }
    }

    /// Notes how much is held beside what is told to [`Budget::hold`].
    pub(super) fn set_base(&mut self, bytes: usize) {
        self.base_bytes = bytes;
    }
}
