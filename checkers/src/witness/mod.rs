//! Evidence that a person can read: the smallest part of a history that shows a violation, in English and drawn along time.
//!
//! ```
//! use schism_checkers::history::History;
//! use schism_checkers::witness::{SVG_BYTES_MAX, SvgOptions, svg, timeline};
//! use schism_checkers::{Limits, check_model, model};
//!
//! let text = r#"
//! {"time":1000000,"type":"invoke","process":0,"f":"write","value":1}
//! {"time":2000000,"type":"ok","process":0,"f":"write","value":1}
//! {"time":3000000,"type":"invoke","process":1,"f":"read"}
//! {"time":4000000,"type":"ok","process":1,"f":"read","value":null}
//! "#;
//! let history = History::read_jsonl(text.as_bytes())?;
//! let check = check_model(&history, &model::REGISTER, &Limits::NONE);
//! let witness = check.witness.unwrap();
//!
//! let drawn = timeline(&history, &witness, 60);
//! assert!(drawn.contains("process 1") && drawn.contains(" read → null "), "{drawn}");
//! assert!(drawn.lines().all(|line| line.chars().count() <= 60));
//!
//! let picture = svg(&history, &witness, &SvgOptions::default());
//! assert!(picture.starts_with("<svg") && picture.len() <= SVG_BYTES_MAX);
//! # Ok::<(), schism_checkers::format::ReadError>(())
//! ```
//!
//! How a contradiction becomes evidence:
//! - `reduce`: what may be left out of a history of each object so that the rest still proves something of the whole.
//! - `minimise`: the smallest such part that still has no linearization.
//! - `paragraph`: why it has none.
//!
//! How operations are shown:
//! - `words`: one operation, a value, a time, the faults around, each in words.
//! - `label`: an operation in a few harmless characters.
//! - `scene`: what a drawing of a witness shows, and where.
//! - `timeline`: the drawing in plain text.
//! - `svg`: the drawing as a picture.

mod label;
pub(crate) mod minimise;
#[cfg(test)]
mod minimise_test;
pub(crate) mod paragraph;
#[cfg(test)]
mod paragraph_test;
pub(crate) mod reduce;
mod scene;
mod svg;
mod timeline;
mod words;

pub use svg::{SVG_BYTES_MAX, SvgOptions, svg};
pub use timeline::{TimelineOptions, timeline, timeline_with};
pub use words::{at, counted, describe, faults_around, faults_during, moment, seconds, short, witness};
