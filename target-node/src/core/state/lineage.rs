//! Which leader appended which part of the log that led to a state.
//!
//! Position and claim identify an entry, and claims never decrease along a log, so a few reigns tell the claim of every
//! entry that a snapshot stands for. With them a node can say, of any entry that was in its log, whether it is in a
//! leader's snapshot; without them the loss of an acknowledged write could not be told from its absence of mention.

use rpds::RedBlackTreeMapSync;

use crate::core::types::{Claim, Position};

/// The reigns of a log from its first entry on.
#[derive(Debug, Clone)]
pub(super) struct Lineage {
    /// The claim of the entries from each position to the next one named.
    reigns: RedBlackTreeMapSync<Position, Claim>,
    last: Claim,
}

impl Default for Lineage {
    fn default() -> Self {
        Self { reigns: RedBlackTreeMapSync::new_sync(), last: Claim::NONE }
    }
}

impl Lineage {
    /// Takes in that the entries from `position` on are of `claim`.
    pub(super) fn extend(&mut self, position: Position, claim: Claim) {
        if claim != self.last {
            self.reigns.insert_mut(position, claim);
            self.last = claim;
        }
    }

    /// The claim of the entry at `position`, which is in the log.
    pub(super) fn claim_at(&self, position: Position) -> Claim {
        self.reigns.range(..=position).next_back().map_or(Claim::NONE, |(_, claim)| *claim)
    }

    /// Where the entries of the claim at `position` begin; nowhere before the first entry.
    pub(super) fn begin_of(&self, position: Position) -> Option<Position> {
        self.reigns.range(..=position).next_back().map(|(from, _)| *from)
    }

    /// The last position up to `position` whose claim is not above `claim`.
    pub(super) fn last_not_above(&self, position: Position, claim: Claim) -> Position {
        let mut later = position.next();
        for (from, reign) in self.reigns.range(..=position).rev() {
            if *reign <= claim {
                break;
            }
            later = *from;
        }
        later.previous()
    }

    /// The reigns that begin after `after`.
    pub(super) fn after(&self, after: Position) -> impl Iterator<Item = (Position, Claim)> + '_ {
        self.reigns.range(after.next()..).map(|(from, claim)| (*from, *claim))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{NodeId, Term};

    #[test]
    fn reigns_tell_the_claim_of_every_entry() {
        let claim = |term, leader| Claim { term: Term(term), leader: NodeId(leader) };
        let claims = [claim(1, 1), claim(1, 1), claim(3, 2), claim(3, 2), claim(3, 3), claim(4, 1)];
        let mut lineage = Lineage::default();
        for (claim, position) in claims.iter().zip(1..) {
            lineage.extend(Position(position), *claim);
        }
        assert_eq!(lineage.after(Position(0)).count(), 4);
        assert_eq!(lineage.claim_at(Position(0)), Claim::NONE);
        for (claim, position) in claims.iter().zip(1..) {
            assert_eq!(lineage.claim_at(Position(position)), *claim);
        }
        for position in 0..=6_u64 {
            for asked in [Claim::NONE, claim(1, 1), claim(2, 1), claim(3, 2), claim(3, 3), claim(9, 9)] {
                let expected = (1..=position).rev().find(|at| claims[*at as usize - 1] <= asked).unwrap_or(0);
                assert_eq!(
                    lineage.last_not_above(Position(position), asked),
                    Position(expected),
                    "{position} {asked:?}"
                );
            }
        }
    }
}
