//! One line on its way into a history, whatever format it was read from.

use super::event::{Event, EventType, INDEX_MISSING, Process};
use super::value::{ValueId, Values};

/// Where a history came from; it decides what an unwritten value, a null read and a failed compare-and-set mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Source {
    /// Made in memory; meant as in [`Source::Jsonl`].
    #[default]
    Built,
    /// One JSON object a line.
    Jsonl,
    /// Jepsen's `history.edn`.
    Edn,
    /// Jepsen's older log lines.
    JepsenLog,
    /// Porcupine's histories of a key-value store.
    PorcupineKv,
}

impl Source {
    /// Whether times must not go backwards, and equal ones are concurrent. Elsewhere the order of the lines is the order of
    /// events, and times that do not grow with every line, and so say less, are left out.
    #[must_use]
    pub fn promises_time(self) -> bool {
        matches!(self, Self::Built | Self::Jsonl)
    }
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessName<'a> {
    /// A logical client process.
    Client(u64),
    /// `nemesis`, `observer`, or a name from a foreign history.
    Named(&'a str),
}

impl<'a> From<&'a Process> for ProcessName<'a> {
    fn from(process: &'a Process) -> Self {
        match process {
            Process::Client(number) => Self::Client(*number),
            Process::Named(name) => Self::Named(name),
        }
    }
}

/// One line; its values are interned already.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Position in the history; `None`: one more than the line before.
    pub index: Option<u64>,
    /// Nanoseconds since the run's start; `None` or negative: the source has no clock.
    pub time: Option<i64>,
    /// Kind of the line.
    pub event_type: EventType,
    /// Who wrote it.
    pub process: ProcessName<'a>,
    /// The operation's name.
    pub f: &'a str,
    /// The object; `None` where there is only one.
    pub key: Option<ValueId>,
    /// Argument or result.
    pub value: ValueId,
    /// The node that answered.
    pub node: Option<&'a str>,
    /// Term or epoch under which it was answered.
    pub term: Option<u64>,
    /// Log position of the operation.
    pub position: Option<u64>,
    /// Acknowledgement level asked for.
    pub ack: Option<&'a str>,
    /// Read level.
    pub level: Option<&'a str>,
    /// Why it failed or is undecided.
    pub error: Option<&'a str>,
    /// A closing read of one node's own state.
    pub is_final: bool,
    /// Nemesis lines: the schedule entry.
    pub id: Option<u64>,
    /// Nemesis lines: `applied` or `healed`.
    pub step: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// A line with nothing but what every line has.
    #[must_use]
    pub fn new(event_type: EventType, process: ProcessName<'a>, f: &'a str, value: ValueId) -> Self {
        Self {
            index: None,
            time: None,
            event_type,
            process,
            f,
            key: None,
            value,
            node: None,
            term: None,
            position: None,
            ack: None,
            level: None,
            error: None,
            is_final: false,
            id: None,
            step: None,
        }
    }

    /// The line of an event.
    ///
    /// # Errors
    /// A time beyond 292 years.
    pub(super) fn from_event(event: &'a Event, values: &mut Values) -> Result<Self, String> {
        let time = i64::try_from(event.time).map_err(|_| format!("time {} is too large", event.time))?;
        Ok(Self {
            index: (event.index != INDEX_MISSING).then_some(event.index),
            time: Some(time),
            key: event.key.as_ref().map(|key| values.json(key)),
            node: event.node.as_deref(),
            term: event.term,
            position: event.position,
            ack: event.ack.as_deref(),
            level: event.level.as_deref(),
            error: event.error.as_deref(),
            is_final: event.is_final,
            id: event.id,
            step: event.step.as_deref(),
            ..Self::new(event.event_type, (&event.process).into(), &event.f, values.json(&event.value))
        })
    }
}
