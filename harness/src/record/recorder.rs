//! Writes the history: stamps every line under one lock, so that `index` follows `time`.
//!
//! The lock covers the stamp and the line's text; a thread of its own moves the text to the file every
//! [`WRITE_EVERY`], so that neither a worker nor the nemesis ever waits for the disk, and a crash of the harness costs
//! at most that much of the history. The first error of the disk is kept and told by [`Recorder::flush`] and
//! [`Recorder::error`]: a full disk is never a silent loss.
//!
//! It judges nothing, and it does not know what a line means.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schism_checkers::history::{Event, EventType, Process};
use serde_json::Value;

use super::Clock;

/// How long a line may wait before it is written.
const WRITE_EVERY: Duration = Duration::from_millis(20);

/// Handle to the history being written; cheap to clone. Dropping the last one writes what is left.
#[derive(Clone)]
pub struct Recorder {
    clock: Clock,
    handle: Arc<Handle>,
}

/// Shared by all clones; its end tells the writer to finish.
struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Signalled when something is asked of the writer, and when it has done it.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next_index: u64,
    events: Vec<Event>,
    /// Text that waits to be written; unused where there is no file.
    waiting: Vec<u8>,
    has_file: bool,
    /// How often a flush was asked for, and how many of those the writer has answered.
    flushes_asked: u64,
    flushes_done: u64,
    closed: bool,
    watcher: Option<SyncSender<Event>>,
    /// Whether a watcher was let go because it could not keep up.
    watcher_fell_behind: bool,
    /// The first error, in the kernel's words.
    error: Option<(io::ErrorKind, String)>,
}

impl Recorder {
    /// Writes to a new file, and keeps the events in memory for the checkers.
    pub fn create(path: &Path, clock: Clock) -> io::Result<Self> {
        let file = File::create_new(path)?;
        let recorder = Self::new(true, clock);
        let shared = Arc::clone(&recorder.handle.shared);
        std::thread::Builder::new().name("recorder".to_owned()).spawn(move || write_until_closed(&shared, file))?;
        Ok(recorder)
    }

    /// Keeps the events in memory only.
    #[must_use]
    pub fn in_memory(clock: Clock) -> Self {
        Self::new(false, clock)
    }

    fn new(has_file: bool, clock: Clock) -> Self {
        let shared = Shared { state: Mutex::new(State { has_file, ..State::default() }), changed: Condvar::new() };
        Self { clock, handle: Arc::new(Handle { shared: Arc::new(shared) }) }
    }

    /// Appends one event; its `index` and `time` are set here. Returns both.
    pub fn record(&self, mut event: Event) -> (u64, u64) {
        let mut state = self.handle.shared.lock();
        event.index = state.next_index;
        event.time = self.clock.now_ns();
        state.next_index += 1;
        let stamp = (event.index, event.time);
        if state.has_file {
            let written = serde_json::to_writer(&mut state.waiting, &event);
            state.waiting.push(b'\n');
            if let Err(error) = written {
                state.fail(&error.into());
            }
        }
        state.tell_watcher(&event);
        state.events.push(event);
        stamp
    }

    /// A copy of every event from now on, in order. Nobody ever waits for the watcher: one that is more than `capacity` events
    /// behind is let go. There is one at a time.
    #[must_use]
    pub fn watch(&self, capacity: usize) -> Receiver<Event> {
        let (sender, receiver) = sync_channel(capacity);
        self.handle.shared.lock().watcher = Some(sender);
        receiver
    }

    /// Lets the watcher go; it still gets what was recorded so far.
    pub fn unwatch(&self) {
        self.handle.shared.lock().watcher = None;
    }

    /// Whether a watcher was let go because it could not keep up.
    #[must_use]
    pub fn watcher_fell_behind(&self) -> bool {
        self.handle.shared.lock().watcher_fell_behind
    }

    /// The time, such that everything recorded so far happened at it or before, and everything to come at it or after.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        let _state = self.handle.shared.lock();
        self.clock.now_ns()
    }

    /// Appends a line of the harness itself: `process` is `nemesis` or `observer`.
    pub fn note(&self, process: &str, f: &str, value: Value) -> (u64, u64) {
        self.record(Event::new(EventType::Info, Process::Named(process.to_owned()), f, value))
    }

    /// Waits until everything recorded so far is in the file, and tells the first error there ever was.
    pub fn flush(&self) -> io::Result<()> {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        if state.has_file {
            state.flushes_asked += 1;
            let ticket = state.flushes_asked;
            shared.changed.notify_all();
            while state.flushes_done < ticket {
                state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.error().map_or(Ok(()), Err)
    }

    /// The first error of the disk, if there was one; does not wait.
    #[must_use]
    pub fn error(&self) -> Option<io::Error> {
        self.handle.shared.lock().error()
    }

    /// A copy of everything recorded so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.handle.shared.lock().events.clone()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell_watcher(&mut self, event: &Event) {
        let Some(watcher) = &self.watcher else { return };
        if let Err(refused) = watcher.try_send(event.clone()) {
            self.watcher = None;
            self.watcher_fell_behind |= matches!(refused, TrySendError::Full(_));
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.error.get_or_insert_with(|| (error.kind(), error.to_string()));
    }

    fn error(&self) -> Option<io::Error> {
        self.error.as_ref().map(|(kind, text)| io::Error::new(*kind, text.clone()))
    }
}

/// Moves text from memory to the file until every handle is gone. After the first error it only empties the buffer.
fn write_until_closed(shared: &Shared, mut file: impl Write) {
    let mut text = Vec::new();
    let mut state = shared.lock();
    loop {
        let asked = state.flushes_asked;
        let closed = state.closed;
        std::mem::swap(&mut text, &mut state.waiting);
        let failed = state.error.is_some();
        drop(state);
        let written = if failed { Ok(()) } else { file.write_all(&text) };
        text.clear();
        state = shared.lock();
        if let Err(error) = written {
            state.fail(&error);
        }
        if state.flushes_done < asked {
            state.flushes_done = asked;
            shared.changed.notify_all();
        }
        if closed {
            return;
        }
        if state.flushes_asked == asked && !state.closed {
            state = shared.changed.wait_timeout(state, WRITE_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts `left` bytes, then has no space.
    struct SmallDisk {
        left: usize,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.left {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.left -= bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn index_follows_time_whoever_records() {
        let recorder = Recorder::in_memory(Clock::start());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..1_000 {
                        recorder.note("nemesis", "phase", Value::from(number));
                    }
                });
            }
        });
        let events = recorder.events();
        assert_eq!(events.len(), 4_000);
        for (index, pair) in events.windows(2).enumerate() {
            assert_eq!(pair[0].index, index as u64);
            assert!(pair[0].time <= pair[1].time);
        }
    }

    #[test]
    fn what_is_recorded_is_what_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.jsonl");
        let recorder = Recorder::create(&path, Clock::start()).unwrap();
        for number in 0..100 {
            recorder.note("observer", "claim", serde_json::json!({ "term": number }));
        }
        recorder.flush().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let read: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, recorder.events());
    }

    #[test]
    fn lines_reach_the_file_without_being_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.jsonl");
        let recorder = Recorder::create(&path, Clock::start()).unwrap();
        recorder.note("nemesis", "phase", Value::from("load"));
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while std::fs::read_to_string(&path).unwrap().is_empty() {
            assert!(std::time::Instant::now() < deadline, "the line never arrived");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_watcher_gets_every_event_and_one_that_is_too_slow_is_let_go() {
        let recorder = Recorder::in_memory(Clock::start());
        let note = |number: u64| recorder.note("observer", "claim", Value::from(number));
        note(0);
        let watcher = recorder.watch(3);
        (1..4).for_each(|number| {
            note(number);
        });
        let seen: Vec<Event> = watcher.try_iter().collect();
        assert_eq!(seen, recorder.events()[1..]);
        let before = recorder.now_ns();
        assert!(seen.iter().all(|event| event.time <= before));
        (4..9).for_each(|number| {
            note(number);
        });
        assert!(recorder.watcher_fell_behind());
        assert_eq!(watcher.iter().count(), 3, "what fitted");
    }

    #[test]
    fn a_full_disk_is_told_and_stays_told() {
        let recorder = Recorder::new(true, Clock::start());
        let shared = Arc::clone(&recorder.handle.shared);
        let writer = std::thread::spawn(move || write_until_closed(&shared, SmallDisk { left: 1_000 }));
        for number in 0..100 {
            recorder.note("nemesis", "phase", Value::from(number));
        }
        assert_eq!(recorder.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(recorder.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(recorder.error().is_some());
        drop(recorder);
        writer.join().unwrap();
    }
}
