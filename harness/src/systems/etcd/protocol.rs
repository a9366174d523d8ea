//! The JSON gateway's requests and answers: keys and values are base64, 64-bit numbers are strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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

fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

/// The request that performs an operation, or why there is none.
pub(super) fn request(operation: &Operation, level: ReadLevel) -> Result<Request, String> {
    let key = encode(operation.key.as_deref().unwrap_or("register"));
    match operation.f {
        "read" => Ok(Request {
            path: "/v3/kv/range",
            body: json!({"key": key, "serializable": level == ReadLevel::Serializable}),
        }),
        "write" => {
            Ok(Request { path: "/v3/kv/put", body: json!({"key": key, "value": encode(&operation.value.to_string())}) })
        }
        "cas" => {
            let Some([old, new]) = operation.value.as_array().map(Vec::as_slice) else {
                return Err(format!("cas takes [old, new], not {}", operation.value));
            };
            let compare = if old.is_null() {
                json!({"target": "VERSION", "key": key, "version": "0", "result": "EQUAL"})
            } else {
                json!({"target": "VALUE", "key": key, "value": encode(&old.to_string()), "result": "EQUAL"})
            };
            let put = json!({"requestPut": {"key": key, "value": encode(&new.to_string())}});
            Ok(Request { path: "/v3/kv/txn", body: json!({"compare": [compare], "success": [put]}) })
        }
        other => Err(format!("etcd's client has no operation {other:?}")),
    }
}

/// The value a range answer holds: the first key's, or `absent`.
pub(super) fn range_value(answer: &Value, absent: &Value) -> Result<Value, String> {
    let Some(encoded) = answer.pointer("/kvs/0/value") else {
        return Ok(absent.clone());
    };
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
    use schism_workloads::workload::Level;

    use super::*;

    fn operation(f: &'static str, value: Value) -> Operation {
        Operation { f, key: Some("k1".into()), value, level: Level::Default, absent: Value::Null }
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
        assert_eq!(range_value(&answer, &Value::Null), Ok(json!(7)));
        assert_eq!(range_value(&json!({"header": {}}), &Value::Null), Ok(Value::Null));
        assert!(range_value(&json!({"kvs": [{"value": "%"}]}), &Value::Null).is_err());
        assert_eq!(number(&answer, "/header/revision"), 12);
        assert_eq!(number(&answer, "/header/raft_term"), 0);
    }
}
