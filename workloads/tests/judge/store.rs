//! A store that performs every operation of every workload at once, right or with one bug.

use std::collections::BTreeMap;

use schism_workloads::bank::{ACCOUNTS, OPENING_BALANCE};
use schism_workloads::object::Object;
use schism_workloads::workload::Operation;
use serde_json::{Value, json};

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Bug {
    #[default]
    None,
    /// Acknowledges the write with this number, counted from 1, and forgets it.
    Forgets(u64),
    /// Performs the write with this number twice.
    Repeats(u64),
    /// Of the transfer with this number only one half.
    Halves(u64),
    /// From the write with this number on, answers reads from the state before it.
    AnswersFromThePast(u64),
    /// Grants a lock that somebody holds, the write with this number or a later one.
    GrantsTwice(u64),
    /// Gives a smaller token than before to the write with this number.
    TurnsBackTokens(u64),
}

/// Objects by key, and how many writes there were.
#[derive(Default)]
pub(crate) struct Store {
    objects: BTreeMap<String, Value>,
    past: Option<BTreeMap<String, Value>>,
    writes: u64,
    bug: Bug,
}

impl Store {
    pub(crate) fn with(bug: Bug) -> Self {
        Self { bug, ..Self::default() }
    }

    /// The answer to an operation of a process; `None` is a refusal. `is_last`: it closes the run, and is never of the past.
    pub(crate) fn perform(&mut self, process: usize, operation: &Operation, is_last: bool) -> Option<Value> {
        if operation.f == "read" {
            return Some(self.read(operation, is_last));
        }
        self.writes += 1;
        if self.bug == Bug::AnswersFromThePast(self.writes) {
            self.past = Some(self.objects.clone());
        }
        let before = self.objects.clone();
        let answer = self.write(process, operation)?;
        match self.bug {
            Bug::Forgets(number) if number == self.writes => self.objects = before,
            Bug::Repeats(number) if number == self.writes => {
                self.write(process, operation);
            }
            _ => {}
        }
        Some(answer)
    }

    fn read(&self, operation: &Operation, is_last: bool) -> Value {
        let objects = self.past.as_ref().filter(|_| !is_last).unwrap_or(&self.objects);
        let of = |key: &str| objects.get(key).cloned();
        let key = operation.key.as_deref().unwrap();
        match operation.object {
            Object::Bank => {
                let balance = |account: u32| of(&account.to_string()).unwrap_or_else(|| json!(OPENING_BALANCE));
                (0..ACCOUNTS).map(|account| (account.to_string(), balance(account))).collect()
            }
            Object::Lock | Object::FencedLock => of(&format!("{key}/resource")).unwrap_or(Value::Null),
            object => of(key).unwrap_or_else(|| object.absent()),
        }
    }

    fn object(&mut self, key: &str, absent: Value) -> &mut Value {
        self.objects.entry(key.to_owned()).or_insert(absent)
    }

    fn write(&mut self, process: usize, operation: &Operation) -> Option<Value> {
        let Operation { object, value, .. } = operation;
        let key = operation.key.clone().unwrap_or_default();
        let done = Some(value.clone());
        match (object, operation.f) {
            (Object::Register, "write") => *self.object(&key, Value::Null) = value.clone(),
            (Object::Register, "cas") => {
                let register = self.object(&key, Value::Null);
                if *register != value[0] {
                    return None;
                }
                *register = value[1].clone();
            }
            (Object::Set, "add") | (Object::Queue, "enqueue") => {
                self.object(&key, json!([])).as_array_mut().unwrap().push(value.clone());
            }
            (Object::Counter, "add") => {
                let counter = self.object(&key, json!(0));
                *counter = json!(counter.as_i64().unwrap() + value.as_i64().unwrap());
            }
            (Object::Queue, "dequeue") => {
                let queue = self.object(&key, json!([])).as_array_mut().unwrap();
                return Some(if queue.is_empty() { Value::Null } else { queue.remove(0) });
            }
            (Object::Lists | Object::Registers, "txn") => return Some(self.transaction(*object, value)),
            (Object::Bank, "transfer") => self.transfer(value)?,
            (Object::Lock | Object::FencedLock, "acquire") => return self.acquire(process, &key),
            (Object::Lock | Object::FencedLock, "release") => {
                let holder = self.object(&key, Value::Null);
                if *holder != json!(process) {
                    return None;
                }
                *holder = Value::Null;
            }
            (Object::Lock | Object::FencedLock, "write") => {
                let resource = self.object(&format!("{key}/resource"), Value::Null);
                if *object == Object::FencedLock && resource[0].as_u64() > value[0].as_u64() {
                    return None;
                }
                *resource = value.clone();
            }
            (object, f) => panic!("{f} on a {object:?}"),
        }
        done
    }

    fn transaction(&mut self, object: Object, transaction: &Value) -> Value {
        let performed = transaction.as_array().unwrap().iter().map(|micro_operation| {
            let (key, value) = (micro_operation[1].as_str().unwrap(), &micro_operation[2]);
            let held = self.object(key, object.absent());
            match micro_operation[0].as_str().unwrap() {
                "r" => return json!(["r", key, held]),
                "append" => held.as_array_mut().unwrap().push(value.clone()),
                _ => *held = value.clone(),
            }
            micro_operation.clone()
        });
        performed.collect()
    }

    fn transfer(&mut self, transfer: &Value) -> Option<()> {
        let amount = transfer["amount"].as_i64().unwrap();
        let is_halved = self.bug == Bug::Halves(self.writes);
        let from = self.object(transfer["from"].as_str().unwrap(), json!(OPENING_BALANCE));
        let there = from.as_i64().unwrap();
        if there < amount {
            return None;
        }
        *from = json!(there - amount);
        if !is_halved {
            let to = self.object(transfer["to"].as_str().unwrap(), json!(OPENING_BALANCE));
            *to = json!(to.as_i64().unwrap() + amount);
        }
        Some(())
    }

    fn acquire(&mut self, process: usize, key: &str) -> Option<Value> {
        let token = match self.bug {
            Bug::TurnsBackTokens(number) if number <= self.writes => 1,
            _ => self.writes,
        };
        let grants_all = matches!(self.bug, Bug::GrantsTwice(number) if number <= self.writes);
        let holder = self.object(key, Value::Null);
        if !holder.is_null() && !grants_all {
            return None;
        }
        *holder = json!(process);
        Some(json!(token))
    }
}
