//! Client sessions: what each client asked last and was answered, so that a repeated request takes effect once (Raft
//! dissertation, section 6.3).
//!
//! A session begins with the first operation of a client that names itself, and holds its last one. They are a part of the
//! replicated state. Beyond [`SESSIONS_MAX`] the session whose last operation lies furthest back in the log ends, on every
//! node at the same position, whatever the clocks say; a repetition after that takes effect again.

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::core::types::{Claim, Origin, Position};

/// Sessions kept.
pub(super) const SESSIONS_MAX: usize = 65_536;

/// The last operation of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::core) struct Answered {
    /// The client's number for it.
    pub(in crate::core) operation: u64,
    /// The entry that carried it.
    pub(in crate::core) position: Position,
    /// That entry's claim.
    pub(in crate::core) claim: Claim,
    /// What it did.
    pub(in crate::core) outcome: Outcome,
}

/// Every session.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    answered: RedBlackTreeMapSync<String, Answered>,
    /// The client of the last operation at each position.
    by_position: RedBlackTreeMapSync<Position, String>,
}

impl Sessions {
    /// The last operation of `client`.
    pub(super) fn get(&self, client: &str) -> Option<&Answered> {
        self.answered.get(client)
    }

    /// Remembers an operation as the last of its client.
    pub(super) fn record(&mut self, origin: &Origin, position: Position, claim: Claim, outcome: Outcome) {
        let answered = Answered { operation: origin.operation, position, claim, outcome };
        self.insert(origin.client.clone(), answered);
        if self.answered.size() > SESSIONS_MAX
            && let Some((oldest, client)) = self.by_position.first().map(|(oldest, client)| (*oldest, client.clone()))
        {
            self.by_position.remove_mut(&oldest);
            self.answered.remove_mut(&client);
        }
    }

    /// Puts a session in the place of the client's one before.
    pub(super) fn insert(&mut self, client: String, answered: Answered) {
        if let Some(before) = self.answered.get(&client) {
            self.by_position.remove_mut(&before.position);
        }
        self.by_position.insert_mut(answered.position, client.clone());
        self.answered.insert_mut(client, answered);
    }

    /// The sessions of the clients after `after`, by name.
    pub(super) fn after<'a>(&'a self, after: Option<&'a str>) -> impl Iterator<Item = (&'a String, &'a Answered)> + 'a {
        let begin = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.answered.range::<str, _>((begin, std::ops::Bound::Unbounded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{NodeId, Term};

    #[test]
    fn the_session_used_least_recently_ends_first() {
        let mut sessions = Sessions::default();
        let claim = Claim { term: Term(1), leader: NodeId(1) };
        let mut record = |client: usize, operation, position| {
            let origin = Origin { client: format!("c{client}"), operation };
            sessions.record(&origin, Position(position), claim, Outcome::Done(None));
        };
        (0..SESSIONS_MAX).for_each(|client| record(client, 1, client as u64 + 1));
        record(0, 2, SESSIONS_MAX as u64 + 1);
        record(SESSIONS_MAX, 1, SESSIONS_MAX as u64 + 2);
        assert_eq!(sessions.get("c0").map(|answered| answered.operation), Some(2));
        assert_eq!(sessions.get("c1"), None);
        assert_eq!((sessions.answered.size(), sessions.by_position.size()), (SESSIONS_MAX, SESSIONS_MAX));
    }
}
