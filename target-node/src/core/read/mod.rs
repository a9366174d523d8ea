//! Reads that wait, and what they wait for.
//!
//! | level | who answers | waits for |
//! | --- | --- | --- |
//! | `local`, `session` | any node | its own state to reach the position asked for |
//! | `leader` | who believes to lead | the same |
//! | `bounded:MS` | any node | a read index that it asked for not longer ago than that ([`questions`]) |
//! | `lease` | the leader | nothing while a majority has promised to elect nobody else ([`lease`]), else as `read-index` |
//! | `read-index` | any node | a round in which a majority confirms the leader ([`rounds`], [`questions`]) |
//! | `log` | the leader | its own entry in the log to be committed |
//!
//! What was confirmed for a read is a position: whoever shows a state at or after it may answer ([`positions`]).

#[cfg(test)]
mod bug;
mod lease;
mod positions;
mod questions;
mod rounds;
mod settle;

use super::{
    interface::ClientResponse,
    state::State,
    types::{Position, Term},
};
use crate::settings::ReadLevel;

#[cfg(test)]
pub(crate) use bug::Bug;
pub(super) use positions::Positions;
pub(super) use questions::Questions;
pub(super) use rounds::{Asker, LeaderReads};

/// The most reads that may wait in one node; more are refused.
pub(super) const WAITING_READS_MAX: usize = 65_536;

/// A scan ends, like one at its limit, before its keys and values take more; the first always fits.
const SCAN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a read asks of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Key(String),
    Scan { prefix: String, after: Option<String>, limit: usize },
}

impl Question {
    /// The answer of `state` in a node that knows `term`.
    pub(super) fn answer(&self, state: &State, term: Term, level: ReadLevel) -> ClientResponse {
        let position = state.position();
        match self {
            Question::Key(key) => ClientResponse::Value { value: state.read(key), term, position, level },
            Question::Scan { prefix, after, limit } => {
                let (mut items, mut bytes, mut more) = (Vec::new(), 0, false);
                for (key, value) in state.scan(prefix, after.as_deref()) {
                    bytes += key.len() + value.as_json_text().len();
                    more = items.len() == *limit || (bytes > SCAN_BYTES_MAX && !items.is_empty());
                    if more {
                        break;
                    }
                    items.push((key.to_owned(), value));
                }
                ClientResponse::Items { items, more, term, position, level }
            }
        }
    }
}

/// A read that is not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WaitingRead {
    pub(super) request: u64,
    pub(super) question: Question,
    pub(super) level: ReadLevel,
    /// The least position of the state that may be shown.
    pub(super) at_least: Position,
}

impl WaitingRead {
    /// The same, to be answered from no state before `index`.
    pub(super) fn from(self, index: Position) -> Self {
        Self { at_least: self.at_least.max(index), ..self }
    }
}
