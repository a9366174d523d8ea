//! An operation: an invocation together with its completion, if it has one.

use std::fmt;

use super::columns::NO_LINE;
use super::event::Process;
use super::function::Function;
use super::history::{History, KeyId, ProcessId};
use super::value::{Value, ValueId};

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It certainly did not happen and never will.
    Fail,
    /// Undecided: it may have happened, or may yet; also an operation without completion.
    Info,
}

/// Read levels that promise nothing about the latest state: `local`, `session` and `bounded` of the bundled node, the last with or
/// without its bound; `serializable` of etcd.
const LEVELS_WITHOUT_PROMISE: [&str; 4] = ["local", "session", "bounded", "serializable"];

/// Whether reads at a level promise to see every acknowledged write; where no level is named they are taken at their word.
pub(crate) fn level_promises_recency(level: Option<&str>) -> bool {
    level.is_none_or(|level| !LEVELS_WITHOUT_PROMISE.contains(&level.split(':').next().unwrap_or(level)))
}

/// A view of one operation; copies nothing out of the history.
#[derive(Clone, Copy)]
pub struct Operation<'h> {
    pub(super) history: &'h History,
    pub(super) id: u32,
}

impl<'h> Operation<'h> {
    /// Counted from 0 in order of invocation.
    #[must_use]
    pub fn id(&self) -> usize {
        self.id as usize
    }

    /// The history it belongs to.
    #[must_use]
    pub fn history(&self) -> &'h History {
        self.history
    }

    /// The object it is about.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.history.operations.keys[self.id()]
    }

    /// Who performed it.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.history.operations.processes[self.id()]
    }

    /// Who performed it, by number or name.
    #[must_use]
    pub fn process_name(&self) -> &'h Process {
        &self.history.processes[self.process().index()]
    }

    /// What it is.
    #[must_use]
    pub fn function(&self) -> Function {
        self.history.operations.functions[self.id()]
    }

    /// Its name.
    #[must_use]
    pub fn f(&self) -> &'h str {
        self.history.function_name(self.function())
    }

    /// Whether it only reads.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self.function(), Function::Read | Function::Get)
    }

    /// What it was asked with.
    #[must_use]
    pub fn argument(&self) -> ValueId {
        self.history.operations.arguments[self.id()]
    }

    /// What came back; only of an operation that ended ok.
    #[must_use]
    pub fn result(&self) -> Option<ValueId> {
        self.is_ok().then(|| self.history.operations.results[self.id()])
    }

    /// The value of its second line, whatever that says.
    #[must_use]
    pub fn completion_value(&self) -> Option<ValueId> {
        self.completion_place().map(|_| self.history.operations.results[self.id()])
    }

    /// A value of its history.
    #[must_use]
    pub fn value(&self, id: ValueId) -> Value<'h> {
        self.history.values.get(id)
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.history.operations.outcomes[self.id()]
    }

    /// Whether it ended ok.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome() == Outcome::Ok
    }

    /// When it was invoked, in nanoseconds.
    #[must_use]
    pub fn invoked_ns(&self) -> u64 {
        self.history.lines.time(self.invocation_place())
    }

    /// Index of its invocation.
    #[must_use]
    pub fn invoked_index(&self) -> u64 {
        self.history.lines.index(self.invocation_place())
    }

    /// When it ended ok or failed, in nanoseconds; `None` while it is undecided.
    #[must_use]
    pub fn completed_ns(&self) -> Option<u64> {
        if self.outcome() == Outcome::Info { None } else { self.ended_ns() }
    }

    /// Index of the completion, whatever it says.
    #[must_use]
    pub fn completed_index(&self) -> Option<u64> {
        self.completion_place().map(|place| self.history.lines.index(place))
    }

    /// When its second line was written, in nanoseconds, whatever it says.
    #[must_use]
    pub fn ended_ns(&self) -> Option<u64> {
        self.completion_place().map(|place| self.history.lines.time(place))
    }

    /// Place of its first line in the history.
    #[must_use]
    pub fn invocation_place(&self) -> u32 {
        self.history.operations.invocations[self.id()]
    }

    /// Place of its second line in the history.
    #[must_use]
    pub fn completion_place(&self) -> Option<u32> {
        Some(self.history.operations.completions[self.id()]).filter(|place| *place != NO_LINE)
    }

    /// The node that answered.
    #[must_use]
    pub fn node(&self) -> Option<&'h str> {
        self.history.values.as_text(self.history.operations.nodes.get(self.id()))
    }

    /// The node that answered, as a value: null for none.
    #[must_use]
    pub fn node_id(&self) -> ValueId {
        self.history.operations.nodes.get(self.id())
    }

    /// The term it was answered under.
    #[must_use]
    pub fn term(&self) -> Option<u64> {
        self.history.operations.terms.get(self.id()).checked_sub(1)
    }

    /// Its position in the log; of a read: the position of the state it was answered from.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        self.history.operations.positions.get(self.id()).checked_sub(1)
    }

    /// The acknowledgement level asked for.
    #[must_use]
    pub fn ack(&self) -> Option<&'h str> {
        self.history.values.as_text(self.history.operations.acks.get(self.id()))
    }

    /// The read level.
    #[must_use]
    pub fn level(&self) -> Option<&'h str> {
        self.history.values.as_text(self.history.operations.levels.get(self.id()))
    }

    /// Whether its level promises to see every acknowledged write; a history that names no level is taken at its word.
    #[must_use]
    pub fn promises_recency(&self) -> bool {
        level_promises_recency(self.level())
    }

    /// A closing read of one node's own state, used for divergence only.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.history.operations.finals.get(self.id())
    }

    /// Why it failed or is undecided.
    #[must_use]
    pub fn error(&self) -> Option<&'h str> {
        self.history.values.as_text(self.history.operations.errors.get(self.id()))
    }
}

impl PartialEq for Operation<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.history, other.history)
    }
}

impl Eq for Operation<'_> {}

impl fmt::Debug for Operation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.history.keys[self.key().index()].map(|key| format!(" {}", self.history.values.display(key)));
        let argument = self.history.values.display(self.argument());
        let end = match (self.outcome(), self.ended_ns()) {
            (Outcome::Ok, Some(end)) => {
                format!("{end} ok {}", self.history.values.display(self.result().unwrap_or_default()))
            }
            (Outcome::Fail, Some(end)) => format!("{end} fail"),
            (_, Some(end)) => format!("{end} info"),
            (_, None) => "open".to_owned(),
        };
        let key = key.unwrap_or_default();
        write!(formatter, "{} {}{key} {argument}: {}..{end}", self.process_name(), self.f(), self.invoked_ns())
    }
}
