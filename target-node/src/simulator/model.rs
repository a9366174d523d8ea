//! What a log means, computed by a model of its own, so that core and judge do not share a mistake.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use crate::core::{Access, Change, Command, Entry, Origin, Position, Value};

/// What lies under a key.
#[derive(Debug, Clone)]
enum Held<'a> {
    Register(&'a Value),
    Set(BTreeSet<&'a Value>),
    List(VecDeque<&'a Value>),
    Counter(i64),
}

impl Held<'_> {
    fn value(&self) -> Value {
        match self {
            Held::Register(value) => (*value).clone(),
            Held::Set(elements) => Value::list(elements.iter().copied()),
            Held::List(elements) => Value::list(elements.iter().copied()),
            Held::Counter(number) => Value::integer(*number),
        }
    }
}

/// What an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It took effect.
    Done,
    /// It had none: a condition did not hold, or it came too late.
    Nothing,
    /// It repeats the operation whose entry is at this position; no effect of its own.
    Repeats(Position),
}

/// The meaning of a log.
pub(super) struct Meaning {
    /// What each entry did, by position.
    effects: Vec<Effect>,
    /// Every value that each key ever had, by position; none while there is nothing under it.
    values: FxHashMap<String, Vec<(Position, Option<Value>)>>,
}

struct Replay<'a> {
    held: BTreeMap<&'a str, Held<'a>>,
    /// The last operation of each client: its number and position.
    sessions: Option<FxHashMap<&'a str, (u64, Position)>>,
    meaning: Meaning,
}

impl Meaning {
    /// The meaning of a log from position 1. With `sessions`, what a client repeats takes effect once.
    pub(super) fn of(log: &[Entry], sessions: bool) -> Self {
        let meaning = Self { effects: Vec::with_capacity(log.len()), values: FxHashMap::default() };
        let mut replay = Replay { held: BTreeMap::new(), sessions: sessions.then(FxHashMap::default), meaning };
        for entry in log {
            let effect = match replay.before(entry) {
                Some(effect) => effect,
                None => replay.perform(entry),
            };
            replay.meaning.effects.push(effect);
        }
        replay.meaning
    }

    /// What the entry at `position` did; none beyond the log.
    pub(super) fn effect(&self, position: Position) -> Option<Effect> {
        self.effects.get((position.0 as usize).checked_sub(1)?).copied()
    }

    /// What a read of `key` shows at `position`.
    pub(super) fn value_at(&self, key: &str, position: Position) -> Option<&Value> {
        let values = self.values.get(key)?;
        let count = values.partition_point(|(from, _)| *from <= position);
        values[..count].last()?.1.as_ref()
    }

    /// Every key with its value at the end, by key.
    pub(super) fn contents(&self) -> Vec<(&str, &Value)> {
        let last = |(key, values): (&'_ String, &'_ Vec<(Position, Option<Value>)>)| values.last().map(|_| key.clone());
        let mut keys: Vec<_> = self.values.iter().filter_map(last).collect();
        keys.sort_unstable();
        let end = Position(u64::MAX);
        let held = |key: &str| self.values.get_key_value(key).map(|(key, _)| key.as_str());
        keys.iter().filter_map(|key| Some((held(key)?, self.value_at(key, end)?))).collect()
    }
}

impl<'a> Replay<'a> {
    /// What sessions make of an entry, if they do; else it is performed.
    fn before(&mut self, entry: &'a Entry) -> Option<Effect> {
        let (sessions, Origin { client, operation }) = (self.sessions.as_mut()?, entry.origin.as_ref()?);
        match sessions.get(client.as_str()) {
            Some((last, position)) if last == operation => return Some(Effect::Repeats(*position)),
            Some((last, _)) if last > operation => return Some(Effect::Nothing),
            _ => {}
        }
        sessions.insert(client, (*operation, entry.position));
        None
    }

    fn perform(&mut self, entry: &'a Entry) -> Effect {
        let changes: Vec<&'a Change> = match &entry.command {
            Command::Noop | Command::Members(_) => return Effect::Done,
            Command::Change(change) => vec![change],
            Command::Transaction(accesses) => accesses
                .iter()
                .filter_map(|access| match access {
                    Access::Read { .. } => None,
                    Access::Change(change) => Some(change),
                })
                .collect(),
        };
        let before: Vec<_> =
            changes.iter().map(|change| (change.key(), self.held.get(change.key()).cloned())).collect();
        if !changes.iter().all(|change| self.change(change)) {
            for (key, held) in before.into_iter().rev() {
                match held {
                    Some(held) => drop(self.held.insert(key, held)),
                    None => drop(self.held.remove(key)),
                }
            }
            return Effect::Nothing;
        }
        for change in changes {
            let key = change.key();
            let value = self.held.get(key).map(Held::value);
            self.meaning.values.entry(key.to_owned()).or_default().push((entry.position, value));
        }
        Effect::Done
    }

    /// Makes one change; false if it may not be.
    fn change(&mut self, change: &'a Change) -> bool {
        let key = change.key();
        match (change, self.held.get_mut(key)) {
            (Change::Delete { .. }, _) => drop(self.held.remove(key)),
            (Change::Write { value, .. }, None | Some(Held::Register(_))) => {
                self.held.insert(key, Held::Register(value));
            }
            (Change::Cas { old, new, .. }, held @ (None | Some(Held::Register(_)))) => {
                let matches = match held {
                    Some(Held::Register(value)) => *value == old,
                    _ => old.as_json_text() == "null",
                };
                if !matches {
                    return false;
                }
                self.held.insert(key, Held::Register(new));
            }
            (Change::Add { value, .. }, None) => {
                self.held.insert(key, Held::Set(BTreeSet::from([value])));
            }
            (Change::Add { value, .. }, Some(Held::Set(elements))) => drop(elements.insert(value)),
            (Change::Append { value, .. }, None) => {
                self.held.insert(key, Held::List(VecDeque::from([value])));
            }
            (Change::Append { value, .. }, Some(Held::List(elements))) => elements.push_back(value),
            (Change::Take { .. }, None) => {}
            (Change::Take { .. }, Some(Held::List(elements))) => drop(elements.pop_front()),
            (Change::Increment { by, .. }, None) => drop(self.held.insert(key, Held::Counter(*by))),
            (Change::Increment { by, .. }, Some(Held::Counter(number))) => *number = number.wrapping_add(*by),
            _ => return false,
        }
        true
    }
}
