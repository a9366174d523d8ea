//! The thread that saves snapshots, so that neither the node nor the log waits for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};

use super::StorageError;
use super::snapshot_items::items;
use super::store::Saving;
use crate::core::Snapshot;

/// The handle of the thread. When it is dropped the thread ends after what it has begun.
#[derive(Debug)]
pub(super) struct SnapshotWriter {
    orders: Sender<(Saving, Snapshot)>,
}

impl SnapshotWriter {
    /// Starts the thread. It calls `report` after each snapshot, in order; after an error it saves no more.
    pub(super) fn start(report: impl Fn(Result<Saving, StorageError>) + Send + 'static) -> std::io::Result<Self> {
        let (orders, inbox) = channel::<(Saving, Snapshot)>();
        let work = move || {
            for (saving, snapshot) in inbox {
                let outcome = catch_unwind(AssertUnwindSafe(|| saving.write(items(&snapshot)))).unwrap_or_else(|_| {
                    let source = std::io::Error::other("its thread panicked");
                    Err(StorageError::Io { action: "running", path: "the writer of snapshots".into(), source })
                });
                let failed = outcome.is_err();
                report(outcome.map(|()| saving));
                if failed {
                    return;
                }
            }
        };
        // Not waited for at the end: a snapshot that is cut short was never promised.
        std::thread::Builder::new().name("snapshot-writer".to_owned()).spawn(work)?;
        Ok(Self { orders })
    }

    /// Queues a snapshot.
    pub(super) fn save(&self, saving: Saving, snapshot: Snapshot) {
        // A thread that is gone has reported its error.
        let _ = self.orders.send((saving, snapshot));
    }
}
