//! The operations of a run as clients saw them: data for whoever judges them.

use super::clients::{Ended, Invocation};
use crate::core::{Change, ClientRequest, ClientResponse, Value};

/// What kind of object an operation is about; keys of different kinds are different objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// Read, written, compared and set.
    Register,
    /// Elements are added; a read returns all.
    Set,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// Several values.
    List(Vec<Datum>),
}

impl Datum {
    pub(super) fn of(value: &Value) -> Self {
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
    /// Its name: `read`, `write`, `cas`, `add`.
    pub f: &'static str,
    /// The object.
    pub key: String,
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
            Ended::Refused { at_us } => operation.end(*at_us, invocation.fails(), "connection refused"),
            Ended::Answered { at_us, response } => operation.take(*at_us, response, invocation.fails()),
        }
        operation
    }

    fn end(&mut self, at_us: u64, outcome: Outcome, error: &'static str) {
        (self.completed_us, self.outcome, self.error) = (Some(at_us), outcome, Some(error));
    }

    fn take(&mut self, at_us: u64, response: &ClientResponse, fails: Outcome) {
        match response {
            ClientResponse::Value { value, term, position, level } => {
                (self.completed_us, self.outcome, self.error) = (Some(at_us), Outcome::Ok, None);
                let absent = if self.object == Object::Set { Datum::List(Vec::new()) } else { Datum::Null };
                self.result = value.as_ref().map_or(absent, Datum::of);
                (self.term, self.position, self.level) = (Some(term.0), Some(position.0), Some(level.to_string()));
            }
            ClientResponse::Acknowledged { term, position, replication, .. } => {
                (self.completed_us, self.outcome, self.error) = (Some(at_us), Outcome::Ok, None);
                (self.term, self.position, self.ack) = (Some(term.0), Some(position.0), Some(replication.to_string()));
            }
            ClientResponse::NotLeader { .. } => self.end(at_us, fails, "not leader"),
            ClientResponse::PreconditionFailed { .. } => self.end(at_us, fails, "precondition failed"),
            ClientResponse::WrongType { .. } => self.end(at_us, fails, "wrong type"),
            ClientResponse::Refused { .. } => self.end(at_us, fails, "refused"),
            ClientResponse::OutOfOrder { .. } => self.end(at_us, Outcome::Info, "out of order"),
            ClientResponse::Unknown { reason } => self.end(at_us, Outcome::Info, reason),
            // Nothing that a client asks here is answered so.
            ClientResponse::Items { .. } | ClientResponse::Operated { .. } | ClientResponse::Digest { .. } => {}
        }
    }
}

fn of_request(request: &ClientRequest) -> (Object, &'static str, String, Datum) {
    match request {
        ClientRequest::Read { key, .. } => (object_of(key), "read", key.clone(), Datum::Null),
        ClientRequest::Write { change, .. } => {
            let (f, argument) = match change {
                Change::Write { value, .. } => ("write", Datum::of(value)),
                Change::Cas { old, new, .. } => ("cas", Datum::List(vec![Datum::of(old), Datum::of(new)])),
                Change::Add { value, .. } => ("add", Datum::of(value)),
                Change::Append { value, .. } => ("append", Datum::of(value)),
                Change::Increment { by, .. } => ("increment", Datum::Integer(*by)),
                Change::Delete { .. } => ("delete", Datum::Null),
                Change::Take { .. } => ("take", Datum::Null),
            };
            (object_of(change.key()), f, change.key().to_owned(), argument)
        }
        ClientRequest::Scan { prefix, .. } => (Object::Register, "scan", prefix.clone(), Datum::Null),
        ClientRequest::Transaction { .. } => (Object::Register, "txn", String::new(), Datum::Null),
    }
}

/// The kind of the object under a key: its first letter says so.
pub(super) fn object_of(key: &str) -> Object {
    if key.starts_with('s') { Object::Set } else { Object::Register }
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
}
