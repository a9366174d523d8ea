//! How peers' messages look on a connection.
//!
//! ```text
//! connection := frame(hello) frame(message)*          frame := length:u32 (little endian) postcard[length]
//! ```
//! A connection carries messages one way, from the node that opened it. Nothing here touches a socket.

use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::core::NodeId;

/// A longer frame is refused: it is a stranger's, or damaged.
pub(super) const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;

const LENGTH_BYTES: usize = 4;

/// Changes with every incompatible change of the messages.
const PROTOCOL_VERSION: u32 = 3;

/// The first frame of a connection.
///
/// It does not say who the members are: a node that calls may know newer ones than the node that is called. Whose word
/// counts is decided where messages are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    program: String,
    version: u32,
    /// Who opened the connection.
    pub(super) from: NodeId,
    /// Where it listens for peers.
    pub(super) listens: SocketAddr,
}

impl Hello {
    pub(super) fn new(from: NodeId, listens: SocketAddr) -> Self {
        Self { program: "schism-node".to_owned(), version: PROTOCOL_VERSION, from, listens }
    }

    /// Why a connection that begins like this cannot be from a peer of ours, if it cannot.
    pub(super) fn refusal(&self, ours: &Self) -> Option<String> {
        if self.program != ours.program {
            Some(format!("it is {:?}, not a node", self.program))
        } else if self.version != ours.version {
            Some(format!("it speaks version {}, this node {}: run one build everywhere", self.version, ours.version))
        } else if self.from == ours.from {
            Some(format!("it calls itself {}, which is this node: give every node its own --id", self.from))
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
    fn a_hello_of_another_program_version_or_of_this_node_itself_is_refused() {
        let listens = SocketAddr::from(([127, 0, 0, 1], 7001));
        let ours = Hello::new(NodeId(1), listens);
        assert_eq!(Hello::new(NodeId(9), listens).refusal(&ours), None);
        let cases = [
            (Hello { program: "other".to_owned(), ..Hello::new(NodeId(2), listens) }, "not a node"),
            (Hello { version: 1, ..Hello::new(NodeId(2), listens) }, "one build everywhere"),
            (Hello::new(NodeId(1), listens), "its own --id"),
        ];
        for (hello, expected) in cases {
            let reason = hello.refusal(&ours).unwrap_or_default();
            assert!(reason.contains(expected), "{reason:?} does not contain {expected:?}");
        }
    }

    #[test]
    fn a_frame_above_the_bound_is_refused_before_it_is_read() {
        let error = decode::<String>(&u32::MAX.to_le_bytes()).unwrap_err();
        assert!(error.to_string().contains("above the bound"), "{error}");
    }
}
