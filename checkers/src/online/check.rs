//! Pairs events into operations, waits until a time is over, and hands what happened to the checkers.

use rustc_hash::FxHashMap;

use super::datum::Datum;
use super::key_window::KeyWindow;
use crate::history::{Event, EventType, Function, Outcome, Phase, Process, level_promises_recency};

/// Something that no later event can take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which checker found it.
    pub checker: &'static str,
    /// One sentence.
    pub text: String,
    /// The time of the event that completed it, in nanoseconds.
    pub time_ns: u64,
    /// Indexes of events that show it, ascending.
    pub events: Vec<u64>,
}

/// An operation that was invoked.
#[derive(Debug, Clone)]
pub struct OnlineOperation {
    /// Counted from 0 in order of invocation.
    pub number: u64,
    /// Index of its invocation.
    pub index: u64,
    /// When it was invoked, in nanoseconds.
    pub invoked_ns: u64,
    /// Its key, counted from 0 in order of first use.
    pub key: usize,
    /// What it is; `None` for a name that no model knows.
    pub function: Option<Function>,
    /// What it was asked with.
    pub argument: Datum,
    /// A read of one node's own state, made for divergence only.
    pub is_final: bool,
    /// Its place in the window of its key.
    place: u64,
}

impl OnlineOperation {
    /// Whether it only reads.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self.function, Some(Function::Read | Function::Get))
    }
}

/// How an operation ended.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Index of its line.
    pub index: u64,
    /// When, in nanoseconds.
    pub time_ns: u64,
    /// What is known of it.
    pub outcome: Outcome,
    /// What came back; only of an operation that ended ok.
    pub result: Datum,
    /// The node that answered.
    pub node: Option<String>,
    /// The term it was answered under.
    pub term: Option<u64>,
    /// Whether the level of a read promises to see every acknowledged write.
    pub promises_recency: bool,
}

/// A checker that can speak before the end.
pub trait OnlineChecker: Send {
    /// The name of the checker of whole histories whose word it anticipates.
    fn name(&self) -> &'static str;

    /// An operation began.
    fn invoked(&mut self, operation: &OnlineOperation);

    /// An operation ended. Whatever ends later on its key was invoked at `watermark_ns` or after it. Everything that was
    /// invoked up to the time of this completion, that time included, is known.
    fn completed(
        &mut self,
        operation: &OnlineOperation,
        completion: &Completion,
        watermark_ns: u64,
    ) -> Option<Violation>;

    /// Nothing follows: operations that have not ended are undecided.
    fn finish(&mut self) -> Option<Violation>;

    /// The keys about which it will say nothing more, as a number and the reason for the first.
    fn left_to_the_end(&self) -> Option<(u64, &str)>;

    /// How many things it remembers.
    fn entries(&self) -> usize;
}

/// Several online checkers, fed together.
pub struct OnlineCheck {
    checkers: Vec<Box<dyn OnlineChecker>>,
    keys: FxHashMap<Option<Datum>, usize>,
    windows: Vec<KeyWindow>,
    open: FxHashMap<Process, OnlineOperation>,
    /// Completions of the present time, in order.
    waiting: Vec<(OnlineOperation, Completion)>,
    now_ns: u64,
    next_number: u64,
    /// Why nothing more is taken.
    stopped: Option<String>,
}

impl OnlineCheck {
    /// Nothing was fed yet.
    #[must_use]
    pub fn new(checkers: Vec<Box<dyn OnlineChecker>>) -> Self {
        Self {
            checkers,
            keys: FxHashMap::default(),
            windows: Vec::new(),
            open: FxHashMap::default(),
            waiting: Vec::new(),
            now_ns: 0,
            next_number: 0,
            stopped: None,
        }
    }

    /// Declares that whatever is fed from now on happened at this time or after it.
    pub fn advance(&mut self, now_ns: u64) -> Option<Violation> {
        if self.stopped.is_some() || now_ns <= self.now_ns {
            return None;
        }
        let found = self.judge_waiting();
        self.now_ns = now_ns;
        found
    }

    /// Takes the next event. After the first violation, and from the closing reads on, there is nothing more to say.
    pub fn feed(&mut self, event: &Event) -> Option<Violation> {
        if self.stopped.is_some() {
            return None;
        }
        if event.time < self.now_ns {
            self.stopped = Some(format!("index {}: time goes backwards", event.index));
            return None;
        }
        let found = self.advance(event.time);
        if found.is_none() {
            self.take(event);
        }
        found
    }

    /// Declares that no event of the present time follows, nor any other.
    pub fn finish(&mut self) -> Option<Violation> {
        let found = self.judge_waiting();
        if found.is_some() || self.is_contradicted() {
            return found;
        }
        self.checkers.iter_mut().find_map(|checker| checker.finish())
    }

    /// What was given up, one sentence each.
    #[must_use]
    pub fn left_to_the_end(&self) -> Vec<String> {
        let of_checkers = self.checkers.iter().filter_map(|checker| {
            let (keys, reason) = checker.left_to_the_end()?;
            Some(format!("{}: {} left to the end; the first: {reason}", checker.name(), keys_word(keys)))
        });
        let contradiction = self.stopped.iter().filter(|_| self.is_contradicted());
        contradiction.map(|why| format!("everything is left to the end: {why}")).chain(of_checkers).collect()
    }

    /// The names of the checkers.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.checkers.iter().map(|checker| checker.name()).collect()
    }

    /// How many things are remembered.
    #[must_use]
    pub fn entries(&self) -> usize {
        let windows: usize = self.windows.iter().map(KeyWindow::len).sum();
        let checkers: usize = self.checkers.iter().map(|checker| checker.entries()).sum();
        self.keys.len() + windows + self.open.len() + self.waiting.len() + checkers
    }

    fn is_contradicted(&self) -> bool {
        self.stopped.as_deref().is_some_and(|why| why != CLOSED && why != FOUND)
    }

    fn judge_waiting(&mut self) -> Option<Violation> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut found = None;
        for (operation, completion) in waiting.drain(..) {
            let window = &mut self.windows[operation.key];
            window.close(operation.place);
            let watermark_ns = window.watermark_ns().unwrap_or(self.now_ns);
            found =
                self.checkers.iter_mut().find_map(|checker| checker.completed(&operation, &completion, watermark_ns));
            if found.is_some() {
                self.stopped = Some(FOUND.to_owned());
                break;
            }
        }
        waiting.clear();
        self.waiting = waiting;
        found
    }

    fn take(&mut self, event: &Event) {
        match &event.process {
            Process::Named(name) if name == Process::NEMESIS => {
                if event.f == "phase" && event.value.as_str().and_then(Phase::from_name) == Some(Phase::Final) {
                    // The closing reads are another matter: they have a level of their own.
                    self.stopped = Some(CLOSED.to_owned());
                }
            }
            Process::Named(name) if name == Process::OBSERVER => {}
            _ if event.event_type == EventType::Invoke => self.invoke(event),
            _ => self.complete(event),
        }
    }

    fn invoke(&mut self, event: &Event) {
        let next_key = self.keys.len();
        let key = *self.keys.entry(event.key.as_ref().map(Datum::from)).or_insert(next_key);
        if key == next_key {
            self.windows.push(KeyWindow::default());
        }
        let operation = OnlineOperation {
            number: self.next_number,
            index: event.index,
            invoked_ns: event.time,
            key,
            function: Function::known(&event.f),
            argument: Datum::from(&event.value),
            is_final: event.is_final,
            place: self.windows[key].open(event.time),
        };
        self.next_number += 1;
        for checker in &mut self.checkers {
            checker.invoked(&operation);
        }
        if self.open.insert(event.process.clone(), operation).is_some() {
            self.stopped = Some(format!("index {}: a process invokes while it is busy", event.index));
        }
    }

    fn complete(&mut self, event: &Event) {
        let Some(mut operation) = self.open.remove(&event.process) else {
            self.stopped = Some(format!("index {}: a completion without an invocation", event.index));
            return;
        };
        operation.is_final |= event.is_final;
        let outcome = match event.event_type {
            EventType::Ok => Outcome::Ok,
            EventType::Fail => Outcome::Fail,
            EventType::Info | EventType::Invoke => Outcome::Info,
        };
        let completion = Completion {
            index: event.index,
            time_ns: event.time,
            outcome,
            result: if outcome == Outcome::Ok { Datum::from(&event.value) } else { Datum::Null },
            node: event.node.clone(),
            term: event.term,
            promises_recency: level_promises_recency(event.level.as_deref()),
        };
        self.waiting.push((operation, completion));
    }
}

/// The closing reads began.
const CLOSED: &str = "the closing reads began";
/// A violation was found.
const FOUND: &str = "a violation was found";

fn keys_word(keys: u64) -> String {
    if keys == 1 { "one key is".to_owned() } else { format!("{keys} keys are") }
}
