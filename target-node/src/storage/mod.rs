//! What a node keeps on disk: the write-ahead log and the event log, both in one data directory.
//!
//! The layers, from the bytes up: [`frame`] is one checked record, [`scan`] finds the records of a file after a crash,
//! [`write_ahead_log`] is the file, [`writer`] is the thread that owns it, and [`restore`] folds the records back into
//! what the core starts from. [`event_log`] stands beside them: it is evidence, not state.

mod data_directory;
mod error;
mod event_log;
mod frame;
mod restore;
mod scan;
mod write_ahead_log;
mod writer;

pub(crate) use data_directory::DataDirectory;
pub(crate) use error::StorageError;
pub(crate) use event_log::EventLog;
pub(crate) use restore::restore;
pub(crate) use write_ahead_log::WriteAheadLog;
pub(crate) use writer::{LogWriter, Written};
