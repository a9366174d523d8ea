//! Locks as etcd's own recipe has them: a session with a lease that is kept alive, and for every lock a key that vanishes with
//! the lease.
//!
//! The lease's keep-alives go to the member that the client belongs to, every third of its time to live. Whether they arrive
//! is not looked at while a lock is held: that is how the recipe is mostly used, and why such a lock alone protects nothing.
//! The token of an acquire is the revision at which the lock's key came into being, which only grows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::protocol::{self, Request};
use crate::systems::http::JsonClient;

/// The time to live of a lease, seconds: the least that etcd grants at its default election timeout.
pub(super) const TTL_SECONDS: u64 = 2;

/// The locks of one client.
pub(super) struct LockSession {
    home: SocketAddr,
    timeout: Duration,
    lease: Option<Lease>,
    /// Locks that were acquired and not released, with the revision of each.
    held: BTreeMap<String, u64>,
}

/// A lease that is kept alive until it is dropped.
struct Lease {
    id: String,
    keep_alive: JoinHandle<()>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keep_alive.abort();
    }
}

impl LockSession {
    /// A client at `home`, whose keep-alives are bounded by `timeout`.
    pub(super) fn new(home: SocketAddr, timeout: Duration) -> Self {
        Self { home, timeout, lease: None, held: BTreeMap::new() }
    }

    /// The request for a lease.
    pub(super) fn grant() -> Request {
        Request { path: "/v3/lease/grant", body: json!({"TTL": TTL_SECONDS.to_string()}) }
    }

    /// The lease of this session, if it has one.
    pub(super) fn lease(&self) -> Option<String> {
        self.lease.as_ref().map(|lease| lease.id.clone())
    }

    /// Begins with the lease that was granted; keeps it alive from now on.
    pub(super) fn begin(&mut self, granted: &Value) -> String {
        let id = protocol::number(granted, "/ID").to_string();
        let keep_alive = tokio::spawn(keep_alive(self.home, self.timeout, id.clone()));
        self.lease = Some(Lease { id: id.clone(), keep_alive });
        id
    }

    /// Lets the lease run out.
    pub(super) fn end(&mut self) {
        self.lease = None;
    }

    /// Takes the lock if nobody has it.
    pub(super) fn acquire(key: &str, lease: &str) -> Request {
        let mut put = protocol::put_body(key, &json!(lease));
        put["lease"] = json!(lease);
        protocol::guarded(&[protocol::was_created_at(key, 0)], &[json!({"requestPut": put})])
    }

    /// Notes that it was taken; returns the token.
    pub(super) fn acquired(&mut self, key: &str, answer: &Value) -> u64 {
        let revision = protocol::number(answer, "/header/revision");
        self.held.insert(key.to_owned(), revision);
        revision
    }

    /// Gives back the lock that was taken, and none of somebody else's.
    pub(super) fn release(&self, key: &str) -> Option<Request> {
        let own = protocol::was_created_at(key, *self.held.get(key)?);
        Some(protocol::guarded(&[own], &[json!({"requestDeleteRange": {"key": protocol::encode(key)}})]))
    }

    /// Notes that it was given back.
    pub(super) fn released(&mut self, key: &str) {
        self.held.remove(key);
    }
}

/// Refreshes a lease for ever. What comes of it nobody asks.
async fn keep_alive(home: SocketAddr, timeout: Duration, lease: String) {
    let http = JsonClient::new(timeout);
    loop {
        tokio::time::sleep(Duration::from_secs(TTL_SECONDS) / 3).await;
        let _ = http.post(home, "/v3/lease/keepalive", &json!({ "ID": lease })).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_taken_if_its_key_is_not_there_and_given_back_if_it_is_ones_own() {
        let acquire = LockSession::acquire("k1", "77").body;
        assert_eq!(acquire.pointer("/compare/0/createRevision"), Some(&json!("0")));
        assert_eq!(acquire.pointer("/success/0/requestPut/lease"), Some(&json!("77")));
        let mut session = LockSession::new("127.0.0.1:1".parse().unwrap(), Duration::from_secs(1));
        assert_eq!(session.release("k1"), None);
        assert_eq!(session.acquired("k1", &json!({"header": {"revision": "12"}, "succeeded": true})), 12);
        let release = session.release("k1").unwrap().body;
        assert_eq!(release.pointer("/compare/0/createRevision"), Some(&json!("12")));
        session.released("k1");
        assert_eq!(session.release("k1"), None);
    }

    #[tokio::test]
    async fn a_session_has_a_lease_until_it_ends() {
        let mut session = LockSession::new("127.0.0.1:1".parse().unwrap(), Duration::from_secs(1));
        assert_eq!(session.lease(), None);
        assert_eq!(session.begin(&json!({"ID": "77", "TTL": "2"})), "77");
        assert_eq!(session.lease().as_deref(), Some("77"));
        session.end();
        assert_eq!(session.lease(), None);
    }
}
