//! The members of bodies and queries, as data: what they are called, what they hold, an example of each.

use serde_json::{Value, json};

use crate::settings::DESCRIPTIONS;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
    /// From 0 on.
    Count,
    /// May be negative.
    Number,
    Truth,
    Node,
    Address,
    /// A value of the setting of this name.
    Setting(&'static str),
    /// The steps of a transaction.
    Steps,
    /// An array of anything.
    Array,
    /// Pairs of a key and its value.
    Items,
}

impl Kind {
    /// As an error message says it.
    fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Json => "any JSON".to_owned(),
            Self::Count => "a number from 0".to_owned(),
            Self::Number => "a whole number".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::Node => "a node such as \"n2\"".to_owned(),
            Self::Address => "\"IP:PORT\"".to_owned(),
            Self::Setting(name) => values_of(name).to_owned(),
            Self::Steps => r#"[{"read": {"key": text}}, {"write": {"key": text, "value": any JSON}}, …]"#.to_owned(),
            Self::Array | Self::Items => "an array".to_owned(),
        }
    }

    /// As a JSON Schema says it.
    fn schema(self) -> Value {
        match self {
            Self::Text | Self::Address => json!({"type": "string"}),
            Self::Json => json!({}),
            Self::Count => json!({"type": "integer", "minimum": 0}),
            Self::Number => json!({"type": "integer"}),
            Self::Truth => json!({"type": "boolean"}),
            Self::Node => json!({"type": ["string", "null"], "pattern": "^n[1-9][0-9]*$"}),
            Self::Setting(name) => json!({"type": "string", "description": values_of(name)}),
            Self::Steps => json!({
                "type": "array",
                "items": {"type": "object", "minProperties": 1, "maxProperties": 1},
            }),
            Self::Array => json!({"type": "array"}),
            Self::Items => json!({"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2}}),
        }
    }
}

fn values_of(setting: &str) -> &'static str {
    DESCRIPTIONS.iter().find(|description| description.name == setting).map_or("", |description| description.values)
}

/// One member of a body or a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) summary: &'static str,
    /// As JSON.
    example: &'static str,
}

impl Field {
    /// One that must be there.
    pub(super) const fn required(name: &'static str, kind: Kind, summary: &'static str, example: &'static str) -> Self {
        Self { name, kind, required: true, summary, example }
    }

    /// One that may be left out.
    pub(super) const fn optional(name: &'static str, kind: Kind, summary: &'static str, example: &'static str) -> Self {
        Self { name, kind, required: false, summary, example }
    }

    /// An example, as a tree.
    pub(super) fn example(&self) -> Value {
        serde_json::from_str(self.example).unwrap_or_default()
    }

    /// Its JSON Schema.
    pub(super) fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        let description = match schema.get("description").and_then(Value::as_str) {
            Some(values) => format!("{}: {values}", self.summary),
            None => self.summary.to_owned(),
        };
        schema["description"] = description.into();
        schema
    }
}

/// The JSON Schema of an object with these fields and no others.
pub(super) fn schema(fields: &[Field]) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), field.schema())).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// An example with every field.
pub(super) fn example(fields: &[Field]) -> Value {
    fields.iter().map(|field| (field.name.to_owned(), field.example())).collect::<serde_json::Map<_, _>>().into()
}

/// What a body with these fields looks like, for one who sent another.
pub(super) fn expected(fields: &[Field]) -> String {
    let list = |required: bool| {
        let fields = fields.iter().filter(|field| field.required == required);
        fields.map(|field| format!("\"{}\": {}", field.name, field.kind.words())).collect::<Vec<_>>().join(", ")
    };
    match list(false) {
        optional if optional.is_empty() => format!("{{{}}}", list(true)),
        optional => format!("{{{}}} and, if wanted, {optional}", list(true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::required("key", Kind::Text, "The key", "\"k\""),
        Field::optional("ack", Kind::Setting("replication"), "When", "\"sync\""),
    ];

    #[test]
    fn fields_are_described_in_words_and_as_a_schema() {
        let words = r#"{"key": text} and, if wanted, "ack": memory | async | semi-sync:K | majority | sync"#;
        assert_eq!(expected(FIELDS), words);
        assert_eq!(expected(&FIELDS[..1]), r#"{"key": text}"#);
        assert_eq!(example(FIELDS), json!({"key": "k", "ack": "sync"}));
        let schema = schema(FIELDS);
        assert_eq!(schema["required"], json!(["key"]));
        assert_eq!(schema["properties"]["key"], json!({"type": "string", "description": "The key"}));
    }
}
