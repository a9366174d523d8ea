//! Which records of a log can be trusted after a crash: a pure function over the file's bytes.
//!
//! Reading stops at the first record that is incomplete, fails its checksum or is out of sequence. Then one question
//! decides: had that record been durable? If a readable record after it says so (its `durable` field), data that was
//! promised is damaged, and the scan refuses. Otherwise the crash tore a tail that nobody had been promised, even if the
//! disk wrote the tail's pages in another order and some later ones are readable.

use super::frame::{HEADER_BYTES, claimed_sequence, decode};

/// The readable prefix of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    /// Payloads in order.
    pub(super) payloads: Vec<&'a [u8]>,
    /// The sequence after the last readable record.
    pub(super) next_sequence: u64,
    /// The highest sequence that some record says was durable.
    pub(super) durable: u64,
    /// Where the next record goes.
    pub(super) end: usize,
    /// Bytes of a torn tail after `end`, up to the last one that is not zero.
    pub(super) torn_bytes: usize,
}

/// A record that had been durable is unreadable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: usize,
    pub(super) expected: u64,
    pub(super) later: u64,
    pub(super) later_offset: usize,
}

/// Reads the records of `bytes`, from `start`, the first being `first_sequence`.
pub(super) fn scan(bytes: &[u8], start: usize, first_sequence: u64) -> Result<Scan<'_>, Damage> {
    let mut scan = Scan {
        payloads: Vec::new(),
        next_sequence: first_sequence,
        durable: first_sequence.saturating_sub(1),
        end: start,
        torn_bytes: 0,
    };
    while let Some(frame) = decode(&bytes[scan.end..]).filter(|frame| frame.sequence == scan.next_sequence) {
        scan.end += frame.size();
        scan.next_sequence += 1;
        scan.durable = scan.durable.max(frame.durable);
        scan.payloads.push(frame.payload);
    }
    let rest = &bytes[scan.end..];
    scan.torn_bytes = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match find_damage(rest, scan.torn_bytes, scan.next_sequence) {
        None => Ok(scan),
        Some((at, later)) => {
            Err(Damage { offset: scan.end, expected: scan.next_sequence, later, later_offset: scan.end + at })
        }
    }
}

/// Looks at every byte of the unreadable rest for a later record that proves `expected` to have been durable.
fn find_damage(rest: &[u8], used: usize, expected: u64) -> Option<(usize, u64)> {
    (1..used).find_map(|at| {
        let claimed = claimed_sequence(&rest[at..])?;
        // The records in between take at least a header and a byte each; a claim beyond that is noise.
        let possible = expected + 1..=expected + (at / (HEADER_BYTES + 1)) as u64;
        if !possible.contains(&claimed) {
            return None;
        }
        let frame = decode(&rest[at..])?;
        (frame.durable >= expected).then_some((at, frame.sequence))
    })
}

#[cfg(test)]
mod tests {
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

    proptest! {
        #[test]
        fn what_was_written_is_read_back(batches in batches(), zeroed in 0usize..100) {
            let mut written = write(&batches);
            let end = written.bytes.len();
            written.bytes.resize(end + zeroed, 0);
            let scan = scan(&written.bytes, 0, 1).unwrap();
            prop_assert_eq!(scan.payloads, written.payloads.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!((scan.end, scan.torn_bytes), (end, 0));
        }

        #[test]
        fn truncated_anywhere_leaves_the_whole_records_before(batches in batches(), cut in any::<prop::sample::Index>()) {
            let written = write(&batches);
            let cut = cut.index(written.bytes.len() + 1);
            let scan = scan(&written.bytes[..cut], 0, 1).unwrap();
            let whole = written.ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(scan.payloads, written.payloads[..whole].iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(scan.next_sequence, whole as u64 + 1);
        }

        #[test]
        fn a_flipped_bit_is_never_read_as_data(batches in batches(), byte in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut written = write(&batches);
            let byte = byte.index(written.bytes.len());
            written.bytes[byte] ^= 1 << bit;
            let hit = written.ends.iter().filter(|end| **end <= byte).count();
            match scan(&written.bytes, 0, 1) {
                Ok(scan) => {
                    prop_assert!(byte >= written.last_batch_start, "durable data was dropped in silence");
                    let before = written.payloads[..hit].iter().map(Vec::as_slice).collect::<Vec<_>>();
                    prop_assert_eq!(scan.payloads, before);
                    prop_assert!(scan.torn_bytes > 0);
                }
                Err(damage) => {
                    prop_assert!(byte < written.last_batch_start);
                    let start = if hit == 0 { 0 } else { written.ends[hit - 1] };
                    prop_assert_eq!((damage.offset, damage.expected), (start, hit as u64 + 1));
                    prop_assert!(damage.later > damage.expected);
                }
            }
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = scan(&bytes, 0, 1);
        }
    }

    #[test]
    fn pages_of_an_unsynced_tail_may_reach_the_disk_out_of_order() {
        let written = write(&[vec![vec![1; 8]], vec![vec![2; 8], vec![3; 8]]]);
        let mut bytes = written.bytes.clone();
        bytes[written.ends[0]..written.ends[1]].fill(0);
        let scan = scan(&bytes, 0, 1).unwrap();
        assert_eq!(scan.payloads, [[1; 8].as_slice()]);
        assert_eq!(scan.torn_bytes, bytes.len() - written.ends[0]);
    }
}
