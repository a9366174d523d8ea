//! One logical process's connection to the system.

use schism_workloads::workload::Operation;
use serde_json::Value;

use crate::environment::{BoxFuture, NodeId};

/// How an operation ended. Anything after the first byte left, short of an answer, is `Info`.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It happened; the value is the result (for writes: the argument again).
    Ok(Value),
    /// It certainly did not happen and never will.
    Fail(String),
    /// It may have happened, now or later.
    Info(String),
}

/// How an operation ended, and what the answer said about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// How it ended.
    pub outcome: Outcome,
    /// Term or epoch.
    pub term: Option<u64>,
    /// Log position.
    pub position: Option<u64>,
    /// Acknowledgement level.
    pub ack: Option<String>,
    /// Read level that was used.
    pub level: Option<String>,
    /// "Not leader" answers may name the leader.
    pub leader_hint: Option<NodeId>,
}

impl Completion {
    /// A completion that says nothing about itself.
    #[must_use]
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, term: None, position: None, ack: None, level: None, leader_hint: None }
    }
}

/// Speaks to one node at a time. It never retries, never follows a redirect by itself and uses no environment proxies.
pub trait Client: Send {
    /// Points the client at a node; connections to another node are closed. Must not touch the system's state.
    fn open(&mut self, node: NodeId) -> BoxFuture<'_, ()>;
    /// Performs one operation at the node last opened. Bounded by the timeout the client was made with.
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> BoxFuture<'a, Completion>;
    /// Closes every connection.
    fn close(&mut self) -> BoxFuture<'_, ()>;
}
