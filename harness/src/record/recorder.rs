//! Writes the history: stamps every line under one lock, so that `index` follows `time`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use schism_checkers::history::Event;

use super::Clock;

/// Handle to the history being written; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

struct State {
    next_index: u64,
    events: Vec<Event>,
    file: Option<BufWriter<File>>,
    error: Option<io::Error>,
}

impl Recorder {
    /// Writes to a new file and keeps the events in memory for the checkers.
    pub fn create(path: &Path, clock: Clock) -> io::Result<Self> {
        let file = BufWriter::new(File::create_new(path)?);
        Ok(Self::new(Some(file), clock))
    }

    /// Keeps the events in memory only.
    #[must_use]
    pub fn in_memory(clock: Clock) -> Self {
        Self::new(None, clock)
    }

    fn new(file: Option<BufWriter<File>>, clock: Clock) -> Self {
        let state = State { next_index: 0, events: Vec::new(), file, error: None };
        Self { clock, state: Arc::new(Mutex::new(state)) }
    }

    /// Appends one event; its `index` and `time` are set here. Returns both.
    pub fn record(&self, mut event: Event) -> (u64, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        event.index = state.next_index;
        event.time = self.clock.now_ns();
        state.next_index += 1;
        let stamp = (event.index, event.time);
        if let Some(file) = &mut state.file {
            let written =
                serde_json::to_writer(&mut *file, &event).map_err(io::Error::from).and_then(|()| file.write_all(b"\n"));
            if let Err(error) = written {
                state.error.get_or_insert(error);
            }
        }
        state.events.push(event);
        stamp
    }

    /// Writes what is buffered, and tells the first error there was (a full disk, say).
    pub fn flush(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        state.file.as_mut().map_or(Ok(()), Write::flush)
    }

    /// A copy of everything recorded so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).events.clone()
    }
}
