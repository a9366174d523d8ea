//! The general search for a linearization of one object's history: any model, any values, within limits.
//!
//! [`decide`] answers whether a [`Problem`] has an order, and if not, which completion is the first that none explains,
//! with an order of all before it; past a limit, how far it came. The two searches of the literature go over the same
//! configurations: `just_in_time` keeps all that are possible at one completion (Lowe 2017), `depth_first` follows one at a
//! time with a memo (Wing & Gong 1993). The first is exact, needs memory for the open calls only and is alone nearly
//! always; where it has to do much, the second joins it, and the first answer counts.
//!
//! - `problem`: what goes in. `plan`: times as counts of completions, classes of equal actions, slots of open calls.
//! - `reductions`: what is left out, and the proofs. `moves`, `dominance`: how.
//! - `states`, `window`, `bits`, `trail`: states by number, open calls, sets of them, what was placed.
//! - `replay`: a whole order from what was placed. `budget`: limits. `competition`: both searches, and the answer.
//! - `reference_test`, `fuzz_test`: the plain search without reductions, and comparisons with it.

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
