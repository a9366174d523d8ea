//! The directory of snapshots: the newest one holds, older ones go once it is durable.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files::parent;
use super::preparer::TEMPORARY;
use super::snapshot_file::{self, Header, parse_name};
use super::{Files, StorageError};
use crate::core::Position;

/// A snapshot as its name tells of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SnapshotPath {
    pub(super) generation: u64,
    pub(super) position: Position,
    pub(super) path: PathBuf,
}

/// All snapshots of a node.
#[derive(Debug)]
pub(super) struct Snapshots {
    files: Arc<dyn Files>,
    directory: PathBuf,
    /// The last generation that was begun.
    begun: AtomicU64,
    /// The highest generation that is durable under its name.
    stored: AtomicU64,
}

impl Snapshots {
    /// Opens or creates the directory, removes what was never finished, and returns its snapshots, the newest first.
    pub(super) fn open(files: &Arc<dyn Files>, directory: &Path) -> Result<(Self, Vec<SnapshotPath>), StorageError> {
        files.create_directory(directory).map_err(StorageError::io("creating", directory))?;
        // What is found now is relied on, and the names may still be only in the page cache.
        for directory in [&parent(directory), directory] {
            files.sync_directory(directory).map_err(StorageError::io("flushing the directory", directory))?;
        }
        let names = files.list(directory).map_err(StorageError::io("listing", directory))?;
        for name in names.iter().filter(|name| name.ends_with(TEMPORARY)) {
            let path = directory.join(name);
            files.remove(&path).map_err(StorageError::io("removing", &path))?;
        }
        let mut found: Vec<SnapshotPath> = names.iter().filter_map(|name| snapshot_path(directory, name)).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        let newest = found.first().map_or(0, |newest| newest.generation);
        let snapshots = Self {
            files: Arc::clone(files),
            directory: directory.to_owned(),
            begun: AtomicU64::new(newest),
            stored: AtomicU64::new(0),
        };
        Ok((snapshots, found))
    }

    /// Where they are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The number of a new snapshot.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether this snapshot is the newest of those stored.
    pub(super) fn holds(&self, header: &Header) -> bool {
        self.stored.load(Ordering::Acquire) == header.generation
    }

    /// Takes note that this snapshot is durable under its name.
    pub(super) fn found(&self, header: &Header) {
        self.stored.fetch_max(header.generation, Ordering::AcqRel);
    }

    /// Writes a snapshot, makes it durable, and gives it its name, unless a newer one has become durable meanwhile.
    pub(super) fn store(&self, header: &Header, items: impl Iterator<Item = Vec<u8>>) -> Result<(), StorageError> {
        let temporary = snapshot_file::write(self.files.as_ref(), &self.directory, header, items)?;
        if self.stored.load(Ordering::Acquire) > header.generation {
            return self.files.remove(&temporary).map_err(StorageError::io("removing", &temporary));
        }
        let path = self.directory.join(header.name());
        self.files.rename(&temporary, &path).map_err(StorageError::io("renaming", &temporary))?;
        let directory = &self.directory;
        self.files.sync_directory(directory).map_err(StorageError::io("flushing the directory", directory))?;
        self.found(header);
        Ok(())
    }

    /// Removes the snapshots before this one.
    pub(super) fn remove_older(&self, header: &Header) -> Result<(), StorageError> {
        let names = self.files.list(&self.directory).map_err(StorageError::io("listing", &self.directory))?;
        let found = names.iter().filter_map(|name| snapshot_path(&self.directory, name));
        for SnapshotPath { path, .. } in found.filter(|found| found.generation < header.generation) {
            self.files.remove(&path).map_err(StorageError::io("removing", &path))?;
        }
        Ok(())
    }
}

fn snapshot_path(directory: &Path, name: &str) -> Option<SnapshotPath> {
    let (generation, position) = parse_name(name)?;
    Some(SnapshotPath { generation, position, path: directory.join(name) })
}
