//! Evidence that a person can read: operations in English.
//!
//! - `words`: one operation, a value, a time, the faults around, each in words.

mod words;

pub use words::{at, counted, describe, faults_around, faults_during, seconds, short, witness};
