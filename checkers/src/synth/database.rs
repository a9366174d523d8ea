//! A database that runs transactions over lists or registers at one of several isolation levels.
//!
//! Versions of a key are whole values with the moment of their commit; a register is a list of at most one element. Only
//! versions that a running transaction may still see are kept, and a key that has had its writes is forgotten with the last
//! transaction on it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::dice::Dice;
use super::event::{MicroOperation, Value};
use super::object::{Choice, Effect, Object};
use super::operation::{Action, Answer, Operation, Twist};
use super::shape::{Isolation, Mix, ObjectKind, Shape, ViolationKind};

/// Of so many transactions that write, one aborts where nothing but the simulation asks for it.
const ABORTS_ONE_IN: u64 = 10;

/// A transaction on its way.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    parts: Vec<MicroOperation>,
    /// It sees what was committed until this moment.
    snapshot: Option<u64>,
    /// Keys it has touched, as it sees them or with what it has appended so far.
    view: Vec<(u32, Vec<i64>)>,
    /// Whether it is going to abort for no reason.
    aborts: bool,
}

impl Transaction {
    fn new(parts: Vec<MicroOperation>) -> Self {
        Self { parts, snapshot: None, view: Vec::new(), aborts: false }
    }

    /// What its invocation carries.
    pub(super) fn argument(&self) -> Vec<MicroOperation> {
        let unread = |part: &MicroOperation| match part {
            MicroOperation::ReadList { key, .. } => MicroOperation::ReadList { key: *key, elements: None },
            MicroOperation::ReadRegister { key, .. } => MicroOperation::ReadRegister { key: *key, value: None },
            write => write.clone(),
        };
        self.parts.iter().map(unread).collect()
    }

    fn keys(&self) -> Vec<u32> {
        let mut keys: Vec<u32> = self.parts.iter().map(key_of).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn written(&self) -> Vec<u32> {
        let mut keys: Vec<u32> = self.parts.iter().filter(|part| is_write(part)).map(key_of).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

fn key_of(part: &MicroOperation) -> u32 {
    match part {
        MicroOperation::Append { key, .. }
        | MicroOperation::ReadList { key, .. }
        | MicroOperation::Write { key, .. }
        | MicroOperation::ReadRegister { key, .. } => *key,
    }
}

fn is_write(part: &MicroOperation) -> bool {
    matches!(part, MicroOperation::Append { .. } | MicroOperation::Write { .. })
}

/// Lets one part act on the value of its key.
fn act(part: &mut MicroOperation, current: &mut Vec<i64>) {
    match part {
        MicroOperation::Append { element, .. } => current.push(*element),
        MicroOperation::Write { value, .. } => {
            current.clear();
            current.push(*value);
        }
        MicroOperation::ReadList { elements, .. } => *elements = (!current.is_empty()).then(|| current.clone()),
        MicroOperation::ReadRegister { value, .. } => *value = current.first().copied(),
    }
}

fn transaction(client: u32, parts: Vec<MicroOperation>, twist: Twist) -> Operation {
    Operation::twisted(client, 0, Action::Transaction(Transaction::new(parts)), twist)
}

/// A key that new transactions use.
#[derive(Debug, Clone, Copy)]
struct ActiveKey {
    key: u32,
    writes: u32,
}

#[derive(Debug, Default)]
struct StoredKey {
    /// Commit moment and value, the oldest first; before the first the key is empty.
    versions: Vec<(u64, Vec<i64>)>,
    users: u32,
    is_retired: bool,
}

pub(super) struct Database {
    isolation: Isolation,
    mix: Mix,
    is_list: bool,
    length_max: u32,
    writes_per_key: u32,
    active: Vec<ActiveKey>,
    next_key: u32,
    stored: FxHashMap<u32, StoredKey>,
    /// Keys that no further transaction will use, still to be marked.
    retired: Vec<u32>,
    /// Number of commits so far.
    now: u64,
    /// Snapshots in use, and by how many transactions.
    snapshots: BTreeMap<u64, u32>,
}

impl Database {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            isolation: shape.isolation,
            mix: shape.mix_in_force(),
            is_list: shape.object == ObjectKind::ListAppend,
            length_max: shape.transaction_length_max,
            writes_per_key: shape.writes_per_key,
            active: (0..shape.keys).map(|key| ActiveKey { key, writes: 0 }).collect(),
            next_key: shape.keys,
            stored: FxHashMap::default(),
            retired: Vec::new(),
            now: 0,
            snapshots: BTreeMap::new(),
        }
    }

    fn write(&mut self, place: usize) -> MicroOperation {
        let active = &mut self.active[place];
        if active.writes == self.writes_per_key {
            self.retired.push(active.key);
            *active = ActiveKey { key: self.next_key, writes: 0 };
            self.next_key += 1;
        }
        active.writes += 1;
        let (key, value) = (active.key, i64::from(active.writes));
        if self.is_list { MicroOperation::Append { key, element: value } } else { MicroOperation::Write { key, value } }
    }

    fn read(&self, place: usize) -> MicroOperation {
        let key = self.active[place].key;
        if self.is_list {
            MicroOperation::ReadList { key, elements: None }
        } else {
            MicroOperation::ReadRegister { key, value: None }
        }
    }

    /// The value of a key as of a moment.
    fn version(&self, key: u32, moment: u64) -> Vec<i64> {
        let versions = self.stored.get(&key).map_or(&[][..], |stored| &stored.versions);
        let count = versions.partition_point(|(commit, _)| *commit <= moment);
        count.checked_sub(1).map_or_else(Vec::new, |last| versions[last].1.clone())
    }

    fn has_changed_since(&self, key: u32, moment: u64) -> bool {
        self.stored.get(&key).and_then(|stored| stored.versions.last()).is_some_and(|(commit, _)| *commit > moment)
    }

    fn store(&mut self, key: u32, value: Vec<i64>) {
        let oldest_seen = self.snapshots.keys().next().copied().unwrap_or(self.now);
        let versions = &mut self.stored.entry(key).or_default().versions;
        versions.push((self.now, value));
        let unseen = versions.partition_point(|(commit, _)| *commit <= oldest_seen).saturating_sub(1);
        versions.drain(..unseen);
    }

    /// Snapshot levels: takes the snapshot, or runs the whole transaction on it and commits if the level lets it.
    fn step_on_snapshot(&mut self, transaction: &mut Transaction, step: u32, is_dropped: bool) -> Option<Answer> {
        let Some(snapshot) = transaction.snapshot.filter(|_| step > 0) else {
            transaction.snapshot = Some(self.now);
            *self.snapshots.entry(self.now).or_default() += 1;
            return None;
        };
        for part in &mut transaction.parts {
            let key = key_of(part);
            let place = transaction.view.iter().position(|(seen, _)| *seen == key).unwrap_or_else(|| {
                transaction.view.push((key, self.version(key, snapshot)));
                transaction.view.len() - 1
            });
            act(part, &mut transaction.view[place].1);
        }
        if let Some(users) = self.snapshots.get_mut(&snapshot) {
            *users -= 1;
            if *users == 0 {
                self.snapshots.remove(&snapshot);
            }
        }
        let written = transaction.written();
        let must_stay = match self.isolation {
            // One that only reads takes place at the moment of its snapshot, every other one at its commit.
            Isolation::StrictSerializable if !written.is_empty() => transaction.keys(),
            Isolation::SnapshotIsolation => written.clone(),
            _ => Vec::new(),
        };
        if must_stay.iter().any(|key| self.has_changed_since(*key, snapshot)) {
            return Some(Answer::Refused);
        }
        if !written.is_empty() && !is_dropped {
            self.now += 1;
            for (key, value) in std::mem::take(&mut transaction.view) {
                if written.contains(&key) {
                    self.store(key, value);
                }
            }
        }
        Some(Answer::Ok(Value::Transaction(transaction.parts.clone())))
    }

    /// Levels without a snapshot: one part at each step, the end at the last.
    fn step_on_present(&mut self, transaction: &mut Transaction, step: u32, is_dropped: bool) -> Option<Answer> {
        let Some(part) = transaction.parts.get_mut(step as usize) else {
            return Some(self.end_on_present(transaction, is_dropped));
        };
        let key = key_of(part);
        let mut current = self.version(key, self.now);
        if self.isolation == Isolation::ReadUncommitted {
            act(part, &mut current);
            if is_write(part) && !is_dropped {
                self.now += 1;
                self.store(key, current);
            }
            return None;
        }
        // What it has written itself so far, on top of what is committed now.
        let place = transaction.view.iter().position(|(seen, _)| *seen == key);
        if let Some(place) = place {
            let own = &transaction.view[place].1;
            if self.is_list { current.extend(own) } else { current.clone_from(own) }
        }
        if is_write(part) {
            let place = place.unwrap_or_else(|| {
                transaction.view.push((key, Vec::new()));
                transaction.view.len() - 1
            });
            act(part, &mut transaction.view[place].1);
        } else {
            act(part, &mut current);
        }
        None
    }

    fn end_on_present(&mut self, transaction: &mut Transaction, is_dropped: bool) -> Answer {
        if transaction.aborts {
            return Answer::Refused;
        }
        let written = std::mem::take(&mut transaction.view);
        if !written.is_empty() && !is_dropped {
            let before = self.now;
            self.now += 1;
            for (key, own) in written {
                let mut value = if self.is_list { self.version(key, before) } else { Vec::new() };
                value.extend(own);
                self.store(key, value);
            }
        }
        Answer::Ok(Value::Transaction(transaction.parts.clone()))
    }

    fn has_snapshots(&self) -> bool {
        !matches!(self.isolation, Isolation::ReadCommitted | Isolation::ReadUncommitted)
    }
}

impl Object for Database {
    fn draw(&mut self, dice: &mut Dice, client: u32, must_update: bool) -> Operation {
        let length = 1 + dice.below(self.length_max);
        let parts: Vec<MicroOperation> = (0..length)
            .map(|number| {
                // The last keys are used most: each of them as much as all before it together.
                let place = self.active.len() - 1 - dice.halving(self.active.len() as u32) as usize;
                match self.mix.choose(dice, must_update && number == 0) {
                    Choice::Read => self.read(place),
                    Choice::Update | Choice::CompareAndSet => self.write(place),
                }
            })
            .collect();
        let mut transaction = Transaction::new(parts);
        transaction.aborts =
            !self.has_snapshots() && transaction.parts.iter().any(is_write) && dice.chance(1, ABORTS_ONE_IN);
        Operation::new(client, 0, Action::Transaction(transaction))
    }

    fn invoked(&mut self, operation: &mut Operation) {
        if let Action::Transaction(transaction) = &operation.action {
            for key in transaction.keys() {
                self.stored.entry(key).or_default().users += 1;
            }
        }
        // Only now: the transaction that replaced a key may use it too.
        for key in std::mem::take(&mut self.retired) {
            match self.stored.get_mut(&key) {
                Some(stored) if stored.users > 0 => stored.is_retired = true,
                _ => drop(self.stored.remove(&key)),
            }
        }
    }

    fn steps(&self, operation: &Operation) -> u32 {
        match &operation.action {
            Action::Transaction(transaction) if !self.has_snapshots() => transaction.parts.len() as u32 + 1,
            _ => 2,
        }
    }

    fn step(&mut self, _dice: &mut Dice, operation: &mut Operation, step: u32) -> Effect {
        let is_dropped = operation.twist == Twist::Drop;
        if let Action::Transaction(transaction) = &mut operation.action {
            operation.answer = if self.has_snapshots() {
                self.step_on_snapshot(transaction, step, is_dropped)
            } else {
                self.step_on_present(transaction, step, is_dropped)
            };
        }
        Effect::Done
    }

    fn completed(&mut self, operation: &mut Operation) {
        if operation.twist == Twist::Deny {
            operation.answer = Some(Answer::Refused);
        }
        let Some(Answer::Ok(Value::Transaction(parts))) = &mut operation.answer else { return };
        for part in parts {
            match (part, &operation.twist) {
                (MicroOperation::ReadList { elements: Some(elements), .. }, Twist::Without(missing)) => {
                    let known = elements.iter().position(|element| element == missing);
                    elements.truncate(known.unwrap_or(elements.len()));
                }
                (MicroOperation::ReadList { elements, .. }, Twist::With(element)) => {
                    elements.get_or_insert_default().push(*element);
                }
                (MicroOperation::ReadRegister { value, .. }, Twist::With(other)) => *value = Some(*other),
                _ => {}
            }
        }
    }

    fn ended(&mut self, operation: &Operation) {
        let Action::Transaction(transaction) = &operation.action else { return };
        for key in transaction.keys() {
            let Some(stored) = self.stored.get_mut(&key) else { continue };
            stored.users -= 1;
            if stored.users == 0 && stored.is_retired {
                self.stored.remove(&key);
            }
        }
    }

    fn needs_quiet(&self, _kind: ViolationKind) -> bool {
        // So that no transaction of the script aborts.
        true
    }

    /// With nothing else going on: a read misses what was acknowledged before it, or sees what never was or was refused.
    fn script(&mut self, dice: &mut Dice, kind: ViolationKind, client: u32) -> Vec<Operation> {
        let place = dice.below(self.active.len() as u32) as usize;
        let read = vec![self.read(place)];
        let mut write = || {
            let active = &mut self.active[place];
            active.writes += 1;
            let (key, value) = (active.key, i64::from(active.writes));
            let part = if self.is_list {
                MicroOperation::Append { key, element: value }
            } else {
                MicroOperation::Write { key, value }
            };
            (vec![part], value)
        };
        let ((first, first_value), (second, second_value)) = (write(), write());
        let (write, read_twist) = match kind {
            ViolationKind::StaleRead if self.is_list => (Twist::Honest, Twist::Without(second_value)),
            ViolationKind::StaleRead => (Twist::Honest, Twist::With(first_value)),
            ViolationKind::LostWrite => (Twist::Drop, Twist::Honest),
            ViolationKind::DirtyRead => (Twist::Deny, Twist::Honest),
            _ => return vec![transaction(client, read, Twist::With(dice.garbage()))],
        };
        vec![
            transaction(client, first, Twist::Honest),
            transaction(client, second, write),
            transaction(client, read, read_twist),
        ]
    }
}
