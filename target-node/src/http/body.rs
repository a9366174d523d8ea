//! Reading a request's body, within bounds of size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// A larger body is refused.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// So much of a refused body is read and thrown away. A connection that is closed with unread data resets, and the client
/// would lose the answer: a definite refusal would look like an open outcome.
const DISCARDED_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// A body that pauses for longer is given up.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A body that takes longer altogether is given up, however it trickles.
const DURATION_MAX: Duration = Duration::from_secs(60);

/// Bodies up to here are not counted: what they may take together is bounded by the number of connections.
const SMALL_BYTES: usize = 16 * 1024;

/// What all larger bodies may take together while they are read, in units of [`SMALL_BYTES`]: 256 MiB.
const LARGE_BODIES_MAX: usize = 16 * 1024;

/// Why there is no body. Definite: nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {BODY_BYTES_MAX} bytes: split it, or store less under one key")]
    TooLarge,
    #[error("the body did not arrive entirely")]
    Broken,
    #[error(
        "the body did not arrive within {} s, or paused for {} s", DURATION_MAX.as_secs(), PAUSE_MAX.as_secs()
    )]
    Slow,
    #[error("too many large bodies are on their way: try again later")]
    Crowded,
}

/// The memory that large bodies share.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<Semaphore>);

/// A body, and its share of the memory while it is used.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    _share: Option<OwnedSemaphorePermit>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_BODIES_MAX)))
    }
}

impl Bodies {
    /// Reads a body to its end.
    pub(super) async fn read(&self, body: Body) -> Result<Bytes, BodyError> {
        let deadline = Instant::now() + DURATION_MAX;
        match timeout_at(deadline, self.read_all(body)).await {
            Ok(read) => read,
            Err(_) => Err(BodyError::Slow),
        }
    }

    async fn read_all(&self, body: Body) -> Result<Bytes, BodyError> {
        let mut chunks = body.into_data_stream();
        let (mut bytes, mut share, mut refused) = (Vec::new(), None::<OwnedSemaphorePermit>, None);
        let (mut total, mut paid) = (0, SMALL_BYTES);
        while let Some(chunk) = timeout(PAUSE_MAX, chunks.next()).await.map_err(|_| BodyError::Slow)? {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            total += chunk.len();
            if total > DISCARDED_BYTES_MAX {
                break;
            }
            if total > BODY_BYTES_MAX {
                refused = Some(BodyError::TooLarge);
            }
            while refused.is_none() && total > paid {
                match (Arc::clone(&self.0).try_acquire_owned(), &mut share) {
                    (Ok(more), Some(share)) => share.merge(more),
                    (Ok(first), None) => share = Some(first),
                    (Err(_), _) => refused = Some(BodyError::Crowded),
                }
                paid += SMALL_BYTES;
            }
            if refused.is_none() {
                bytes.extend_from_slice(&chunk);
            } else {
                (bytes, share) = (Vec::new(), None);
            }
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(Bytes { bytes, _share: share }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    fn body_of(chunks: usize, chunk_bytes: usize) -> Body {
        Body::from_stream(stream::iter((0..chunks).map(move |_| Ok::<_, Infallible>(vec![7_u8; chunk_bytes]))))
    }

    #[tokio::test]
    async fn the_bound_is_exact_and_the_memory_comes_back() {
        let bodies = Bodies::default();
        let read = bodies.read(body_of(16, BODY_BYTES_MAX / 16)).await.unwrap();
        assert_eq!(read.bytes.len(), BODY_BYTES_MAX);
        let shares = BODY_BYTES_MAX / SMALL_BYTES - 1;
        assert_eq!(bodies.0.available_permits(), LARGE_BODIES_MAX - shares);
        drop(read);
        assert_eq!(bodies.read(body_of(17, BODY_BYTES_MAX / 16)).await.unwrap_err(), BodyError::TooLarge);
        assert_eq!(bodies.0.available_permits(), LARGE_BODIES_MAX);
    }

    #[tokio::test]
    async fn large_bodies_share_memory_and_small_ones_need_none() {
        let bodies = Bodies(Arc::new(Semaphore::new(2)));
        let held = bodies.read(body_of(1, 3 * SMALL_BYTES)).await.unwrap();
        assert_eq!(bodies.read(body_of(2, SMALL_BYTES)).await.unwrap_err(), BodyError::Crowded);
        assert_eq!(bodies.read(body_of(1, SMALL_BYTES)).await.unwrap().bytes.len(), SMALL_BYTES);
        drop(held);
        assert!(bodies.read(body_of(2, SMALL_BYTES)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_pauses_or_trickles_is_given_up() {
        let began = Instant::now();
        let silent = Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
        assert_eq!(Bodies::default().read(silent).await.unwrap_err(), BodyError::Slow);
        assert_eq!(began.elapsed(), PAUSE_MAX);

        let began = Instant::now();
        let drops = stream::unfold((), |()| async {
            tokio::time::sleep(PAUSE_MAX / 2).await;
            Some((Ok::<_, Infallible>(vec![7_u8]), ()))
        });
        assert_eq!(Bodies::default().read(Body::from_stream(drops)).await.unwrap_err(), BodyError::Slow);
        assert_eq!(began.elapsed(), DURATION_MAX);
    }
}
