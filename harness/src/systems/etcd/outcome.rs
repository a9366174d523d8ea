//! What an answer of etcd says about its operation: the one table from status and code to ok, fail or info.

use serde_json::Value;

/// Codes of the remote call that are refused before anything is proposed: the request itself is wrong, or the member
/// says that it did nothing. Every other code (deadline exceeded, unavailable, …) leaves the outcome open: etcd answers
/// "request timed out" and "leader changed" for proposals that may still be applied.
const DEFINITE_CODES: [(u64, &str); 5] = [
    (3, "invalid argument"),
    (5, "not found"),
    (7, "permission denied"),
    (12, "unimplemented"),
    (16, "unauthenticated"),
];

/// The meaning of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It happened; the body has the result.
    Done,
    /// It certainly did not happen.
    Refused(String),
    /// It may have happened.
    Undecided(String),
}

/// Tells ok, fail and info apart by the status and the body of an answer.
pub(super) fn meaning(status: u16, body: &Value) -> Meaning {
    if status == 200 && body.get("error").is_none() {
        return Meaning::Done;
    }
    let code = body.get("code").and_then(Value::as_u64);
    let message = body.get("message").and_then(Value::as_str).unwrap_or("no message");
    let text = format!("status {status}: {message}");
    match code.and_then(|code| DEFINITE_CODES.iter().find(|(definite, _)| *definite == code)) {
        Some((_, name)) => Meaning::Refused(format!("{text} ({name})")),
        None => Meaning::Undecided(text),
    }
}

/// Whether a transaction's comparison held. A field that is left out is `false`.
pub(super) fn succeeded(body: &Value) -> bool {
    body.get("succeeded").and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_row_of_the_table() {
        let error = |code: u64| json!({"error": "e", "message": "e", "code": code});
        assert_eq!(meaning(200, &json!({"header": {}})), Meaning::Done);
        for (status, code) in [(400, 3), (404, 5), (403, 7), (501, 12), (401, 16)] {
            assert!(matches!(meaning(status, &error(code)), Meaning::Refused(_)), "code {code}");
        }
        // Cancelled, unknown, deadline exceeded, exhausted, failed precondition, aborted, internal, unavailable.
        for (status, code) in [(408, 1), (500, 2), (504, 4), (503, 8), (412, 9), (409, 10), (500, 13), (503, 14)] {
            assert!(matches!(meaning(status, &error(code)), Meaning::Undecided(_)), "code {code}");
        }
        assert!(matches!(meaning(502, &Value::Null), Meaning::Undecided(_)), "no body at all");
        assert!(matches!(meaning(200, &error(14)), Meaning::Undecided(_)), "an error inside a stream's answer");
    }

    #[test]
    fn a_comparison_that_is_left_out_did_not_hold() {
        assert!(succeeded(&json!({"succeeded": true})));
        assert!(!succeeded(&json!({"header": {}})));
    }
}
