//! The key-value state: registers and sets, changed entry by entry, and undone entry by entry.
//!
//! The state shows everything up to the node's visible position, which may be ahead of what is safe from truncation.
//! For each entry above the safe part it keeps what the entry replaced (its pre-image), so that a truncation takes the
//! entry back exactly. Keys are not repeated in pre-images: the caller hands the entry in again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    types::{Change, Command, Entry, Position},
    value::Value,
};

/// What lies under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Object {
    Register(Value),
    Set(BTreeSet<Value>),
}

/// What an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It took effect.
    Done,
    /// A compare-and-set that found another value; no effect.
    PreconditionFailed,
    /// The key holds the other kind of object; no effect.
    WrongType,
}

/// How an entry is taken back.
#[derive(Debug, Clone)]
enum PreImage {
    Unchanged,
    Register(Option<Value>),
    ElementAdded { set_created: bool },
}

/// The state up to a position.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    objects: BTreeMap<String, Object>,
    position: Position,
    /// The pre-images of the last entries, the newest at the back.
    pre_images: VecDeque<PreImage>,
}

impl State {
    /// Up to where entries have been applied.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Applies the entry after the last one applied.
    pub(super) fn apply(&mut self, entry: &Entry) -> Outcome {
        debug_assert_eq!(entry.position, self.position.next(), "entries are applied in order");
        self.position = entry.position;
        let (outcome, pre_image) = match &entry.command {
            Command::Noop => (Outcome::Done, PreImage::Unchanged),
            Command::Change(change) => self.change(change),
        };
        self.pre_images.push_back(pre_image);
        outcome
    }

    fn change(&mut self, change: &Change) -> (Outcome, PreImage) {
        match (change, self.objects.get_mut(change.key())) {
            (Change::Write { .. } | Change::Cas { .. }, Some(Object::Set(_)))
            | (Change::Add { .. }, Some(Object::Register(_))) => (Outcome::WrongType, PreImage::Unchanged),
            (Change::Write { key, value }, _) => self.write(key, value),
            (Change::Cas { key, old, new }, before) => {
                let matches = match before {
                    Some(Object::Register(value)) => value == old,
                    _ => old.as_json_text() == "null",
                };
                if matches { self.write(key, new) } else { (Outcome::PreconditionFailed, PreImage::Unchanged) }
            }
            (Change::Add { value, .. }, Some(Object::Set(elements))) => {
                let pre_image = match elements.insert(value.clone()) {
                    true => PreImage::ElementAdded { set_created: false },
                    false => PreImage::Unchanged,
                };
                (Outcome::Done, pre_image)
            }
            (Change::Add { key, value }, None) => {
                self.objects.insert(key.clone(), Object::Set(BTreeSet::from([value.clone()])));
                (Outcome::Done, PreImage::ElementAdded { set_created: true })
            }
        }
    }

    fn write(&mut self, key: &str, value: &Value) -> (Outcome, PreImage) {
        let before = match self.objects.get_mut(key) {
            Some(object) => Some(std::mem::replace(object, Object::Register(value.clone()))),
            None => self.objects.insert(key.to_owned(), Object::Register(value.clone())),
        };
        let before = before.and_then(|object| match object {
            Object::Register(value) => Some(value),
            Object::Set(_) => None,
        });
        (Outcome::Done, PreImage::Register(before))
    }

    /// Takes back the last entry applied, which the caller hands in again.
    ///
    /// # Panics
    /// If its pre-image was forgotten: a safe entry is never truncated.
    pub(super) fn undo(&mut self, entry: &Entry) {
        debug_assert_eq!(entry.position, self.position, "entries are undone in reverse order");
        let pre_image = self.pre_images.pop_back();
        assert!(pre_image.is_some(), "position {} is safe from truncation and cannot be undone", self.position);
        self.position = self.position.previous();
        let Command::Change(change) = &entry.command else { return };
        match (pre_image, change) {
            (Some(PreImage::Register(Some(before))), _) => {
                self.objects.insert(change.key().to_owned(), Object::Register(before));
            }
            (Some(PreImage::Register(None) | PreImage::ElementAdded { set_created: true }), _) => {
                self.objects.remove(change.key());
            }
            (Some(PreImage::ElementAdded { set_created: false }), Change::Add { key, value }) => {
                if let Some(Object::Set(elements)) = self.objects.get_mut(key) {
                    elements.remove(value);
                }
            }
            _ => {}
        }
    }

    /// Forgets the pre-images of the entries up to `safe`, which will never be undone.
    pub(super) fn forget_pre_images(&mut self, safe: Position) {
        let kept = self.position.0.saturating_sub(safe.0) as usize;
        while self.pre_images.len() > kept {
            self.pre_images.pop_front();
        }
    }

    /// The first position that can still be undone, minus one.
    pub(super) fn undoable_down_to(&self) -> Position {
        Position(self.position.0 - self.pre_images.len() as u64)
    }

    /// The value under `key`: a register's value, the array of a set's elements.
    pub(super) fn read(&self, key: &str) -> Option<Value> {
        self.objects.get(key).map(|object| match object {
            Object::Register(value) => value.clone(),
            Object::Set(elements) => Value::list(elements),
        })
    }

    /// Every key with its value, by key.
    pub(super) fn contents(&self) -> impl Iterator<Item = (&str, Value)> + '_ {
        self.objects.keys().filter_map(|key| Some((key.as_str(), self.read(key)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{Claim, NodeId, Term};

    fn value(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    fn write(key: &str, json: &str) -> Change {
        Change::Write { key: key.to_owned(), value: value(json) }
    }

    fn cas(key: &str, old: &str, new: &str) -> Change {
        Change::Cas { key: key.to_owned(), old: value(old), new: value(new) }
    }

    fn add(key: &str, json: &str) -> Change {
        Change::Add { key: key.to_owned(), value: value(json) }
    }

    fn entry(position: u64, change: Change) -> Entry {
        let claim = Claim { term: Term(1), leader: NodeId(1) };
        Entry { claim, position: Position(position), command: Command::Change(change), origin: None }
    }

    fn contents(state: &State) -> Vec<(String, Value)> {
        state.contents().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Every kind of change, with what it does and what the key holds afterwards.
    fn script() -> Vec<(Change, Outcome, Option<&'static str>)> {
        vec![
            (cas("r", "null", "1"), Outcome::Done, Some("1")),
            (cas("r", "null", "2"), Outcome::PreconditionFailed, Some("1")),
            (cas("r", "1", "3"), Outcome::Done, Some("3")),
            (write("r", "4"), Outcome::Done, Some("4")),
            (add("r", "5"), Outcome::WrongType, Some("4")),
            (cas("s", "0", "1"), Outcome::PreconditionFailed, None),
            (add("s", "7"), Outcome::Done, Some("[7]")),
            (add("s", "6"), Outcome::Done, Some("[6,7]")),
            (add("s", "7"), Outcome::Done, Some("[6,7]")),
            (write("s", "1"), Outcome::WrongType, Some("[6,7]")),
            (cas("s", "null", "1"), Outcome::WrongType, Some("[6,7]")),
            (write("r", "null"), Outcome::Done, Some("null")),
            (cas("r", "null", "8"), Outcome::Done, Some("8")),
        ]
    }

    #[test]
    fn changes_do_what_they_say() {
        let mut state = State::default();
        for (index, (change, outcome, after)) in script().into_iter().enumerate() {
            let key = change.key().to_owned();
            let entry = entry(index as u64 + 1, change);
            assert_eq!(state.apply(&entry), outcome, "{entry:?}");
            assert_eq!(state.read(&key), after.map(value), "after {entry:?}");
        }
        assert_eq!(state.read("nothing"), None);
    }

    #[test]
    fn undoing_restores_every_earlier_state_exactly() {
        let mut state = State::default();
        let mut states = vec![contents(&state)];
        let entries: Vec<_> =
            script().into_iter().enumerate().map(|(i, (change, ..))| entry(i as u64 + 1, change)).collect();
        for entry in &entries {
            state.apply(entry);
            states.push(contents(&state));
        }
        for entry in entries.iter().rev() {
            assert_eq!(contents(&state), states.pop().unwrap());
            state.undo(entry);
        }
        assert_eq!((contents(&state), state.position()), (vec![], Position(0)));
    }

    #[test]
    #[should_panic(expected = "position 1 is safe from truncation")]
    fn what_is_safe_cannot_be_undone() {
        let mut state = State::default();
        let entries = [entry(1, write("a", "1")), entry(2, write("a", "2"))];
        entries.iter().for_each(|entry| {
            state.apply(entry);
        });
        state.forget_pre_images(Position(1));
        assert_eq!(state.undoable_down_to(), Position(1));
        state.undo(&entries[1]);
        state.undo(&entries[0]);
    }
}
