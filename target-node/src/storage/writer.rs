//! The thread that owns the log and the snapshots: it blocks on the disk so that the node does not.
//!
//! Batching is by back-pressure: while one flush runs, requests queue; the next round takes all of them (up to
//! [`GROUP_BYTES_MAX`]), writes them at once and flushes once. Requests are answered in the order they were made. A
//! leader's snapshot takes its place in that order; the node's own are written by [`snapshot_writer`](super::snapshot_writer)
//! meanwhile. The first error ends the thread and is handed to the node, which stops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::StorageError;
use super::snapshot_items::items;
use super::snapshot_writer::SnapshotWriter;
use super::store::{Saving, Store};
use crate::core::{Position, Record, Snapshot, Token};
use crate::settings::Fsync;

/// A round takes no further request once it holds this many bytes.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// What the thread is asked.
#[derive(Debug)]
enum Request {
    /// Write these records; the token names them.
    Persist(Token, Vec<Record>),
    /// Put a leader's snapshot in the place of the log.
    Install(Token, Box<Snapshot>),
    /// Save a snapshot of the node's own state.
    Save(Box<Snapshot>),
    /// That is done, or failed.
    Saved(Result<Saving, StorageError>),
    /// Finish what was asked before, and end.
    Stop,
}

/// What the thread reports.
#[derive(Debug)]
pub(crate) enum Written {
    /// These requests, in order, are as durable as the setting asks.
    Tokens(Vec<Token>),
    /// The node's snapshot at this position is durable under its name.
    SnapshotSaved(Position),
    /// The disk failed; nothing after this is reported.
    Failed(StorageError),
}

/// Totals since the start, for the metrics.
#[derive(Debug, Default)]
pub(crate) struct WriterCounters {
    flushes: AtomicU64,
    flush_microseconds: AtomicU64,
}

impl WriterCounters {
    /// How often the log was flushed.
    pub(crate) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// How long that took altogether.
    pub(crate) fn flush_time(&self) -> Duration {
        Duration::from_micros(self.flush_microseconds.load(Ordering::Relaxed))
    }
}

/// The handle of the thread.
#[derive(Debug)]
pub(crate) struct LogWriter {
    requests: Sender<Request>,
    counters: Arc<WriterCounters>,
    thread: JoinHandle<()>,
}

impl LogWriter {
    /// Starts the thread; it reports to `written`.
    pub(crate) fn start(store: Store, written: UnboundedSender<Written>) -> std::io::Result<Self> {
        let (requests, inbox) = channel();
        let counters = Arc::new(WriterCounters::default());
        let saved = requests.clone();
        let snapshot_writer = SnapshotWriter::start(move |outcome| drop(saved.send(Request::Saved(outcome))))?;
        let mut worker = Worker {
            store,
            inbox,
            put_back: None,
            written,
            snapshot_writer,
            counters: Arc::clone(&counters),
            flush_due: None,
        };
        let thread = std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || worker.run())?;
        Ok(Self { requests, counters, thread })
    }

    /// Queues records. After a failure they are dropped: the node learns of it from `written` and stops.
    pub(crate) fn persist(&self, token: Token, records: Vec<Record>) {
        let _ = self.requests.send(Request::Persist(token, records));
    }

    /// Queues a leader's snapshot, which takes the place of all records queued before it.
    pub(crate) fn install(&self, token: Token, snapshot: Snapshot) {
        let _ = self.requests.send(Request::Install(token, Box::new(snapshot)));
    }

    /// Has a snapshot of the node's own state saved in the background.
    pub(crate) fn save(&self, snapshot: Snapshot) {
        let _ = self.requests.send(Request::Save(Box::new(snapshot)));
    }

    /// The totals.
    pub(crate) fn counters(&self) -> &Arc<WriterCounters> {
        &self.counters
    }

    /// Writes what is queued, flushes, and ends the thread.
    pub(crate) fn stop(self) {
        let _ = self.requests.send(Request::Stop);
        if self.thread.join().is_err() {
            tracing::error!("the log writer panicked");
        }
    }
}

struct Worker {
    store: Store,
    inbox: Receiver<Request>,
    /// Taken from the inbox too early.
    put_back: Option<Request>,
    written: UnboundedSender<Written>,
    snapshot_writer: SnapshotWriter,
    counters: Arc<WriterCounters>,
    flush_due: Option<Instant>,
}

enum Next {
    Request(Request),
    FlushDue,
}

impl Worker {
    fn run(&mut self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.serve()));
        // A panic is a bug, and the node stops for it as for a failed disk: it must not go on without its log.
        let outcome = outcome.unwrap_or_else(|_| {
            let source = std::io::Error::other("its thread panicked");
            Err(StorageError::Io { action: "running", path: "the log's writer".into(), source })
        });
        if let Err(error) = outcome {
            let _ = self.written.send(Written::Failed(error));
        }
    }

    fn serve(&mut self) -> Result<(), StorageError> {
        loop {
            match self.next() {
                Next::Request(Request::Persist(token, records)) => self.round(token, &records)?,
                Next::Request(Request::Install(token, snapshot)) => {
                    self.store.install(snapshot.position, snapshot.claim, items(&snapshot))?;
                    let _ = self.written.send(Written::Tokens(vec![token]));
                }
                Next::Request(Request::Save(snapshot)) => {
                    let saving = self.store.begin_save(snapshot.position, snapshot.claim);
                    self.snapshot_writer.save(saving, *snapshot);
                }
                Next::Request(Request::Saved(outcome)) => {
                    let saving = outcome?;
                    self.store.finish_save(&saving)?;
                    let _ = self.written.send(Written::SnapshotSaved(saving.position()));
                }
                Next::FlushDue => self.flush()?,
                Next::Request(Request::Stop) if self.store.log.is_dirty() => return self.flush(),
                Next::Request(Request::Stop) => return Ok(()),
            }
        }
    }

    fn next(&mut self) -> Next {
        if let Some(request) = self.put_back.take() {
            return Next::Request(request);
        }
        let Some(due) = self.flush_due else {
            return Next::Request(self.inbox.recv().unwrap_or(Request::Stop));
        };
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Next::FlushDue;
        }
        match self.inbox.recv_timeout(left) {
            Ok(request) => Next::Request(request),
            Err(RecvTimeoutError::Timeout) => Next::FlushDue,
            Err(RecvTimeoutError::Disconnected) => Next::Request(Request::Stop),
        }
    }

    /// Writes these records and those of the requests that have queued up behind them.
    fn round(&mut self, token: Token, records: &[Record]) -> Result<(), StorageError> {
        let mut tokens = vec![token];
        records.iter().for_each(|record| self.store.log.append(record));
        while self.store.log.pending_bytes() < GROUP_BYTES_MAX {
            match self.inbox.try_recv() {
                Ok(Request::Persist(token, records)) => {
                    records.iter().for_each(|record| self.store.log.append(record));
                    tokens.push(token);
                }
                other => {
                    self.put_back = other.ok();
                    break;
                }
            }
        }
        self.store.log.write()?;
        match self.store.log.fsync() {
            Fsync::Always => self.flush()?,
            Fsync::IntervalMs(interval_ms) => {
                self.flush_due.get_or_insert_with(|| Instant::now() + Duration::from_millis(interval_ms));
            }
            Fsync::Never => {}
        }
        let _ = self.written.send(Written::Tokens(tokens));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.flush_due = None;
        let started = Instant::now();
        self.store.log.sync()?;
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        self.counters.flush_microseconds.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::super::simulated_files::SimulatedFiles;
    use super::super::store::Contents;
    use super::super::{DiskFiles, Files, LogOptions};
    use super::*;
    use crate::core::{Change, Claim, Command, Entry, HardState, Members, NodeId, State, Term, Value};

    fn open(files: impl Files + 'static, data: &Path, fsync: Fsync) -> (Store, Contents<Snapshot>) {
        let options = LogOptions { files: Arc::new(files), fsync, segment_bytes: 4096, threaded: true };
        Store::open(&data.join("wal"), &data.join("snapshots"), &options, 10).unwrap()
    }

    fn hard_state(term: u64) -> Record {
        Record::HardState(HardState { term: Term(term), voted_for: None })
    }

    fn entry(position: u64) -> Record {
        let claim = Claim { term: Term(1), leader: NodeId(1) };
        let change = Change::Write { key: format!("key-{position}"), value: Value::from(position) };
        Record::Append(Entry { claim, position: Position(position), command: Command::Change(change), origin: None })
    }

    fn snapshot(position: u64) -> Snapshot {
        let claim = Claim { term: Term(1), leader: NodeId(1) };
        let state = State::empty_at(Position(position));
        Snapshot { position: Position(position), claim, members: Members::first(3), state }
    }

    /// Waits until `count` tokens are reported; returns the positions of the snapshots saved meanwhile.
    fn await_tokens(written: &mut UnboundedReceiver<Written>, count: usize) -> (Vec<u64>, Vec<Position>) {
        let (mut tokens, mut saved) = (Vec::new(), Vec::new());
        while tokens.len() < count {
            match written.blocking_recv().unwrap() {
                Written::Tokens(more) => tokens.extend(more.into_iter().map(|token| token.0)),
                Written::SnapshotSaved(position) => saved.push(position),
                Written::Failed(error) => panic!("{error}"),
            }
        }
        (tokens, saved)
    }

    #[test]
    fn requests_are_answered_in_order_and_found_again() {
        for fsync in [Fsync::Always, Fsync::IntervalMs(1), Fsync::Never] {
            let directory = tempfile::tempdir().unwrap();
            let (sender, mut written) = unbounded_channel();
            let writer = LogWriter::start(open(DiskFiles, directory.path(), fsync).0, sender).unwrap();
            for number in 1..=100 {
                writer.persist(Token(number), vec![hard_state(number), entry(number)]);
            }
            let (tokens, _) = await_tokens(&mut written, 100);
            assert_eq!(tokens, (1..=100).collect::<Vec<_>>(), "with fsync={fsync}");
            let counters = Arc::clone(writer.counters());
            writer.stop();
            assert!(counters.flushes() >= 1, "an orderly end flushes, with fsync={fsync}");
            let (_, found) = open(DiskFiles, directory.path(), fsync);
            assert_eq!((found.hard_state.term, found.entries.len()), (Term(100), 100));
        }
    }

    #[test]
    fn under_an_interval_a_flush_follows_without_further_requests() {
        let directory = tempfile::tempdir().unwrap();
        let (sender, mut written) = unbounded_channel();
        let (store, _) = open(DiskFiles, directory.path(), Fsync::IntervalMs(5));
        let writer = LogWriter::start(store, sender).unwrap();
        writer.persist(Token(1), vec![hard_state(1)]);
        assert!(matches!(written.blocking_recv(), Some(Written::Tokens(_))));
        let deadline = Instant::now() + Duration::from_secs(10);
        while writer.counters().flushes() == 0 {
            assert!(Instant::now() < deadline, "never flushed");
            std::thread::yield_now();
        }
        writer.stop();
    }

    #[test]
    fn a_saved_snapshot_lets_go_of_the_log_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let (sender, mut written) = unbounded_channel();
        let (store, _) = open(DiskFiles, directory.path(), Fsync::Always);
        let writer = LogWriter::start(store, sender).unwrap();
        let segments = || std::fs::read_dir(directory.path().join("wal")).unwrap().count();
        for number in 1..=1000 {
            writer.persist(Token(number), vec![entry(number)]);
            if number % 10 == 0 {
                await_tokens(&mut written, 10);
            }
        }
        let before = segments();
        writer.save(snapshot(900));
        assert!(matches!(written.blocking_recv(), Some(Written::SnapshotSaved(Position(900)))));
        writer.persist(Token(1001), vec![entry(1001)]);
        await_tokens(&mut written, 1);
        writer.stop();
        assert!(before > 10 && segments() < before / 2, "of {before} segments {} are left", segments());
        let (_, found) = open(DiskFiles, directory.path(), Fsync::Always);
        assert_eq!(found.snapshot.map(|snapshot| snapshot.position), Some(Position(900)));
        assert_eq!(
            found.entries.iter().map(|entry| entry.position.0).collect::<Vec<_>>(),
            (901..=1001).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_installed_snapshot_takes_its_place_among_the_records() {
        let directory = tempfile::tempdir().unwrap();
        let (sender, mut written) = unbounded_channel();
        let (store, _) = open(DiskFiles, directory.path(), Fsync::Always);
        let writer = LogWriter::start(store, sender).unwrap();
        writer.persist(Token(1), (1..=50).map(entry).collect());
        writer.install(Token(2), snapshot(30));
        writer.persist(Token(3), vec![entry(31)]);
        assert_eq!(await_tokens(&mut written, 3).0, [1, 2, 3]);
        writer.stop();
        let (_, found) = open(DiskFiles, directory.path(), Fsync::Always);
        assert_eq!(found.snapshot.map(|snapshot| snapshot.members), Some(Members::first(3)));
        assert_eq!(found.entries.iter().map(|entry| entry.position.0).collect::<Vec<_>>(), [31]);
    }

    #[test]
    fn a_failed_operation_is_reported_and_nothing_is_tried_after_it() {
        // The disk works again after one failure: whoever tried again would succeed, and would be seen.
        let mut failures = 0;
        for offset in 1..60 {
            let files = SimulatedFiles::new(offset);
            let data = Path::new("data");
            let options = LogOptions {
                files: Arc::new(files.clone()),
                fsync: Fsync::Always,
                segment_bytes: 600,
                threaded: false,
            };
            let (store, _) = Store::open::<Snapshot>(&data.join("wal"), &data.join("snapshots"), &options, 10).unwrap();
            files.fail_at(files.operations() + offset, false);
            let (sender, mut written) = unbounded_channel();
            let writer = LogWriter::start(store, sender).unwrap();
            let mut acknowledged = 0;
            for number in 1..=40 {
                writer.persist(Token(number), vec![entry(number)]);
                match written.blocking_recv() {
                    Some(Written::Tokens(tokens)) => acknowledged += tokens.len(),
                    Some(Written::Failed(error)) => {
                        assert!(error.to_string().contains("the disk failed"), "{error}");
                        failures += 1;
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
            writer.persist(Token(41), vec![entry(41)]);
            writer.install(Token(42), snapshot(50));
            writer.stop();
            assert_eq!(files.operations_after_failure(), 0, "after operation {offset} had failed");
            files.crash(super::super::simulated_files::Crash::Power);
            let (_, found) = Store::open::<Snapshot>(&data.join("wal"), &data.join("snapshots"), &options, 10).unwrap();
            assert!(found.entries.len() >= acknowledged, "{acknowledged} were acknowledged: {found:?}");
        }
        assert!(failures > 50, "only {failures} operations failed");
    }

    #[test]
    fn a_snapshot_that_cannot_be_written_is_reported() {
        let files = SimulatedFiles::new(1);
        // The disk fails at an operation by number: no other thread may take it.
        let options =
            LogOptions { files: Arc::new(files.clone()), fsync: Fsync::Always, segment_bytes: 4096, threaded: false };
        let data = Path::new("data");
        let (store, _) = Store::open::<Snapshot>(&data.join("wal"), &data.join("snapshots"), &options, 10).unwrap();
        let (sender, mut written) = unbounded_channel();
        let writer = LogWriter::start(store, sender).unwrap();
        writer.persist(Token(1), vec![entry(1)]);
        await_tokens(&mut written, 1);
        files.fail_at(files.operations() + 2, false);
        writer.save(snapshot(1));
        match written.blocking_recv() {
            Some(Written::Failed(error)) => assert!(error.to_string().contains("snapshots"), "{error}"),
            other => panic!("{other:?}"),
        }
        writer.stop();
    }
}
