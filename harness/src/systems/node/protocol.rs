//! The node's HTTP protocol as a client speaks it: operations become paths and bodies, status becomes a claim.

use schism_workloads::workload::{Level, Operation};
use serde::Deserialize;
use serde_json::{Value, json};

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

/// The request for an operation. The error says what the node has no request for.
pub(super) fn request(operation: &Operation, strongest_read: &str, origin: Origin<'_>) -> Result<Request, String> {
    let key = operation.key.as_deref().unwrap_or_default();
    let write = |path, fields: &[(&str, &Value)]| {
        let mut body = json!({"key": key, "client": origin.client, "operation": origin.operation});
        for (name, value) in fields {
            body[*name] = (*value).clone();
        }
        Ok(Request { path, body })
    };
    match (operation.f, &operation.value) {
        ("read", _) => Ok(Request { path: "/v1/read", body: read_body(key, operation.level, strongest_read) }),
        ("write", value) => write("/v1/write", &[("value", value)]),
        ("add", value) => write("/v1/add", &[("value", value)]),
        ("cas", Value::Array(values)) if values.len() == 2 => {
            write("/v1/cas", &[("old", &values[0]), ("new", &values[1])])
        }
        (f, value) => Err(format!("the node has no operation {f} of {value}")),
    }
}

fn read_body(key: &str, level: Level, strongest_read: &str) -> Value {
    match level {
        Level::Default => json!({ "key": key }),
        Level::Strongest => json!({ "key": key, "level": strongest_read }),
        Level::Local => json!({ "key": key, "level": "local" }),
    }
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

    fn check(f: &'static str, value: Value, level: Level, path: &str, body: Value) {
        let operation = Operation { f, key: Some("k1".to_owned()), value, level, absent: Value::Null };
        let origin = Origin { client: "c1", operation: 3 };
        let request = request(&operation, "read-index", origin).unwrap();
        assert_eq!((request.path, request.body), (path, body));
    }

    #[test]
    fn operations_become_requests() {
        let null = || Value::Null;
        check("read", null(), Level::Default, "/v1/read", json!({"key": "k1"}));
        check("read", null(), Level::Strongest, "/v1/read", json!({"key": "k1", "level": "read-index"}));
        check("read", null(), Level::Local, "/v1/read", json!({"key": "k1", "level": "local"}));
        let write = json!({"key": "k1", "value": 7, "client": "c1", "operation": 3});
        check("write", json!(7), Level::Default, "/v1/write", write.clone());
        check("add", json!(7), Level::Default, "/v1/add", write);
        let cas = json!({"key": "k1", "old": null, "new": 2, "client": "c1", "operation": 3});
        check("cas", json!([null, 2]), Level::Default, "/v1/cas", cas);
    }

    #[test]
    fn an_operation_the_node_does_not_have_is_refused() {
        let operation =
            Operation { f: "dequeue", key: None, value: Value::Null, level: Level::Default, absent: Value::Null };
        assert!(request(&operation, "leader", Origin { client: "c1", operation: 1 }).is_err());
    }

    #[test]
    fn a_status_becomes_a_claim() {
        let status = br#"{"node":"n2","role":"leader","term":4,"leader":"n2","more":[1],
            "positions":{"last":9,"durable":9,"committed":7,"visible":8}}"#;
        assert_eq!(claim(status).unwrap(), Claim { role: Role::Leader, term: 4, position: 9, applied: 8 });
        assert!(claim(b"{}").is_err());
    }
}
