//! Runs become tables.

pub mod statistics;
