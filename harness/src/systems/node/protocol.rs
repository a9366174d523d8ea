//! The node's HTTP protocol as a client speaks it: operations become paths and bodies, answers results, status a claim.
//!
//! What takes two requests, a look and a change that depends on it, is in `compound`.

use schism_workloads::object::Object;
use schism_workloads::workload::{Level, Operation};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::bank;
use crate::systems::{Claim, Role};

/// A request that is ready to be posted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) path: &'static str,
    pub(super) body: Value,
}

/// A write's name for itself, by which the node's own log can tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin<'a> {
    /// Never used by another client.
    pub(super) client: &'a str,
    /// Counted up by the client.
    pub(super) operation: u64,
}

/// What a client says in its requests beside the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Voice<'a> {
    pub(super) origin: Origin<'a>,
    /// The word for the strongest read that the settings have.
    pub(super) strongest_read: &'static str,
    /// The position that a read's state must have reached; `None`: any.
    pub(super) at_least: Option<u64>,
}

/// Where what a lock protects is kept.
pub(super) fn resource(lock: &str) -> String {
    format!("{lock}/resource")
}

/// The one request for an operation. The error says what the node has no request for.
pub(super) fn request(operation: &Operation, voice: Voice<'_>) -> Result<Request, String> {
    let key = operation.key.as_deref().unwrap_or_default();
    let keyed = |path, fields: &[(&str, &Value)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone()));
        let body: Map<String, Value> = [("key".to_owned(), json!(key))].into_iter().chain(fields).collect();
        Ok(change(path, Value::Object(body), voice))
    };
    let owner = json!(voice.origin.client);
    match (operation.object, operation.f, &operation.value) {
        (Object::Bank, "read", _) => Ok(read("/v1/scan", bank::all_accounts(key), operation.level, voice)),
        (Object::Lock | Object::FencedLock, "read", _) => {
            Ok(read("/v1/read", json!({"key": resource(key)}), operation.level, voice))
        }
        (_, "read", _) => Ok(read("/v1/read", json!({ "key": key }), operation.level, voice)),
        (Object::Register, "write", value) => keyed("/v1/write", &[("value", value)]),
        (Object::Register, "cas", Value::Array(values)) if values.len() == 2 => {
            keyed("/v1/cas", &[("old", &values[0]), ("new", &values[1])])
        }
        (Object::Set, "add", value) => keyed("/v1/add", &[("value", value)]),
        (Object::Counter, "add", value) => keyed("/v1/increment", &[("by", value)]),
        (Object::Queue, "enqueue", value) => keyed("/v1/append", &[("value", value)]),
        (Object::Queue, "dequeue", _) => keyed("/v1/take", &[]),
        (Object::Lists | Object::Registers, "txn", Value::Array(micro_operations)) => {
            let operations: Result<Vec<Value>, String> = micro_operations.iter().map(access).collect();
            Ok(change("/v1/transaction", json!({ "operations": operations? }), voice))
        }
        (Object::Lock | Object::FencedLock, "acquire", _) => {
            keyed("/v1/cas", &[("old", &Value::Null), ("new", &owner)])
        }
        (Object::Lock | Object::FencedLock, "release", _) => {
            keyed("/v1/cas", &[("old", &owner), ("new", &Value::Null)])
        }
        (Object::Lock, "write", value) => Ok(change("/v1/write", json!({"key": resource(key), "value": value}), voice)),
        (object, f, value) => Err(format!("the node has no operation {f} of {value} on a {}", object.name())),
    }
}

/// A request that changes something, under its client's name for it.
pub(super) fn change(path: &'static str, mut body: Value, voice: Voice<'_>) -> Request {
    body["client"] = json!(voice.origin.client);
    body["operation"] = json!(voice.origin.operation);
    Request { path, body }
}

/// A request that reads at a level.
pub(super) fn read(path: &'static str, mut body: Value, level: Level, voice: Voice<'_>) -> Request {
    match level {
        Level::Default => {
            if let Some(position) = voice.at_least {
                body["at_least"] = json!(position);
            }
        }
        Level::Strongest => body["level"] = json!(voice.strongest_read),
        Level::Local => body["level"] = json!("local"),
    }
    Request { path, body }
}

/// A micro-operation in the node's words.
fn access(micro_operation: &Value) -> Result<Value, String> {
    let [Value::String(name), key, value] = micro_operation.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err(format!("{micro_operation} is no micro-operation"));
    };
    match name.as_str() {
        "r" => Ok(json!({"read": {"key": key}})),
        "w" => Ok(json!({"write": {"key": key, "value": value}})),
        "append" => Ok(json!({"append": {"key": key, "value": value}})),
        _ => Err(format!("the node has no micro-operation {micro_operation}")),
    }
}

/// What an operation that was done returned; an answer without what it should hold decides nothing.
pub(super) fn result(operation: &Operation, answer: &Value) -> Result<Value, String> {
    match (operation.object, operation.f) {
        (Object::Bank, "read") => bank::balances(answer).map(bank::shown),
        (_, "read") => value_of(answer).map(|value| match value {
            Value::Null => operation.object.absent(),
            value => value.clone(),
        }),
        (Object::Queue, "dequeue") => value_of(answer).cloned(),
        (Object::Lock | Object::FencedLock, "acquire") => match answer.get("position") {
            Some(position) if position.is_u64() => Ok(position.clone()),
            _ => Err("the answer holds no position to be the token".to_owned()),
        },
        (Object::Lists | Object::Registers, "txn") => transaction_result(&operation.value, answer),
        _ => Ok(operation.value.clone()),
    }
}

fn value_of(answer: &Value) -> Result<&Value, String> {
    answer.get("value").ok_or_else(|| "the answer holds no value".to_owned())
}

/// The transaction again, with what its reads returned.
fn transaction_result(transaction: &Value, answer: &Value) -> Result<Value, String> {
    let (Some(micro_operations), Some(results)) = (transaction.as_array(), answer["results"].as_array()) else {
        return Err("the answer holds no results".to_owned());
    };
    if micro_operations.len() != results.len() {
        return Err(format!("{} results for {} operations", results.len(), micro_operations.len()));
    }
    let filled = micro_operations.iter().zip(results).map(|(micro_operation, result)| {
        let mut filled = micro_operation.clone();
        if filled[0] == "r" {
            filled[2] = result.clone();
        }
        filled
    });
    Ok(filled.collect())
}

/// What `GET /status` says, as far as the harness needs it.
#[derive(Debug, Deserialize)]
struct Status {
    role: Role,
    term: u64,
    positions: Positions,
}

#[derive(Debug, Deserialize)]
struct Positions {
    last: u64,
    visible: u64,
}

/// The claim in an answer to `GET /status`.
pub(super) fn claim(status: &[u8]) -> serde_json::Result<Claim> {
    let Status { role, term, positions } = serde_json::from_slice(status)?;
    Ok(Claim { role, term, position: positions.last, applied: positions.visible })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOICE: Voice<'_> =
        Voice { origin: Origin { client: "c1", operation: 3 }, strongest_read: "read-index", at_least: None };

    fn operation(object: Object, f: &'static str, value: Value) -> Operation {
        Operation::new(object, f, Some("k1"), value)
    }

    fn check(operation: &Operation, path: &str, body: Value) {
        let request = request(operation, VOICE).unwrap();
        assert_eq!((request.path, request.body), (path, body), "{operation:?}");
    }

    #[test]
    fn reads_become_requests_at_their_level() {
        let read = || Operation::read(Object::Register, "k1");
        check(&read(), "/v1/read", json!({"key": "k1"}));
        check(&read().at(Level::Strongest), "/v1/read", json!({"key": "k1", "level": "read-index"}));
        check(&read().at(Level::Local), "/v1/read", json!({"key": "k1", "level": "local"}));
        check(&Operation::read(Object::Lock, "k1"), "/v1/read", json!({"key": "k1/resource"}));
        let everything = json!({"prefix": "k1/", "limit": 8, "level": "local"});
        check(&Operation::read(Object::Bank, "k1").at(Level::Local), "/v1/scan", everything);
    }

    #[test]
    fn only_a_read_at_the_settings_level_names_the_position_it_must_have_reached() {
        let voice = Voice { at_least: Some(9), ..VOICE };
        let read = Operation::read(Object::Register, "k1");
        assert_eq!(request(&read, voice).unwrap().body, json!({"key": "k1", "at_least": 9}));
        let local = request(&read.at(Level::Local), voice).unwrap();
        assert_eq!(local.body, json!({"key": "k1", "level": "local"}));
    }

    #[test]
    fn changes_become_requests_under_their_name() {
        use Object::{Counter, FencedLock, Lock, Queue, Register, Set};
        let named = |mut body: Value| {
            body["client"] = json!("c1");
            body["operation"] = json!(3);
            body
        };
        for (object, f, value, path, body) in [
            (Register, "write", json!(7), "/v1/write", json!({"key": "k1", "value": 7})),
            (Register, "cas", json!([null, 2]), "/v1/cas", json!({"key": "k1", "old": null, "new": 2})),
            (Set, "add", json!(7), "/v1/add", json!({"key": "k1", "value": 7})),
            (Counter, "add", json!(1), "/v1/increment", json!({"key": "k1", "by": 1})),
            (Queue, "enqueue", json!(7), "/v1/append", json!({"key": "k1", "value": 7})),
            (Queue, "dequeue", Value::Null, "/v1/take", json!({"key": "k1"})),
            (Lock, "acquire", Value::Null, "/v1/cas", json!({"key": "k1", "old": null, "new": "c1"})),
            (FencedLock, "release", Value::Null, "/v1/cas", json!({"key": "k1", "old": "c1", "new": null})),
            (Lock, "write", json!([5, 1]), "/v1/write", json!({"key": "k1/resource", "value": [5, 1]})),
        ] {
            check(&operation(object, f, value), path, named(body));
        }
        let transaction = json!([["r", "a", null], ["append", "b", 1], ["w", "c", 2]]);
        let operations = json!([
            {"read": {"key": "a"}}, {"append": {"key": "b", "value": 1}}, {"write": {"key": "c", "value": 2}}
        ]);
        let txn = Operation::new(Object::Lists, "txn", None, transaction);
        check(&txn, "/v1/transaction", named(json!({ "operations": operations })));
    }

    #[test]
    fn an_operation_the_node_does_not_have_is_refused() {
        for (object, f, value) in [
            (Object::Register, "dequeue", Value::Null),
            (Object::Register, "cas", json!([1])),
            (Object::Set, "write", json!(1)),
            (Object::Lists, "txn", json!([["push", "a", 1]])),
        ] {
            assert!(request(&operation(object, f, value), VOICE).is_err(), "{f}");
        }
    }

    fn returned(object: Object, f: &'static str, value: Value, answer: &Value) -> Result<Value, String> {
        result(&operation(object, f, value), answer)
    }

    #[test]
    fn a_result_is_what_came_back_or_the_argument_again() {
        use Object::{Counter, Lists, Lock, Queue, Register, Set};
        assert_eq!(returned(Set, "read", Value::Null, &json!({"value": null})), Ok(json!([])));
        assert_eq!(returned(Set, "read", Value::Null, &json!({"value": [1]})), Ok(json!([1])));
        assert_eq!(returned(Register, "read", Value::Null, &json!({"value": null})), Ok(Value::Null));
        assert_eq!(returned(Register, "cas", json!([1, 2]), &json!({"value": 2})), Ok(json!([1, 2])));
        assert_eq!(returned(Counter, "read", Value::Null, &json!({"value": null})), Ok(json!(0)));
        assert_eq!(returned(Counter, "add", json!(1), &json!({"value": 5})), Ok(json!(1)));
        assert_eq!(returned(Queue, "dequeue", Value::Null, &json!({"value": 5})), Ok(json!(5)));
        assert_eq!(returned(Queue, "dequeue", Value::Null, &json!({"value": null})), Ok(Value::Null));
        assert_eq!(returned(Lock, "acquire", Value::Null, &json!({"position": 9})), Ok(json!(9)));
        let transaction = json!([["r", "a", null], ["append", "a", 1], ["r", "b", null]]);
        let answer = json!({"results": [[7], null, null]});
        let filled = json!([["r", "a", [7]], ["append", "a", 1], ["r", "b", null]]);
        assert_eq!(returned(Lists, "txn", transaction, &answer), Ok(filled));
    }

    #[test]
    fn an_answer_without_what_it_should_hold_decides_nothing() {
        use Object::{Bank, Lists, Lock, Queue, Register};
        for (object, f, value) in [
            (Register, "read", Value::Null),
            (Queue, "dequeue", Value::Null),
            (Lock, "acquire", Value::Null),
            (Lists, "txn", json!([["r", "a", null]])),
            (Bank, "read", Value::Null),
        ] {
            assert!(returned(object, f, value, &json!({"node": "n1"})).is_err(), "{f}");
        }
        assert!(returned(Lists, "txn", json!([["r", "a", null]]), &json!({"results": []})).is_err());
    }

    #[test]
    fn a_status_becomes_a_claim() {
        let status = br#"{"node":"n2","role":"leader","term":4,"leader":"n2","more":[1],
            "positions":{"last":9,"durable":9,"committed":7,"visible":8}}"#;
        assert_eq!(claim(status).unwrap(), Claim { role: Role::Leader, term: 4, position: 9, applied: 8 });
        assert!(claim(b"{}").is_err());
    }
}
