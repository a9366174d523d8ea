//! Workers and the trait by which they speak to a system.

mod client;

pub use client::{Client, Completion, Outcome};
