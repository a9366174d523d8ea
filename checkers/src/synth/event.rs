//! One line of a synthetic history, and how it is written.

use std::io::Write as _;

use crate::history::{EventType, HistoryBuilder, Line, ProcessName, ValueId, Values};

/// Argument or result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A text without anything that would have to be escaped.
    Text(String),
    /// Elements.
    List(Vec<i64>),
    /// The old and the new value of a compare-and-set.
    Pair(i64, i64),
    /// A transaction.
    Transaction(Vec<MicroOperation>),
}

/// A part of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MicroOperation {
    /// Appends to a list.
    Append {
        /// The list.
        key: u32,
        /// What is appended.
        element: i64,
    },
    /// Reads a list.
    ReadList {
        /// The list.
        key: u32,
        /// What it held; `None`: not known, or nothing was ever appended.
        elements: Option<Vec<i64>>,
    },
    /// Writes a register.
    Write {
        /// The register.
        key: u32,
        /// What is written.
        value: i64,
    },
    /// Reads a register.
    ReadRegister {
        /// The register.
        key: u32,
        /// What it held; `None`: not known, or it was never written.
        value: Option<i64>,
    },
}

/// A line: an invocation or a completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place, from 0.
    pub index: u64,
    /// Nanoseconds since the start; grows with every line.
    pub time_ns: u64,
    /// What it is.
    pub event_type: EventType,
    /// Whose operation.
    pub process: u64,
    /// The operation's name.
    pub f: &'static str,
    /// Which object; `None` where there is only one, and for transactions.
    pub key: Option<u32>,
    /// Argument or result.
    pub value: Value,
}

impl Event {
    /// Appends the line as the harness's own format has it, with its line end.
    pub fn append_jsonl(&self, text: &mut Vec<u8>) {
        let Self { index, time_ns, process, f, .. } = self;
        let event_type = type_name(self.event_type);
        // Writing to memory does not fail.
        let _ =
            write!(text, r#"{{"index":{index},"time":{time_ns},"type":"{event_type}","process":{process},"f":"{f}","#);
        if let Some(key) = self.key {
            let _ = write!(text, r#""key":"k{key}","#);
        }
        text.extend_from_slice(b"\"value\":");
        self.value.append(text, &JSON);
        text.extend_from_slice(b"}\n");
    }

    /// Appends the line as Jepsen writes it, a map of EDN, with its line end.
    pub fn append_edn(&self, text: &mut Vec<u8>) {
        let Self { index, time_ns, process, f, .. } = self;
        let event_type = type_name(self.event_type);
        let _ = write!(text, "{{:index {index}, :time {time_ns}, :type :{event_type}, :process {process}, :f :{f}");
        if let Some(key) = self.key {
            let _ = write!(text, r#", :key "k{key}""#);
        }
        text.extend_from_slice(b", :value ");
        self.value.append(text, &EDN);
        text.extend_from_slice(b"}\n");
    }

    /// Gives the line to a history that is being built.
    ///
    /// # Errors
    /// The line contradicts those before it: events of two histories were mixed.
    pub fn push_to(&self, builder: &mut HistoryBuilder) -> Result<(), String> {
        let values = builder.values_mut();
        let key = self.key.map(|key| values.text(&format!("k{key}")));
        let value = self.value.intern(values);
        let line = Line::new(self.event_type, ProcessName::Client(self.process), self.f, value);
        let time = i64::try_from(self.time_ns).ok();
        builder.push(Line { index: Some(self.index), time, key, ..line })
    }
}

impl Value {
    fn intern(&self, values: &mut Values) -> ValueId {
        match self {
            Self::Null => ValueId::NULL,
            Self::Integer(number) => values.integer(*number),
            Self::Text(content) => values.text(content),
            Self::List(elements) => intern_numbers(values, elements),
            Self::Pair(old, new) => {
                let pair = [values.integer(*old), values.integer(*new)];
                values.list(&pair)
            }
            Self::Transaction(parts) => {
                let parts: Vec<ValueId> = parts.iter().map(|part| part.intern(values)).collect();
                values.list(&parts)
            }
        }
    }

    fn append(&self, text: &mut Vec<u8>, notation: &Notation) {
        match self {
            Self::Null => text.extend_from_slice(notation.null),
            Self::Integer(number) => append_number(text, *number),
            Self::Text(content) => {
                let _ = write!(text, "\"{content}\"");
            }
            Self::List(elements) => notation.append_list(text, elements, |text, element| append_number(text, *element)),
            Self::Pair(old, new) => {
                notation.append_list(text, &[*old, *new], |text, number| append_number(text, *number));
            }
            Self::Transaction(parts) => notation.append_list(text, parts, |text, part| part.append(text, notation)),
        }
    }
}

impl MicroOperation {
    fn intern(&self, values: &mut Values) -> ValueId {
        let (f, key, value) = match self {
            Self::Append { key, element } => ("append", key, values.integer(*element)),
            Self::Write { key, value } => ("w", key, values.integer(*value)),
            Self::ReadRegister { key, value } => ("r", key, intern_optional(values, *value)),
            Self::ReadList { key, elements: None } => ("r", key, ValueId::NULL),
            Self::ReadList { key, elements: Some(elements) } => ("r", key, intern_numbers(values, elements)),
        };
        let part = [values.text(f), values.integer(i64::from(*key)), value];
        values.list(&part)
    }

    fn append(&self, text: &mut Vec<u8>, notation: &Notation) {
        let (f, key) = match self {
            Self::Append { key, .. } => ("append", key),
            Self::Write { key, .. } => ("w", key),
            Self::ReadRegister { key, .. } | Self::ReadList { key, .. } => ("r", key),
        };
        let (open, close, between) = (notation.before_name, notation.after_name, char::from(notation.between));
        let _ = write!(text, "[{open}{f}{close}{between}{key}{between}");
        match self {
            Self::Append { element: number, .. }
            | Self::Write { value: number, .. }
            | Self::ReadRegister { value: Some(number), .. } => append_number(text, *number),
            Self::ReadList { elements: Some(elements), .. } => {
                notation.append_list(text, elements, |text, element| append_number(text, *element));
            }
            Self::ReadRegister { value: None, .. } | Self::ReadList { elements: None, .. } => {
                text.extend_from_slice(notation.null);
            }
        }
        text.push(b']');
    }
}

/// What JSON and EDN write differently.
struct Notation {
    null: &'static [u8],
    between: u8,
    before_name: &'static str,
    after_name: &'static str,
}

const JSON: Notation = Notation { null: b"null", between: b',', before_name: "\"", after_name: "\"" };
const EDN: Notation = Notation { null: b"nil", between: b' ', before_name: ":", after_name: "" };

impl Notation {
    fn append_list<T>(&self, text: &mut Vec<u8>, elements: &[T], append: impl Fn(&mut Vec<u8>, &T)) {
        text.push(b'[');
        for (place, element) in elements.iter().enumerate() {
            if place > 0 {
                text.push(self.between);
            }
            append(text, element);
        }
        text.push(b']');
    }
}

fn type_name(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Invoke => "invoke",
        EventType::Ok => "ok",
        EventType::Fail => "fail",
        EventType::Info => "info",
    }
}

fn intern_optional(values: &mut Values, number: Option<i64>) -> ValueId {
    number.map_or(ValueId::NULL, |number| values.integer(number))
}

fn intern_numbers(values: &mut Values, numbers: &[i64]) -> ValueId {
    let numbers: Vec<ValueId> = numbers.iter().map(|number| values.integer(*number)).collect();
    values.list(&numbers)
}

fn append_number(text: &mut Vec<u8>, number: i64) {
    let _ = write!(text, "{number}");
}
