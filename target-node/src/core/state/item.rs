//! A state in pieces, for a snapshot's file and for its way to a follower: nobody holds the whole of it encoded.

use serde::{Deserialize, Serialize};

use super::{Answered, State, object::Object};
use crate::core::{types::Position, value::Value};

/// A piece of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item(Piece);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Piece {
    Register {
        key: String,
        value: Value,
    },
    Counter {
        key: String,
        value: i64,
    },
    /// Some elements of a set; all of them together make it.
    Set {
        key: String,
        elements: Vec<Value>,
    },
    /// Some elements of a list, in order after those of the pieces before.
    List {
        key: String,
        elements: Vec<Value>,
    },
    Session {
        client: String,
        answered: Answered,
    },
}

/// So many elements of a set or a list are in one piece.
const ELEMENTS_MAX: usize = 1024;

impl Item {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = |values: &[Value]| values.iter().map(|value| value.as_json_text().len() + 2).sum::<usize>();
        match &self.0 {
            Piece::Register { key, value } => key.len() + value.as_json_text().len() + 8,
            Piece::Counter { key, .. } => key.len() + 12,
            Piece::Set { key, elements } | Piece::List { key, elements } => key.len() + values(elements) + 8,
            Piece::Session { client, answered } => client.len() + answered.outcome.bytes() + 40,
        }
    }
}

impl State {
    /// The state in pieces: objects by key, then sessions by client.
    pub fn items(&self) -> impl Iterator<Item = Item> + '_ {
        let objects = self.objects.iter().flat_map(|(key, object)| pieces(key, object));
        let sessions = self.sessions.after(None);
        let sessions =
            sessions.map(|(client, answered)| Piece::Session { client: client.clone(), answered: answered.clone() });
        objects.chain(sessions).map(Item)
    }

    /// Takes in a piece of another state, in the order of [`State::items`].
    pub fn take_in(&mut self, item: Item) {
        match item.0 {
            Piece::Register { key, value } => self.put(key, Object::Register(value)),
            Piece::Counter { key, value } => self.put(key, Object::Counter(value)),
            Piece::Set { key, elements } => {
                let mut set = self.objects.get(&key).cloned().unwrap_or_else(Object::empty_set);
                elements.iter().for_each(|element| set.insert(element));
                self.put(key, set);
            }
            Piece::List { key, elements } => {
                let mut list = self.objects.get(&key).cloned().unwrap_or_else(Object::empty_list);
                elements.iter().for_each(|element| list.push(element));
                self.put(key, list);
            }
            Piece::Session { client, answered } => self.sessions.insert(client, answered),
        }
    }

    /// An empty state at `position`, to be filled by [`State::take_in`].
    #[must_use]
    pub fn empty_at(position: Position) -> Self {
        Self { position, ..Self::default() }
    }
}

fn pieces(key: &str, object: &Object) -> Vec<Piece> {
    let key = || key.to_owned();
    match object {
        Object::Register(value) => vec![Piece::Register { key: key(), value: value.clone() }],
        Object::Counter(value) => vec![Piece::Counter { key: key(), value: *value }],
        Object::Set { elements, .. } => {
            let chunks = in_chunks(elements.iter());
            chunks.into_iter().map(|elements| Piece::Set { key: key(), elements }).collect()
        }
        Object::List { elements, .. } => {
            let chunks = in_chunks(elements.iter());
            chunks.into_iter().map(|elements| Piece::List { key: key(), elements }).collect()
        }
    }
}

/// The elements in chunks; of none one empty chunk.
fn in_chunks<'a>(elements: impl Iterator<Item = &'a Value>) -> Vec<Vec<Value>> {
    let mut chunks = vec![Vec::new()];
    for element in elements {
        if chunks.last().is_some_and(|chunk| chunk.len() == ELEMENTS_MAX) {
            chunks.push(Vec::new());
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(element.clone());
        }
    }
    chunks
}
