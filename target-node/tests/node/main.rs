//! Real nodes on loopback, as processes of the built binary: what they answer, what they survive, how they end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod http;
mod interface;
mod members;
mod process;
mod replication;
mod robustness;
mod storage;
mod support;
