//! Schism tells you what your replication settings really promise.
//!
//! A **workload** is a **generator** of operations and the **checkers** that judge them. **Workers**, each one logical
//! process, draw operations from it and let a **client** perform them against the **nodes** of a **system**, which run
//! in an **environment** the harness made. Every invocation and every completion goes into the **history**. Meanwhile
//! the **nemesis** injects **faults** by a **schedule** and writes what it did, and the proof that it bit, into the
//! same history on the same clock. When time is up it **heals** everything, the system gets time to converge, and
//! closing reads end the history. **Checkers** turn it into a **verdict**. A **run** is all of that under one seed; a
//! **campaign** is a matrix of runs; a **report** turns runs into tables.
//!
//! # Layout, in the order of the data's path
//! - [`cli`]: what was typed; one file a subcommand.
//! - [`plan`]: what it means: a fully resolved, serialisable plan.
//! - [`campaign`]: a file becomes a matrix of plans with expectations; runs side by side, and what they left.
//! - [`environment`]: the private world of a run: jail, networks, processes, probes.
//! - [`systems`]: what can be tested; one folder a system.
//! - [`client`]: workers and the trait by which they speak to a system.
//! - [`nemesis`]: faults, schedules, proofs, heals.
//! - [`record`]: the clock, the history, the run's directory.
//! - [`run`]: one run from start to verdict.
//! - [`report`]: runs become tables.

pub mod campaign;
pub mod cli;
pub mod client;
pub mod environment;
pub mod nemesis;
pub mod plan;
pub mod record;
pub mod report;
pub mod run;
pub mod systems;
