//! The pure replication core: inputs in, effects out.
//!
//! No clock, no socket, no file and no thread: the time is handed in with every input, randomness comes from a seed,
//! and everything that touches the world is an [`Effect`] for a driver to perform. [`Core`] is one node.

mod acknowledge;
mod client;
mod dice;
mod durability;
mod follower;
mod install;
mod interface;
mod leader;
mod ledger;
mod log;
mod members;
mod message;
#[cfg(test)]
mod model_check;
mod node;
mod operate;
mod read;
mod reconfigure;
mod replication;
mod report;
#[cfg(test)]
mod rules_test;
mod snapshot;
mod state;
mod succession;
mod transfer;
mod types;
mod value;

#[cfg(test)]
pub(crate) use read::Bug;

pub use interface::{
    AcknowledgedWrite, ChangeKind, ClientRequest, ClientResponse, Effect, Input, OperatorRequest, ProtocolEvent,
    Restored, Role, Status, StepDown, Token,
};
pub use ledger::Ledger;
pub use members::Members;
pub use message::{Append, AppendResult, Appended, Ballot, Message, SnapshotChunk, SnapshotTaken, Vote, VoteRequest};
pub use node::Core;
pub use snapshot::Snapshot;
pub use state::{Item, State};
pub use types::{
    Access, Change, Claim, Command, Entry, HardState, NodeId, NodeIdError, Origin, Position, Record, Term,
};
pub use value::Value;
