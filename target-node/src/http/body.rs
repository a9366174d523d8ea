//! Reading a request's body, within bounds.

use axum::body::Body;
use futures_util::StreamExt;

/// A larger body is refused.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// So much of a refused body is read and thrown away. A connection that is closed with unread data resets, and the client
/// would lose the answer: a definite refusal would look like an open outcome.
const DISCARDED_BYTES_MAX: usize = 64 * BODY_BYTES_MAX;

/// Why there is no body. Definite: nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {BODY_BYTES_MAX} bytes: split it, or store less under one key")]
    TooLarge,
    #[error("the body did not arrive entirely")]
    Broken,
}

/// Reads a body to its end.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, BodyError> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Broken)?;
        total += chunk.len();
        if total <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        } else if total > DISCARDED_BYTES_MAX {
            break;
        }
    }
    if total <= BODY_BYTES_MAX { Ok(bytes) } else { Err(BodyError::TooLarge) }
}
