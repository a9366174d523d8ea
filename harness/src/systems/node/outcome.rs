//! The table from a node's answer to ok, fail or info.
//!
//! | answer | means |
//! | --- | --- |
//! | 200 | ok |
//! | 421 `not-leader` | fail; may name the leader |
//! | 409 `precondition-failed`, 422 `wrong-type` | fail, said by the leader itself |
//! | 400, 404, 405, 408, 413, 429 | fail: the request was not understood or not taken |
//! | 503 `unknown`, 504 `timeout`, anything else | info |
//! | connection refused, connecting timed out | fail: not one byte left |
//! | any other end of the connection, a timeout | info, of reads too |

use serde_json::Value;

use crate::environment::NodeId;
use crate::systems::http::NoAnswer;

/// What an answer means for its operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It happened; the body has the result.
    Done,
    /// It certainly did not happen; why, and the node that leads as far as the answer says.
    Refused(String, Option<NodeId>),
    /// It may have happened, now or later.
    InDoubt(String),
}

/// The meaning of an answer of the node `asked`.
pub(super) fn of_answer(asked: NodeId, status: u16, body: &Value) -> Meaning {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let why = || text("error").map_or_else(|| format!("status {status}"), ToOwned::to_owned);
    match status {
        200 => Meaning::Done,
        421 => Meaning::Refused(why(), text("leader").and_then(|leader| leader.parse().ok())),
        409 | 422 => Meaning::Refused(why(), Some(asked)),
        400 | 404 | 405 | 408 | 413 | 429 => {
            Meaning::Refused(text("message").map_or_else(why, |message| format!("{}: {message}", why())), None)
        }
        _ => Meaning::InDoubt(why()),
    }
}

/// The meaning of there being no answer.
pub(super) fn of_silence(silence: NoAnswer) -> Meaning {
    match silence {
        NoAnswer::NotSent(why) => Meaning::Refused(why, None),
        NoAnswer::InDoubt(why) => Meaning::InDoubt(why),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ASKED: NodeId = NodeId(1);

    fn check(status: u16, body: &Value, expected: &Meaning) {
        assert_eq!(of_answer(ASKED, status, body), *expected, "{status} {body}");
    }

    fn refused(why: &str, leader: Option<u16>) -> Meaning {
        Meaning::Refused(why.to_owned(), leader.map(NodeId))
    }

    #[test]
    fn ok() {
        check(200, &json!({"value": 7, "node": "n1"}), &Meaning::Done);
    }

    #[test]
    fn not_leader_is_a_failure_and_may_name_the_leader() {
        check(421, &json!({"error": "not-leader", "leader": "n2"}), &refused("not-leader", Some(2)));
        check(421, &json!({"error": "not-leader", "leader": null}), &refused("not-leader", None));
        check(421, &Value::Null, &refused("status 421", None));
    }

    #[test]
    fn what_the_leader_decided_against_is_a_failure_and_names_itself() {
        check(409, &json!({"error": "precondition-failed"}), &refused("precondition-failed", Some(1)));
        check(422, &json!({"error": "wrong-type"}), &refused("wrong-type", Some(1)));
    }

    #[test]
    fn what_was_not_taken_is_a_failure_with_its_message() {
        let body = json!({"error": "bad-request", "message": "missing field `key`"});
        check(400, &body, &refused("bad-request: missing field `key`", None));
        check(404, &json!({"error": "not-found"}), &refused("not-found", None));
        check(405, &json!({"error": "method-not-allowed"}), &refused("method-not-allowed", None));
        check(408, &json!({"error": "body-timeout"}), &refused("body-timeout", None));
        check(429, &json!({"error": "overloaded"}), &refused("overloaded", None));
        check(413, &json!({"error": "too-large"}), &refused("too-large", None));
    }

    #[test]
    fn everything_else_is_in_doubt() {
        check(503, &json!({"error": "unknown"}), &Meaning::InDoubt("unknown".to_owned()));
        check(504, &json!({"error": "timeout"}), &Meaning::InDoubt("timeout".to_owned()));
        for status in [201, 301, 500, 502] {
            check(status, &Value::Null, &Meaning::InDoubt(format!("status {status}")));
        }
    }

    #[test]
    fn silence_before_the_first_byte_is_a_failure_and_after_it_in_doubt() {
        let why = || "connection refused".to_owned();
        assert_eq!(of_silence(NoAnswer::NotSent(why())), refused("connection refused", None));
        assert_eq!(of_silence(NoAnswer::InDoubt(why())), Meaning::InDoubt(why()));
    }
}
