//! A whole history: every line, the operations paired, the keys numbered, and the timeline around them.

use std::fmt;

use serde_json::Value;

use super::event::{Event, INDEX_MISSING};
use super::operation::Operation;
use super::pairing::{Pair, Pairing};
use super::timeline::Timeline;

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
    events: Vec<Event>,
    pairs: Vec<Pair>,
    keys: Vec<Option<Value>>,
    timeline: Timeline,
    truncated: bool,
}

impl History {
    /// Pairs the events of a history; a missing index becomes the place in the list.
    ///
    /// # Errors
    /// A completion without invocation, a process that invokes twice, an index or a time that goes backwards.
    pub fn from_events(events: Vec<Event>) -> Result<Self, MalformedHistory> {
        let mut builder = HistoryBuilder::default();
        for (place, event) in events.into_iter().enumerate() {
            builder.push(event).map_err(|reason| MalformedHistory { place, reason })?;
        }
        Ok(builder.finish(false))
    }

    /// All lines, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// All operations of clients, in order of invocation.
    pub fn operations(&self) -> impl DoubleEndedIterator<Item = Operation<'_>> + ExactSizeIterator + Clone {
        self.pairs.iter().enumerate().map(|(id, pair)| Operation {
            id,
            key: pair.key,
            invocation: &self.events[pair.invocation as usize],
            completion: pair.completion.map(|place| &self.events[place as usize]),
        })
    }

    /// The operation with this id.
    #[must_use]
    pub fn operation(&self, id: usize) -> Option<Operation<'_>> {
        let pair = self.pairs.get(id)?;
        Some(Operation {
            id,
            key: pair.key,
            invocation: &self.events[pair.invocation as usize],
            completion: pair.completion.map(|place| &self.events[place as usize]),
        })
    }

    /// The objects, by [`KeyId`]; `None` is the one object of a history without keys.
    #[must_use]
    pub fn keys(&self) -> &[Option<Value>] {
        &self.keys
    }

    /// Numbers of all objects.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + use<> {
        (0..self.keys.len() as u32).map(KeyId)
    }

    /// A key as people read it: strings without quotes, the nameless object as `the object`.
    #[must_use]
    pub fn key_name(&self, key: KeyId) -> String {
        match &self.keys[key.index()] {
            None => "the object".to_owned(),
            Some(Value::String(name)) => name.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Phases, faults and claims.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Whether the last line was cut off and left out.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Time of the last line, in nanoseconds.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.events.last().map_or(0, |event| event.time)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.events).finish()
    }
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        // Everything else follows from the lines.
        self.events == other.events && self.truncated == other.truncated
    }
}

/// Takes a history line by line.
#[derive(Default)]
pub(super) struct HistoryBuilder {
    events: Vec<Event>,
    pairing: Pairing,
}

impl HistoryBuilder {
    pub(super) fn push(&mut self, mut event: Event) -> Result<(), String> {
        if event.index == INDEX_MISSING {
            event.index = self.events.last().map_or(0, |last| last.index + 1);
        }
        self.pairing.push(&event)?;
        self.events.push(event);
        Ok(())
    }

    pub(super) fn finish(self, truncated: bool) -> History {
        let timeline = Timeline::from_events(&self.events);
        History { events: self.events, pairs: self.pairing.pairs, keys: self.pairing.keys, timeline, truncated }
    }
}
