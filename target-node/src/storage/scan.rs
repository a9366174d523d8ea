//! Which records of a segment can be trusted after a crash: pure functions over a file's bytes.
//!
//! Reading stops at the first record that is incomplete, fails its checksum or is out of sequence. Then one question
//! decides: had that record been durable? If a readable record after it says so (its `durable` field), in this segment
//! or in a later one, data that was promised is damaged and the log is refused. Otherwise the crash tore a tail that
//! nobody had been promised, even if the disk wrote the tail's pages in another order and some later ones are readable.

use super::frame::{Frame, claimed_order, decode};

/// The readable prefix of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// The sequence after the last readable record.
    pub(super) next_sequence: u64,
    /// The highest sequence that some record says was durable.
    pub(super) durable: u64,
    /// Where the next record goes.
    pub(super) end: usize,
    /// Bytes after `end`, up to the last one that is not zero.
    pub(super) torn_bytes: usize,
}

/// A readable record which proves that an unreadable one before it was durable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) sequence: u64,
    pub(super) offset: usize,
}

/// Hands the records of `bytes` from `start` on to `visit`, each with its offset; the first is `first_sequence`.
pub(super) fn scan<'a, E>(
    bytes: &'a [u8],
    start: usize,
    first_sequence: u64,
    mut visit: impl FnMut(Frame<'a>, usize) -> Result<(), E>,
) -> Result<Scan, E> {
    let mut scan = Scan { next_sequence: first_sequence, durable: 0, end: start, torn_bytes: 0 };
    while let Some(frame) = decode(&bytes[scan.end..]).filter(|frame| frame.sequence == scan.next_sequence) {
        let offset = scan.end;
        scan.end += frame.size();
        scan.next_sequence += 1;
        scan.durable = scan.durable.max(frame.durable);
        visit(frame, offset)?;
    }
    scan.torn_bytes = bytes[scan.end..].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(scan)
}

/// A record that claims to come this many records after another one is noise: its checksum need not be computed.
const DISTANCE_MAX: u64 = 1 << 32;

/// Looks at every byte from `from` on for a record that proves `expected` to have been durable.
pub(super) fn evidence(bytes: &[u8], from: usize, expected: u64) -> Option<Evidence> {
    find_record(bytes, from, expected, expected)
}

/// Looks at every byte from `from` on for a record at `expected` or after it, written when `durable` was.
pub(super) fn find_record(bytes: &[u8], from: usize, expected: u64, durable: u64) -> Option<Evidence> {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    (from..used).find_map(|offset| {
        let (sequence, claimed_durable) = claimed_order(&bytes[offset..])?;
        let possible = (expected..expected.saturating_add(DISTANCE_MAX)).contains(&sequence)
            && (durable..sequence).contains(&claimed_durable);
        if !possible {
            return None;
        }
        decode(&bytes[offset..]).map(|frame| Evidence { sequence: frame.sequence, offset })
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::super::frame::encode;
    use super::*;

    /// Payloads by batch; each batch is durable before the next is written, as under `fsync = always`.
    fn batches() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
        let payload = prop::collection::vec(any::<u8>(), 1..40);
        prop::collection::vec(prop::collection::vec(payload, 1..5), 1..8)
    }

    struct Written {
        bytes: Vec<u8>,
        payloads: Vec<Vec<u8>>,
        /// Where each record ends.
        ends: Vec<usize>,
        last_batch_start: usize,
    }

    fn write(batches: &[Vec<Vec<u8>>]) -> Written {
        let mut written = Written { bytes: Vec::new(), payloads: Vec::new(), ends: Vec::new(), last_batch_start: 0 };
        for batch in batches {
            let durable = written.payloads.len() as u64;
            written.last_batch_start = written.bytes.len();
            for payload in batch {
                let sequence = written.payloads.len() as u64 + 1;
                encode(&mut written.bytes, sequence, durable, |buffer| {
                    buffer.extend_from_slice(payload);
                    Ok::<_, ()>(())
                })
                .unwrap();
                written.payloads.push(payload.clone());
                written.ends.push(written.bytes.len());
            }
        }
        written
    }

    /// The payloads, and the rest of the finding.
    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Scan) {
        let mut payloads = Vec::new();
        let scan = scan(bytes, 0, 1, |frame, _| {
            payloads.push(frame.payload.to_vec());
            Ok::<_, Infallible>(())
        });
        (payloads, scan.unwrap())
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(batches in batches(), zeroed in 0usize..100) {
            let mut written = write(&batches);
            let end = written.bytes.len();
            written.bytes.resize(end + zeroed, 0);
            let (payloads, scan) = read(&written.bytes);
            prop_assert_eq!(payloads, written.payloads);
            prop_assert_eq!((scan.end, scan.torn_bytes), (end, 0));
        }

        #[test]
        fn truncated_anywhere_leaves_the_whole_records_before(batches in batches(), cut in any::<prop::sample::Index>()) {
            let written = write(&batches);
            let cut = cut.index(written.bytes.len() + 1);
            let (payloads, scan) = read(&written.bytes[..cut]);
            let whole = written.ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(payloads, &written.payloads[..whole]);
            prop_assert_eq!(scan.next_sequence, whole as u64 + 1);
        }

        #[test]
        fn a_flipped_bit_is_never_read_as_data(batches in batches(), byte in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut written = write(&batches);
            let byte = byte.index(written.bytes.len());
            written.bytes[byte] ^= 1 << bit;
            let hit = written.ends.iter().filter(|end| **end <= byte).count();
            let (payloads, scan) = read(&written.bytes);
            prop_assert_eq!(payloads, &written.payloads[..hit]);
            prop_assert!(scan.torn_bytes > 0);
            let proof = evidence(&written.bytes, scan.end, scan.next_sequence);
            prop_assert_eq!(proof.is_some(), byte < written.last_batch_start, "{:?}", proof);
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (_, scan) = read(&bytes);
            prop_assert_eq!(evidence(&bytes, scan.end, scan.next_sequence), None);
        }
    }

    #[test]
    fn pages_of_an_unsynced_tail_may_reach_the_disk_out_of_order() {
        let written = write(&[vec![vec![1; 8]], vec![vec![2; 8], vec![3; 8]]]);
        let mut bytes = written.bytes.clone();
        bytes[written.ends[0]..written.ends[1]].fill(0);
        let (payloads, scan) = read(&bytes);
        assert_eq!(payloads, [[1; 8]]);
        assert_eq!(scan.torn_bytes, bytes.len() - written.ends[0]);
        assert_eq!(evidence(&bytes, scan.end, scan.next_sequence), None);
    }

    #[test]
    fn records_of_an_earlier_use_of_the_file_are_neither_records_nor_evidence() {
        let mut stale = Vec::new();
        for sequence in 1..=20 {
            encode(&mut stale, sequence, sequence - 1, |buffer| {
                buffer.extend_from_slice(&[7; 8]);
                Ok::<_, ()>(())
            })
            .unwrap();
        }
        // The file is used again from sequence 21 on, over the old records, which all have the same size.
        let mut bytes = Vec::new();
        encode(&mut bytes, 21, 20, |buffer| {
            buffer.extend_from_slice(&[8; 8]);
            Ok::<_, ()>(())
        })
        .unwrap();
        let fresh = bytes.len();
        bytes.extend_from_slice(&stale[fresh..]);
        let scan = scan(&bytes, 0, 21, |_, _| Ok::<_, Infallible>(())).unwrap();
        assert_eq!((scan.next_sequence, scan.end), (22, fresh));
        assert_eq!(evidence(&bytes, scan.end, 22), None);
    }
}
