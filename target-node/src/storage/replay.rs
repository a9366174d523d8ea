//! From the records of a log to what they amount to: the later record wins, as it did when it was written.

use super::segment::Start;
use crate::core::{Entry, HardState, Position, Record};

/// What the records so far amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) hard_state: HardState,
    /// The entries known are those after this position; whatever is at it or before it stands elsewhere.
    pub(crate) base: Position,
    /// In order and without gaps.
    pub(crate) entries: Vec<Entry>,
}

impl Replay {
    /// Begins with a segment.
    pub(super) fn new(start: &Start) -> Self {
        Self { hard_state: start.hard_state, base: start.last, entries: Vec::new() }
    }

    /// The last position of the log.
    pub(crate) fn last(&self) -> Position {
        Position(self.base.0 + self.entries.len() as u64)
    }

    /// The same, as a log of which no entry is known any more.
    pub(super) fn without_entries(&self) -> Self {
        Self { hard_state: self.hard_state, base: self.last(), entries: Vec::new() }
    }

    /// Takes in the next record, or says why it cannot follow.
    pub(super) fn apply(&mut self, record: Record) -> Result<(), String> {
        let next = self.last().next();
        match record {
            Record::HardState(newer) => self.hard_state = newer,
            Record::Append(entry) if entry.position == next => self.entries.push(entry),
            Record::Append(entry) => {
                return Err(format!("it appends position {}, the next one is {next}", entry.position));
            }
            Record::Truncate { from } if from.0 == 0 || from > next => {
                return Err(format!("it truncates from position {from}, the log ends before {next}"));
            }
            Record::Truncate { from } => {
                self.base = self.base.min(from.previous());
                self.entries.truncate((from.0 - 1 - self.base.0) as usize);
            }
            Record::Reset { position, .. } => {
                self.base = position;
                self.entries.clear();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Claim, Command, NodeId, Term};

    fn entry(term: u64, position: u64) -> Entry {
        let claim = Claim { term: Term(term), leader: NodeId(1) };
        Entry { claim, position: Position(position), command: Command::Noop, origin: None }
    }

    fn replay(start: u64, records: &[Record]) -> Result<(Position, Vec<Entry>), String> {
        let start = Start { segment: 1, hard_state: HardState::default(), last: Position(start) };
        let mut replay = Replay::new(&start);
        records.iter().try_for_each(|record| replay.apply(record.clone()))?;
        Ok((replay.base, replay.entries))
    }

    #[test]
    fn a_truncation_removes_what_was_appended_before_it() {
        let records = [
            Record::Append(entry(1, 1)),
            Record::Append(entry(1, 2)),
            Record::Truncate { from: Position(2) },
            Record::Append(entry(2, 2)),
        ];
        assert_eq!(replay(0, &records).unwrap(), (Position(0), vec![entry(1, 1), entry(2, 2)]));
    }

    #[test]
    fn a_truncation_may_reach_below_what_is_known() {
        let records =
            [Record::Append(entry(1, 6)), Record::Truncate { from: Position(4) }, Record::Append(entry(2, 4))];
        assert_eq!(replay(5, &records).unwrap(), (Position(3), vec![entry(2, 4)]));
    }

    #[test]
    fn a_reset_leaves_nothing_of_the_log_before() {
        let claim = entry(3, 9).claim;
        let records =
            [Record::Append(entry(1, 1)), Record::Reset { position: Position(9), claim }, Record::Append(entry(3, 10))];
        assert_eq!(replay(0, &records).unwrap(), (Position(9), vec![entry(3, 10)]));
    }

    #[test]
    fn records_out_of_order_are_refused() {
        let gap = replay(0, &[Record::Append(entry(1, 1)), Record::Append(entry(1, 3))]).unwrap_err();
        assert!(gap.contains("appends position 3, the next one is 2"), "{gap}");
        let beyond = replay(0, &[Record::Truncate { from: Position(5) }]).unwrap_err();
        assert!(beyond.contains("truncates from position 5"), "{beyond}");
        assert!(replay(0, &[Record::Truncate { from: Position(0) }]).is_err());
    }
}
