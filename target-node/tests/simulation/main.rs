//! The replication core under a seeded event queue: crashes, delays, drops, partitions, and every promise judged.
//!
//! `SCHISM_SIM_SEED=SEED cargo test -p schism-node --test simulation NAME` repeats one seed of the test NAME and prints
//! the last steps before the violation. `SCHISM_SIM_RUNS=COUNT` simulates so many seeds of each test.

mod plans;
mod scenarios;
mod settings;
mod support;
mod sweep;
