//! The log in memory: entries in order, and what this node knows about each beside its content.
//!
//! Claims never decrease along a log, and a term has one leader in it, because a log is always a copy of some leader's
//! log and a leader appends under a claim above all that it holds. [`Log::agreement_hint`] relies on that.

use std::collections::VecDeque;

use super::{
    members::Members,
    state::Applied,
    types::{Claim, Command, Entry, Origin, Position},
};

/// An entry and what this node knows about it.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    /// What it did to the state, once it is visible.
    pub(super) applied: Option<Applied>,
    /// The digest of the state after it, once it is visible.
    pub(super) digest: u64,
}

/// How much one copy of entries may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct CopyLimits {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// The entries after a position, up to which a snapshot stands for them, to the last.
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// The position before the first entry, and the claim of the entry there.
    base: (Position, Claim),
    slots: VecDeque<Slot>,
    /// Which members are in force from where on; the first are in force at the base.
    members: Vec<(Position, Members)>,
}

impl Log {
    /// A log without entries after `base`, where `members` are in force.
    pub(super) fn after(base: Position, claim: Claim, members: Members) -> Self {
        Self { base: (base, claim), slots: VecDeque::new(), members: vec![(base, members)] }
    }

    /// The position before the first entry.
    pub(super) fn base(&self) -> Position {
        self.base.0
    }

    pub(super) fn last(&self) -> Position {
        Position(self.base.0.0 + self.slots.len() as u64)
    }

    pub(super) fn last_claim(&self) -> Claim {
        self.slots.back().map_or(self.base.1, |slot| slot.entry.claim)
    }

    /// The members in force: those of the last entry that changed them.
    pub(super) fn members(&self) -> &Members {
        &self.members[self.members.len() - 1].1
    }

    /// Where the members in force were set.
    pub(super) fn members_position(&self) -> Position {
        self.members[self.members.len() - 1].0
    }

    /// The members in force at `position`, which is not before the base.
    pub(super) fn members_at(&self, position: Position) -> &Members {
        let count = self.members.partition_point(|(from, _)| *from <= position);
        &self.members[count.saturating_sub(1)].1
    }

    /// The claim of the entry at `position`, which may be the base; that of position 0 is [`Claim::NONE`].
    pub(super) fn claim_at(&self, position: Position) -> Option<Claim> {
        if position == self.base.0 { Some(self.base.1) } else { self.get(position).map(|slot| slot.entry.claim) }
    }

    pub(super) fn get(&self, position: Position) -> Option<&Slot> {
        self.slots.get(self.index_of(position)?)
    }

    pub(super) fn get_mut(&mut self, position: Position) -> Option<&mut Slot> {
        let index = self.index_of(position)?;
        self.slots.get_mut(index)
    }

    fn index_of(&self, position: Position) -> Option<usize> {
        position.0.checked_sub(self.base.0.0 + 1).map(|index| index as usize)
    }

    /// A new entry for the place after the last; it is not appended yet.
    pub(super) fn entry(&self, claim: Claim, command: Command, origin: Option<Origin>) -> Entry {
        Entry { claim, position: self.last().next(), command, origin }
    }

    /// Appends an entry; members that it sets are in force from now on.
    ///
    /// # Panics
    /// If it does not follow the last one.
    pub(super) fn push(&mut self, entry: Entry) {
        assert_eq!(entry.position, self.last().next(), "an entry must follow the last");
        debug_assert!(entry.claim >= self.last_claim(), "claims must not decrease along a log: {entry:?}");
        if let Command::Members(members) = &entry.command {
            self.members.push((entry.position, members.clone()));
        }
        self.slots.push_back(Slot { entry, applied: None, digest: 0 });
    }

    /// Removes the entries from `from` on and returns them, in order.
    pub(super) fn truncate(&mut self, from: Position) -> VecDeque<Slot> {
        let keep = self.index_of(from).unwrap_or(0).min(self.slots.len());
        self.members.retain(|(position, _)| *position < from || *position == self.base.0);
        self.slots.split_off(keep)
    }

    /// Removes the entries up to `base`, for which a snapshot stands from now on; nothing if they are gone already.
    pub(super) fn compact(&mut self, base: Position) {
        let Some(claim) = self.claim_at(base).filter(|_| base > self.base.0) else { return };
        let in_force = self.members.partition_point(|(from, _)| *from <= base).saturating_sub(1);
        self.members.drain(..in_force);
        self.slots.drain(..(base.0 - self.base.0.0) as usize);
        self.base = (base, claim);
    }

    /// Copies of the entries from `from` to `to`, both included, as many as `limits` allow and at least one, with their
    /// size in bytes; none of what is before the base.
    pub(super) fn copy(&self, from: Position, to: Position, limits: CopyLimits) -> (Vec<Entry>, usize) {
        let Some(start) = self.index_of(from) else { return (Vec::new(), 0) };
        let count = (to.0 + 1).saturating_sub(from.0).min(limits.entries as u64) as usize;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for slot in self.slots.range(start.min(self.slots.len())..).take(count) {
            let more = slot.entry.bytes();
            if bytes + more > limits.bytes && !entries.is_empty() {
                break;
            }
            bytes += more;
            entries.push(slot.entry.clone());
        }
        (entries, bytes)
    }

    /// The first and the last position of the entries of one claim.
    pub(super) fn span_of(&self, claim: Claim) -> Option<(Position, Position)> {
        let before = self.slots.partition_point(|slot| slot.entry.claim < claim) as u64;
        let up_to = self.slots.partition_point(|slot| slot.entry.claim <= claim) as u64;
        let base = self.base.0.0;
        (before < up_to).then_some((Position(base + before + 1), Position(base + up_to)))
    }

    /// The last position up to `position` whose claim is not above `claim`, and its claim: the last place at which two
    /// logs can agree, if the other one has `claim` at a later place. Skips a whole term at a time (Raft paper, end of
    /// section 5.3). The base is the least answer: what is before it is not known any more.
    pub(super) fn agreement_hint(&self, position: Position, claim: Claim) -> (Position, Claim) {
        let end = (position.0.saturating_sub(self.base.0.0) as usize).min(self.slots.len());
        let count = self.slots.partition_point(|slot| slot.entry.claim <= claim).min(end);
        let hint = Position(self.base.0.0 + count as u64);
        (hint, self.claim_at(hint).unwrap_or(self.base.1))
    }

    pub(super) fn slots(&self) -> &VecDeque<Slot> {
        &self.slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{NodeId, Term};

    fn claim(term: u64, leader: u16) -> Claim {
        Claim { term: Term(term), leader: NodeId(leader) }
    }

    fn log(claims: &[(u64, u16)]) -> Log {
        let mut log = Log::after(Position(0), Claim::NONE, Members::first(3));
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
            let limits = CopyLimits { entries: count, bytes: usize::MAX };
            log.copy(Position(from), Position(to), limits).0.iter().map(|entry| entry.position.0).collect::<Vec<_>>()
        };
        assert_eq!(positions(2, 4, 64), [2, 3, 4]);
        assert_eq!(positions(2, 4, 2), [2, 3]);
        assert_eq!(positions(2, 3, 64), [2, 3]);
        assert_eq!(positions(5, 9, 64), [0_u64; 0]);
        assert_eq!(positions(4, 3, 64), [0_u64; 0]);
    }

    #[test]
    fn copies_are_limited_by_bytes_but_never_empty() {
        let log = log(&[(1, 1); 4]);
        let bytes = log.copy(Position(1), Position(1), CopyLimits { entries: 9, bytes: 0 }).1;
        for (limit, expected) in [(0, 1), (bytes, 1), (2 * bytes, 2), (3 * bytes - 1, 2), (9 * bytes, 4)] {
            let limits = CopyLimits { entries: 9, bytes: limit };
            assert_eq!(log.copy(Position(1), Position(9), limits).0.len(), expected, "{limit} bytes");
        }
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

    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Act {
        Push { new_reign: bool, members: bool },
        Truncate(u64),
        Compact(u64),
    }

    fn any_act() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => (prop::bool::weighted(0.2), prop::bool::weighted(0.1))
                .prop_map(|(new_reign, members)| Act::Push { new_reign, members }),
            1 => (1..40_u64).prop_map(Act::Truncate),
            1 => (0..40_u64).prop_map(Act::Compact),
        ]
    }

    proptest! {
        /// Against a log that never forgets: what is after the base is the same, whatever was removed before it.
        #[test]
        fn a_log_with_a_base_is_a_whole_log_from_there_on(acts in prop::collection::vec(any_act(), 0..80)) {
            let mut compacted = log(&[]);
            let mut whole = log(&[]);
            let mut term = 1;
            for act in acts {
                match act {
                    Act::Push { new_reign, members } => {
                        term += u64::from(new_reign);
                        let nodes = (whole.last().0 % 5 + 1) as u16;
                        let command = if members { Command::Members(Members::first(nodes)) } else { Command::Noop };
                        let entry = whole.entry(claim(term, 1), command, None);
                        whole.push(entry.clone());
                        compacted.push(entry);
                    }
                    Act::Truncate(from) if from > compacted.base().0 => {
                        let removed = whole.truncate(Position(from)).len();
                        prop_assert_eq!(compacted.truncate(Position(from)).len(), removed);
                    }
                    Act::Truncate(_) => {}
                    Act::Compact(base) => compacted.compact(Position(base)),
                }
                let base = compacted.base();
                prop_assert_eq!((compacted.last(), compacted.last_claim()), (whole.last(), whole.last_claim()));
                prop_assert_eq!(compacted.members(), whole.members());
                for position in (base.0..=whole.last().0 + 1).map(Position) {
                    prop_assert_eq!(compacted.claim_at(position), whole.claim_at(position));
                    prop_assert_eq!(compacted.members_at(position), whole.members_at(position));
                    for asked in [claim(term, 1), claim(term / 2, 1)] {
                        let (hint, hint_claim) = whole.agreement_hint(position, asked);
                        let expected = if hint < base { (base, compacted.base.1) } else { (hint, hint_claim) };
                        prop_assert_eq!(compacted.agreement_hint(position, asked), expected);
                    }
                    let limits = CopyLimits { entries: 3, bytes: usize::MAX };
                    let from = position.next();
                    prop_assert_eq!(compacted.copy(from, whole.last(), limits), whole.copy(from, whole.last(), limits));
                }
                prop_assert_eq!(compacted.claim_at(base.previous()), (base == Position(0)).then_some(Claim::NONE));
            }
        }
    }
}
