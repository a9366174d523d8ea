//! Which writes this node acknowledged as leader, as its own events tell it.
//!
//! A killed node forgets what it acknowledged, its events do not. Whoever restarts it reads them back into a
//! [`Ledger`], so that the loss of a write is reported even if it happens after a restart. The ledger knows places
//! only; the entries themselves are in the log.
//!
//! What was not acknowledged (a read through the log, a refused compare-and-set) interrupts the ranges, so that a long life
//! has ever more of them. Where there are more than [`RANGES_MAX`], the earliest of those that a stored snapshot stands for
//! are joined: a range for each reign remains, which claims what lay between as acknowledged, too.

use std::collections::BTreeMap;

use super::{
    interface::{AcknowledgedWrite, ProtocolEvent},
    types::{Claim, Position},
};

/// So many ranges are kept exactly, about four megabytes.
const RANGES_MAX: usize = 65_536;

/// The acknowledged writes of one node, and those of them that its log has lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Ranges of acknowledged positions: the claim of their entries and the first position of each, to its last.
    acknowledged: BTreeMap<(Claim, Position), Position>,
    /// What was reported as truncated and not as restored since.
    missing: BTreeMap<(Position, Claim), AcknowledgedWrite>,
}

impl Ledger {
    /// Takes in one event; all events of a node's past must be taken in, in order.
    pub fn record(&mut self, event: &ProtocolEvent) {
        match event {
            ProtocolEvent::Acknowledged { term, leader, from, to } => {
                self.acknowledge(Claim { term: *term, leader: *leader }, *from, *to);
            }
            ProtocolEvent::TruncatedAcked(write) => {
                self.missing.insert((write.position, write.claim()), write.clone());
            }
            ProtocolEvent::RestoredAcked(write) => {
                self.missing.remove(&(write.position, write.claim()));
            }
            ProtocolEvent::SnapshotTaken { position } | ProtocolEvent::SnapshotInstalled { position, .. } => {
                self.compact(*position, RANGES_MAX);
            }
            _ => {}
        }
    }

    /// Joins ranges of one claim that end at `base` or before, the earliest first, until there are no more than `ranges`.
    fn compact(&mut self, base: Position, ranges: usize) {
        let Some(mut excess) = self.acknowledged.len().checked_sub(ranges).filter(|excess| *excess > 0) else { return };
        let mut joined: Option<(Claim, Position)> = None;
        let mut ends = Vec::new();
        self.acknowledged.retain(|(claim, from), to| match joined {
            Some((of, first)) if excess > 0 && of == *claim && *to <= base => {
                excess -= 1;
                ends.push(((of, first), *to));
                false
            }
            _ => {
                joined = Some((*claim, *from));
                true
            }
        });
        self.acknowledged.extend(ends);
    }

    /// Joins what overlaps or touches into one range.
    fn acknowledge(&mut self, claim: Claim, mut from: Position, mut to: Position) {
        loop {
            let before = self.ranges_up_to(claim, to.next()).next_back();
            let Some((first, last)) = before.filter(|(_, last)| last.next() >= from) else { break };
            self.acknowledged.remove(&(claim, first));
            (from, to) = (from.min(first), to.max(last));
        }
        self.acknowledged.insert((claim, from), to);
    }

    /// The ranges of one claim that begin at `position` or before.
    fn ranges_up_to(
        &self,
        claim: Claim,
        position: Position,
    ) -> impl DoubleEndedIterator<Item = (Position, Position)> + '_ {
        self.acknowledged.range((claim, Position(0))..=(claim, position)).map(|((_, from), to)| (*from, *to))
    }

    /// Ranges of acknowledged positions: the claim of their entries, the first, the last.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Claim, Position, Position)> + '_ {
        self.acknowledged.iter().map(|((claim, from), to)| (*claim, *from, *to))
    }

    /// Every acknowledged place, by claim and then by position.
    pub fn acknowledged(&self) -> impl Iterator<Item = (Position, Claim)> + '_ {
        self.ranges().flat_map(|(claim, from, to)| (from.0..=to.0).map(move |position| (Position(position), claim)))
    }

    /// Whether the write at this place was acknowledged.
    #[must_use]
    pub fn has_acknowledged(&self, position: Position, claim: Claim) -> bool {
        self.ranges_up_to(claim, position).next_back().is_some_and(|(_, last)| last >= position)
    }

    /// What was reported as truncated and not as restored since, by position.
    #[must_use]
    pub fn missing(&self) -> &BTreeMap<(Position, Claim), AcknowledgedWrite> {
        &self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{NodeId, Term};

    fn claim(term: u64) -> Claim {
        Claim { term: Term(term), leader: NodeId(1) }
    }

    fn acknowledged(term: u64, from: u64, to: u64) -> ProtocolEvent {
        ProtocolEvent::Acknowledged { term: Term(term), leader: NodeId(1), from: Position(from), to: Position(to) }
    }

    #[test]
    fn ranges_grow_together_per_term_and_gaps_stay() {
        let mut ledger = Ledger::default();
        for (term, from, to) in [(1, 2, 3), (1, 4, 4), (1, 6, 7), (2, 8, 8), (1, 5, 5)] {
            ledger.record(&acknowledged(term, from, to));
        }
        let places: Vec<_> = ledger.acknowledged().map(|(position, claim)| (claim.term.0, position.0)).collect();
        assert_eq!(places, [(1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (2, 8)]);
        assert!(ledger.has_acknowledged(Position(5), claim(1)) && ledger.has_acknowledged(Position(8), claim(2)));
        assert!(!ledger.has_acknowledged(Position(8), claim(1)) && !ledger.has_acknowledged(Position(1), claim(1)));
        assert_eq!(ledger.acknowledged.len(), 2, "adjacent events must not cost memory each");
    }

    #[test]
    fn a_long_life_costs_bounded_memory_and_is_exact_where_the_log_still_is() {
        const KEPT: u64 = 1_000;
        let (mut ledger, mut position) = (Ledger::default(), 0);
        // Every third entry is no acknowledged write, and a reign is short.
        for reign in 1..=100 {
            for _ in 0..10_000 {
                ledger.record(&acknowledged(reign, position + 1, position + 2));
                position += 3;
                if position % 10_000 == 0 {
                    ledger.record(&ProtocolEvent::SnapshotTaken { position: Position(position - KEPT) });
                    let ranges = ledger.acknowledged.len();
                    assert!(ranges <= RANGES_MAX + reign as usize, "{ranges} ranges after {reign} reigns");
                }
            }
        }
        assert!(ledger.acknowledged.len() > RANGES_MAX / 2, "more was joined than had to be");
        for position in 1..=position {
            let reign = (position - 1) / 30_000 + 1;
            let is_known = ledger.has_acknowledged(Position(position), claim(reign));
            assert!(is_known || position % 3 == 0, "{position} of reign {reign} is forgotten");
        }
        for gap in (position - 150_000..=position).step_by(3) {
            assert!(!ledger.has_acknowledged(Position(gap), claim((gap - 1) / 30_000 + 1)), "{gap} is claimed");
        }
    }

    #[test]
    fn nothing_is_joined_that_a_snapshot_does_not_stand_for_or_that_another_reign_appended() {
        let mut ledger = Ledger::default();
        for (term, from, to) in [(1, 1, 1), (1, 3, 3), (1, 5, 5), (2, 7, 7), (2, 9, 12), (2, 14, 14)] {
            ledger.record(&acknowledged(term, from, to));
        }
        let ranges = |ledger: &Ledger| ledger.ranges().map(|(claim, from, to)| (claim.term.0, from.0, to.0)).collect();
        let compacted = |base, count| -> Vec<(u64, u64, u64)> {
            let mut ledger = ledger.clone();
            ledger.compact(Position(base), count);
            ranges(&ledger)
        };
        assert_eq!(compacted(14, 6).len(), 6);
        assert_eq!(compacted(14, 5), [(1, 1, 3), (1, 5, 5), (2, 7, 7), (2, 9, 12), (2, 14, 14)]);
        assert_eq!(compacted(4, 0), [(1, 1, 3), (1, 5, 5), (2, 7, 7), (2, 9, 12), (2, 14, 14)]);
        assert_eq!(compacted(12, 0), [(1, 1, 5), (2, 7, 12), (2, 14, 14)]);
        assert_eq!(compacted(14, 0), [(1, 1, 5), (2, 7, 14)]);
    }

    #[test]
    fn what_was_restored_is_missing_no_more_and_events_survive_their_file() {
        let mut ledger = Ledger::default();
        let write = AcknowledgedWrite { key: Some("k".to_owned()), ..AcknowledgedWrite::at(Position(9), claim(2)) };
        let line = serde_json::to_string(&ProtocolEvent::TruncatedAcked(write.clone())).unwrap();
        assert!(line.starts_with(r#"{"event":"truncated-acked","position":9,"term":2,"leader":"n1","#), "{line}");
        ledger.record(&serde_json::from_str(&line).unwrap());
        assert_eq!(ledger.missing()[&(Position(9), claim(2))], write);
        ledger.record(&ProtocolEvent::RestoredAcked(write));
        assert!(ledger.missing().is_empty());
    }
}
