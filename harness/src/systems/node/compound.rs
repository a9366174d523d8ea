//! Operations that take two requests: a look, and a change that takes place only if nothing has changed since.

use schism_workloads::object::Object;
use schism_workloads::workload::Operation;
use serde_json::{Value, json};

use super::bank;
use super::protocol::{Request, Voice, change, read, resource};

/// The look of an operation that needs one.
pub(super) fn look(operation: &Operation, voice: Voice<'_>) -> Option<Request> {
    let key = operation.key.as_deref().unwrap_or_default();
    match (operation.object, operation.f) {
        (Object::Bank, "transfer") => Some(read("/v1/scan", bank::all_accounts(key), operation.level, voice)),
        (Object::FencedLock, "write") => Some(read("/v1/read", json!({"key": resource(key)}), operation.level, voice)),
        _ => None,
    }
}

/// The change, given what the look showed. The error says why the operation is refused: nothing was changed.
pub(super) fn change_after(operation: &Operation, looked: &Value, voice: Voice<'_>) -> Result<Request, String> {
    let key = operation.key.as_deref().unwrap_or_default();
    if operation.object == Object::Bank {
        let accesses = bank::accesses(key, &operation.value, &bank::balances(looked)?)?;
        return Ok(change("/v1/transaction", json!({ "operations": accesses }), voice));
    }
    let seen = looked.get("value").ok_or("the answer holds no value")?;
    let (latest, token) = (seen[0].as_u64(), operation.value[0].as_u64());
    if token < latest {
        return Err(format!("the token {} is lower than {}, which was seen before", operation.value[0], seen[0]));
    }
    Ok(change("/v1/cas", json!({"key": resource(key), "old": seen, "new": operation.value}), voice))
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Origin;
    use super::*;

    const VOICE: Voice<'_> =
        Voice { origin: Origin { client: "c1", operation: 3 }, strongest_read: "leader", at_least: None };

    #[test]
    fn a_fenced_write_refuses_a_lower_token_than_was_seen() {
        let write = Operation::new(Object::FencedLock, "write", Some("k1"), json!([5, 1]));
        assert_eq!(look(&write, VOICE).unwrap().body, json!({"key": "k1/resource"}));
        for seen in [Value::Null, json!([4, 9]), json!([5, 9])] {
            let change = change_after(&write, &json!({"value": seen}), VOICE).unwrap();
            assert_eq!((change.path, &change.body["old"], &change.body["new"]), ("/v1/cas", &seen, &json!([5, 1])));
        }
        assert!(change_after(&write, &json!({"value": [6, 9]}), VOICE).unwrap_err().contains("lower than 6"));
        assert!(change_after(&write, &json!({}), VOICE).is_err());
    }

    #[test]
    fn a_transfer_looks_at_all_accounts_first() {
        let value = json!({"from": "0", "to": "1", "amount": 2});
        let transfer = Operation::new(Object::Bank, "transfer", Some("bank"), value);
        assert_eq!(look(&transfer, VOICE).unwrap().path, "/v1/scan");
        let change = change_after(&transfer, &json!({"items": []}), VOICE).unwrap();
        assert_eq!((change.path, change.body["operations"].as_array().unwrap().len()), ("/v1/transaction", 2));
        assert_eq!(change.body["client"], "c1");
    }

    #[test]
    fn other_operations_take_one_request() {
        assert_eq!(look(&Operation::new(Object::Lock, "write", Some("k1"), json!([5, 1])), VOICE), None);
        assert_eq!(look(&Operation::read(Object::Bank, "bank"), VOICE), None);
    }
}
