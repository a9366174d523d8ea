//! The pure replication core: inputs in, effects out.
//!
//! No clock, no socket, no file and no thread: the time is handed in with every input, randomness comes from a seed,
//! and everything that touches the world is an [`Effect`] for a driver to perform.
//!
//! ```text
//! Core::new(id: NodeId, nodes: u16, settings: Settings, restored: Restored, seed: u64, now_us: u64) -> Core
//! core.step(now_us, input: Input) -> Vec<Effect>
//! core.step_all(now_us, inputs: impl IntoIterator<Item = Input>) -> Vec<Effect>   (one Persist and one batch for all)
//! core.deadline_us() -> u64                                                       (when the next Tick is due)
//! core.status() -> Status
//! ```

mod interface;
mod ledger;
mod message;
mod types;
mod value;

pub use interface::{
    AcknowledgedWrite, ChangeKind, ClientRequest, ClientResponse, Effect, Input, ProtocolEvent, Restored, Role, Status,
    StepDown, Token,
};
pub use ledger::Ledger;
pub use message::{Append, AppendResult, Appended, Ballot, Message, Vote, VoteRequest};
pub use types::{Change, Claim, Command, Entry, HardState, NodeId, NodeIdError, Origin, Position, Record, Term};
pub use value::Value;
