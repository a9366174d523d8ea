//! A snapshot: the state that a prefix of the log leads to, in the place of that prefix (Raft paper, section 7).

use super::{
    members::Members,
    state::State,
    types::{Claim, Position},
};

/// The state at a position, and what else the log up to there told. A clone shares the state.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The last position that it stands for.
    pub position: Position,
    /// The claim of the entry there.
    pub claim: Claim,
    /// The members in force there.
    pub members: Members,
    /// The state there; its items are what is stored and sent.
    pub state: State,
}
