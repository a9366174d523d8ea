//! Seeded histories of a simulated object: as long as asked for, correct or with one planted violation.
//!
//! For whoever tests or measures a checker: the shape is a parameter (which object, how many operations, clients and keys,
//! which values, how many undecided operations), the verdict is known beforehand, and one seed gives one history, byte for
//! byte. Events come one after the other, so that a history never has to fit into memory.
//!
//! - [`shape`](Shape): what a history is like.
//! - `schedule` ([`Events`]): clients that think, invoke, wait and go on; when each operation takes effect.
//! - `register`, `key_value`, `set`, `counter`, `sequence`, `mutex`, `database`: one simulated object a file, each with the
//!   few operations that plant a violation, and why no correct object could have answered like that.
//! - [`event`](Event): a line of the history, and how it is written.

mod counter;
mod database;
mod dice;
mod event;
mod key_value;
mod mutex;
mod object;
mod operation;
mod register;
mod schedule;
mod sequence;
mod set;
mod shape;
#[cfg(test)]
mod synth_test;

pub use event::{Event, MicroOperation, Value};
pub use schedule::{Events, events};
pub use shape::{Isolation, Mix, ObjectKind, Shape, ShapeError, Values, Violation, ViolationKind};

use crate::history::{History, HistoryBuilder, Source};

/// The history of a shape and a seed, as if it had been read from a file.
///
/// # Errors
/// The shape makes no sense.
pub fn history(shape: &Shape, seed: u64) -> Result<History, ShapeError> {
    let mut builder = HistoryBuilder::new(Source::Jsonl);
    for event in events(shape, seed)? {
        event.push_to(&mut builder).map_err(ShapeError)?;
    }
    Ok(builder.finish(false))
}
