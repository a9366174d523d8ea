//! The checkers that speak while the load lasts, on a thread of their own: at the first violation the load ends.
//!
//! They see copies of the recorder's events. Neither the recorder nor a client ever waits for them: if they fall behind,
//! they say so and stop, and everything is left to the end. What they found is written into the history, so that a stored
//! run is judged again to the same end; the verdict itself never rests on it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use schism_checkers::history::{Event, Process};
use schism_checkers::online::{OnlineCheck, Violation};
use schism_workloads::workload::Workload;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Progress;
use super::evidence::notes;
use crate::record::Recorder;

/// How many events the checkers may be behind. At 10,000 operations a second that is three seconds.
const BEHIND_MAX: usize = 65_536;

/// A completion is judged once the clock has moved on; this is how long to wait for an event that shows it.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_millis(50);

/// The line of the history that says what was found.
const VIOLATION: &str = "violation";

/// The line of the history that says what was not looked at.
const LEFT: &str = "left-to-the-end";

/// Why the load of a run ended before its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyStop {
    /// When the event came that completed the violation, seconds on the run's clock.
    pub seconds: f64,
    /// The checker that found it.
    pub checker: String,
    /// One sentence.
    pub text: String,
    /// Indexes of events that show it.
    pub events: Vec<u64>,
}

impl EarlyStop {
    /// What a run noted about it, if it ended so.
    pub(super) fn noted(events: &[Event]) -> Option<Self> {
        let noted = notes(events, Process::OBSERVER, VIOLATION).next()?;
        serde_json::from_value(noted.value.clone()).ok()
    }
}

/// The running checkers; they end when dropped.
pub(super) struct OnlineWatch {
    recorder: Recorder,
    found: Arc<OnceLock<Violation>>,
    thread: Option<JoinHandle<()>>,
}

impl OnlineWatch {
    /// Starts to feed the checkers of a workload; cancels `stop` at the first violation.
    pub(super) fn start(
        workload: &dyn Workload,
        recorder: &Recorder,
        stop: &CancellationToken,
    ) -> std::io::Result<Self> {
        let found = Arc::new(OnceLock::new());
        let feed = Feed {
            check: OnlineCheck::new(workload.online_checkers()),
            events: recorder.watch(BEHIND_MAX),
            recorder: recorder.clone(),
            found: Arc::clone(&found),
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new().name("online checkers".to_owned()).spawn(move || feed.run())?;
        Ok(Self { recorder: recorder.clone(), found, thread: Some(thread) })
    }

    /// What there is to tell whoever watches the run.
    pub(super) fn news(&self) -> Option<Progress> {
        match self.found.get() {
            Some(found) => Some(Progress::Violation { checker: found.checker, seconds: seconds(found) }),
            None => self.recorder.watcher_fell_behind().then_some(Progress::FellBehind),
        }
    }
}

impl Drop for OnlineWatch {
    fn drop(&mut self) {
        self.recorder.unwatch();
        // A checker that panics is a bug, but nothing rests on it: the whole history is judged at the end.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn seconds(violation: &Violation) -> f64 {
    violation.time_ns as f64 / 1e9
}

/// What the thread owns.
struct Feed {
    check: OnlineCheck,
    events: Receiver<Event>,
    recorder: Recorder,
    found: Arc<OnceLock<Violation>>,
    stop: CancellationToken,
}

impl Feed {
    fn run(mut self) {
        if let Some(violation) = self.first_violation() {
            let stop = EarlyStop {
                seconds: seconds(&violation),
                checker: violation.checker.to_owned(),
                text: violation.text.clone(),
                events: violation.events.clone(),
            };
            self.recorder.note(Process::OBSERVER, VIOLATION, json!(stop));
            self.found.get_or_init(|| violation);
            self.stop.cancel();
        }
        let mut left = self.check.left_to_the_end();
        if self.recorder.watcher_fell_behind() {
            left.push("the checkers fell behind the load".to_owned());
        }
        if !left.is_empty() {
            self.recorder.note(Process::OBSERVER, LEFT, json!(left));
        }
    }

    fn first_violation(&mut self) -> Option<Violation> {
        loop {
            match self.events.recv_timeout(LOOK_AT_CLOCK_EVERY) {
                Ok(event) => {
                    if let found @ Some(_) = self.check.feed(&event) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let now_ns = self.recorder.now_ns();
                    // What was recorded before that is in the queue by now.
                    let waiting: Vec<Event> = self.events.try_iter().collect();
                    let found = waiting.iter().find_map(|event| self.check.feed(event));
                    if let found @ Some(_) = found.or_else(|| self.check.advance(now_ns)) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}
