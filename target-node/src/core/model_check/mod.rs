//! An exhaustive exploration of small clusters of real cores, breadth first.
//!
//! Three nodes, a few terms, a few entries: every order of delivery, loss, repetition, timeouts, crashes and restarts
//! within a [`Bound`] is tried, and the properties of the Raft paper (figure 3) are checked in every state. Time is
//! abstract: any amount may pass between two steps, so every timeout may fire at any moment and no protection that rests
//! on recent contact holds; what is safe here is safe under every clock.
//!
//! The cores are the ones that nodes run. What makes an exploration of millions of states affordable is that a machine (a
//! core with its disk) takes the same step in very many of them: each distinct machine, message and step is kept once
//! ([`space`]), and a state of the cluster is a handful of numbers ([`search`]). States that differ only in the names of
//! nodes, in tokens or in clocks are one state ([`canonical`]).
//!
//! That the exploration can fail is shown with [`Bug`]s, which it must find.
//!
//! The bounds of the tests take seconds. `SCHISM_MODEL=full cargo test -p schism-node --lib model_check -- --nocapture`
//! explores large ones and prints how many states there were; `SCHISM_MODEL='terms=2 entries=3 restarts=1'` explores what
//! it says (`bounds_test.rs` has the words).

mod bounds_test;
mod canonical;
mod machine;
mod properties;
mod remains;
mod search;
mod space;
