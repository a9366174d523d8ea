//! What a node keeps on disk: the write-ahead log, snapshots and the event log, all in one data directory.
//!
//! The layers, from the bytes up: [`files`] is the file system, [`frame`] one checked record, [`segment`] a file of the
//! log. [`scan`] finds the records of a segment after a crash, [`recovery`] those of all segments, and [`replay`] folds
//! them. [`write_ahead_log`] goes on from there, on segments that [`preparer`] makes ready; [`writer`] is the thread that
//! owns it. [`snapshot_file`] is one snapshot. [`event_log`] stands beside them: it is evidence, not state.

#[cfg(test)]
mod damage_test;
mod data_directory;
mod error;
mod event_log;
mod files;
mod frame;
#[cfg(test)]
mod fuzz_test;
#[cfg(test)]
mod measure_test;
mod preparer;
mod recovery;
mod replay;
mod scan;
mod segment;
#[cfg(test)]
mod simulated_files;
mod snapshot_file;
mod snapshot_items;
mod snapshot_writer;
mod snapshots;
mod store;
mod write_ahead_log;
mod writer;

pub(crate) use data_directory::DataDirectory;
pub(crate) use error::StorageError;
pub(crate) use event_log::EventLog;
pub(crate) use files::DiskFiles;
pub(crate) use store::{Contents, Store};
pub(crate) use write_ahead_log::{LogOptions, SEGMENT_BYTES};
pub(crate) use writer::{LogWriter, Written};

use files::{FileHandle, Files, read_all};
