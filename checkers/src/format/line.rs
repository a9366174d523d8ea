//! What the readers of all formats share: the fields of a line, the names of types, and keys that come inside values.

use std::borrow::Cow;

use crate::history::{EventType, HistoryBuilder, Line, ProcessName, ValueId, Values};

/// All fields, in the order in which they are written.
pub(super) const NAMES: [&str; 16] = [
    "index", "time", "type", "process", "f", "key", "value", "node", "term", "position", "ack", "level", "error",
    "final", "id", "step",
];
/// Where a history of transactions names no function, as Elle's do not.
const FUNCTION_OF_TRANSACTIONS: &str = "txn";

/// The fields of one line.
#[derive(Default)]
pub(super) struct Fields<'t> {
    pub(super) index: Option<u64>,
    pub(super) time: Option<i64>,
    pub(super) event_type: Option<EventType>,
    pub(super) process: Option<Process<'t>>,
    pub(super) f: Option<Cow<'t, str>>,
    pub(super) key: Option<ValueId>,
    pub(super) value: Option<ValueId>,
    pub(super) node: Option<Cow<'t, str>>,
    pub(super) term: Option<u64>,
    pub(super) position: Option<u64>,
    pub(super) ack: Option<Cow<'t, str>>,
    pub(super) level: Option<Cow<'t, str>>,
    pub(super) error: Option<Cow<'t, str>>,
    pub(super) is_final: bool,
    pub(super) id: Option<u64>,
    pub(super) step: Option<Cow<'t, str>>,
    /// Bits of the fields that were there, by their places in [`NAMES`].
    pub(super) seen: u16,
}

/// Who wrote a line.
pub(super) enum Process<'t> {
    Client(u64),
    Named(Cow<'t, str>),
}

impl Fields<'_> {
    /// Whether the line has a function, or shows by its value that it is a transaction; then it gets one.
    #[inline]
    pub(super) fn has_function(&mut self, values: &Values) -> bool {
        if self.f.is_none() && self.value.is_some_and(|value| values.as_list(value).is_some()) {
            self.f = Some(Cow::Borrowed(FUNCTION_OF_TRANSACTIONS));
        }
        self.f.is_some()
    }

    /// Adds the line to the history; `is_independent`: its value is a pair of a key and a value.
    #[inline]
    pub(super) fn push(&self, builder: &mut HistoryBuilder, is_independent: bool) -> Result<(), String> {
        let (Some(event_type), Some(process), Some(f)) = (self.event_type, &self.process, &self.f) else {
            return Err("`type`, `process` or `f` is missing".to_owned());
        };
        let mut line = Line {
            index: self.index,
            time: self.time,
            event_type,
            process: match process {
                Process::Client(number) => ProcessName::Client(*number),
                Process::Named(name) => ProcessName::Named(name),
            },
            f,
            key: self.key,
            value: self.value.unwrap_or(ValueId::NULL),
            node: self.node.as_deref(),
            term: self.term,
            position: self.position,
            ack: self.ack.as_deref(),
            level: self.level.as_deref(),
            error: self.error.as_deref(),
            is_final: self.is_final,
            id: self.id,
            step: self.step.as_deref(),
        };
        if is_independent {
            split_pair(&mut line, builder.values_mut())?;
        }
        builder.push(line)
    }
}

/// Takes a value `[key value]` apart, as Jepsen's independent keys write them.
///
/// # Errors
/// An invocation or an answer of a client without such a value.
fn split_pair(line: &mut Line<'_>, values: &Values) -> Result<(), String> {
    if !matches!(line.process, ProcessName::Client(_)) || line.key.is_some() {
        return Ok(());
    }
    match (values.as_list(line.value), line.event_type) {
        (Some([key, value]), _) => {
            line.key = Some(*key);
            line.value = *value;
            Ok(())
        }
        // Such a completion says nothing about its value; its key is that of the invocation.
        (_, EventType::Fail | EventType::Info) => Ok(()),
        _ => Err("with independent keys every value is a pair of a key and a value; this one is not".to_owned()),
    }
}

pub(super) fn event_type_by_name(name: &str) -> Option<EventType> {
    Some(match name {
        "invoke" => EventType::Invoke,
        "ok" => EventType::Ok,
        "fail" => EventType::Fail,
        "info" => EventType::Info,
        _ => return None,
    })
}

pub(super) fn unknown_type(name: &str) -> String {
    format!("unknown type `{name}`: a line is one of invoke, ok, fail, info")
}
