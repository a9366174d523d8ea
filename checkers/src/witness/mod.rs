//! Evidence that a person can read: operations in English, and drawn along time.
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
