//! The history: what was invoked, what came back, what the nemesis did, on one clock.
//!
//! [`event`](Event) is one line as it is stored; `reader` turns bytes into events and refuses what makes no sense;
//! `pairing` finds the completion of every invocation; `operation` is the paired view that checkers work on; `timeline`
//! holds what is not an operation: phases, faults, claims.

mod event;
#[expect(clippy::module_inception, reason = "the file is named after the type it holds")]
mod history;
mod operation;
mod pairing;
mod reader;
mod timeline;

pub use event::{Event, EventType, INDEX_MISSING, Process};
pub use history::{History, KeyId, MalformedHistory};
pub use operation::{Operation, Outcome};
pub use reader::{ReadError, ReadErrorKind, TruncatedTail};
pub use timeline::{ClaimChange, FaultWindow, Phase, PhaseStart, Timeline};
