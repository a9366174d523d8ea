//! The thread that owns the write-ahead log: it blocks on the disk so that the node does not.
//!
//! Batching is by back-pressure: while one flush runs, requests queue; the next round takes all of them (up to
//! [`GROUP_BYTES_MAX`]), writes them at once and flushes once. Requests are answered in the order they were made. The
//! first error ends the thread and is handed to the node, which stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::{StorageError, WriteAheadLog};
use crate::core::{Record, Token};
use crate::settings::Fsync;

/// A round takes no further request once it holds this many bytes.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// Records to write, and the token that names them.
type Request = (Token, Vec<Record>);

/// What the thread reports.
#[derive(Debug)]
pub(crate) enum Written {
    /// These requests, in order, are as durable as the setting asks.
    Tokens(Vec<Token>),
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
    pub(crate) fn start(log: WriteAheadLog, written: UnboundedSender<Written>) -> std::io::Result<Self> {
        let (requests, inbox) = channel();
        let counters = Arc::new(WriterCounters::default());
        let mut worker = Worker { log, inbox, written, counters: Arc::clone(&counters), flush_due: None };
        let thread = std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || worker.run())?;
        Ok(Self { requests, counters, thread })
    }

    /// Queues records. After a failure they are dropped: the node learns of it from `written` and stops.
    pub(crate) fn persist(&self, token: Token, records: Vec<Record>) {
        let _ = self.requests.send((token, records));
    }

    /// The totals.
    pub(crate) fn counters(&self) -> &Arc<WriterCounters> {
        &self.counters
    }

    /// Writes what is queued, flushes, and ends the thread.
    pub(crate) fn stop(self) {
        drop(self.requests);
        if self.thread.join().is_err() {
            tracing::error!("the log writer panicked");
        }
    }
}

struct Worker {
    log: WriteAheadLog,
    inbox: Receiver<Request>,
    written: UnboundedSender<Written>,
    counters: Arc<WriterCounters>,
    flush_due: Option<Instant>,
}

enum Next {
    Request(Request),
    FlushDue,
    Closed,
}

impl Worker {
    fn run(&mut self) {
        if let Err(error) = self.serve() {
            let _ = self.written.send(Written::Failed(error));
        }
    }

    fn serve(&mut self) -> Result<(), StorageError> {
        loop {
            match self.next() {
                Next::Request(first) => self.round(first)?,
                Next::FlushDue => self.flush()?,
                Next::Closed if self.log.is_dirty() => return self.flush(),
                Next::Closed => return Ok(()),
            }
        }
    }

    fn next(&self) -> Next {
        let Some(due) = self.flush_due else {
            return self.inbox.recv().map_or(Next::Closed, Next::Request);
        };
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Next::FlushDue;
        }
        match self.inbox.recv_timeout(left) {
            Ok(request) => Next::Request(request),
            Err(RecvTimeoutError::Timeout) => Next::FlushDue,
            Err(RecvTimeoutError::Disconnected) => Next::Closed,
        }
    }

    fn round(&mut self, first: Request) -> Result<(), StorageError> {
        let mut tokens = Vec::new();
        self.encode(first, &mut tokens);
        while self.log.pending_bytes() < GROUP_BYTES_MAX {
            match self.inbox.try_recv() {
                Ok(request) => self.encode(request, &mut tokens),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        self.log.write()?;
        match self.log.fsync() {
            Fsync::Always => self.flush()?,
            Fsync::IntervalMs(interval_ms) => {
                self.flush_due.get_or_insert_with(|| Instant::now() + Duration::from_millis(interval_ms));
            }
            Fsync::Never => {}
        }
        let _ = self.written.send(Written::Tokens(tokens));
        Ok(())
    }

    fn encode(&mut self, (token, records): Request, tokens: &mut Vec<Token>) {
        for record in &records {
            let encoded = self.log.append(|buffer| postcard::to_io(record, buffer).map(drop));
            encoded.expect("a record is encoded into memory");
        }
        tokens.push(token);
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.flush_due = None;
        let started = Instant::now();
        self.log.sync()?;
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        self.counters.flush_microseconds.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::core::{Entry, HardState, Term};
    use crate::storage::restore;

    #[test]
    fn requests_are_answered_in_order_and_found_again() {
        for fsync in [Fsync::Always, Fsync::IntervalMs(1), Fsync::Never] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("log.wal");
            let (log, _) = WriteAheadLog::open(&path, fsync).unwrap();
            let (sender, mut written) = unbounded_channel();
            let writer = LogWriter::start(log, sender).unwrap();
            for term in 1..=100 {
                let hard_state = HardState { term: Term(term), voted_for: None };
                writer.persist(Token(term), vec![Record::HardState(hard_state)]);
            }
            let mut tokens = Vec::new();
            while tokens.len() < 100 {
                match written.blocking_recv().unwrap() {
                    Written::Tokens(more) => tokens.extend(more.into_iter().map(|token| token.0)),
                    Written::Failed(error) => panic!("{error}"),
                }
            }
            assert_eq!(tokens, (1..=100).collect::<Vec<_>>(), "with fsync={fsync}");
            let counters = Arc::clone(writer.counters());
            writer.stop();
            assert!(counters.flushes() >= 1, "an orderly end flushes, with fsync={fsync}");
            let (_, payloads) = WriteAheadLog::open(&path, fsync).unwrap();
            let expected: (HardState, Vec<Entry>) = (HardState { term: Term(100), voted_for: None }, Vec::new());
            assert_eq!(restore(&path, &payloads).unwrap(), expected);
        }
    }

    #[test]
    fn under_an_interval_a_flush_follows_without_further_requests() {
        let directory = tempfile::tempdir().unwrap();
        let (log, _) = WriteAheadLog::open(&directory.path().join("log.wal"), Fsync::IntervalMs(5)).unwrap();
        let (sender, mut written) = unbounded_channel();
        let writer = LogWriter::start(log, sender).unwrap();
        writer.persist(Token(1), vec![Record::HardState(HardState::default())]);
        assert!(matches!(written.blocking_recv(), Some(Written::Tokens(_))));
        let deadline = Instant::now() + Duration::from_secs(10);
        while writer.counters().flushes() == 0 {
            assert!(Instant::now() < deadline, "never flushed");
            std::thread::yield_now();
        }
        writer.stop();
    }
}
