//! A state in pieces, for a snapshot's file and for its way to a follower: nobody holds the whole of it encoded.

use std::ops::Bound::{Excluded, Unbounded};

use rpds::QueueSync;
use serde::{Deserialize, Serialize};

use super::{Answered, State, object::Object};
use crate::core::{
    types::{Claim, Position},
    value::Value,
};

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
    /// The entries from a position on were appended under a claim.
    Reign {
        from: Position,
        claim: Claim,
    },
}

/// So many elements of a set or a list are in one piece.
const ELEMENTS_MAX: usize = 1024;
/// A piece takes no further element once it has about this many bytes.
const PIECE_BYTES: usize = 64 * 1024;

impl Item {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = |values: &[Value]| values.iter().map(element_bytes).sum::<usize>();
        match &self.0 {
            Piece::Register { key, value } => key.len() + value.as_json_text().len() + 8,
            Piece::Counter { key, .. } => key.len() + 12,
            Piece::Set { key, elements } | Piece::List { key, elements } => key.len() + values(elements) + 8,
            Piece::Session { client, answered } => client.len() + answered.outcome.bytes() + 40,
            Piece::Reign { .. } => 16,
        }
    }
}

fn element_bytes(value: &Value) -> usize {
    value.as_json_text().len() + 2
}

/// A place between two pieces of one state: the reigns come first, then the objects by key, then the sessions by client.
#[derive(Debug, Clone)]
pub(in crate::core) struct Cursor(Place);

#[derive(Debug, Clone)]
enum Place {
    ReignsAfter(Position),
    /// After the object under the key; before the first of none.
    ObjectsAfter(Option<String>),
    /// Within the set under `key`, after an element.
    Set {
        key: String,
        after: Value,
    },
    /// Within the list under `key`: the elements that follow.
    List {
        key: String,
        rest: QueueSync<Value>,
    },
    SessionsAfter(Option<String>),
    End,
}

impl Cursor {
    /// Before the first piece.
    pub(in crate::core) fn start() -> Self {
        Self(Place::ReignsAfter(Position(0)))
    }
}

impl State {
    /// The state in pieces, each made when it is asked for.
    pub fn items(&self) -> impl Iterator<Item = Item> + '_ {
        let mut cursor = Cursor::start();
        std::iter::from_fn(move || self.item_after(&mut cursor))
    }

    /// The pieces after `cursor`, as many as have about `bytes`; with the place after them unless they are the last.
    pub(in crate::core) fn items_after(&self, cursor: &Cursor, bytes: usize) -> (Vec<Item>, Option<Cursor>) {
        let (mut items, mut taken, mut cursor) = (Vec::new(), 0, cursor.clone());
        while taken < bytes {
            let Some(item) = self.item_after(&mut cursor) else { return (items, None) };
            taken += item.bytes();
            items.push(item);
        }
        (items, Some(cursor))
    }

    /// The piece after `cursor`, which moves on.
    fn item_after(&self, cursor: &mut Cursor) -> Option<Item> {
        loop {
            let (piece, next) = match &cursor.0 {
                Place::ReignsAfter(after) => match self.lineage.after(*after).next() {
                    Some((from, claim)) => (Some(Piece::Reign { from, claim }), Place::ReignsAfter(from)),
                    None => (None, Place::ObjectsAfter(None)),
                },
                Place::ObjectsAfter(after) => {
                    let begin = after.as_deref().map_or(Unbounded, Excluded);
                    match self.objects.range::<str, _>((begin, Unbounded)).next() {
                        Some((key, object)) => first_piece(key, object),
                        None => (None, Place::SessionsAfter(None)),
                    }
                }
                Place::Set { key, after } => match self.objects.get(key) {
                    Some(Object::Set { elements, .. }) => {
                        set_piece(key, elements.range::<Value, _>((Excluded(after), Unbounded)))
                    }
                    _ => (None, Place::ObjectsAfter(Some(key.clone()))),
                },
                Place::List { key, rest } => list_piece(key, rest.clone()),
                Place::SessionsAfter(after) => match self.sessions.after(after.as_deref()).next() {
                    Some((client, answered)) => {
                        let (client, answered) = (client.clone(), answered.clone());
                        (Some(Piece::Session { client: client.clone(), answered }), Place::SessionsAfter(Some(client)))
                    }
                    None => (None, Place::End),
                },
                Place::End => return None,
            };
            cursor.0 = next;
            if let Some(piece) = piece {
                return Some(Item(piece));
            }
        }
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
            Piece::Reign { from, claim } => self.lineage.extend(from, claim),
        }
    }

    /// An empty state at `position`, to be filled by [`State::take_in`].
    #[must_use]
    pub fn empty_at(position: Position) -> Self {
        Self { position, ..Self::default() }
    }
}

/// The first piece of an object, and the place after it.
fn first_piece(key: &str, object: &Object) -> (Option<Piece>, Place) {
    let (key, after) = (key.to_owned(), Place::ObjectsAfter(Some(key.to_owned())));
    match object {
        Object::Register(value) => (Some(Piece::Register { key, value: value.clone() }), after),
        Object::Counter(value) => (Some(Piece::Counter { key, value: *value }), after),
        Object::Set { elements, .. } => set_piece(&key, elements.iter()),
        Object::List { elements, .. } => list_piece(&key, elements.clone()),
    }
}

/// The next piece of a set whose elements from here on are these, and the place after it.
fn set_piece<'a>(key: &str, elements: impl Iterator<Item = &'a Value>) -> (Option<Piece>, Place) {
    let mut elements = elements.peekable();
    let mut taken = Vec::new();
    let mut bytes = 0;
    while let Some(element) = elements.next_if(|_| taken.len() < ELEMENTS_MAX && bytes < PIECE_BYTES) {
        bytes += element_bytes(element);
        taken.push(element.clone());
    }
    let place = match (elements.peek(), taken.last()) {
        (Some(_), Some(last)) => Place::Set { key: key.to_owned(), after: last.clone() },
        _ => Place::ObjectsAfter(Some(key.to_owned())),
    };
    (Some(Piece::Set { key: key.to_owned(), elements: taken }), place)
}

/// The next piece of a list whose elements from here on are these, and the place after it.
fn list_piece(key: &str, mut rest: QueueSync<Value>) -> (Option<Piece>, Place) {
    let mut taken = Vec::new();
    let mut bytes = 0;
    while taken.len() < ELEMENTS_MAX
        && bytes < PIECE_BYTES
        && let Some(element) = rest.peek()
    {
        bytes += element_bytes(element);
        taken.push(element.clone());
        rest.dequeue_mut();
    }
    let place = match rest.is_empty() {
        false => Place::List { key: key.to_owned(), rest },
        true => Place::ObjectsAfter(Some(key.to_owned())),
    };
    (Some(Piece::List { key: key.to_owned(), elements: taken }), place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::types::{Change, Command, Entry, NodeId, Origin, Term};

    /// A state with a large set and a large list, among small objects, sessions and reigns.
    fn state(changes: &[(u8, u64)]) -> State {
        let mut state = State::default();
        for ((kind, number), position) in changes.iter().zip(1..) {
            let (key, value) = (format!("{}{}", kind % 4, number % 3), Value::from(*number));
            let change = match kind % 4 {
                0 => Change::Write { key, value },
                1 => Change::Add { key, value },
                2 => Change::Append { key, value },
                _ => Change::Increment { key, by: *number as i64 },
            };
            let claim = Claim { term: Term(position / 50 + 1), leader: NodeId(1) };
            let origin = Some(Origin { client: format!("c{}", number % 7), operation: position });
            let command = Command::Change(change);
            state.apply(&Entry { claim, position: Position(position), command, origin }, true);
        }
        state
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn chunks_of_any_size_make_the_whole(
            changes in prop::collection::vec((any::<u8>(), 0..4_000_u64), 0..4_000),
            bytes in 1..20_000_usize,
        ) {
            let state = state(&changes);
            let whole: Vec<_> = state.items().collect();
            let mut chunked = Vec::new();
            let mut copy = State::empty_at(state.position());
            let mut cursor = Some(Cursor::start());
            while let Some(start) = cursor {
                let (items, next) = state.items_after(&start, bytes);
                // A place serves again: a chunk that was lost is cut once more.
                prop_assert_eq!(&state.items_after(&start, bytes).0, &items);
                prop_assert!(items.iter().rev().skip(1).map(Item::bytes).sum::<usize>() < bytes);
                chunked.extend(items.iter().cloned());
                items.into_iter().for_each(|item| copy.take_in(item));
                cursor = next;
            }
            prop_assert_eq!(&chunked, &whole);
            prop_assert_eq!(copy.items().collect::<Vec<_>>(), whole);
            prop_assert_eq!((copy.digest(), copy.values()), (state.digest(), state.values()));
            for position in (0..=state.position().0).map(Position) {
                prop_assert_eq!(copy.claim_at(position), state.claim_at(position));
            }
        }
    }
}
