//! The operations of a run as clients saw them: data for whoever judges them.

use std::collections::BTreeMap;

use super::{
    clients::{Ended, Invocation},
    workload,
};
use crate::core::{Access, Change, ClientRequest, ClientResponse, Value};

/// What kind of object an operation is about; keys of different kinds are different objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// Read, written, compared and set.
    Register,
    /// Elements are added; a read returns all.
    Set,
    /// Lists, read and appended to by transactions.
    Lists,
    /// Numbers are added; a read returns the sum.
    Counter,
    /// Values are enqueued and dequeued.
    Queue,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A word.
    Text(String),
    /// Several values.
    List(Vec<Datum>),
}

impl Datum {
    fn of(value: &Value) -> Self {
        Self::parse(value.as_json_text())
    }

    /// Clients write numbers, so that nodes hold numbers and arrays of numbers.
    fn parse(text: &str) -> Self {
        match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some("") => Self::List(Vec::new()),
            Some(items) => Self::List(items.split(',').map(Self::parse).collect()),
            None => text.parse().map_or(Self::Null, Self::Integer),
        }
    }

    /// One step of a transaction: what it does, to which list, with which value.
    fn step(f: &str, key: &str, value: Datum) -> Self {
        Self::List(vec![Self::Text(f.to_owned()), Self::Text(key.to_owned()), value])
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It certainly did not happen and never will.
    Fail,
    /// It may have happened.
    Info,
}

/// One operation of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The logical process; a client goes on as another one after an operation that ended in [`Outcome::Info`].
    pub process: u64,
    /// What it is about.
    pub object: Object,
    /// Its name: `read`, `write`, `cas`, `add`, `enqueue`, `dequeue`, `txn`.
    pub f: &'static str,
    /// The object; none of transactions.
    pub key: Option<String>,
    /// What was handed in.
    pub argument: Datum,
    /// When it was invoked, in microseconds.
    pub invoked_us: u64,
    /// When its answer arrived, in microseconds; none if the client gave up, and at the end of the run.
    pub completed_us: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was read, or the argument again.
    pub result: Datum,
    /// The node that was asked last.
    pub node: u16,
    /// The term under which it was answered.
    pub term: Option<u64>,
    /// Its position, or that of the state that was read.
    pub position: Option<u64>,
    /// The level at which it is acknowledged.
    pub ack: Option<String>,
    /// The level at which it was read.
    pub level: Option<String>,
    /// Why it failed or is undecided.
    pub error: Option<&'static str>,
}

impl Operation {
    pub(super) fn of(invocation: &Invocation) -> Self {
        let (object, f, key, argument) = of_request(&invocation.request);
        let mut operation = Self {
            process: invocation.process,
            object,
            f,
            key,
            result: argument.clone(),
            argument,
            invoked_us: invocation.invoked_us,
            completed_us: None,
            outcome: Outcome::Info,
            node: invocation.node.0,
            term: None,
            position: None,
            ack: None,
            level: None,
            error: Some("no answer"),
        };
        match &invocation.ended {
            Ended::Not | Ended::GaveUp => {}
            Ended::Refused { at_us } => operation.end(*at_us, invocation.refused(), "connection refused"),
            Ended::Answered { at_us, response } => operation.take(*at_us, response, invocation),
        }
        operation
    }

    fn end(&mut self, at_us: u64, outcome: Outcome, error: &'static str) {
        (self.completed_us, self.outcome, self.error) = (Some(at_us), outcome, Some(error));
    }

    fn take(&mut self, at_us: u64, response: &ClientResponse, invocation: &Invocation) {
        let refused = invocation.refused();
        match response {
            ClientResponse::Value { value, term, position, level } => {
                self.done(at_us, term.0, position.0);
                self.level = Some(level.to_string());
                let shown = self.object.shown(value.as_ref());
                self.result = match &invocation.request {
                    ClientRequest::Read { key, .. } if self.object == Object::Lists => {
                        Datum::List(vec![Datum::step("r", key, shown)])
                    }
                    _ => shown,
                };
            }
            ClientResponse::Items { items, term, position, level, .. } => {
                self.done(at_us, term.0, position.0);
                self.level = Some(level.to_string());
                let ClientRequest::Scan { prefix, .. } = &invocation.request else { return };
                let found: BTreeMap<&str, &Value> = items.iter().map(|(key, value)| (key.as_str(), value)).collect();
                let read = |key: String| Datum::step("r", &key, Object::Lists.shown(found.get(key.as_str()).copied()));
                self.result = Datum::List(workload::lists(prefix).map(read).collect());
            }
            ClientResponse::Acknowledged { term, position, replication, value } => {
                self.done(at_us, term.0, position.0);
                self.ack = Some(replication.to_string());
                if invocation.attempt > 0 {
                    // What is repeated may be acknowledged as the entry of another leader, of an earlier term.
                    self.term = None;
                }
                match &invocation.request {
                    ClientRequest::Write { change: Change::Take { .. }, .. } => {
                        self.result = self.object.shown(value.as_ref());
                    }
                    ClientRequest::Transaction { accesses, .. } => self.result = transaction(accesses, value.as_ref()),
                    _ => {}
                }
            }
            ClientResponse::NotLeader { .. } => self.end(at_us, refused, "not leader"),
            ClientResponse::Refused { .. } => self.end(at_us, refused, "refused"),
            ClientResponse::Overloaded { .. } => self.end(at_us, refused, "overloaded"),
            ClientResponse::OutOfOrder { .. } => self.end(at_us, refused, "out of order"),
            ClientResponse::PreconditionFailed { .. } => self.end(at_us, Outcome::Fail, "precondition failed"),
            ClientResponse::WrongType { .. } => self.end(at_us, Outcome::Fail, "wrong type"),
            ClientResponse::Unknown { reason } => self.end(at_us, Outcome::Info, reason),
            // Nothing that a client asks here is answered so.
            ClientResponse::Operated { .. } | ClientResponse::Digest { .. } => {}
        }
    }

    fn done(&mut self, at_us: u64, term: u64, position: u64) {
        (self.completed_us, self.outcome, self.error) = (Some(at_us), Outcome::Ok, None);
        (self.term, self.position) = (Some(term), Some(position));
    }
}

fn of_request(request: &ClientRequest) -> (Object, &'static str, Option<String>, Datum) {
    match request {
        ClientRequest::Read { key, .. } => match object_of(key) {
            Object::Lists => (Object::Lists, "txn", None, Datum::List(vec![Datum::step("r", key, Datum::Null)])),
            object => (object, "read", Some(key.clone()), Datum::Null),
        },
        ClientRequest::Scan { prefix, .. } => {
            let steps = workload::lists(prefix).map(|key| Datum::step("r", &key, Datum::Null)).collect();
            (Object::Lists, "txn", None, Datum::List(steps))
        }
        ClientRequest::Transaction { accesses, .. } => (Object::Lists, "txn", None, transaction(accesses, None)),
        ClientRequest::Write { change, .. } => {
            let object = object_of(change.key());
            let (f, argument) = match change {
                Change::Write { value, .. } => ("write", Datum::of(value)),
                Change::Delete { .. } => ("write", Datum::Null),
                Change::Cas { old, new, .. } => ("cas", Datum::List(vec![Datum::of(old), Datum::of(new)])),
                Change::Add { value, .. } => ("add", Datum::of(value)),
                Change::Increment { by, .. } => ("add", Datum::Integer(*by)),
                Change::Take { .. } => ("dequeue", Datum::Null),
                Change::Append { value, .. } if object == Object::Queue => ("enqueue", Datum::of(value)),
                Change::Append { key, value } => {
                    return (object, "txn", None, Datum::List(vec![Datum::step("append", key, Datum::of(value))]));
                }
            };
            (object, f, Some(change.key().to_owned()), argument)
        }
    }
}

/// A transaction's steps; with what they returned, if they did.
fn transaction(accesses: &[Access], returned: Option<&Value>) -> Datum {
    let mut returned = returned.and_then(|value| value.to_json().ok());
    let returned = returned.as_mut().and_then(serde_json::Value::as_array_mut);
    let returned: Vec<_> = returned.map(std::mem::take).unwrap_or_default();
    let steps = accesses.iter().enumerate().map(|(index, access)| match access {
        Access::Read { key } => match returned.get(index) {
            None => Datum::step("r", key, Datum::Null),
            Some(serde_json::Value::Null) => Datum::step("r", key, Datum::List(Vec::new())),
            Some(value) => Datum::step("r", key, Datum::parse(&value.to_string())),
        },
        Access::Change(Change::Append { key, value }) => Datum::step("append", key, Datum::of(value)),
        Access::Change(change) => Datum::step("other", change.key(), Datum::Null),
    });
    Datum::List(steps.collect())
}

/// The kind of the object under a key: its first letter says so.
pub(super) fn object_of(key: &str) -> Object {
    match key.as_bytes().first() {
        Some(b's') => Object::Set,
        Some(b'l') => Object::Lists,
        Some(b'c') => Object::Counter,
        Some(b'q') => Object::Queue,
        _ => Object::Register,
    }
}

impl Object {
    /// What a read shows, given what the node holds.
    pub(super) fn shown(self, held: Option<&Value>) -> Datum {
        match (held, self) {
            (Some(value), _) => Datum::of(value),
            (None, Object::Set | Object::Lists) => Datum::List(Vec::new()),
            (None, Object::Counter) => Datum::Integer(0),
            (None, Object::Register | Object::Queue) => Datum::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_hold_is_read_back() {
        let list = |numbers: &[i64]| Datum::List(numbers.iter().copied().map(Datum::Integer).collect());
        for (text, datum) in [
            ("null", Datum::Null),
            ("7", Datum::Integer(7)),
            ("-3", Datum::Integer(-3)),
            ("[]", list(&[])),
            ("[5]", list(&[5])),
            ("[1,20,-3]", list(&[1, 20, -3])),
        ] {
            assert_eq!(Datum::parse(text), datum, "{text}");
        }
    }

    #[test]
    fn a_transaction_shows_what_its_reads_returned() {
        let read = |key: &str| Access::Read { key: key.to_owned() };
        let append = Access::Change(Change::Append { key: "l1".to_owned(), value: Value::from(5_u64) });
        let returned: Value = serde_json::from_str("[null,[1,2],null]").unwrap();
        let list = |numbers: &[i64]| Datum::List(numbers.iter().copied().map(Datum::Integer).collect());
        let accesses = [append, read("l2"), read("l3")];
        let steps = [
            Datum::step("append", "l1", Datum::Integer(5)),
            Datum::step("r", "l2", list(&[1, 2])),
            Datum::step("r", "l3", list(&[])),
        ];
        assert_eq!(transaction(&accesses, Some(&returned)), Datum::List(steps.to_vec()));
    }
}
