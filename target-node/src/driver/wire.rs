//! How peers' messages look on a connection.
//!
//! ```text
//! connection := frame(hello) frame(message)*          frame := length:u32 (little endian) postcard[length]
//! ```
//! A connection carries messages one way, from the node that opened it. Nothing here touches a socket.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::core::NodeId;

/// A longer frame is refused: it is a stranger's, or damaged.
pub(super) const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;

const LENGTH_BYTES: usize = 4;

/// Changes with every incompatible change of the messages.
const PROTOCOL_VERSION: u32 = 1;

/// The first frame of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    program: String,
    version: u32,
    /// Who opened the connection.
    pub(super) from: NodeId,
    /// How many nodes it believes the cluster to have.
    cluster_size: u16,
}

impl Hello {
    pub(super) fn new(from: NodeId, cluster_size: u16) -> Self {
        Self { program: "schism-node".to_owned(), version: PROTOCOL_VERSION, from, cluster_size }
    }

    /// Why a connection that begins like this cannot be from a peer of ours, if it cannot.
    pub(super) fn refusal(&self, ours: &Self, is_peer: bool) -> Option<String> {
        if self.program != ours.program {
            Some(format!("it is {:?}, not a node", self.program))
        } else if self.version != ours.version {
            Some(format!("it speaks version {}, this node {}: run one build everywhere", self.version, ours.version))
        } else if self.cluster_size != ours.cluster_size {
            let (theirs, ours) = (self.cluster_size, ours.cluster_size);
            Some(format!("it counts {theirs} nodes, this node {ours}: give all nodes the same --peers"))
        } else if !is_peer {
            Some(format!("{} is not among this node's --peers", self.from))
        } else {
            None
        }
    }
}

/// A frame that cannot be read; the connection is then closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes is above the bound of {FRAME_BYTES_MAX}")]
    TooLong(usize),
    #[error("a frame does not decode: {0}")]
    Undecodable(#[from] postcard::Error),
}

/// Encodes a message with its length before it.
pub(super) fn encode(message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut frame = postcard::to_io(message, vec![0; LENGTH_BYTES])?;
    let length = frame.len() - LENGTH_BYTES;
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(length));
    }
    frame[..LENGTH_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(frame)
}

/// Decodes the first frame of `bytes`, if it is there entirely, and says how many bytes it took.
pub(super) fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<Option<(M, usize)>, FrameError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(length));
    }
    match rest.get(..length) {
        Some(body) => Ok(Some((postcard::from_bytes(body)?, LENGTH_BYTES + length))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_one_after_another_and_only_when_whole() {
        let mut bytes = encode(&"first").unwrap();
        bytes.extend(encode(&"second").unwrap());
        let (first, used) = decode::<String>(&bytes).unwrap().unwrap();
        assert_eq!(first, "first");
        for cut in used..bytes.len() {
            assert!(decode::<String>(&bytes[used..cut]).unwrap().is_none(), "at {cut}");
        }
        assert_eq!(decode::<String>(&bytes[used..]).unwrap().unwrap().0, "second");
    }

    #[test]
    fn a_frame_above_the_bound_is_refused_before_it_is_read() {
        let error = decode::<String>(&u32::MAX.to_le_bytes()).unwrap_err();
        assert!(error.to_string().contains("above the bound"), "{error}");
    }
}
