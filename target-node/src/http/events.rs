//! `GET /events`: the event log as it is, and as it grows.

use std::io::{self, SeekFrom};
use std::path::Path;

use axum::body::Body;
use futures_util::stream;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::watch;

use super::field::{Field, Kind};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Bytes to pass over.
    #[serde(default)]
    pub(super) after: u64,
    /// Whether to wait at the end for more.
    #[serde(default = "yes")]
    pub(super) follow: bool,
}

fn yes() -> bool {
    true
}

impl EventsQuery {
    /// Its members.
    pub(super) const FIELDS: &[Field] = &[
        Field::optional("after", Kind::Count, "Pass over so many bytes: those that were received before", "0"),
        Field::optional("follow", Kind::Truth, "Wait at the end for more; the answer then ends with the node", "false"),
    ];
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventsError {
    #[error("`after` is {after}, beyond the {length} bytes that there are")]
    Beyond { after: u64, length: u64 },
    #[error("`after` is {0}, in the middle of a line: pass the number of bytes received in whole lines")]
    WithinLine(u64),
    #[error("the event log cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The log at `path` from where the query says; `grown` changes whenever something was added, and ends with the node.
pub(super) async fn body(path: &Path, query: EventsQuery, grown: watch::Receiver<u64>) -> Result<Body, EventsError> {
    let mut file = File::open(path).await?;
    let length = file.metadata().await?.len();
    let EventsQuery { after, follow } = query;
    if after > length {
        return Err(EventsError::Beyond { after, length });
    }
    if let Some(before) = after.checked_sub(1) {
        file.seek(SeekFrom::Start(before)).await?;
        if file.read_u8().await? != b'\n' {
            return Err(EventsError::WithinLine(after));
        }
    }
    let tail = Tail { file, part: Vec::new(), grown, follow };
    Ok(Body::from_stream(stream::try_unfold(tail, |mut tail| async move {
        let lines = tail.next().await?;
        Ok::<_, io::Error>(lines.map(|lines| (lines, tail)))
    })))
}

struct Tail {
    file: File,
    /// The beginning of a line whose end was not there yet.
    part: Vec<u8>,
    grown: watch::Receiver<u64>,
    follow: bool,
}

impl Tail {
    /// The next lines, whole ones only; none at the end.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            // Marked before the file is read, so that what is added meanwhile wakes the wait below.
            self.grown.borrow_and_update();
            let mut lines = std::mem::take(&mut self.part);
            let before = lines.len();
            lines.reserve(CHUNK_BYTES);
            let read = self.file.read_buf(&mut lines).await?;
            let end = lines[before..].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| before + at + 1);
            self.part = lines.split_off(end);
            match (lines.is_empty(), read) {
                (false, _) => return Ok(Some(lines)),
                (true, 0) if !self.follow || self.grown.changed().await.is_err() => return Ok(None),
                (true, _) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::StreamExt;

    use super::*;

    async fn all(body: Body) -> String {
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_log_is_read_from_a_line_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        std::fs::write(&path, "{\"a\":1}\n{\"b\":2}\n{\"half").unwrap();
        let (_keep, grown) = watch::channel(0);
        let from = |after| body(&path, EventsQuery { after, follow: false }, grown.clone());
        assert_eq!(all(from(0).await.unwrap()).await, "{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(all(from(8).await.unwrap()).await, "{\"b\":2}\n");
        assert_eq!(all(from(16).await.unwrap()).await, "");
        assert!(matches!(from(3).await.unwrap_err(), EventsError::WithinLine(3)));
        assert!(matches!(from(99).await.unwrap_err(), EventsError::Beyond { after: 99, length: 22 }));
    }

    #[tokio::test]
    async fn a_follower_gets_whole_lines_as_they_come_and_ends_with_the_node() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let mut file = std::fs::File::create(&path).unwrap();
        let (growth, grown) = watch::channel(0);
        let mut stream = body(&path, EventsQuery { after: 0, follow: true }, grown).await.unwrap().into_data_stream();
        let mut add = |text: &str| {
            file.write_all(text.as_bytes()).unwrap();
            growth.send_modify(|count| *count += 1);
        };
        add("1\n2");
        assert_eq!(stream.next().await.unwrap().unwrap(), "1\n");
        add("2\n3\n");
        assert_eq!(stream.next().await.unwrap().unwrap(), "22\n3\n");
        drop(growth);
        assert!(stream.next().await.is_none());
    }
}
