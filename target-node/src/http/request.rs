//! The bodies that clients send, and what the core is asked in their name.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::body::BODY_BYTES_MAX;
use super::field::{self, Field, Kind};
use crate::core::{Access, Change, ClientRequest, Origin, Position, Value};
use crate::settings::{ReadLevel, Replication};

/// The most keys that one scan returns, and how many it returns if it does not say.
const SCAN_LIMIT_MAX: usize = 10_000;
const SCAN_LIMIT: usize = 100;

/// The most steps of a transaction: a node does nothing else while it performs one.
const STEPS_MAX: usize = 10_000;

/// A body that cannot be taken. Definite: nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadRequest {
    #[error("{problem}; expected {expected}")]
    NotUnderstood { problem: String, expected: String },
    #[error(
        "the key and the values take {bytes} bytes in canonical form, above the bound of {BODY_BYTES_MAX}: store less \
         under one key"
    )]
    TooLarge { bytes: usize },
}

impl BadRequest {
    /// The body could not be looked at.
    pub(super) fn unreadable(error: &impl Display) -> Self {
        Self::NotUnderstood { problem: error.to_string(), expected: "a body that can be parsed".to_owned() }
    }
}

/// A request, and the value that its acknowledgement repeats.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) body: ClientRequest,
    pub(super) value: Option<Value>,
}

/// What clients may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Scan,
    Write,
    Cas,
    Delete,
    Add,
    Append,
    Increment,
    Take,
    Transaction,
}

const KEY: Field = Field::required("key", Kind::Text, "The key", "\"greeting\"");
const VALUE: Field = Field::required("value", Kind::Json, "The value", "\"hello\"");
const ACK: Field =
    Field::optional("ack", Kind::Setting("replication"), "When to acknowledge this write", "\"majority\"");
const CLIENT: Field =
    Field::optional("client", Kind::Text, "Who asks, with `operation`: a repeated pair takes effect once", "\"w1\"");
const OPERATION: Field = Field::optional("operation", Kind::Count, "The client's number for it, counting up", "1");
const LEVEL: Field = Field::optional("level", Kind::Setting("read"), "Who answers this read", "\"local\"");
const AT_LEAST: Field =
    Field::optional("at_least", Kind::Count, "Wait until the state shows this position, from an earlier answer", "1");

impl Operation {
    /// The members of its body.
    pub(super) fn fields(self) -> &'static [Field] {
        const PREFIX: Field = Field::optional("prefix", Kind::Text, "Only keys that begin so", "\"gr\"");
        const AFTER: Field = Field::optional("after", Kind::Text, "Only keys after this one", "\"a\"");
        const LIMIT: Field =
            Field::optional("limit", Kind::Count, "The most keys: 100 if not given, up to 10000", "10");
        const OLD: Field =
            Field::required("old", Kind::Json, "The value it must have; null where nothing was written", "\"hello\"");
        const NEW: Field = Field::required("new", Kind::Json, "Its value from then on", "\"bye\"");
        const BY: Field = Field::required("by", Kind::Number, "How much to add", "-2");
        const OPERATIONS: Field = Field::required(
            "operations",
            Kind::Steps,
            "The steps: read, write, cas, delete, add, append, increment, take, each with its members",
            r#"[{"read":{"key":"greeting"}},{"write":{"key":"greeting","value":"hi"}}]"#,
        );
        match self {
            Self::Read => &[KEY, LEVEL, AT_LEAST],
            Self::Scan => &[PREFIX, AFTER, LIMIT, LEVEL, AT_LEAST],
            Self::Write | Self::Add | Self::Append => &[KEY, VALUE, ACK, CLIENT, OPERATION],
            Self::Cas => &[KEY, OLD, NEW, ACK, CLIENT, OPERATION],
            Self::Delete | Self::Take => &[KEY, ACK, CLIENT, OPERATION],
            Self::Increment => &[KEY, BY, ACK, CLIENT, OPERATION],
            Self::Transaction => &[OPERATIONS, ACK, CLIENT, OPERATION],
        }
    }

    /// Reads a body.
    pub(super) fn parse(self, bytes: &[u8]) -> Result<Asked, BadRequest> {
        let asked = self
            .read(bytes)
            .map_err(|problem| BadRequest::NotUnderstood { problem, expected: field::expected(self.fields()) })?;
        // In canonical form a number may be longer than it was sent.
        match written_bytes(&asked.body) {
            bytes if bytes > BODY_BYTES_MAX => Err(BadRequest::TooLarge { bytes }),
            _ => Ok(asked),
        }
    }

    fn read(self, bytes: &[u8]) -> Result<Asked, String> {
        match self {
            Self::Read => {
                let ReadBody { key, level, at_least } = from_json(bytes)?;
                let at_least = at_least.map(Position);
                Ok(Asked { body: ClientRequest::Read { key, level, at_least }, value: None })
            }
            Self::Scan => {
                let ScanBody { prefix, after, limit, level, at_least } = from_json(bytes)?;
                let limit = limit.unwrap_or(SCAN_LIMIT);
                if !(1..=SCAN_LIMIT_MAX).contains(&limit) {
                    return Err(format!("`limit` is {limit}, and must be from 1 to {SCAN_LIMIT_MAX}"));
                }
                let at_least = at_least.map(Position);
                Ok(Asked { body: ClientRequest::Scan { prefix, after, limit, level, at_least }, value: None })
            }
            Self::Write => {
                let body: ValueBody = from_json(bytes)?;
                body.how.write(Change::Write { key: body.key, value: body.value.clone() }, Some(body.value))
            }
            Self::Add => {
                let body: ValueBody = from_json(bytes)?;
                body.how.write(Change::Add { key: body.key, value: body.value.clone() }, Some(body.value))
            }
            Self::Append => {
                let body: ValueBody = from_json(bytes)?;
                body.how.write(Change::Append { key: body.key, value: body.value.clone() }, Some(body.value))
            }
            Self::Cas => {
                let body: CasBody = from_json(bytes)?;
                body.how.write(Change::Cas { key: body.key, old: body.old, new: body.new.clone() }, Some(body.new))
            }
            Self::Delete => {
                let body: KeyBody = from_json(bytes)?;
                body.how.write(Change::Delete { key: body.key }, None)
            }
            Self::Take => {
                let body: KeyBody = from_json(bytes)?;
                body.how.write(Change::Take { key: body.key }, None)
            }
            Self::Increment => {
                let body: IncrementBody = from_json(bytes)?;
                body.how.write(Change::Increment { key: body.key, by: body.by }, None)
            }
            Self::Transaction => {
                let TransactionBody { operations, how } = from_json(bytes)?;
                if operations.len() > STEPS_MAX {
                    return Err(format!("{} operations are more than {STEPS_MAX}", operations.len()));
                }
                let accesses = operations.into_iter().map(Access::from).collect();
                let How { replication, origin } = how;
                Ok(Asked { body: ClientRequest::Transaction { accesses, replication, origin }, value: None })
            }
        }
    }
}

/// When to acknowledge a write, and who asks for it.
struct How {
    replication: Option<Replication>,
    origin: Option<Origin>,
}

impl How {
    fn new<E: serde::de::Error>(
        replication: Option<Replication>,
        client: Option<String>,
        operation: Option<u64>,
    ) -> Result<Self, E> {
        match (client, operation) {
            (Some(client), Some(operation)) => Ok(Self { replication, origin: Some(Origin { client, operation }) }),
            (None, None) => Ok(Self { replication, origin: None }),
            _ => Err(E::custom("`client` and `operation` name an operation together; one is missing")),
        }
    }

    fn write(self, change: Change, value: Option<Value>) -> Result<Asked, String> {
        let Self { replication, origin } = self;
        Ok(Asked { body: ClientRequest::Write { change, replication, origin }, value })
    }
}

/// A body with these members, and with those that every write has.
macro_rules! write_body {
    ($name:ident { $($field:ident: $type:ty),+ }) => {
        struct $name {
            $($field: $type,)+
            how: How,
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Members {
                    $($field: $type,)+
                    #[serde(default, deserialize_with = "from_text")]
                    ack: Option<Replication>,
                    client: Option<String>,
                    operation: Option<u64>,
                }
                let Members { $($field,)+ ack, client, operation } = Members::deserialize(deserializer)?;
                Ok(Self { $($field,)+ how: How::new(ack, client, operation)? })
            }
        }
    };
}

write_body!(ValueBody { key: String, value: Value });
write_body!(CasBody { key: String, old: Value, new: Value });
write_body!(KeyBody { key: String });
write_body!(IncrementBody { key: String, by: i64 });
write_body!(TransactionBody { operations: Vec<Step> });

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadBody {
    key: String,
    #[serde(default, deserialize_with = "from_text")]
    level: Option<ReadLevel>,
    at_least: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanBody {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default, deserialize_with = "from_text")]
    level: Option<ReadLevel>,
    at_least: Option<u64>,
}

/// One step of a transaction.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    Read { key: String },
    Write { key: String, value: Value },
    Cas { key: String, old: Value, new: Value },
    Delete { key: String },
    Add { key: String, value: Value },
    Append { key: String, value: Value },
    Increment { key: String, by: i64 },
    Take { key: String },
}

impl From<Step> for Access {
    fn from(step: Step) -> Self {
        Access::Change(match step {
            Step::Read { key } => return Access::Read { key },
            Step::Write { key, value } => Change::Write { key, value },
            Step::Cas { key, old, new } => Change::Cas { key, old, new },
            Step::Delete { key } => Change::Delete { key },
            Step::Add { key, value } => Change::Add { key, value },
            Step::Append { key, value } => Change::Append { key, value },
            Step::Increment { key, by } => Change::Increment { key, by },
            Step::Take { key } => Change::Take { key },
        })
    }
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    Option::<String>::deserialize(deserializer)?.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// How much a request puts into the log, apart from a few bytes a step.
fn written_bytes(request: &ClientRequest) -> usize {
    let of_change = |change: &Change| {
        let values = match change {
            Change::Write { value, .. } | Change::Add { value, .. } | Change::Append { value, .. } => {
                value.as_json_text().len()
            }
            Change::Cas { old, new, .. } => old.as_json_text().len() + new.as_json_text().len(),
            Change::Delete { .. } | Change::Take { .. } | Change::Increment { .. } => 0,
        };
        change.key().len() + values
    };
    match request {
        ClientRequest::Read { .. } | ClientRequest::Scan { .. } => 0,
        ClientRequest::Write { change, .. } => of_change(change),
        ClientRequest::Transaction { accesses, .. } => accesses
            .iter()
            .map(|access| match access {
                Access::Read { key } => key.len(),
                Access::Change(change) => of_change(change),
            })
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Operation; 10] = [
        Operation::Read,
        Operation::Scan,
        Operation::Write,
        Operation::Cas,
        Operation::Delete,
        Operation::Add,
        Operation::Append,
        Operation::Increment,
        Operation::Take,
        Operation::Transaction,
    ];

    #[test]
    fn bodies_become_requests() {
        let asked = Operation::Read.parse(br#"{"key":"k","level":"bounded:70","at_least":9}"#).unwrap();
        let (level, at_least) = (Some(ReadLevel::Bounded(70)), Some(Position(9)));
        assert_eq!(asked, Asked { body: ClientRequest::Read { key: "k".to_owned(), level, at_least }, value: None });

        let body = br#"{"key":"k","old":null,"new":[1],"ack":"semi-sync:2","client":"w1","operation":9}"#;
        let asked = Operation::Cas.parse(body).unwrap();
        let new: Value = serde_json::from_str("[1]").unwrap();
        let change = Change::Cas { key: "k".to_owned(), old: Value::null(), new: new.clone() };
        let origin = Some(Origin { client: "w1".to_owned(), operation: 9 });
        let body = ClientRequest::Write { change, replication: Some(Replication::SemiSync(2)), origin };
        assert_eq!(asked, Asked { body, value: Some(new) });

        let body = br#"{"operations":[{"read":{"key":"a"}},{"increment":{"key":"b","by":-1}}]}"#;
        let accesses = vec![
            Access::Read { key: "a".to_owned() },
            Access::Change(Change::Increment { key: "b".to_owned(), by: -1 }),
        ];
        let body_of = ClientRequest::Transaction { accesses, replication: None, origin: None };
        assert_eq!(Operation::Transaction.parse(body).unwrap(), Asked { body: body_of, value: None });

        let scan = Operation::Scan.parse(b"{}").unwrap().body;
        let ClientRequest::Scan { prefix, limit, .. } = scan else { panic!("{scan:?}") };
        assert_eq!((prefix.as_str(), limit), ("", SCAN_LIMIT));
    }

    /// What is described is what is read: every field is known, those that are required cannot be left out.
    #[test]
    fn fields_are_described_as_they_are_read() {
        for operation in ALL {
            let example = field::example(operation.fields());
            operation.parse(example.to_string().as_bytes()).unwrap_or_else(|error| panic!("{operation:?}: {error}"));
            for field in operation.fields() {
                let mut without = example.clone();
                without.as_object_mut().unwrap().remove(field.name);
                let paired = ["client", "operation"].contains(&field.name);
                let parsed = operation.parse(without.to_string().as_bytes());
                assert_eq!(parsed.is_ok(), !field.required && !paired, "{operation:?} without {}", field.name);
            }
            let mut more = example;
            more["more"] = 1.into();
            let error = operation.parse(more.to_string().as_bytes()).unwrap_err().to_string();
            assert!(error.contains("unknown field `more`") && error.contains("; expected {"), "{error}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_is_expected() {
        let cases = [
            (Operation::Read, "{", "EOF while parsing"),
            (Operation::Read, r#"{"key":1}"#, "expected a string"),
            (Operation::Read, r#"{"key":"k","levle":"local"}"#, "unknown field `levle`"),
            (Operation::Read, r#"{"key":"k","level":"strong"}"#, "it takes local | leader | bounded:MS"),
            (Operation::Read, r#"{"key":"k","at_least":-1}"#, "expected u64"),
            (Operation::Scan, r#"{"limit":0}"#, "must be from 1 to 10000"),
            (Operation::Scan, r#"{"limit":10001}"#, "must be from 1 to 10000"),
            (Operation::Write, r#"{"key":"k"}"#, "missing field `value`"),
            (Operation::Write, r#"{"key":"k","value":1,"ack":"most"}"#, "it takes memory | async | semi-sync:K"),
            (Operation::Write, r#"{"key":"k","value":1,"client":"w"}"#, "one is missing"),
            (Operation::Cas, r#"{"key":"k","old":1}"#, "missing field `new`"),
            (Operation::Increment, r#"{"key":"k","by":1.5}"#, "expected i64"),
            (Operation::Increment, r#"{"key":"k","by":9223372036854775808}"#, "expected i64"),
            (Operation::Transaction, r#"{"operations":[{"push":{"key":"k"}}]}"#, "unknown variant `push`"),
            (Operation::Transaction, r#"{"operations":[{"take":{"key":"k","by":1}}]}"#, "unknown field `by`"),
        ];
        for (operation, body, expected) in cases {
            let error = operation.parse(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
            assert!(error.contains("; expected {"), "{error:?} does not say what is expected");
        }
    }

    /// 1e15 is four bytes on the way and eighteen in the log.
    #[test]
    fn what_grows_beyond_the_bound_is_refused() {
        let numbers = vec!["1e15"; BODY_BYTES_MAX / 10].join(",");
        let body = format!(r#"{{"key":"k","value":[{numbers}]}}"#);
        assert!(body.len() < BODY_BYTES_MAX);
        let error = Operation::Write.parse(body.as_bytes()).unwrap_err();
        assert!(matches!(error, BadRequest::TooLarge { bytes } if bytes > BODY_BYTES_MAX), "{error}");
    }
}
