//! Transactions over lists: every key is read at one revision, and what is appended is written only if none of them has
//! changed since. A list is one value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::protocol::{self, ReadLevel, Request};

/// A list as it was read, and the revision of its last change.
type Seen = BTreeMap<String, (Vec<Value>, u64)>;

/// The parts of a micro-operation.
fn parts(micro_operation: &Value) -> Result<(&str, &str, &Value), String> {
    match micro_operation.as_array().map(Vec::as_slice) {
        Some([Value::String(name), Value::String(key), value]) if name == "r" || name == "append" => {
            Ok((name, key, value))
        }
        _ => Err(format!("etcd's client has no micro-operation {micro_operation}")),
    }
}

fn micro_operations(transaction: &Value) -> Result<&[Value], String> {
    transaction.as_array().map(Vec::as_slice).ok_or_else(|| format!("{transaction} is no transaction"))
}

/// The keys of a transaction, each once.
pub(super) fn keys(transaction: &Value) -> Result<Vec<String>, String> {
    let mut keys = Vec::new();
    for micro_operation in micro_operations(transaction)? {
        let (_, key, _) = parts(micro_operation)?;
        if !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    }
    Ok(keys)
}

/// Reads all of them at one revision.
pub(super) fn look(keys: &[String], level: ReadLevel) -> Request {
    let ranges: Vec<Value> = keys.iter().map(|key| json!({"requestRange": protocol::range_body(key, level)})).collect();
    protocol::guarded(&[], &ranges)
}

/// What the answer to such a look shows.
pub(super) fn seen(keys: &[String], answer: &Value) -> Result<Seen, String> {
    let responses = answer["responses"].as_array().map(Vec::as_slice).unwrap_or_default();
    if responses.len() != keys.len() {
        return Err(format!("{} answers for {} keys", responses.len(), keys.len()));
    }
    let pairs = keys.iter().zip(responses).map(|(key, response)| {
        let range = &response["response_range"];
        let list = match protocol::range_value(range)? {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(format!("{other} is no list")),
        };
        Ok((key.clone(), (list, protocol::number(range, "/kvs/0/mod_revision"))))
    });
    pairs.collect()
}

/// The transaction with what its reads return, and the request that makes its appends happen, if it has any.
pub(super) fn performed(transaction: &Value, seen: &Seen) -> Result<(Value, Option<Request>), String> {
    let mut lists: BTreeMap<&str, Vec<Value>> =
        seen.iter().map(|(key, (list, _))| (key.as_str(), list.clone())).collect();
    let mut result = Vec::new();
    let mut appended: Vec<&str> = Vec::new();
    for micro_operation in micro_operations(transaction)? {
        let (name, key, value) = parts(micro_operation)?;
        let list = lists.get_mut(key).ok_or_else(|| format!("the list {key} was not read"))?;
        if name == "r" {
            result.push(json!(["r", key, list]));
            continue;
        }
        list.push(value.clone());
        result.push(micro_operation.clone());
        if !appended.contains(&key) {
            appended.push(key);
        }
    }
    if appended.is_empty() {
        return Ok((Value::Array(result), None));
    }
    let unchanged: Vec<Value> =
        seen.iter().map(|(key, (_, revision))| protocol::is_unchanged_since(key, *revision)).collect();
    let puts = appended.iter().map(|key| json!({"requestPut": protocol::put_body(key, &json!(lists[key]))}));
    Ok((Value::Array(result), Some(protocol::guarded(&unchanged, &puts.collect::<Vec<_>>()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_reads_its_own_appends_and_guards_every_key() {
        let transaction = json!([["r", "a", null], ["append", "a", 3], ["r", "a", null], ["r", "b", null]]);
        let keys = keys(&transaction).unwrap();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(look(&keys, ReadLevel::Linearizable).body["success"].as_array().unwrap().len(), 2);
        let held = json!({"kvs": [{"value": protocol::encode("[1,2]"), "mod_revision": "7"}]});
        let answer = json!({"responses": [{"response_range": held}, {"response_range": {"header": {}}}]});
        let seen = seen(&keys, &answer).unwrap();
        let (result, change) = performed(&transaction, &seen).unwrap();
        assert_eq!(result, json!([["r", "a", [1, 2]], ["append", "a", 3], ["r", "a", [1, 2, 3]], ["r", "b", []]]));
        let body = change.unwrap().body;
        assert_eq!(body.pointer("/compare/0/modRevision"), Some(&json!("7")));
        assert_eq!(body.pointer("/compare/1/modRevision"), Some(&json!("0")), "b is guarded, too, and not there");
        assert_eq!(body.pointer("/success/0/requestPut/value"), Some(&json!(protocol::encode("[1,2,3]"))));
        assert_eq!(body["success"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_transaction_that_only_reads_changes_nothing() {
        let seen = Seen::from([("a".to_owned(), (Vec::new(), 0))]);
        assert_eq!(performed(&json!([["r", "a", null]]), &seen), Ok((json!([["r", "a", []]]), None)));
    }

    #[test]
    fn what_is_no_transaction_over_lists_is_refused() {
        assert!(keys(&json!([["w", "a", 1]])).is_err());
        assert!(keys(&json!(1)).is_err());
        assert!(seen(&["a".to_owned()], &json!({"responses": []})).is_err());
    }
}
