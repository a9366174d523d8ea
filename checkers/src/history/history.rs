//! A whole history, in columns: the operations paired, keys, processes and values numbered, and the timeline around them.

use std::fmt;

use super::builder::HistoryBuilder;
use super::columns::{Lines, Operations};
use super::event::{Event, Process};
use super::function::{Function, Functions};
use super::line::{Line, Source};
use super::operation::Operation;
use super::timeline::{Note, Timeline};
use super::value::{ValueId, Values};

/// Number of an object of the history, in order of first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct KeyId(pub(super) u32);

impl KeyId {
    /// As an index into a list with one entry a key.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Number of a process of the history, in order of first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ProcessId(pub(super) u32);

impl ProcessId {
    /// As an index into a list with one entry a process.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Lines that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {place}: {reason}")]
pub struct MalformedHistory {
    /// Place of the event in the list, from 0.
    pub place: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// A whole history, its operations paired.
#[derive(Clone, Default)]
pub struct History {
    pub(super) values: Values,
    pub(super) functions: Functions,
    pub(super) lines: Lines,
    pub(super) operations: Operations,
    pub(super) notes: Vec<Note>,
    pub(super) keys: Vec<Option<ValueId>>,
    pub(super) processes: Vec<Process>,
    pub(super) timeline: Timeline,
    pub(super) source: Source,
    pub(super) has_clock: bool,
    pub(super) truncated: bool,
}

impl History {
    /// Pairs the events of a history; a missing index becomes the place in the list.
    ///
    /// # Errors
    /// A completion without invocation, a process that invokes twice, an index or a time that goes backwards.
    pub fn from_events(events: Vec<Event>) -> Result<Self, MalformedHistory> {
        let mut builder = HistoryBuilder::new(Source::Built);
        for (place, event) in events.into_iter().enumerate() {
            let pushed = Line::from_event(&event, builder.values_mut()).and_then(|line| builder.push(line));
            pushed.map_err(|reason| MalformedHistory { place, reason })?;
        }
        Ok(builder.finish(false))
    }

    /// All operations of clients, in order of invocation.
    pub fn operations(&self) -> impl DoubleEndedIterator<Item = Operation<'_>> + ExactSizeIterator + Clone {
        (0..self.operations.len()).map(|id| Operation { history: self, id: id as u32 })
    }

    /// The operation with this id.
    #[must_use]
    pub fn operation(&self, id: usize) -> Option<Operation<'_>> {
        (id < self.operations.len()).then_some(Operation { history: self, id: id as u32 })
    }

    /// Every value that the history mentions.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Number of lines, those of the nemesis and the observer included.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// Index of the line at a place.
    #[must_use]
    pub fn line_index(&self, place: u32) -> u64 {
        self.lines.index(place)
    }

    /// Time of the line at a place, in nanoseconds.
    #[must_use]
    pub fn line_time_ns(&self, place: u32) -> u64 {
        self.lines.time(place)
    }

    /// The lines that are not operations, in order.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The objects, by [`KeyId`]; `None` is the one object of a history without keys.
    #[must_use]
    pub fn keys(&self) -> &[Option<ValueId>] {
        &self.keys
    }

    /// Numbers of all objects.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + use<> {
        (0..self.keys.len() as u32).map(KeyId)
    }

    /// A key as people read it: strings without quotes, the nameless object as `the object`.
    #[must_use]
    pub fn key_name(&self, key: KeyId) -> String {
        match self.keys[key.index()] {
            None => "the object".to_owned(),
            Some(name) => match self.values.as_text(name) {
                Some(text) => text.to_owned(),
                None => self.values.display(name).to_string(),
            },
        }
    }

    /// The processes, by [`ProcessId`]; the nemesis and the observer are among them.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// A process as people read it, such as `process 3`.
    #[must_use]
    pub fn process_name(&self, process: ProcessId) -> String {
        self.processes[process.index()].to_string()
    }

    /// The name of a function.
    #[must_use]
    pub fn function_name(&self, function: Function) -> &str {
        self.functions.name(&self.values, function)
    }

    /// Phases, faults and claims.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Where the history came from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// Whether its times are nanoseconds of a clock; otherwise they are places of lines.
    #[must_use]
    pub fn has_clock(&self) -> bool {
        self.has_clock
    }

    /// Whether the last line was cut off and left out.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Time of the last line, in nanoseconds.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.lines.last_time()
    }

    /// Bytes held, capacity included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values.bytes()
            + self.lines.bytes()
            + self.operations.bytes()
            + self.notes.capacity() * size_of::<Note>()
            + self.keys.capacity() * size_of::<Option<ValueId>>()
            + self.processes.capacity() * size_of::<Process>()
    }
}

impl fmt::Debug for History {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.operations()).finish()
    }
}
