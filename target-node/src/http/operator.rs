//! The bodies that operators send, and what the core is asked in their name.

use std::net::SocketAddr;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::field::{self, Field, Kind};
use crate::core::{NodeId, OperatorRequest, Position};

/// What operators may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Promote,
    Transfer,
    AddMember,
    RemoveMember,
    Snapshot,
}

impl Command {
    /// The members of its body.
    pub(super) fn fields(self) -> &'static [Field] {
        const TO: Field = Field::optional(
            "to",
            Kind::Node,
            "Whom to hand over to; the most advanced follower if not given",
            "\"n2\"",
        );
        const NODE: Field = Field::required("node", Kind::Node, "Which node", "\"n4\"");
        const ADDRESS: Field = Field::optional(
            "address",
            Kind::Address,
            "Where its peers reach it; needed where their --peers do not name it",
            "\"10.77.0.4:7001\"",
        );
        match self {
            Self::Promote | Self::Snapshot => &[],
            Self::Transfer => &[TO],
            Self::AddMember => &[NODE, ADDRESS],
            Self::RemoveMember => &[NODE],
        }
    }

    /// Reads a body; none stands for one without members.
    ///
    /// # Errors
    /// What is wrong with it, and what is expected.
    pub(super) fn parse(self, bytes: &[u8]) -> Result<OperatorRequest, String> {
        let bytes = match bytes.trim_ascii() {
            b"" | b"null" => b"{}",
            bytes => bytes,
        };
        self.read(bytes).map_err(|problem| format!("{problem}; expected {}", field::expected(self.fields())))
    }

    fn read(self, bytes: &[u8]) -> serde_json::Result<OperatorRequest> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Transfer {
            to: Option<NodeId>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct AddMember {
            node: NodeId,
            address: Option<SocketAddr>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct RemoveMember {
            node: NodeId,
        }
        fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
            serde_json::from_slice(bytes)
        }
        Ok(match self {
            Self::Promote => from_json(bytes).map(|Nothing {}| OperatorRequest::Promote)?,
            Self::Snapshot => from_json(bytes).map(|Nothing {}| OperatorRequest::Snapshot)?,
            Self::Transfer => from_json(bytes).map(|Transfer { to }| OperatorRequest::Transfer { to })?,
            Self::AddMember => {
                from_json(bytes).map(|AddMember { node, address }| OperatorRequest::AddMember { node, address })?
            }
            Self::RemoveMember => {
                from_json(bytes).map(|RemoveMember { node }| OperatorRequest::RemoveMember { node })?
            }
        })
    }
}

/// The query of `GET /admin/digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DigestQuery {
    position: Option<u64>,
}

impl DigestQuery {
    /// Its members.
    pub(super) const FIELDS: &[Field] =
        &[Field::optional("position", Kind::Count, "At which position; the visible one if not given", "1")];

    pub(super) fn request(self) -> OperatorRequest {
        OperatorRequest::Digest { position: self.position.map(Position) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_become_requests_and_none_is_empty() {
        let address = Some("10.77.0.4:7001".parse().unwrap());
        let cases: &[(Command, &str, OperatorRequest)] = &[
            (Command::Promote, "", OperatorRequest::Promote),
            (Command::Promote, "null", OperatorRequest::Promote),
            (Command::Snapshot, "{}", OperatorRequest::Snapshot),
            (Command::Transfer, "", OperatorRequest::Transfer { to: None }),
            (Command::Transfer, r#"{"to":"n2"}"#, OperatorRequest::Transfer { to: Some(NodeId(2)) }),
            (
                Command::AddMember,
                r#"{"node":"n4","address":"10.77.0.4:7001"}"#,
                OperatorRequest::AddMember { node: NodeId(4), address },
            ),
            (Command::RemoveMember, r#"{"node":"n3"}"#, OperatorRequest::RemoveMember { node: NodeId(3) }),
        ];
        for (command, body, expected) in cases {
            assert_eq!(command.parse(body.as_bytes()).as_ref(), Ok(expected), "{command:?} {body}");
        }
    }

    #[test]
    fn fields_are_described_as_they_are_read() {
        use Command::{AddMember, Promote, RemoveMember, Snapshot, Transfer};
        for command in [Promote, Transfer, AddMember, RemoveMember, Snapshot] {
            let example = field::example(command.fields());
            assert!(command.parse(example.to_string().as_bytes()).is_ok(), "{command:?}");
            for field in command.fields() {
                let mut without = example.clone();
                without.as_object_mut().unwrap().remove(field.name);
                assert_eq!(command.parse(without.to_string().as_bytes()).is_ok(), !field.required, "{}", field.name);
            }
        }
        let error = AddMember.parse(br#"{"node":"4"}"#).unwrap_err();
        assert!(error.contains(r#"expected {"node": a node such as "n2"} and, if wanted, "address""#), "{error}");
        assert!(Promote.parse(br#"{"to":"n2"}"#).unwrap_err().contains("unknown field `to`"));
    }
}
