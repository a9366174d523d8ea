//! Transactions: which isolation anomalies a history shows, and which consistency models they rule out.
//!
//! The method is that of Kingsbury & Alvaro, *Elle: Inferring Isolation Anomalies from Experimental Observations* (VLDB 2020),
//! over Adya's dependency graphs (*Weak Consistency*, 1999). The data flow through:
//!
//! [`input`] (columns) → `writers` (who wrote a value) → `list_versions`, `register_versions` (orders of versions) →
//! `list_append`, `rw_register` (dependencies), `order` (processes, real time) → `graph` → `components` → `cycles` (which
//! kinds exist) → `shortest` (one of each) → `anomalies`, `list_anomalies` (what needs no cycle) → [`lattice`] (what the
//! anomalies rule out) → [`explain`] (English) → [`check`](mod@check). `from_history` leads in and out of a [`History`].
//!
//! [`History`]: crate::history::History

pub mod anomalies;
pub mod check;
mod checkers;
mod components;
mod cycles;
#[cfg(test)]
mod cycles_test;
pub mod explain;
mod from_history;
mod graph;
pub mod input;
pub mod lattice;
mod list_anomalies;
mod list_append;
mod list_versions;
mod order;
mod register_versions;
pub mod rw_register;
mod shortest;
mod writers;

pub use check::{Anomaly, Findings, TransactionModel, check_transactions};
pub use checkers::{LIST_APPEND, RW_REGISTER};
pub use explain::Names;
pub use from_history::{TransactionAnomaly, TransactionCheck, check};
pub use input::{Action, MicroOperation, Transaction, Transactions};
pub use lattice::{Boundary, ConsistencyModel};
pub use rw_register::VersionOrder;
