//! Segments made ready before they are needed, and used again when they are not needed any more.
//!
//! A segment is prepared under a temporary name: filled with zeroes, flushed, and only then given its own name, which is
//! flushed too. `fdatasync` of a file that neither grows nor changes its blocks needs no journal commit and takes about
//! half the time. A removed segment is filled with zeroes again before it gets a new name, so that its old records are
//! gone from the disk before anybody could take them for new ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::segment;
use super::{FileHandle, Files, StorageError};

/// Zeroes are flushed after this many bytes, so that a flush of the log beside it never waits for more.
const CHUNK_BYTES: usize = 512 * 1024;

/// How names end that mean nothing after a restart.
pub(super) const TEMPORARY: &str = ".tmp";

/// An open segment.
#[derive(Debug)]
pub(super) struct OpenSegment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn FileHandle>,
}

/// The work itself, on whatever thread.
#[derive(Debug)]
pub(super) struct Workshop {
    files: Arc<dyn Files>,
    directory: PathBuf,
    /// How much of a segment is filled with zeroes; none where the log is not flushed record by record.
    zeroed_bytes: u64,
    /// A removed segment that waits to be used again.
    spare: Option<PathBuf>,
}

impl Workshop {
    pub(super) fn new(files: Arc<dyn Files>, directory: &Path, zeroed_bytes: u64) -> Self {
        Self { files, directory: directory.to_owned(), zeroed_bytes, spare: None }
    }

    /// Makes a durable segment that begins with `beginning` and is zeroes after it.
    pub(super) fn prepare(&mut self, number: u64, beginning: &[u8]) -> Result<OpenSegment, StorageError> {
        let (temporary, file) = match self.spare.take() {
            Some(spare) => {
                let file = self.files.open(&spare).map_err(StorageError::io("opening", &spare))?;
                (spare, file)
            }
            None => {
                let temporary = self.directory.join(format!("next{TEMPORARY}"));
                let file = self.files.create(&temporary).map_err(StorageError::io("creating", &temporary))?;
                (temporary, file)
            }
        };
        file.set_length(self.zeroed_bytes).map_err(StorageError::io("sizing", &temporary))?;
        self.fill(file.as_ref()).map_err(StorageError::io("writing zeroes to", &temporary))?;
        file.write_at(beginning, 0).map_err(StorageError::io("writing", &temporary))?;
        file.sync().map_err(StorageError::io("flushing", &temporary))?;
        let path = segment::path(&self.directory, number);
        self.files.rename(&temporary, &path).map_err(StorageError::io("renaming", &temporary))?;
        self.sync_directory()?;
        Ok(OpenSegment { number, path, file })
    }

    fn fill(&self, file: &dyn FileHandle) -> std::io::Result<()> {
        let zeroes = vec![0; CHUNK_BYTES.min(self.zeroed_bytes as usize)];
        let mut offset = 0;
        while offset < self.zeroed_bytes {
            let bytes = (self.zeroed_bytes - offset).min(zeroes.len() as u64);
            file.write_at(&zeroes[..bytes as usize], offset)?;
            file.sync()?;
            offset += bytes;
        }
        Ok(())
    }

    /// Takes a segment that is not needed any more: keeps one to be used again, removes the others.
    pub(super) fn retire(&mut self, number: u64) -> Result<(), StorageError> {
        let path = segment::path(&self.directory, number);
        if self.spare.is_some() || self.zeroed_bytes == 0 {
            return self.files.remove(&path).map_err(StorageError::io("removing", &path));
        }
        let spare = self.directory.join(format!("spare{TEMPORARY}"));
        self.files.rename(&path, &spare).map_err(StorageError::io("renaming", &path))?;
        // It must have lost its old name for good before it may get another.
        self.sync_directory()?;
        self.spare = Some(spare);
        Ok(())
    }

    fn sync_directory(&self) -> Result<(), StorageError> {
        self.files.sync_directory(&self.directory).map_err(StorageError::io("flushing the directory", &self.directory))
    }
}

#[derive(Debug)]
enum Order {
    Prepare(u64),
    Retire(u64),
}

/// A thread with a workshop.
#[derive(Debug)]
pub(super) struct Worker {
    orders: Sender<Order>,
    prepared: Receiver<Result<OpenSegment, StorageError>>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start(mut workshop: Workshop) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let (finished, prepared) = channel();
        let work = move || {
            for order in inbox {
                let outcome = match order {
                    Order::Prepare(number) => workshop.prepare(number, &[]).map(Some),
                    Order::Retire(number) => workshop.retire(number).map(|()| None),
                };
                // After an error nothing more is tried.
                let failed = outcome.is_err();
                let reported = outcome.transpose().is_none_or(|outcome| finished.send(outcome).is_ok());
                if failed || !reported {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("log-preparer".to_owned()).spawn(work)?;
        Ok(Self { orders, prepared, thread })
    }
}

#[derive(Debug)]
enum Place {
    /// The caller works itself when it asks, so that tests can be repeated.
    Caller(Workshop),
    /// A thread works ahead.
    Thread(Worker),
    /// The thread has ended.
    Nowhere,
}

/// Keeps one segment ready.
#[derive(Debug)]
pub(super) struct Preparer {
    place: Place,
    ready: Option<OpenSegment>,
}

impl Preparer {
    /// Works on a thread of its own, or on the caller's. `ready` was prepared before a restart.
    pub(super) fn new(workshop: Workshop, ready: Option<OpenSegment>, threaded: bool) -> std::io::Result<Self> {
        let place = if threaded { Place::Thread(Worker::start(workshop)?) } else { Place::Caller(workshop) };
        Ok(Self { place, ready })
    }

    /// Has this segment made ready, unless it is.
    pub(super) fn request(&mut self, number: u64) -> Result<(), StorageError> {
        if self.ready.as_ref().is_some_and(|ready| ready.number == number) {
            return Ok(());
        }
        match &mut self.place {
            Place::Caller(workshop) => self.ready = Some(workshop.prepare(number, &[])?),
            // A thread that is gone has left its error behind.
            Place::Thread(worker) => drop(worker.orders.send(Order::Prepare(number))),
            Place::Nowhere => {}
        }
        Ok(())
    }

    /// Gives a segment back.
    pub(super) fn retire(&mut self, number: u64) -> Result<(), StorageError> {
        match &mut self.place {
            Place::Caller(workshop) => workshop.retire(number)?,
            Place::Thread(worker) => drop(worker.orders.send(Order::Retire(number))),
            Place::Nowhere => {}
        }
        Ok(())
    }

    /// Takes note of what was finished, and of what failed.
    pub(super) fn poll(&mut self) -> Result<(), StorageError> {
        if let Place::Thread(worker) = &self.place
            && let Ok(outcome) = worker.prepared.try_recv()
        {
            self.ready = Some(outcome?);
        }
        Ok(())
    }

    /// The segment that was asked for; waits until it is ready.
    pub(super) fn take(&mut self, number: u64) -> Result<OpenSegment, StorageError> {
        loop {
            match (self.ready.take(), &self.place) {
                (Some(ready), _) if ready.number == number => return Ok(ready),
                (_, Place::Thread(worker)) => match worker.prepared.recv() {
                    Ok(outcome) => self.ready = Some(outcome?),
                    Err(_) => return Err(gone(number)),
                },
                _ => return Err(gone(number)),
            }
        }
    }
}

fn gone(number: u64) -> StorageError {
    let source = std::io::Error::other("the thread that prepares segments has ended");
    StorageError::Io { action: "preparing", path: PathBuf::from(format!("segment {number}")), source }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        if let Place::Thread(Worker { orders, thread, .. }) = std::mem::replace(&mut self.place, Place::Nowhere) {
            drop(orders);
            if thread.join().is_err() {
                tracing::error!("the thread that prepares segments panicked");
            }
        }
    }
}
