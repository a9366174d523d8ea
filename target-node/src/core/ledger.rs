//! Which writes this node acknowledged as leader, as its own events tell it.
//!
//! A killed node forgets what it acknowledged, its events do not. Whoever restarts it reads them back into a
//! [`Ledger`], so that the loss of a write is reported even if it happens after a restart. The ledger knows places
//! only; the entries themselves are in the log.

use std::collections::BTreeMap;

use super::{
    interface::{AcknowledgedWrite, ProtocolEvent},
    types::{Position, Term},
};

/// The acknowledged writes of one node, and those of them that its log has lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Ranges of acknowledged positions: the first position of each, and its term, to its last.
    acknowledged: BTreeMap<(Term, Position), Position>,
    /// What was reported as truncated and not as restored since.
    missing: BTreeMap<(Position, Term), AcknowledgedWrite>,
}

impl Ledger {
    /// Takes in one event; all events of a node's past must be taken in, in order.
    pub fn record(&mut self, event: &ProtocolEvent) {
        match event {
            ProtocolEvent::Acknowledged { term, from, to } => self.acknowledge(*term, *from, *to),
            ProtocolEvent::TruncatedAcked(write) => {
                self.missing.insert((write.position, write.term), write.clone());
            }
            ProtocolEvent::RestoredAcked(write) => {
                self.missing.remove(&(write.position, write.term));
            }
            _ => {}
        }
    }

    /// Extends the range that ends just before `from`, else begins one.
    fn acknowledge(&mut self, term: Term, from: Position, to: Position) {
        let before = self.acknowledged.range_mut((term, Position(0))..(term, from)).next_back();
        match before {
            Some((_, last)) if *last >= from.previous() => *last = (*last).max(to),
            _ => {
                self.acknowledged.insert((term, from), to);
            }
        }
    }

    /// Every acknowledged place, by term and then by position.
    pub fn acknowledged(&self) -> impl Iterator<Item = (Position, Term)> + '_ {
        self.acknowledged
            .iter()
            .flat_map(|((term, from), to)| (from.0..=to.0).map(|position| (Position(position), *term)))
    }

    /// Whether the write at this place was acknowledged.
    #[must_use]
    pub fn has_acknowledged(&self, position: Position, term: Term) -> bool {
        let before = self.acknowledged.range((term, Position(0))..=(term, position)).next_back();
        before.is_some_and(|(_, last)| *last >= position)
    }

    /// What was reported as truncated and not as restored since, by position.
    #[must_use]
    pub fn missing(&self) -> &BTreeMap<(Position, Term), AcknowledgedWrite> {
        &self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledged(term: u64, from: u64, to: u64) -> ProtocolEvent {
        ProtocolEvent::Acknowledged { term: Term(term), from: Position(from), to: Position(to) }
    }

    #[test]
    fn ranges_grow_together_per_term_and_gaps_stay() {
        let mut ledger = Ledger::default();
        for (term, from, to) in [(1, 2, 3), (1, 4, 4), (1, 6, 7), (2, 8, 8), (1, 5, 5)] {
            ledger.record(&acknowledged(term, from, to));
        }
        let places: Vec<_> = ledger.acknowledged().map(|(position, term)| (term.0, position.0)).collect();
        assert_eq!(places, [(1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (2, 8)]);
        assert!(ledger.has_acknowledged(Position(5), Term(1)) && ledger.has_acknowledged(Position(8), Term(2)));
        assert!(!ledger.has_acknowledged(Position(8), Term(1)) && !ledger.has_acknowledged(Position(1), Term(1)));
        assert_eq!(ledger.acknowledged.len(), 3, "adjacent events must not cost memory each");
    }

    #[test]
    fn what_was_restored_is_missing_no_more_and_events_survive_their_file() {
        let mut ledger = Ledger::default();
        let write = AcknowledgedWrite { key: Some("k".to_owned()), ..AcknowledgedWrite::at(Position(9), Term(2)) };
        let line = serde_json::to_string(&ProtocolEvent::TruncatedAcked(write.clone())).unwrap();
        assert!(line.starts_with(r#"{"event":"truncated-acked","position":9,"term":2,"#), "{line}");
        ledger.record(&serde_json::from_str(&line).unwrap());
        assert_eq!(ledger.missing()[&(Position(9), Term(2))], write);
        ledger.record(&ProtocolEvent::RestoredAcked(write));
        assert!(ledger.missing().is_empty());
    }
}
