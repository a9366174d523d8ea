//! What may become of a request: one row for every outcome, with its status and whether it is definite.
//!
//! Below 500 an outcome is definite: what the client asked for did not happen, or it did and the status is 200. From 500
//! on it is open: it may take effect, now or later.

use axum::http::StatusCode;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Its name, in the metrics and, unless it is `ok`, in the body as `error`.
    pub(super) name: &'static str,
    pub(super) status: StatusCode,
    /// What it means, in one line.
    pub(super) summary: &'static str,
}

const fn outcome(name: &'static str, status: StatusCode, summary: &'static str) -> Outcome {
    Outcome { name, status, summary }
}

pub(super) const OK: Outcome = outcome("ok", StatusCode::OK, "it happened");
pub(super) const BAD_REQUEST: Outcome =
    outcome("bad-request", StatusCode::BAD_REQUEST, "not understood, or not offered by this cluster");
pub(super) const NOT_FOUND: Outcome = outcome("not-found", StatusCode::NOT_FOUND, "no such route");
pub(super) const METHOD_NOT_ALLOWED: Outcome =
    outcome("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "the route takes another method");
pub(super) const BODY_TIMEOUT: Outcome =
    outcome("body-timeout", StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time; nothing was done");
pub(super) const PRECONDITION_FAILED: Outcome = outcome(
    "precondition-failed",
    StatusCode::CONFLICT,
    "a register had another value than a cas expected; nothing was changed",
);
pub(super) const OUT_OF_ORDER: Outcome = outcome(
    "out-of-order",
    StatusCode::CONFLICT,
    "the client has asked for a later operation already; this one is not performed now",
);
pub(super) const REFUSED: Outcome =
    outcome("refused", StatusCode::CONFLICT, "an operator's request that these settings or this moment do not allow");
pub(super) const TOO_LARGE: Outcome =
    outcome("too-large", StatusCode::PAYLOAD_TOO_LARGE, "the body is above the bound");
pub(super) const NOT_LEADER: Outcome =
    outcome("not-leader", StatusCode::MISDIRECTED_REQUEST, "another node may take it; `leader` names it if known");
pub(super) const WRONG_TYPE: Outcome = outcome(
    "wrong-type",
    StatusCode::UNPROCESSABLE_ENTITY,
    "the key holds an object of another kind than the one asked for; nothing was changed",
);
pub(super) const OVERLOADED: Outcome =
    outcome("overloaded", StatusCode::TOO_MANY_REQUESTS, "the node has too much to do and did not begin");
pub(super) const UNKNOWN: Outcome =
    outcome("unknown", StatusCode::SERVICE_UNAVAILABLE, "the leader stopped leading; it may take effect or not");
pub(super) const TIMEOUT: Outcome =
    outcome("timeout", StatusCode::GATEWAY_TIMEOUT, "no answer in time; it may take effect or not");

/// Every outcome, by status.
pub(super) const OUTCOMES: &[Outcome] = &[
    OK,
    BAD_REQUEST,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    BODY_TIMEOUT,
    PRECONDITION_FAILED,
    OUT_OF_ORDER,
    REFUSED,
    TOO_LARGE,
    NOT_LEADER,
    WRONG_TYPE,
    OVERLOADED,
    UNKNOWN,
    TIMEOUT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_sorted_and_documented() {
        assert!(OUTCOMES.is_sorted_by_key(|outcome| outcome.status));
        let document = include_str!("../../../docs/node-http.md");
        for outcome in OUTCOMES {
            let row = format!("| {} | `{}` |", outcome.status.as_u16(), outcome.name);
            assert!(document.contains(&row), "docs/node-http.md has no row `{row}`");
        }
    }
}
