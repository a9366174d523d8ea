//! JSON over HTTP/1.1 as a tester needs it: one attempt, no redirects, no retries, no environment proxies.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// No connection was made, so not one byte of the request left: it certainly did not happen.
    NotSent(String),
    /// The request may have arrived.
    InDoubt(String),
}

/// A client that keeps at most one connection a node and speaks only when told.
pub(super) struct JsonClient {
    http: reqwest::Client,
    timeout: Duration,
}

impl JsonClient {
    /// A client whose every request, connecting included, is bounded by `timeout`.
    pub(super) fn new(timeout: Duration) -> Self {
        Self { http: build(timeout), timeout }
    }

    /// Closes every connection.
    pub(super) fn close(&mut self) {
        self.http = build(self.timeout);
    }

    /// Posts a JSON body; an answer is its status and its JSON body (`null` if it has none).
    pub(super) async fn post(&self, address: SocketAddr, path: &str, body: &Value) -> Result<(u16, Value), NoAnswer> {
        let response = self.http.post(format!("http://{address}{path}")).json(body).send().await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                NoAnswer::NotSent(describe(&error))
            } else {
                NoAnswer::InDoubt(describe(&error))
            }
        })?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|error| NoAnswer::InDoubt(describe(&error)))?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

fn build(timeout: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .pool_max_idle_per_host(1)
        .tcp_nodelay(true)
        .connect_timeout(timeout)
        .timeout(timeout)
        .build()
        .unwrap_or_default()
}

/// The innermost cause in a few words: the outer layers only say that a request failed.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() { "connecting timed out".into() } else { "timed out".into() };
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
