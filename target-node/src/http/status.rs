//! `GET /status`: the node's account of itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::driver::Report;

/// The body of the answer.
pub(super) fn body(report: &Report) -> Value {
    let status = &report.status;
    let followers: BTreeMap<String, Value> = status
        .matched
        .iter()
        .map(|(node, matched)| {
            (node.to_string(), json!({"matched": matched, "lag": status.last.0.saturating_sub(matched.0)}))
        })
        .collect();
    json!({
        "node": status.node,
        "role": status.role,
        "term": status.term,
        "leader": status.leader,
        "positions": {
            "last": status.last,
            "durable": status.durable,
            "committed": status.committed,
            "visible": status.visible,
        },
        "followers": followers,
        "settings": status.settings,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_ms": report.uptime.as_millis() as u64,
    })
}
