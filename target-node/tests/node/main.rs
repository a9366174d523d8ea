//! Real nodes on loopback, as processes of the built binary: what they answer, what they survive, how they end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod catch_up;
mod http;
mod interface;
mod members;
mod process;
mod reads;
mod replication;
mod robustness;
mod sessions;
mod storage;
mod support;
mod transfer;
