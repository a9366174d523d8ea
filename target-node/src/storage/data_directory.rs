//! The directory of one node: it is created, locked against a second node, and flushed when files appear in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::StorageError;

/// A locked data directory. The lock ends with the process, whatever ends the process.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: Flock<File>,
}

impl DataDirectory {
    /// Creates the directory where it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(path).map_err(StorageError::io("creating", path))?;
        let lock_path = path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(StorageError::io("opening", &lock_path))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => StorageError::InUse { path: path.to_owned() },
            other => StorageError::Io { action: "locking", path: lock_path.clone(), source: other.into() },
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where the write-ahead log is.
    pub(crate) fn log_path(&self) -> PathBuf {
        self.path.join("log.wal")
    }

    /// Where the event log is.
    pub(crate) fn events_path(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }
}

/// Makes the entry of a new file durable: without this a power failure may leave the data and lose the name.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("n1");
        let first = DataDirectory::open(&path).unwrap();
        let refused = DataDirectory::open(&path).unwrap_err();
        assert!(matches!(refused, StorageError::InUse { .. }), "{refused}");
        assert!(refused.to_string().contains("--data"), "{refused}");
        drop(first);
        DataDirectory::open(&path).unwrap();
    }
}
