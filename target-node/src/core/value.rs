//! A JSON value as the node keeps it: canonical text, so that equal values are equal texts.
//!
//! Object keys are sorted and no space is left, whatever the client sent. In JSON a [`Value`] is the value itself; in
//! the compact formats of the log and of the peer protocol, which are not self-describing, it is its text.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// A JSON value in canonical form. Copies share their text: an entry's value is in the log, on its way to the disk and to
/// every follower, and in the state, but in memory once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Arc<str>);

impl Value {
    /// The JSON text.
    #[must_use]
    pub fn as_json_text(&self) -> &str {
        &self.0
    }

    /// The value as a tree.
    ///
    /// # Errors
    /// None for a value made from a tree; a text that is not JSON where the value was read from a damaged log.
    pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_str(&self.0)
    }

    /// JSON's null.
    #[must_use]
    pub fn null() -> Self {
        Self("null".into())
    }

    /// A whole number.
    #[must_use]
    pub fn integer(number: i64) -> Self {
        Self(number.to_string().into())
    }

    /// Whether this is JSON's null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// The JSON array of a key and its value.
    #[must_use]
    pub fn pair(key: &str, value: &Value) -> Self {
        Self(format!("[{},{}]", serde_json::Value::from(key), value.0).into())
    }

    /// The JSON array of these values.
    pub fn list<'a>(items: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut text = String::from("[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&item.0);
        }
        text.push(']');
        Self(text.into())
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        let mut text = String::new();
        write_canonical(json, &mut text);
        Self(text.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self(number.to_string().into())
    }
}

/// Writes `json` with sorted keys: `serde_json` keeps them as sent when a crate elsewhere asks it to preserve order.
fn write_canonical(json: &serde_json::Value, text: &mut String) {
    match json {
        serde_json::Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        serde_json::Value::Object(members) => {
            text.push('{');
            for (index, (key, member)) in members.iter().collect::<BTreeMap<_, _>>().into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(member, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.to_json().map_err(S::Error::custom)?.serialize(serializer)
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Ok(Self::from(&serde_json::Value::deserialize(deserializer)?));
        }
        let text = String::deserialize(deserializer)?;
        serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(D::Error::custom)?;
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_texts_and_survive_both_formats() {
        let cases = [
            (r#"{ "b": 1, "a": [ true, null ] }"#, r#"{"a":[true,null],"b":1}"#),
            (" 17 ", "17"),
            (r#""a\"\u00e4""#, r#""a\"ä""#),
            ("1.50", "1.5"),
        ];
        for (sent, canonical) in cases {
            let value: Value = serde_json::from_str(sent).unwrap();
            assert_eq!(value.as_json_text(), canonical);
            assert_eq!(serde_json::to_string(&value).unwrap(), canonical);
            let compact = postcard::to_stdvec(&value).unwrap();
            assert_eq!(postcard::from_bytes::<Value>(&compact).unwrap(), value);
        }
        let list = Value::list([&Value::from(1), &Value::from(2)]);
        assert_eq!(list.as_json_text(), "[1,2]");
    }

    #[test]
    fn damaged_text_is_refused() {
        let damaged = postcard::to_stdvec("[1,").unwrap();
        assert!(postcard::from_bytes::<Value>(&damaged).is_err());
    }
}
