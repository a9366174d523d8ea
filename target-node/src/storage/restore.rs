//! From the records of a log to what the core starts from: the later record wins, as it did when it was written.

use std::path::Path;

use super::StorageError;
use crate::core::{Entry, HardState, Position, Record};

/// Replays the payloads of the log at `path`, which is named in errors only.
pub(crate) fn restore(path: &Path, payloads: &[Vec<u8>]) -> Result<(HardState, Vec<Entry>), StorageError> {
    let mut hard_state = HardState::default();
    let mut entries: Vec<Entry> = Vec::new();
    for (index, payload) in payloads.iter().enumerate() {
        let refuse =
            |problem: String| StorageError::Meaningless { path: path.to_owned(), sequence: index as u64 + 1, problem };
        let record = postcard::from_bytes(payload).map_err(|error| refuse(format!("it does not decode ({error})")))?;
        let next = Position(entries.len() as u64 + 1);
        match record {
            Record::HardState(newer) => hard_state = newer,
            Record::Truncate { from } if from.0 >= 1 && from <= next => entries.truncate(from.0 as usize - 1),
            Record::Reset { .. } => return Err(refuse("it begins the log anew, and there is no snapshot".to_owned())),
            Record::Append(entry) if entry.position == next => entries.push(entry),
            Record::Truncate { from } => {
                return Err(refuse(format!("it truncates from position {from}, the log ends before {next}")));
            }
            Record::Append(entry) => {
                return Err(refuse(format!("it appends position {}, the next one is {next}", entry.position)));
            }
        }
    }
    Ok((hard_state, entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Claim, Command, NodeId, Term};

    fn entry(term: u64, position: u64) -> Entry {
        let claim = Claim { term: Term(term), leader: NodeId(1) };
        Entry { claim, position: Position(position), command: Command::Noop, origin: None }
    }

    fn replay(records: &[Record]) -> Result<(HardState, Vec<Entry>), String> {
        let payloads: Vec<Vec<u8>> = records.iter().map(|record| postcard::to_stdvec(record).unwrap()).collect();
        restore(Path::new("log.wal"), &payloads).map_err(|error| error.to_string())
    }

    #[test]
    fn a_truncation_removes_what_was_appended_before_it() {
        let voted = HardState { term: Term(2), voted_for: Some(NodeId(3)) };
        let records = [
            Record::Append(entry(1, 1)),
            Record::Append(entry(1, 2)),
            Record::HardState(voted),
            Record::Truncate { from: Position(2) },
            Record::Append(entry(2, 2)),
        ];
        assert_eq!(replay(&records).unwrap(), (voted, vec![entry(1, 1), entry(2, 2)]));
    }

    #[test]
    fn records_out_of_order_are_refused_with_their_number() {
        let gap = replay(&[Record::Append(entry(1, 1)), Record::Append(entry(1, 3))]).unwrap_err();
        assert!(gap.contains("record 2") && gap.contains("appends position 3, the next one is 2"), "{gap}");
        let beyond = replay(&[Record::Truncate { from: Position(5) }]).unwrap_err();
        assert!(beyond.contains("truncates from position 5"), "{beyond}");
        let undecodable = restore(Path::new("log.wal"), &[vec![200]]).unwrap_err().to_string();
        assert!(undecodable.contains("does not decode"), "{undecodable}");
    }
}
