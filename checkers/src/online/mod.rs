//! What can be said before the end: checkers that are fed event by event, in bounded memory.
//!
//! # What is reported
//! Only violations that no later event can take back: if the events up to some time contain one, every history that goes on
//! from them contains it, so the checker that sees the whole history says `Invalid`, too. Which properties have that shape,
//! and why, stands in the file of each checker:
//! - `register`: linearizability of registers whose values are written once each;
//! - `set`: linearizability of grow-only sets whose elements are added once each;
//! - `configurations`: linearizability of the other objects, within a budget of configurations;
//! - `split_brain`: acknowledgements in overlapping reigns.
//!
//! Linearizability itself has it: take an order that explains the longer history, and cut it behind the last operation that
//! completed in the shorter one. What stands before the cut began before that completion, or at the same time, so it is part
//! of the shorter history; operations that completed later are undecided there, and may stand in its order or not.
//!
//! *The same time* matters, for equal times are concurrent: a read may be answered at the very nanosecond at which the write
//! of its value is invoked, whichever line comes first. So a completion is judged only once an event of a later time was fed,
//! or the end was declared.
//!
//! # What is not
//! What is lost, dirty or recovered is decided by the closing reads, divergence by the final ones; whether values were seen
//! that nobody wrote, and whether reads were stale, by reads at levels that promise nothing, takes all values ever written.
//! None of that is said before the end. What a checker gave up, and why, [`OnlineCheck::left_to_the_end`] tells.
//!
//! # Memory
//! What may still matter is kept: operations that have not ended, those that ended since the first of them began, undecided
//! writes, and for each key what it may hold. [`OnlineCheck::entries`] counts it. A key that was ever used keeps one entry.

mod blocks;
mod check;
mod configurations;
mod datum;
mod key_window;
mod keyed;
mod maxima;
mod objects;
mod register;
mod set;
mod split_brain;

pub use check::{Completion, OnlineCheck, OnlineChecker, OnlineOperation, Violation};
pub use datum::Datum;
pub use keyed::{linearizable_object, linearizable_register, linearizable_set};
pub use split_brain::split_brain;
