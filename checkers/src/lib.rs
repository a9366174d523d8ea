//! Consistency checkers: a recorded history goes in, a verdict with a witness comes out.
//!
//! No clock, no socket, no async and no global state; the only I/O is reading a history from a [`std::io::Read`]
//! and writing one.
//!
//! # A history, judged
//!
//! ```
//! use schism_checkers::format::ReadOptions;
//! use schism_checkers::history::History;
//! use schism_checkers::{Limits, Validity, check_model, model};
//!
//! let text = r#"
//! {"time":10,"type":"invoke","process":0,"f":"write","value":1}
//! {"time":20,"type":"ok","process":0,"f":"write","value":1}
//! {"time":30,"type":"invoke","process":1,"f":"read"}
//! {"time":40,"type":"ok","process":1,"f":"read","value":null}
//! "#;
//! // Any reader, any of the formats, compressed or not; the format is found by itself.
//! let history = History::read(text.as_bytes(), &ReadOptions::default())?;
//!
//! // The library has no clock: the caller says when to stop, and how much memory a search may hold.
//! let limits = Limits { should_stop: &|| false, memory_bytes: 1 << 30 };
//! let check = check_model(&history, &model::REGISTER, &limits);
//!
//! assert_eq!(check.valid, Validity::Invalid);
//! let witness = check.witness.unwrap();
//! assert!(witness.text.contains("has no linearization"));
//! assert_eq!(witness.events, [0, 1, 2, 3]);
//! # Ok::<(), schism_checkers::format::ReadError>(())
//! ```
//!
//! # Several checkers, and a history made in memory
//!
//! ```
//! use schism_checkers::history::{EventType, HistoryBuilder, Line, ProcessName, Source, ValueId};
//! use schism_checkers::{FindingKind, Limits, checker, registry};
//!
//! let mut builder = HistoryBuilder::new(Source::Built);
//! let element = builder.values_mut().integer(7);
//! let nothing = builder.values_mut().list(&[]);
//! let lines = [
//!     (EventType::Invoke, 0, "add", element),
//!     (EventType::Ok, 0, "add", element),
//!     (EventType::Invoke, 1, "read", ValueId::NULL),
//!     (EventType::Ok, 1, "read", nothing),
//! ];
//! for (time, (event_type, process, f, value)) in lines.into_iter().enumerate() {
//!     let line = Line::new(event_type, ProcessName::Client(process), f, value);
//!     builder.push(Line { time: Some(time as i64), ..line })?;
//! }
//! let history = builder.finish(false);
//!
//! let checkers = ["set-full", "session"].map(|name| registry::by_name(name).unwrap());
//! let analysis = checker::judge(&history, &Limits::NONE, &checkers);
//! assert_eq!(analysis.measures.lost, Some(1));
//! assert_eq!(analysis.findings[0].kind, FindingKind::Lost);
//! # Ok::<(), String>(())
//! ```
//!
//! Transactions are checked by [`transactions::check()`]; an object of one's own is a [`model::SequentialSpec`].
//!
//! # Layout
//! - [`history`]: lines in, columns of numbers inside, operations (an invocation paired with its completion) out; the timeline.
//! - [`mod@format`]: histories read from JSON lines, EDN, logs, and written.
//! - [`semantics`]: what sources leave unsaid, and mean differently.
//! - [`index`]: a history seen as sets or registers, values numbered.
//! - [`checker`], [`registry`]: what a checker is, how several judge together, and the table of all of them.
//! - [`model`], [`linearizability`]: sequential objects, and whether a history is linearizable with respect to one.
//! - [`set_full`], [`register_values`], [`stale`], [`split_brain`], [`two_leaders`], [`fork`], [`divergence`],
//!   [`convergence`], [`availability`], [`latency`], [`counts`]: one property a file.
//! - [`counter_bounds`], [`total_queue`], [`unique_ids`], [`bank`], [`long_fork`], [`causal_reverse`], [`lock`]: one kind of
//!   object a file, for workloads that make it.
//! - [`transactions`]: which isolation anomalies transactions show, and which consistency models these rule out.
//! - [`online`]: what can be said before the end, event by event, in bounded memory.
//! - [`session`], [`sequential`]: what processes may rely on where nothing is linearizable.
//! - [`staleness`], [`recovery`], [`stats`], [`client_lint`]: what a run cost, and whether its client can be trusted.
//! - [`verdict`]: `Valid | Unknown | Invalid`, findings and their witnesses.
//! - [`witness`]: the smallest part of a history that shows a violation; in English, as a timeline in text, as a picture.
//! - [`synth`]: seeded histories of a simulated object, correct or with a planted violation.
//! - [`analysis`]: what all checkers of a workload say together.

pub mod analysis;
pub mod availability;
pub mod bank;
pub mod causal_reverse;
pub mod checker;
pub mod client_lint;
pub mod convergence;
pub mod counter_bounds;
pub mod counts;
pub mod divergence;
pub mod fork;
pub mod format;
pub mod history;
pub mod index;
pub mod latency;
pub mod linearizability;
pub mod lock;
pub mod long_fork;
pub mod model;
pub mod online;
pub mod recovery;
pub mod register_values;
pub mod registry;
pub mod semantics;
pub mod sequential;
pub mod session;
pub mod set_full;
mod set_visibility;
pub mod split_brain;
pub mod stale;
pub mod staleness;
pub mod stats;
pub mod synth;
#[cfg(test)]
mod testing;
pub mod total_queue;
pub mod transactions;
pub mod two_leaders;
pub mod unique_ids;
pub mod verdict;
pub mod witness;

pub use analysis::{Analysis, FaultOutage, GeneratedIds, Limits, Measures, Quantiles, SetElements, StaleElement};
pub use checker::Checker;
pub use linearizability::{ModelCheck, check_model};
pub use semantics::Semantics;
pub use verdict::{Finding, FindingKind, Validity, Witness};
