//! The history: what was invoked, what came back, what the nemesis did, on one clock.
//!
//! A reader of [`crate::format`] turns bytes into [`Line`]s; the [`HistoryBuilder`] pairs invocations with
//! completions and stores columns of numbers, every value interned as a [`ValueId`]; an [`Operation`] is the paired view that
//! checkers work on; the [`Timeline`] holds what is not an operation: phases, faults, claims. An [`Event`] is one line as a
//! recorder writes it.

mod builder;
mod columns;
mod event;
mod function;
#[expect(clippy::module_inception, reason = "the file is named after the type it holds")]
mod history;
mod line;
mod operation;
mod timeline;
mod value;

pub use builder::HistoryBuilder;
pub use event::{Event, EventType, INDEX_MISSING, Process};
pub use function::Function;
pub use history::{History, KeyId, MalformedHistory, ProcessId};
pub use line::{Line, ProcessName, Source};
pub(crate) use operation::level_promises_recency;
pub use operation::{Operation, Outcome};
pub use timeline::{ClaimChange, FaultWindow, Note, Phase, PhaseStart, Timeline};
pub use value::{DisplayValue, Value, ValueId, Values};
