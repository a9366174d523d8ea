//! Why the data directory cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of storage. None of them is retried: after a failed `fdatasync` nobody knows what the kernel kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The operating system refused.
    #[error("{action} {path} failed: {source}", path = path.display())]
    Io {
        /// What was tried, in words.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A second node was given the same directory.
    #[error("{path} is in use by another node: stop that one, or give this one a directory of its own by --data",
        path = path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a write-ahead log of this program ({found}): give --data an empty directory",
        path = path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// What stands there instead.
        found: String,
    },
    /// Records that were durable can no longer be read.
    #[error(
        "{path} is damaged at byte {offset}: record {expected} does not match its checksum, yet it was durable when \
         record {later} was written at byte {later_offset}; restore the file from a copy, or remove the data directory \
         and let the node copy everything from the leader",
        path = path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the unreadable record begins.
        offset: u64,
        /// Its sequence number.
        expected: u64,
        /// A readable record after it that proves it was once durable.
        later: u64,
        /// Where that one begins.
        later_offset: u64,
    },
    /// A record is readable but makes no sense here.
    #[error("{path} holds record {sequence} that cannot be used: {problem}", path = path.display())]
    Meaningless {
        /// The file.
        path: PathBuf,
        /// The record's number.
        sequence: u64,
        /// What is wrong with it.
        problem: String,
    },
}

impl StorageError {
    /// Wraps an error of the operating system.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
