//! The directory of one node: it is created, locked against a second node, and flushed when files appear in it.

use std::fs::{self, File, OpenOptions};
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
        let former_log = path.join("log.wal");
        if former_log.exists() {
            let found = "an earlier version of this program wrote its log in one file".to_owned();
            return Err(StorageError::Foreign { path: former_log, found });
        }
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

    /// Where the segments of the write-ahead log are.
    pub(crate) fn wal_path(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// Where the snapshots are.
    pub(crate) fn snapshots_path(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    /// Where the event log is.
    pub(crate) fn events_path(&self) -> PathBuf {
        self.path.join("events.jsonl")
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

    #[test]
    fn a_directory_of_an_earlier_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("log.wal"), b"schismwl").unwrap();
        let refused = DataDirectory::open(directory.path()).unwrap_err().to_string();
        assert!(refused.contains("log.wal") && refused.contains("earlier version"), "{refused}");
    }
}
