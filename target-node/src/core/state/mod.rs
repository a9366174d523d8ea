//! The replicated state: objects by key and client sessions, changed entry by entry.
//!
//! A [`State`] is persistent: its clones share structure, so that the states before a change ([`Versions`]), snapshots and
//! readers cost next to nothing. [`object`] is what lies under a key, [`session`] what clients asked last, [`item`] the
//! state in pieces.

mod item;
mod lineage;
mod object;
mod session;
mod versions;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use self::lineage::Lineage;
use self::object::{Object, digest_of, mixed};
use self::session::Sessions;
use super::{
    interface::ClientResponse,
    types::{Access, Change, Claim, Command, Entry, Origin, Position, Term},
    value::Value,
};
use crate::settings::Replication;
pub(super) use item::Cursor;
pub use item::Item;
pub(super) use session::Answered;
pub(super) use versions::Versions;

/// What an entry did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// It took effect; with its answer, if it has one.
    Done(Option<Value>),
    /// A transaction took effect; with the answers of its steps, null for a step that has none.
    Results(Vec<Value>),
    /// A compare-and-set found another value; no effect.
    PreconditionFailed,
    /// The key holds another kind of object; no effect.
    WrongType,
    /// The client has asked for a later operation already; no effect.
    OutOfOrder,
}

/// What applying an entry came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// What its operation did.
    pub(super) outcome: Outcome,
    /// The entry that did it, if this one only repeats it: its position and claim.
    pub(super) original: Option<(Position, Claim)>,
}

impl Outcome {
    /// The answer to the client whose entry of `term` at `position` did this and is acknowledged at level `replication`.
    pub(super) fn into_response(self, term: Term, position: Position, replication: Replication) -> ClientResponse {
        match self {
            Outcome::Done(value) => ClientResponse::Acknowledged { term, position, replication, value },
            Outcome::Results(values) => {
                let value = Some(Value::list(&values));
                ClientResponse::Acknowledged { term, position, replication, value }
            }
            Outcome::PreconditionFailed => ClientResponse::PreconditionFailed { term, position },
            Outcome::WrongType => ClientResponse::WrongType { term, position },
            Outcome::OutOfOrder => ClientResponse::OutOfOrder { term, position },
        }
    }

    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        match self {
            Outcome::Done(Some(value)) => value.as_json_text().len(),
            Outcome::Results(values) => values.iter().map(|value| value.as_json_text().len() + 2).sum(),
            Outcome::Done(None) | Outcome::PreconditionFailed | Outcome::WrongType | Outcome::OutOfOrder => 1,
        }
    }
}

/// The state up to a position.
#[derive(Debug, Clone, Default)]
pub struct State {
    objects: RedBlackTreeMapSync<String, Object>,
    sessions: Sessions,
    position: Position,
    /// Where the entries up to `position` came from.
    lineage: Lineage,
    /// The sum of a digest of each key with its object.
    digest: u64,
    /// How many values the objects hold together.
    values: u64,
}

impl State {
    /// Up to where entries have been applied.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// A digest of every key with its value: equal states have equal digests, whatever led to them.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many values it holds: registers, counters, elements of sets and lists.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.values
    }

    /// The claim of the entry at `position`, if it is among those that led to this state.
    #[must_use]
    pub fn claim_at(&self, position: Position) -> Option<Claim> {
        (position <= self.position).then(|| self.lineage.claim_at(position))
    }

    /// The first and the last position of the entries of one claim, of those up to `end`.
    pub(super) fn span_of(&self, claim: Claim, end: Position) -> Option<(Position, Position)> {
        let last = self.last_not_above(end, claim);
        let first = self.lineage.begin_of(last)?;
        (self.lineage.claim_at(last) == claim).then_some((first, last))
    }

    /// The last position up to `position` whose claim is not above `claim`.
    pub(super) fn last_not_above(&self, position: Position, claim: Claim) -> Position {
        self.lineage.last_not_above(position.min(self.position), claim)
    }

    /// The value under `key`.
    #[must_use]
    pub fn read(&self, key: &str) -> Option<Value> {
        self.objects.get(key).map(Object::value)
    }

    /// Every key that begins with `prefix` and comes after `after`, with its value, by key.
    pub fn scan<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> impl Iterator<Item = (&'a str, Value)> + 'a {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let begin = match after {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix),
        };
        let keys = self.objects.range::<str, _>((begin, Unbounded));
        keys.take_while(move |(key, _)| key.starts_with(prefix)).map(|(key, object)| (key.as_str(), object.value()))
    }

    /// Applies the entry after the last one applied. With `sessions`, an operation that its client repeats is answered as
    /// before.
    fn apply(&mut self, entry: &Entry, sessions: bool) -> Applied {
        debug_assert_eq!(entry.position, self.position.next(), "entries are applied in order");
        self.position = entry.position;
        self.lineage.extend(entry.position, entry.claim);
        let Some(origin) = entry.origin.as_ref().filter(|_| sessions) else {
            return Applied { outcome: self.perform(&entry.command), original: None };
        };
        if let Some(applied) = self.answered(origin) {
            return applied;
        }
        let outcome = self.perform(&entry.command);
        self.sessions.record(origin, entry.position, entry.claim, outcome.clone());
        Applied { outcome, original: None }
    }

    /// What an operation that was performed before did, or that it comes too late.
    fn answered(&self, origin: &Origin) -> Option<Applied> {
        let last = self.sessions.get(&origin.client)?;
        match origin.operation.cmp(&last.operation) {
            std::cmp::Ordering::Less => Some(Applied { outcome: Outcome::OutOfOrder, original: None }),
            std::cmp::Ordering::Equal => {
                Some(Applied { outcome: last.outcome.clone(), original: Some((last.position, last.claim)) })
            }
            std::cmp::Ordering::Greater => None,
        }
    }

    fn perform(&mut self, command: &Command) -> Outcome {
        match command {
            Command::Noop | Command::Members(_) => Outcome::Done(None),
            Command::Change(change) => self.change(change),
            Command::Transaction(accesses) => self.transact(accesses),
        }
    }

    fn transact(&mut self, accesses: &[Access]) -> Outcome {
        let before = self.clone();
        let mut results = Vec::with_capacity(accesses.len());
        for access in accesses {
            let result = match access {
                Access::Read { key } => self.read(key),
                Access::Change(change) => match self.change(change) {
                    Outcome::Done(result) => result,
                    failed => {
                        *self = before;
                        return failed;
                    }
                },
            };
            results.push(result.unwrap_or_else(Value::null));
        }
        Outcome::Results(results)
    }

    fn change(&mut self, change: &Change) -> Outcome {
        let key = change.key();
        let Some(object) = self.objects.get_mut(key) else { return self.create(change) };
        let (before, values_before) = (object.digest(), object.values());
        if matches!(change, Change::Delete { .. }) {
            self.objects.remove_mut(key);
            self.digest = self.digest.wrapping_sub(entry_digest(key, before));
            self.values -= values_before;
            return Outcome::Done(None);
        }
        let outcome = object.change(change);
        let after = object.digest();
        self.values = self.values + object.values() - values_before;
        if after != before {
            let old = entry_digest(key, before);
            self.digest = self.digest.wrapping_sub(old).wrapping_add(entry_digest(key, after));
        }
        outcome
    }

    /// A change of a key under which nothing is.
    fn create(&mut self, change: &Change) -> Outcome {
        let Some(mut object) = Object::before_first(change) else {
            return Outcome::Done(matches!(change, Change::Take { .. }).then(Value::null));
        };
        let outcome = object.change(change);
        if matches!(outcome, Outcome::Done(_)) {
            self.put(change.key().to_owned(), object);
        }
        outcome
    }

    /// Puts an object in the place of what is under `key`.
    fn put(&mut self, key: String, object: Object) {
        if let Some(before) = self.objects.get(&key) {
            self.digest = self.digest.wrapping_sub(entry_digest(&key, before.digest()));
            self.values -= before.values();
        }
        self.values += object.values();
        self.digest = self.digest.wrapping_add(entry_digest(&key, object.digest()));
        self.objects.insert_mut(key, object);
    }
}

/// The digest of a key together with its object.
fn entry_digest(key: &str, object: u64) -> u64 {
    mixed(digest_of(5, key.as_bytes()) ^ object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        state.scan("", None).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn append(key: &str, json: &str) -> Change {
        Change::Append { key: key.to_owned(), value: value(json) }
    }

    fn take(key: &str) -> Change {
        Change::Take { key: key.to_owned() }
    }

    fn increment(key: &str, by: i64) -> Change {
        Change::Increment { key: key.to_owned(), by }
    }

    fn delete(key: &str) -> Change {
        Change::Delete { key: key.to_owned() }
    }

    fn answer(json: &str) -> Outcome {
        Outcome::Done(Some(value(json)))
    }

    const DONE: Outcome = Outcome::Done(None);

    /// Every kind of change, with what it does and what the key holds afterwards.
    fn script() -> Vec<(Change, Outcome, Option<&'static str>)> {
        vec![
            (cas("r", "null", "1"), DONE, Some("1")),
            (cas("r", "null", "2"), Outcome::PreconditionFailed, Some("1")),
            (cas("r", "1", "3"), DONE, Some("3")),
            (write("r", "4"), DONE, Some("4")),
            (add("r", "5"), Outcome::WrongType, Some("4")),
            (cas("s", "0", "1"), Outcome::PreconditionFailed, None),
            (add("s", "7"), DONE, Some("[7]")),
            (add("s", "6"), DONE, Some("[6,7]")),
            (add("s", "7"), DONE, Some("[6,7]")),
            (write("s", "1"), Outcome::WrongType, Some("[6,7]")),
            (cas("s", "null", "1"), Outcome::WrongType, Some("[6,7]")),
            (write("r", "null"), DONE, Some("null")),
            (cas("r", "null", "8"), DONE, Some("8")),
            (take("l"), answer("null"), None),
            (append("l", "3"), DONE, Some("[3]")),
            (append("l", "1"), DONE, Some("[3,1]")),
            (append("l", "3"), DONE, Some("[3,1,3]")),
            (take("l"), answer("3"), Some("[1,3]")),
            (increment("l", 1), Outcome::WrongType, Some("[1,3]")),
            (take("l"), answer("1"), Some("[3]")),
            (take("l"), answer("3"), Some("[]")),
            (take("l"), answer("null"), Some("[]")),
            (increment("c", 5), answer("5"), Some("5")),
            (increment("c", -7), answer("-2"), Some("-2")),
            (take("c"), Outcome::WrongType, Some("-2")),
            (delete("c"), DONE, None),
            (delete("c"), DONE, None),
            (append("c", "1"), DONE, Some("[1]")),
        ]
    }

    #[test]
    fn changes_do_what_they_say() {
        let mut state = State::default();
        for (index, (change, outcome, after)) in script().into_iter().enumerate() {
            let key = change.key().to_owned();
            let entry = entry(index as u64 + 1, change);
            assert_eq!(state.apply(&entry, true).outcome, outcome, "{entry:?}");
            assert_eq!(state.read(&key), after.map(value), "after {entry:?}");
        }
        assert_eq!(state.read("nothing"), None);
    }

    #[test]
    fn going_back_restores_every_earlier_state_exactly() {
        let mut versions = Versions::default();
        let mut states = vec![(contents(versions.visible()), 0)];
        for (index, (change, ..)) in script().into_iter().enumerate() {
            versions.apply(&entry(index as u64 + 1, change), true, Position(0));
            states.push((contents(versions.visible()), versions.visible().digest()));
        }
        for (position, (expected, digest)) in states.into_iter().enumerate().rev() {
            versions.go_back(Position(position as u64));
            let state = versions.visible();
            assert_eq!((contents(state), state.digest(), state.position().0), (expected, digest, position as u64));
        }
    }

    #[test]
    #[should_panic(expected = "position 1 is safe from truncation")]
    fn what_is_safe_cannot_be_undone() {
        let mut versions = Versions::default();
        for position in 1..=2 {
            versions.apply(&entry(position, write("a", "1")), true, Position(0));
        }
        versions.forget(Position(1));
        assert_eq!(versions.earliest().position(), Position(1));
        versions.go_back(Position(0));
    }

    #[test]
    fn a_transaction_happens_whole_or_not_at_all() {
        let mut state = State::default();
        let read = |key: &str| Access::Read { key: key.to_owned() };
        let mut transact = |accesses: Vec<Access>| state.transact(&accesses);
        let first = vec![
            read("x"),
            Access::Change(write("x", "1")),
            read("x"),
            Access::Change(increment("n", 2)),
            Access::Change(append("l", "9")),
        ];
        let results = ["null", "null", "1", "2", "null"].map(value).to_vec();
        assert_eq!(transact(first), Outcome::Results(results));
        let failing = vec![Access::Change(write("x", "2")), Access::Change(cas("x", "1", "3"))];
        assert_eq!(transact(failing), Outcome::PreconditionFailed);
        assert_eq!(transact(vec![Access::Change(write("x", "2")), Access::Change(add("l", "1"))]), Outcome::WrongType);
        let read_only = vec![read("x"), read("n"), read("l")];
        assert_eq!(transact(read_only), Outcome::Results(["1", "2", "[9]"].map(value).to_vec()));
    }

    #[test]
    fn a_repeated_operation_takes_effect_once_and_is_answered_as_before() {
        let mut state = State::default();
        let asked = |position, operation, change| Entry {
            origin: Some(Origin { client: "c".to_owned(), operation }),
            ..entry(position, change)
        };
        assert_eq!(state.apply(&asked(1, 1, increment("n", 5)), true).outcome, answer("5"));
        assert_eq!(state.apply(&asked(2, 1, increment("n", 5)), true).outcome, answer("5"));
        assert_eq!(state.apply(&asked(3, 2, increment("n", 1)), true).outcome, answer("6"));
        assert_eq!(state.apply(&asked(4, 1, increment("n", 5)), true).outcome, Outcome::OutOfOrder);
        assert_eq!(state.sessions.get("c").map(|answered| (answered.operation, answered.position.0)), Some((2, 3)));
        assert_eq!(state.apply(&asked(5, 2, increment("n", 1)), false).outcome, answer("7"), "sessions are off");
    }

    #[test]
    fn a_scan_finds_a_prefix_and_goes_on_where_it_ended() {
        let mut state = State::default();
        for (index, key) in ["a", "b/1", "b/2", "b/3", "c"].iter().enumerate() {
            state.apply(&entry(index as u64 + 1, write(key, "0")), true);
        }
        let keys = |prefix, after| state.scan(prefix, after).map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
        assert_eq!(keys("b/", None), ["b/1", "b/2", "b/3"]);
        assert_eq!(keys("b/", Some("b/1")), ["b/2", "b/3"]);
        assert_eq!(keys("b/", Some("a")), ["b/1", "b/2", "b/3"]);
        assert_eq!(keys("b/", Some("c")), [""; 0]);
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let key = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
        (key, 0..7, 0_u64..4).prop_map(|(key, kind, number)| {
            let value = Value::from(number);
            match kind {
                0 => Change::Write { key, value },
                1 => Change::Cas { key, old: Value::null(), new: value },
                2 => Change::Delete { key },
                3 => Change::Add { key, value },
                4 => Change::Append { key, value },
                5 => Change::Take { key },
                _ => Change::Increment { key, by: number as i64 - 2 },
            }
        })
    }

    proptest! {
        #[test]
        fn pieces_make_the_same_state_with_the_same_digest(changes in prop::collection::vec(any_change(), 0..60)) {
            let mut state = State::default();
            for (index, change) in changes.into_iter().enumerate() {
                let origin = Some(Origin { client: format!("c{}", index % 5), operation: index as u64 });
                state.apply(&Entry { origin, ..entry(index as u64 + 1, change) }, true);
            }
            let mut copy = State::empty_at(state.position());
            state.items().for_each(|item| copy.take_in(item));
            prop_assert_eq!(contents(&copy), contents(&state));
            prop_assert_eq!((copy.digest(), copy.position()), (state.digest(), state.position()));
            prop_assert_eq!(copy.items().collect::<Vec<_>>(), state.items().collect::<Vec<_>>());
        }
    }
}
