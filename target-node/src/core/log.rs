//! The log in memory: entries in order, and what this node knows about each beside its content.
//!
//! Claims never decrease along a log, and a term has one leader in it, because a log is always a copy of some leader's
//! log and a leader appends under a claim above all that it holds. [`Log::agreement_hint`] relies on that.

use super::{
    state::Outcome,
    types::{Claim, Command, Entry, Origin, Position},
};

/// An entry and what this node knows about it.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    /// This node answered ok for it, as leader.
    pub(super) acknowledged: bool,
    /// What it did to the state, once it is visible.
    pub(super) outcome: Option<Outcome>,
}

/// The entries from position 1 to the last.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    slots: Vec<Slot>,
}

impl Log {
    /// Takes over the entries found on disk.
    ///
    /// # Panics
    /// If they do not begin at position 1 or have a gap: the storage must not hand in such a log.
    pub(super) fn restore(entries: Vec<Entry>) -> Self {
        let mut log = Self::default();
        for entry in entries {
            let expected = log.last().next();
            assert_eq!(entry.position, expected, "the restored log has a gap");
            log.push(entry);
        }
        log
    }

    pub(super) fn last(&self) -> Position {
        Position(self.slots.len() as u64)
    }

    pub(super) fn last_claim(&self) -> Claim {
        self.slots.last().map_or(Claim::NONE, |slot| slot.entry.claim)
    }

    /// The claim of the entry at `position`; that of position 0 is [`Claim::NONE`].
    pub(super) fn claim_at(&self, position: Position) -> Option<Claim> {
        if position == Position(0) { Some(Claim::NONE) } else { self.get(position).map(|slot| slot.entry.claim) }
    }

    pub(super) fn get(&self, position: Position) -> Option<&Slot> {
        self.slots.get(index_of(position)?)
    }

    pub(super) fn get_mut(&mut self, position: Position) -> Option<&mut Slot> {
        self.slots.get_mut(index_of(position)?)
    }

    /// A new entry for the place after the last; it is not appended yet.
    pub(super) fn entry(&self, claim: Claim, command: Command, origin: Option<Origin>) -> Entry {
        Entry { claim, position: self.last().next(), command, origin }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        debug_assert_eq!(entry.position, self.last().next(), "an entry must follow the last");
        debug_assert!(entry.claim >= self.last_claim(), "claims must not decrease along a log: {entry:?}");
        self.slots.push(Slot { entry, acknowledged: false, outcome: None });
    }

    /// Removes the entries from `from` on and returns them, in order.
    pub(super) fn truncate(&mut self, from: Position) -> Vec<Slot> {
        let keep = index_of(from).unwrap_or(0).min(self.slots.len());
        self.slots.split_off(keep)
    }

    /// Copies of up to `count_max` entries from `from` to `to`, both included.
    pub(super) fn copy(&self, from: Position, to: Position, count_max: usize) -> Vec<Entry> {
        let start = index_of(from).unwrap_or(0);
        let end = (to.0 as usize).min(self.slots.len()).min(start.saturating_add(count_max));
        self.slots.get(start..end).unwrap_or_default().iter().map(|slot| slot.entry.clone()).collect()
    }

    /// The last position up to `position` whose claim is not above `claim`, and its claim: the last place at which two
    /// logs can agree, if the other one has `claim` at a later place. Skips a whole term at a time (Raft paper, end of
    /// section 5.3).
    pub(super) fn agreement_hint(&self, position: Position, claim: Claim) -> (Position, Claim) {
        let end = (position.0 as usize).min(self.slots.len());
        let count = self.slots[..end].partition_point(|slot| slot.entry.claim <= claim);
        let hint = Position(count as u64);
        (hint, self.claim_at(hint).unwrap_or(Claim::NONE))
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

fn index_of(position: Position) -> Option<usize> {
    position.0.checked_sub(1).map(|index| index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{NodeId, Term};

    fn claim(term: u64, leader: u16) -> Claim {
        Claim { term: Term(term), leader: NodeId(leader) }
    }

    fn log(claims: &[(u64, u16)]) -> Log {
        let mut log = Log::default();
        for (term, leader) in claims {
            let entry = log.entry(claim(*term, *leader), Command::Noop, None);
            log.push(entry);
        }
        log
    }

    #[test]
    fn copies_are_limited_by_count_and_by_the_end() {
        let log = log(&[(1, 1), (1, 1), (2, 2), (2, 2)]);
        let positions = |from, to, count| {
            log.copy(Position(from), Position(to), count).iter().map(|entry| entry.position.0).collect::<Vec<_>>()
        };
        assert_eq!(positions(2, 4, 64), [2, 3, 4]);
        assert_eq!(positions(2, 4, 2), [2, 3]);
        assert_eq!(positions(2, 3, 64), [2, 3]);
        assert_eq!(positions(5, 9, 64), [0_u64; 0]);
        assert_eq!(positions(4, 3, 64), [0_u64; 0]);
    }

    #[test]
    fn the_hint_skips_what_cannot_agree() {
        let log = log(&[(1, 1), (1, 1), (3, 3), (3, 3), (4, 2)]);
        let cases = [
            ((9, claim(9, 1)), 5),
            ((4, claim(9, 1)), 4),
            ((4, claim(2, 1)), 2),
            ((4, claim(3, 2)), 2),
            ((4, claim(3, 3)), 4),
            ((1, claim(1, 1)), 1),
            ((5, Claim::NONE), 0),
        ];
        for ((position, claim), expected) in cases {
            let (hint, hint_claim) = log.agreement_hint(Position(position), claim);
            assert_eq!(hint, Position(expected), "hint below {position} for {claim:?}");
            assert_eq!(Some(hint_claim), log.claim_at(hint));
        }
    }

    #[test]
    fn truncation_returns_what_it_removed() {
        let mut log = log(&[(1, 1), (1, 1), (2, 2)]);
        assert_eq!(log.truncate(Position(2)).len(), 2);
        assert_eq!((log.last(), log.last_claim()), (Position(1), claim(1, 1)));
        assert_eq!(log.truncate(Position(7)).len(), 0);
    }
}
