//! The bodies that clients send, and what the core is asked in their name.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::core::{Change, ClientRequest, Origin, Value};
use crate::settings::{ReadLevel, Replication};

/// A body that cannot be understood. Definite: nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; expected {expected}")]
pub(super) struct BadRequest {
    problem: String,
    expected: &'static str,
}

/// A request, and the value that its acknowledgement repeats.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) body: ClientRequest,
    pub(super) value: Option<Value>,
}

/// A route for clients: how it is named, and how its bodies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Cas,
    Add,
}

impl Operation {
    /// Its path.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Read => "/v1/read",
            Self::Write => "/v1/write",
            Self::Cas => "/v1/cas",
            Self::Add => "/v1/add",
        }
    }

    /// Reads a body.
    pub(super) fn parse(self, bytes: &[u8]) -> Result<Asked, BadRequest> {
        match self {
            Self::Read => {
                let body: ReadBody = from_json(bytes, ReadBody::EXPECTED)?;
                Ok(Asked {
                    body: ClientRequest::Read { key: body.key, level: body.level, at_least: None },
                    value: None,
                })
            }
            Self::Write => {
                let body: WriteBody = from_json(bytes, WriteBody::EXPECTED)?;
                let change = Change::Write { key: body.key, value: body.value.clone() };
                change_of(change, body.value, body.ack, body.client, body.operation, WriteBody::EXPECTED)
            }
            Self::Cas => {
                let body: CasBody = from_json(bytes, CasBody::EXPECTED)?;
                let change = Change::Cas { key: body.key, old: body.old, new: body.new.clone() };
                change_of(change, body.new, body.ack, body.client, body.operation, CasBody::EXPECTED)
            }
            Self::Add => {
                let body: WriteBody = from_json(bytes, WriteBody::EXPECTED)?;
                let change = Change::Add { key: body.key, value: body.value.clone() };
                change_of(change, body.value, body.ack, body.client, body.operation, WriteBody::EXPECTED)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadBody {
    key: String,
    #[serde(default, deserialize_with = "from_text")]
    level: Option<ReadLevel>,
}

impl ReadBody {
    const EXPECTED: &str = r#"{"key": text} and, if wanted, "level": a value of the setting `read`"#;
}

/// Of `write` and of `add`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteBody {
    key: String,
    value: Value,
    #[serde(default, deserialize_with = "from_text")]
    ack: Option<Replication>,
    client: Option<String>,
    operation: Option<u64>,
}

impl WriteBody {
    const EXPECTED: &str = r#"{"key": text, "value": any JSON} and, if wanted, "ack": a value of the setting `replication`, and "client": text with "operation": number"#;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CasBody {
    key: String,
    old: Value,
    new: Value,
    #[serde(default, deserialize_with = "from_text")]
    ack: Option<Replication>,
    client: Option<String>,
    operation: Option<u64>,
}

impl CasBody {
    const EXPECTED: &str = r#"{"key": text, "old": any JSON (null where nothing was written), "new": any JSON} and, if wanted, "ack": a value of the setting `replication`, and "client": text with "operation": number"#;
}

fn from_json<T: DeserializeOwned>(bytes: &[u8], expected: &'static str) -> Result<T, BadRequest> {
    serde_json::from_slice(bytes).map_err(|error| BadRequest { problem: error.to_string(), expected })
}

fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    Option::<String>::deserialize(deserializer)?.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

fn change_of(
    change: Change,
    value: Value,
    replication: Option<Replication>,
    client: Option<String>,
    operation: Option<u64>,
    expected: &'static str,
) -> Result<Asked, BadRequest> {
    let origin = match (client, operation) {
        (Some(client), Some(operation)) => Some(Origin { client, operation }),
        (None, None) => None,
        _ => {
            let problem = "`client` and `operation` name an operation together; one is missing".to_owned();
            return Err(BadRequest { problem, expected });
        }
    };
    Ok(Asked { body: ClientRequest::Write { change, replication, origin }, value: Some(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_become_requests() {
        let asked = Operation::Read.parse(br#"{"key":"k","level":"local"}"#).unwrap();
        let read = ClientRequest::Read { key: "k".to_owned(), level: Some(ReadLevel::Local), at_least: None };
        assert_eq!(asked, Asked { body: read, value: None });

        let body = br#"{"key":"k","old":null,"new":[1],"ack":"semi-sync:2","client":"w1","operation":9}"#;
        let asked = Operation::Cas.parse(body).unwrap();
        let new: Value = serde_json::from_str("[1]").unwrap();
        let old: Value = serde_json::from_str("null").unwrap();
        let change = Change::Cas { key: "k".to_owned(), old, new: new.clone() };
        let origin = Some(Origin { client: "w1".to_owned(), operation: 9 });
        let body = ClientRequest::Write { change, replication: Some(Replication::SemiSync(2)), origin };
        assert_eq!(asked, Asked { body, value: Some(new) });
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_is_expected() {
        let cases = [
            (Operation::Read, "", "EOF while parsing"),
            (Operation::Read, "{", "EOF while parsing"),
            (Operation::Read, r#"{"key":1}"#, "expected a string"),
            (Operation::Read, r#"{"key":"k","levle":"local"}"#, "unknown field `levle`"),
            (
                Operation::Read,
                r#"{"key":"k","level":"strong"}"#,
                "it takes local | leader | bounded:MS | session | lease | read-index | log",
            ),
            (Operation::Write, r#"{"key":"k"}"#, "missing field `value`"),
            (Operation::Write, r#"{"key":"k","value":1,"ack":"most"}"#, "it takes memory | async"),
            (Operation::Write, r#"{"key":"k","value":1,"client":"w"}"#, "one is missing"),
            (Operation::Add, r#"{"key":"k","value":1} x"#, "trailing characters"),
            (Operation::Cas, r#"{"key":"k","value":1}"#, "unknown field `value`"),
        ];
        for (operation, body, expected) in cases {
            let error = operation.parse(body.as_bytes()).expect_err(body).to_string();
            assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
            assert!(error.contains(r#"; expected {"key": text"#), "{error}");
        }
    }
}
