//! What a client is told: one row for every outcome, with its status and whether it is definite.
//!
//! | outcome | status | meaning |
//! | --- | --- | --- |
//! | `ok` | 200 | it happened |
//! | `bad-request` | 400 | not understood, or not offered by this cluster; definite |
//! | `not-found`, `method-not-allowed` | 404, 405 | no such route; definite |
//! | `precondition-failed` | 409 | the register had another value; definite |
//! | `refused` | 409 | an operator's request that these settings do not allow; definite |
//! | `too-large` | 413 | the body is above the bound; definite |
//! | `not-leader` | 421 | another node may take it; definite |
//! | `wrong-type` | 422 | a set was asked for and the key holds a register, or the reverse; definite |
//! | `unknown` | 503 | it may take effect or not |
//! | `timeout` | 504 | no answer in time; it may take effect or not |

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::body::BodyError;
use crate::core::{ClientResponse, NodeId, Position, Term, Value};

/// An answer before it is bytes on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The name of the outcome, for the metrics and, unless it is `ok`, in the body.
    pub(super) outcome: &'static str,
    body: String,
}

impl Answer {
    /// What the core answered to a request of this node's client; `value` is what a write would have written.
    pub(super) fn from_core(node: NodeId, response: ClientResponse, value: Option<&Value>) -> Self {
        match response {
            ClientResponse::Value { value, term, position, level } => {
                Self::ok(node, value.as_ref(), term, position, format_args!("\"level\":\"{level}\""))
            }
            ClientResponse::Acknowledged { term, position, replication, value: answer } => {
                let value = answer.as_ref().or(value);
                Self::ok(node, value, term, position, format_args!("\"ack\":\"{replication}\""))
            }
            ClientResponse::NotLeader { leader } => Self::not_leader(node, leader),
            ClientResponse::PreconditionFailed { term, position } => {
                let message = "the register has another value; nothing was changed";
                Self::decided(StatusCode::CONFLICT, "precondition-failed", node, term, position, message)
            }
            ClientResponse::WrongType { term, position } => {
                let message = "the key holds a set and a register was asked for, or the reverse; nothing was changed";
                Self::decided(StatusCode::UNPROCESSABLE_ENTITY, "wrong-type", node, term, position, message)
            }
            ClientResponse::Items { items, more, term, position, level } => {
                let items = Value::list(&items.iter().map(|(key, value)| Value::pair(key, value)).collect::<Vec<_>>());
                let how = format_args!("\"more\":{more},\"level\":\"{level}\"");
                Self::ok(node, Some(&items), term, position, how)
            }
            ClientResponse::OutOfOrder { term, position } => {
                let message = "the client has asked for a later operation already; this one is not performed now";
                Self::decided(StatusCode::CONFLICT, "out-of-order", node, term, position, message)
            }
            ClientResponse::Operated { term, position } => {
                Self::json(&json!({"node": node, "term": term, "position": position}))
            }
            ClientResponse::Digest { position, digest } => {
                Self::json(&json!({"node": node, "position": position, "digest": format!("{digest:016x}")}))
            }
            ClientResponse::Refused { reason } => Self::bad_request(node, &reason),
            ClientResponse::Unknown { reason } => Self::unknown(node, reason),
        }
    }

    /// The value's text is JSON already: a large set is not parsed only to be written again.
    fn ok(node: NodeId, value: Option<&Value>, term: Term, position: Position, how: std::fmt::Arguments<'_>) -> Self {
        let value = value.map_or("null", Value::as_json_text);
        let body = format!(r#"{{"value":{value},"node":"{node}","term":{term},"position":{position},{how}}}"#);
        Self { status: StatusCode::OK, outcome: "ok", body }
    }

    fn not_leader(node: NodeId, leader: Option<NodeId>) -> Self {
        let message = match leader {
            Some(leader) => format!("{node} does not lead; ask {leader}"),
            None => format!("{node} does not lead, and knows no leader now"),
        };
        let body = json!({"error": "not-leader", "node": node, "leader": leader, "message": message});
        Self { status: StatusCode::MISDIRECTED_REQUEST, outcome: "not-leader", body: body.to_string() }
    }

    fn decided(
        status: StatusCode,
        outcome: &'static str,
        node: NodeId,
        term: Term,
        position: Position,
        message: &str,
    ) -> Self {
        let body = json!({"error": outcome, "node": node, "term": term, "position": position, "message": message});
        Self { status, outcome, body: body.to_string() }
    }

    fn error(status: StatusCode, outcome: &'static str, node: NodeId, message: &str) -> Self {
        let body = json!({"error": outcome, "node": node, "message": message});
        Self { status, outcome, body: body.to_string() }
    }

    /// The request makes no sense to this node or cluster.
    pub(super) fn bad_request(node: NodeId, message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "bad-request", node, message)
    }

    /// The body did not arrive in a usable form.
    pub(super) fn from_body_error(node: NodeId, error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::error(StatusCode::PAYLOAD_TOO_LARGE, "too-large", node, &error.to_string()),
            BodyError::Broken => Self::bad_request(node, &error.to_string()),
        }
    }

    /// The outcome is open.
    pub(super) fn unknown(node: NodeId, message: &str) -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, "unknown", node, message)
    }

    /// The outcome is open, and the client has waited long enough.
    pub(super) fn timeout(node: NodeId, waited_ms: u128) -> Self {
        let message = format!("no answer within {waited_ms} ms; the operation may still take effect");
        Self::error(StatusCode::GATEWAY_TIMEOUT, "timeout", node, &message)
    }

    /// An operator asked for what these settings do not allow.
    pub(super) fn refused(node: NodeId, message: &str) -> Self {
        Self::error(StatusCode::CONFLICT, "refused", node, message)
    }

    /// No such path.
    pub(super) fn not_found(node: NodeId, path: &str) -> Self {
        let message = format!("no route {path}; there are {}", super::routes::ROUTES);
        Self::error(StatusCode::NOT_FOUND, "not-found", node, &message)
    }

    /// The path takes another method.
    pub(super) fn method_not_allowed(node: NodeId) -> Self {
        let message = format!("this route takes another method; there are {}", super::routes::ROUTES);
        Self::error(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", node, &message)
    }

    /// A body of our own making.
    pub(super) fn json(body: &serde_json::Value) -> Self {
        Self { status: StatusCode::OK, outcome: "ok", body: body.to_string() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{ReadLevel, Replication};

    /// Every outcome of the core, with the status and the body it becomes.
    #[test]
    fn each_outcome_has_its_row() {
        let (term, position) = (Term(3), Position(17));
        let set = Value::list([&Value::from(1), &Value::from(2)]);
        let cases = [
            (
                ClientResponse::Value { value: Some(set), term, position, level: ReadLevel::ReadIndex },
                200,
                r#"{"value":[1,2],"node":"n1","term":3,"position":17,"level":"read-index"}"#,
            ),
            (
                ClientResponse::Value { value: None, term, position, level: ReadLevel::Local },
                200,
                r#"{"value":null,"node":"n1","term":3,"position":17,"level":"local"}"#,
            ),
            (
                ClientResponse::Acknowledged { term, position, replication: Replication::SemiSync(1), value: None },
                200,
                r#"{"value":7,"node":"n1","term":3,"position":17,"ack":"semi-sync:1"}"#,
            ),
            (ClientResponse::NotLeader { leader: Some(NodeId(2)) }, 421, r#""leader":"n2""#),
            (ClientResponse::NotLeader { leader: None }, 421, r#""leader":null"#),
            (ClientResponse::PreconditionFailed { term, position }, 409, r#""error":"precondition-failed""#),
            (ClientResponse::WrongType { term, position }, 422, r#""error":"wrong-type""#),
            (ClientResponse::Refused { reason: "no".to_owned() }, 400, r#""message":"no""#),
            (ClientResponse::Unknown { reason: "stopped leading" }, 503, r#""error":"unknown""#),
        ];
        let written = Value::from(7);
        for (response, status, expected) in cases {
            let answer = Answer::from_core(NodeId(1), response.clone(), Some(&written));
            assert_eq!(answer.status.as_u16(), status, "{response:?}");
            assert!(answer.body.contains(expected), "{} does not contain {expected}", answer.body);
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["error"].as_str().unwrap_or("ok"), answer.outcome);
            assert_eq!(body["node"], "n1");
        }
    }
}
