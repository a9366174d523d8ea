//! Answers before they are bytes on a connection.

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::body::BodyError;
use super::outcome::{self, Outcome};
use super::request::BadRequest;
use crate::core::{ClientResponse, NodeId, Position, Term, Value};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    body: String,
}

impl Answer {
    /// What the core answered to a request of this node's client; `written` is what a write repeats.
    pub(super) fn to_client(node: NodeId, response: ClientResponse, written: Option<&Value>) -> Self {
        match response {
            ClientResponse::Value { value, term, position, level } => {
                let value = text_of(value.as_ref());
                Self::ok(format!(
                    r#"{{"value":{value},"node":"{node}","term":{term},"position":{position},"level":"{level}"}}"#
                ))
            }
            ClientResponse::Acknowledged { term, position, replication, value } => {
                let value = text_of(value.as_ref().or(written));
                Self::ok(format!(
                    r#"{{"value":{value},"node":"{node}","term":{term},"position":{position},"ack":"{replication}"}}"#
                ))
            }
            ClientResponse::Items { items, more, term, position, level } => {
                let items: Vec<Value> = items.iter().map(|(key, value)| Value::pair(key, value)).collect();
                let items = Value::list(&items);
                let from = format_args!(r#""node":"{node}","term":{term},"position":{position},"level":"{level}""#);
                Self::ok(format!(r#"{{"items":{items},"more":{more},{from}}}"#))
            }
            ClientResponse::Refused { reason } => Self::bad_request(node, &reason),
            other => Self::to_anybody(node, other),
        }
    }

    /// What the core answered to a transaction.
    pub(super) fn to_transaction(node: NodeId, response: ClientResponse) -> Self {
        match response {
            ClientResponse::Acknowledged { term, position, replication, value } => {
                let results = value.as_ref().map_or("[]", Value::as_json_text);
                let from = format_args!(r#""node":"{node}","term":{term},"position":{position},"ack":"{replication}""#);
                Self::ok(format!(r#"{{"results":{results},{from}}}"#))
            }
            other => Self::to_client(node, other, None),
        }
    }

    /// What the core answered to an operator.
    pub(super) fn to_operator(node: NodeId, response: ClientResponse) -> Self {
        match response {
            ClientResponse::Refused { reason } => Self::error(outcome::REFUSED, node, &reason),
            other => Self::to_anybody(node, other),
        }
    }

    fn to_anybody(node: NodeId, response: ClientResponse) -> Self {
        match response {
            ClientResponse::Operated { term, position } => {
                Self::json(&json!({"node": node, "term": term, "position": position}))
            }
            ClientResponse::Digest { position, digest } => {
                Self::json(&json!({"node": node, "position": position, "digest": format!("{digest:016x}")}))
            }
            ClientResponse::NotLeader { leader } => Self::not_leader(node, leader),
            ClientResponse::PreconditionFailed { term, position } => {
                Self::decided(outcome::PRECONDITION_FAILED, node, term, position)
            }
            ClientResponse::WrongType { term, position } => Self::decided(outcome::WRONG_TYPE, node, term, position),
            ClientResponse::OutOfOrder { term, position } => Self::decided(outcome::OUT_OF_ORDER, node, term, position),
            ClientResponse::Overloaded { reason } => Self::error(outcome::OVERLOADED, node, &reason),
            ClientResponse::Unknown { reason } => Self::error(outcome::UNKNOWN, node, reason),
            ClientResponse::Value { .. }
            | ClientResponse::Acknowledged { .. }
            | ClientResponse::Items { .. }
            | ClientResponse::Refused { .. } => {
                Self::error(outcome::UNKNOWN, node, "the node gave an answer to another question")
            }
        }
    }

    fn ok(body: String) -> Self {
        Self { outcome: outcome::OK, body }
    }

    /// A body of our own making.
    pub(super) fn json(body: &serde_json::Value) -> Self {
        Self::ok(body.to_string())
    }

    fn not_leader(node: NodeId, leader: Option<NodeId>) -> Self {
        let message = match leader {
            Some(leader) => format!("{node} does not lead; ask {leader}"),
            None => format!("{node} does not lead, and knows no leader now"),
        };
        let outcome = outcome::NOT_LEADER;
        let body = json!({"error": outcome.name, "node": node, "leader": leader, "message": message});
        Self { outcome, body: body.to_string() }
    }

    fn decided(outcome: Outcome, node: NodeId, term: Term, position: Position) -> Self {
        let message = outcome.summary;
        let body = json!({"error": outcome.name, "node": node, "term": term, "position": position, "message": message});
        Self { outcome, body: body.to_string() }
    }

    /// Any outcome but `ok`.
    pub(super) fn error(outcome: Outcome, node: NodeId, message: &str) -> Self {
        let body = json!({"error": outcome.name, "node": node, "message": message});
        Self { outcome, body: body.to_string() }
    }

    /// The request makes no sense to this node or cluster.
    pub(super) fn bad_request(node: NodeId, message: &str) -> Self {
        Self::error(outcome::BAD_REQUEST, node, message)
    }

    /// The body was not understood, or is too large once it is.
    pub(super) fn from_bad_request(node: NodeId, error: &BadRequest) -> Self {
        let outcome = match error {
            BadRequest::NotUnderstood { .. } => outcome::BAD_REQUEST,
            BadRequest::TooLarge { .. } => outcome::TOO_LARGE,
        };
        Self::error(outcome, node, &error.to_string())
    }

    /// The body did not arrive in a usable form.
    pub(super) fn from_body_error(node: NodeId, error: BodyError) -> Self {
        let outcome = match error {
            BodyError::TooLarge => outcome::TOO_LARGE,
            BodyError::Broken => outcome::BAD_REQUEST,
            BodyError::Slow => outcome::BODY_TIMEOUT,
            BodyError::Crowded => outcome::OVERLOADED,
        };
        Self::error(outcome, node, &error.to_string())
    }

    /// The client has waited long enough.
    pub(super) fn timeout(node: NodeId, waited_ms: u128) -> Self {
        let message = format!("no answer within {waited_ms} ms; the operation may still take effect");
        Self::error(outcome::TIMEOUT, node, &message)
    }

    /// As the bytes of a whole HTTP response that closes its connection.
    pub(super) fn as_http_refusal(&self) -> Arc<[u8]> {
        let (status, body) = (self.outcome.status, &self.body);
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n"
        );
        format!("{head}\r\n{body}").into_bytes().into()
    }

    /// The node ends, and did not begin with this.
    pub(super) fn stopping(node: NodeId) -> Self {
        let outcome = outcome::NOT_LEADER;
        let message = format!("{node} is stopping and takes nothing any more; ask another node");
        let body = json!({"error": outcome.name, "node": node, "leader": null, "message": message});
        Self { outcome, body: body.to_string() }
    }
}

/// The value's text is JSON already: a large set is not parsed only to be written again.
fn text_of(value: Option<&Value>) -> &str {
    value.map_or("null", Value::as_json_text)
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.outcome.status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response()
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
        let (level, replication) = (ReadLevel::ReadIndex, Replication::SemiSync(1));
        let set = Value::list([&Value::from(1), &Value::from(2)]);
        let items = vec![("a\"".to_owned(), Value::from(1)), ("b".to_owned(), set.clone())];
        let cases = [
            (
                ClientResponse::Value { value: Some(set), term, position, level },
                200,
                r#"{"value":[1,2],"node":"n1","term":3,"position":17,"level":"read-index"}"#,
            ),
            (
                ClientResponse::Value { value: None, term, position, level: ReadLevel::Local },
                200,
                r#"{"value":null,"node":"n1","term":3,"position":17,"level":"local"}"#,
            ),
            (
                ClientResponse::Items { items, more: true, term, position, level },
                200,
                r#"{"items":[["a\"",1],["b",[1,2]]],"more":true,"node":"n1","term":3,"position":17,"level":"read-index"}"#,
            ),
            (
                ClientResponse::Acknowledged { term, position, replication, value: None },
                200,
                r#"{"value":7,"node":"n1","term":3,"position":17,"ack":"semi-sync:1"}"#,
            ),
            (
                ClientResponse::Acknowledged { term, position, replication, value: Some(Value::from(9)) },
                200,
                r#"{"value":9,"node":"n1","term":3,"position":17,"ack":"semi-sync:1"}"#,
            ),
            (ClientResponse::NotLeader { leader: Some(NodeId(2)) }, 421, r#""leader":"n2""#),
            (ClientResponse::NotLeader { leader: None }, 421, r#""leader":null"#),
            (ClientResponse::PreconditionFailed { term, position }, 409, r#""error":"precondition-failed""#),
            (ClientResponse::OutOfOrder { term, position }, 409, r#""error":"out-of-order""#),
            (ClientResponse::WrongType { term, position }, 422, r#""error":"wrong-type""#),
            (ClientResponse::Refused { reason: "no".to_owned() }, 400, r#""message":"no""#),
            (ClientResponse::Overloaded { reason: "later".to_owned() }, 429, r#""error":"overloaded""#),
            (ClientResponse::Unknown { reason: "stopped leading" }, 503, r#""error":"unknown""#),
        ];
        let written = Value::from(7);
        for (response, status, expected) in cases {
            let answer = Answer::to_client(NodeId(1), response.clone(), Some(&written));
            assert_eq!(answer.outcome.status.as_u16(), status, "{response:?}");
            assert!(answer.body.contains(expected), "{} does not contain {expected}", answer.body);
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["error"].as_str().unwrap_or("ok"), answer.outcome.name);
            assert_eq!(body["node"], "n1");
        }
    }

    #[test]
    fn operators_and_transactions_are_answered_in_their_own_words() {
        let (term, position) = (Term(3), Position(17));
        let refused = Answer::to_operator(NodeId(1), ClientResponse::Refused { reason: "no".to_owned() });
        assert_eq!(refused.outcome, outcome::REFUSED);
        let digest = Answer::to_operator(NodeId(1), ClientResponse::Digest { position, digest: 255 });
        assert_eq!(digest.body, r#"{"digest":"00000000000000ff","node":"n1","position":17}"#);
        let value = Some(Value::list([&Value::null(), &Value::from(2)]));
        let done = ClientResponse::Acknowledged { term, position, replication: Replication::Async, value };
        let done = Answer::to_transaction(NodeId(1), done);
        assert_eq!(done.body, r#"{"results":[null,2],"node":"n1","term":3,"position":17,"ack":"async"}"#);
    }
}
