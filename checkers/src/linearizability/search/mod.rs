//! The general search for a linearization of one object's history.

mod bits;
mod budget;
mod competition;
mod depth_first;
mod dominance;
mod just_in_time;
mod moves;
mod plan;
mod problem;
mod reductions;
mod replay;
mod states;
mod trail;
mod window;

#[cfg(test)]
mod fuzz_test;
#[cfg(test)]
mod reference_test;

pub use budget::Limit;
pub use competition::{Answer, Prefix, decide, decide_on_threads};
pub use problem::{Call, Interval, Problem};
