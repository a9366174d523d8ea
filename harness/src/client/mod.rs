//! Workers and the trait by which they speak to a system.

mod client;
mod pacing;
mod route;
mod worker;

pub use client::{Client, Completion, Outcome};
pub use pacing::Pacing;
pub use route::{ASK_OWN_EVERY_NS, Route};
pub use worker::{Worker, Workshop, home_of};
