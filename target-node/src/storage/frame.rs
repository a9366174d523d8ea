//! One record on disk: a header with length, checksum and order, then its payload.
//!
//! ```text
//! record := length:u32 checksum:u32 sequence:u64 durable:u64 payload[length]      (little endian)
//! ```
//! `sequence` counts all records of the log from 1, without gaps. `durable` is the highest sequence that was known to be
//! on the medium when this record was written: it is what tells a torn tail, which a crash may leave, from damage to data
//! that had been promised. The checksum (CRC32C) covers the other fields and the payload. A length of zero never occurs,
//! so a zeroed area ends the log.

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 24;

/// A payload above this is never written, so a longer length is a damaged one. Far above what one request can ask for.
const MAX_RECORD_BYTES: usize = 256 * 1024 * 1024;

/// A record as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) sequence: u64,
    pub(super) durable: u64,
    pub(super) payload: &'a [u8],
}

impl Frame<'_> {
    /// Its size on disk.
    pub(super) fn size(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }
}

/// Appends a record to `buffer`; `payload` writes its own bytes there, so that nothing is copied.
pub(super) fn encode<E>(
    buffer: &mut Vec<u8>,
    sequence: u64,
    durable: u64,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEADER_BYTES]);
    if let Err(error) = payload(buffer) {
        buffer.truncate(start);
        return Err(error);
    }
    let length = buffer.len() - start - HEADER_BYTES;
    assert!(length > 0 && length <= MAX_RECORD_BYTES, "a record of {length} bytes cannot be read back");
    buffer[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
    buffer[start + 8..start + 16].copy_from_slice(&sequence.to_le_bytes());
    buffer[start + 16..start + 24].copy_from_slice(&durable.to_le_bytes());
    let checksum = checksum(&buffer[start..]);
    buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Reads the record at the start of `bytes`, or says that there is none that can be trusted.
pub(super) fn decode(bytes: &[u8]) -> Option<Frame<'_>> {
    let record = bytes.get(..claimed_size(bytes)?)?;
    (checksum(record) == u32_at(record, 4)).then(|| Frame {
        sequence: u64_at(record, 8),
        durable: u64_at(record, 16),
        payload: &record[HEADER_BYTES..],
    })
}

/// The size of the record that begins with `header`, without checking it; none where no record begins.
pub(super) fn claimed_size(header: &[u8]) -> Option<usize> {
    let length = u32_at(header.get(..HEADER_BYTES)?, 0) as usize;
    (1..=MAX_RECORD_BYTES).contains(&length).then_some(HEADER_BYTES + length)
}

/// The sequence and the durable sequence that a record at the start of `bytes` would claim, without checking it.
pub(super) fn claimed_order(bytes: &[u8]) -> Option<(u64, u64)> {
    bytes.get(..HEADER_BYTES).map(|header| (u64_at(header, 8), u64_at(header, 16)))
}

/// Everything but the checksum's own four bytes.
fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..])
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(value)
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[offset..offset + 8]);
    u64::from_le_bytes(value)
}
