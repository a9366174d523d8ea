//! Pairs invocations with completions, and refuses lines that contradict each other.
//!
//! Works line by line, so that a reader can name the line at fault.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::event::{Event, EventType, Process};
use super::history::KeyId;

/// An operation as places in the list of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) invocation: u32,
    pub(super) completion: Option<u32>,
    pub(super) key: KeyId,
}

/// What is known after the lines seen so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairing {
    pub(super) pairs: Vec<Pair>,
    pub(super) keys: Vec<Option<Value>>,
    key_ids: FxHashMap<Option<Value>, KeyId>,
    open: FxHashMap<Process, OpenOperation>,
    last: Option<(u64, u64)>,
    seen: u32,
}

/// An operation that has no completion yet.
#[derive(Debug, Clone)]
struct OpenOperation {
    pair: usize,
    index: u64,
    f: String,
}

impl Pairing {
    /// Takes the next line. The error continues "line N: …".
    pub(super) fn push(&mut self, event: &Event) -> Result<(), String> {
        self.check_order(event)?;
        let place = self.seen;
        self.seen = self.seen.checked_add(1).ok_or("a history may have at most 4294967295 lines")?;
        if !event.process.is_client() {
            return Ok(());
        }
        match event.event_type {
            EventType::Invoke => self.invoke(event, place),
            EventType::Ok | EventType::Fail | EventType::Info => self.complete(event, place),
        }
    }

    fn check_order(&mut self, event: &Event) -> Result<(), String> {
        if let Some((index, time)) = self.last {
            if event.index <= index {
                return Err(format!("index {} after index {index}: the index must grow with every line", event.index));
            }
            if event.time < time {
                return Err(format!("time {} after time {time}: time must not go backwards", event.time));
            }
        }
        self.last = Some((event.index, event.time));
        Ok(())
    }

    fn invoke(&mut self, event: &Event, place: u32) -> Result<(), String> {
        if let Some(open) = self.open.get(&event.process) {
            return Err(format!(
                "{} invokes `{}` while its `{}` of index {} is still open: one process has one operation at a time",
                event.process, event.f, open.f, open.index
            ));
        }
        let key = self.key_id(&event.key);
        let open = OpenOperation { pair: self.pairs.len(), index: event.index, f: event.f.clone() };
        self.open.insert(event.process.clone(), open);
        self.pairs.push(Pair { invocation: place, completion: None, key });
        Ok(())
    }

    fn complete(&mut self, event: &Event, place: u32) -> Result<(), String> {
        let Some(open) = self.open.remove(&event.process) else {
            return Err(format!("{} completes `{}` without having invoked it", event.process, event.f));
        };
        if open.f != event.f {
            return Err(format!(
                "{} completes `{}`, but its open operation is the `{}` of index {}",
                event.process, event.f, open.f, open.index
            ));
        }
        let pair = &mut self.pairs[open.pair];
        if event.key.is_some() && self.keys[pair.key.index()] != event.key {
            return Err(format!(
                "{} completes `{}` of another key than it invoked at index {}",
                event.process, event.f, open.index
            ));
        }
        pair.completion = Some(place);
        Ok(())
    }

    fn key_id(&mut self, key: &Option<Value>) -> KeyId {
        if let Some(id) = self.key_ids.get(key) {
            return *id;
        }
        let id = KeyId(self.keys.len() as u32);
        self.keys.push(key.clone());
        self.key_ids.insert(key.clone(), id);
        id
    }
}
