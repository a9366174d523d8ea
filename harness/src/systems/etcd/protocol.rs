//! The JSON gateway's requests and answers: keys and values are base64, 64-bit numbers are strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schism_workloads::object::Object;
use schism_workloads::workload::Operation;
use serde_json::{Value, json};

/// How a read is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadLevel {
    /// Through the leader, after a round with a majority.
    Linearizable,
    /// From the member that is asked, however old.
    Serializable,
}

impl ReadLevel {
    /// The word in the history. `local` is the harness's word for a read of one node's own state.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Linearizable => "read-index",
            Self::Serializable => "local",
        }
    }
}

/// One request: path below the client URL, and its body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) path: &'static str,
    pub(super) body: Value,
}

/// Where what a lock protects is kept.
pub(super) fn resource(lock: &str) -> String {
    format!("{lock}/resource")
}

pub(super) fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

/// A read of one key.
pub(super) fn range(key: &str, level: ReadLevel) -> Request {
    Request { path: "/v3/kv/range", body: range_body(key, level) }
}

pub(super) fn range_body(key: &str, level: ReadLevel) -> Value {
    json!({"key": encode(key), "serializable": level == ReadLevel::Serializable})
}

pub(super) fn put_body(key: &str, value: &Value) -> Value {
    json!({"key": encode(key), "value": encode(&value.to_string())})
}

/// What is to be done if all comparisons hold, at one revision.
pub(super) fn guarded(comparisons: &[Value], actions: &[Value]) -> Request {
    Request { path: "/v3/kv/txn", body: json!({"compare": comparisons, "success": actions}) }
}

/// Holds if a key was last written at a revision; 0: if it is not there.
pub(super) fn is_unchanged_since(key: &str, revision: u64) -> Value {
    json!({"target": "MOD", "key": encode(key), "modRevision": revision.to_string(), "result": "EQUAL"})
}

/// Holds if a key came into being at a revision; 0: if it is not there.
pub(super) fn was_created_at(key: &str, revision: u64) -> Value {
    json!({"target": "CREATE", "key": encode(key), "createRevision": revision.to_string(), "result": "EQUAL"})
}

/// The one request that performs an operation, or why there is none.
pub(super) fn request(operation: &Operation, level: ReadLevel) -> Result<Request, String> {
    let key = operation.key.as_deref().unwrap_or_default();
    match (operation.object, operation.f) {
        (Object::Register | Object::Lists, "read") => Ok(range(key, level)),
        (Object::Lock | Object::FencedLock, "read") => Ok(range(&resource(key), level)),
        (Object::Register, "write") => Ok(Request { path: "/v3/kv/put", body: put_body(key, &operation.value) }),
        (Object::Lock, "write") => Ok(Request { path: "/v3/kv/put", body: put_body(&resource(key), &operation.value) }),
        (Object::Register, "cas") => {
            let Some([old, new]) = operation.value.as_array().map(Vec::as_slice) else {
                return Err(format!("cas takes [old, new], not {}", operation.value));
            };
            let compare = if old.is_null() {
                json!({"target": "VERSION", "key": encode(key), "version": "0", "result": "EQUAL"})
            } else {
                let old = encode(&old.to_string());
                json!({"target": "VALUE", "key": encode(key), "value": old, "result": "EQUAL"})
            };
            Ok(guarded(&[compare], &[json!({"requestPut": put_body(key, new)})]))
        }
        (object, f) => Err(format!("etcd's client has no operation {f:?} on a {}", object.name())),
    }
}

/// A write of [token, value], given a read of the same key: refused if a greater token was seen, and without effect if the
/// key has changed since.
pub(super) fn fenced_put(key: &str, value: &Value, looked: &Value) -> Result<Request, String> {
    let seen = range_value(looked)?.unwrap_or(Value::Null);
    if value[0].as_u64() < seen[0].as_u64() {
        return Err(format!("the token {} is lower than {}, which was seen before", value[0], seen[0]));
    }
    let unchanged = is_unchanged_since(key, number(looked, "/kvs/0/mod_revision"));
    Ok(guarded(&[unchanged], &[json!({"requestPut": put_body(key, value)})]))
}

/// The value that the answer to a read of one key holds; `None` if there is no such key.
pub(super) fn range_value(answer: &Value) -> Result<Option<Value>, String> {
    let Some(encoded) = answer.pointer("/kvs/0/value") else { return Ok(None) };
    let text = encoded.as_str().ok_or("the value of a range answer is not text")?;
    let bytes = STANDARD.decode(text).map_err(|error| format!("the value is not base64: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the value is not what this client wrote: {error}"))
}

/// A 64-bit number, which the gateway writes as a string and leaves out when it is 0.
pub(super) fn number(answer: &Value, pointer: &str) -> u64 {
    match answer.pointer(pointer) {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(f: &'static str, value: Value) -> Operation {
        Operation::new(Object::Register, f, Some("k1"), value)
    }

    #[test]
    fn every_operation_has_its_request() {
        let read = request(&operation("read", Value::Null), ReadLevel::Linearizable).unwrap();
        assert_eq!((read.path, read.body), ("/v3/kv/range", json!({"key": "azE=", "serializable": false})));
        let write = request(&operation("write", json!(7)), ReadLevel::Linearizable).unwrap();
        assert_eq!((write.path, write.body), ("/v3/kv/put", json!({"key": "azE=", "value": "Nw=="})));
        let cas = request(&operation("cas", json!([7, 8])), ReadLevel::Linearizable).unwrap();
        assert_eq!(cas.body.pointer("/compare/0/value"), Some(&json!("Nw==")));
        assert_eq!(cas.body.pointer("/success/0/requestPut/value"), Some(&json!("OA==")));
        let first = request(&operation("cas", json!([null, 8])), ReadLevel::Linearizable).unwrap();
        assert_eq!(first.body.pointer("/compare/0/target"), Some(&json!("VERSION")), "null is the missing key");
        assert!(request(&operation("add", json!(1)), ReadLevel::Linearizable).is_err());
    }

    #[test]
    fn answers_read_back() {
        let answer = json!({"kvs": [{"value": "Nw=="}], "header": {"revision": "12"}});
        assert_eq!(range_value(&answer), Ok(Some(json!(7))));
        assert_eq!(range_value(&json!({"header": {}})), Ok(None));
        assert!(range_value(&json!({"kvs": [{"value": "%"}]})).is_err());
        assert_eq!(number(&answer, "/header/revision"), 12);
        assert_eq!(number(&answer, "/header/raft_term"), 0);
    }

    #[test]
    fn a_fenced_write_refuses_a_lower_token_than_was_seen() {
        let looked = json!({"kvs": [{"value": encode("[5,1]"), "mod_revision": "9"}]});
        let put = fenced_put("k1/resource", &json!([5, 2]), &looked).unwrap();
        assert_eq!(put.body.pointer("/compare/0/modRevision"), Some(&json!("9")));
        assert!(fenced_put("k1/resource", &json!([4, 2]), &looked).unwrap_err().contains("lower than 5"));
        let first = fenced_put("k1/resource", &json!([4, 2]), &json!({"header": {}})).unwrap();
        assert_eq!(first.body.pointer("/compare/0/modRevision"), Some(&json!("0")), "0 is the missing key");
    }
}
