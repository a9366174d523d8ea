//! `GET /config`: every setting with its value, default and meaning, and the members of the cluster.

use serde_json::{Value, json};

use crate::core::Status;
use crate::settings::{DESCRIPTIONS, PRESETS};

/// The body of the answer.
pub(super) fn body(status: &Status) -> Value {
    let settings: Vec<Value> = DESCRIPTIONS
        .iter()
        .map(|setting| {
            json!({
                "name": setting.name,
                "value": status.settings.get(setting.name),
                "default": setting.default,
                "values": setting.values,
                "description": setting.summary,
            })
        })
        .collect();
    let presets: Vec<Value> = PRESETS
        .iter()
        .map(|preset| {
            let settings: serde_json::Map<String, Value> =
                preset.settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
            json!({"name": preset.name, "settings": settings, "description": preset.summary})
        })
        .collect();
    json!({
        "node": status.node,
        "members": {"voters": status.members.voters, "learners": status.members.learners},
        "settings": settings,
        "presets": presets,
    })
}
