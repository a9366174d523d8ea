//! Why the data directory cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// What to do about a directory that cannot be read any more.
const REPAIR: &str = "restore the data directory from a copy made while the node did not run; or, under \
                      failover=consensus, remove the node from the members, empty the directory, and add it as a new \
                      member with --join: an empty disk has forgotten its votes; without votes (failover=timeout, \
                      manual) an empty directory is enough, and the node copies everything from the leader";

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
    #[error(
        "{path} is not a file of this program ({found}): give --data a directory of its own; under failover=consensus a \
         node that had one before comes back as a new member only, because an empty disk has forgotten its votes",
        path = path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What stands there instead.
        found: String,
    },
    /// Something that was durable can no longer be read.
    #[error(
        "{path} is damaged at byte {offset}: {problem}; {repair}",
        path = path.display(),
        repair = REPAIR
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the unreadable part begins.
        offset: u64,
        /// What is unreadable, and how it is known that it was durable.
        problem: String,
    },
    /// A file is gone that others rest on.
    #[error(
        "{path} is missing: {needed_by}; {repair}",
        path = path.display(),
        repair = REPAIR
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// What shows that it was there.
        needed_by: String,
    },
    /// A record is readable but makes no sense here.
    #[error("{path} holds a record at byte {offset} that cannot be used: {problem}; {repair}",
        path = path.display(), repair = REPAIR)]
    Meaningless {
        /// The file.
        path: PathBuf,
        /// Where it begins.
        offset: u64,
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

    /// Says what is unreadable where.
    pub(super) fn corrupt(path: &Path, offset: usize, problem: String) -> Self {
        Self::Corrupt { path: path.to_owned(), offset: offset as u64, problem }
    }
}
