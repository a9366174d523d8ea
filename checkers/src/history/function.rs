//! What an operation is called.

use super::value::{ValueId, Values};

/// An operation's name. Names that no model of this crate knows are kept by the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// `read`.
    Read,
    /// `write`.
    Write,
    /// `cas`.
    CompareAndSet,
    /// `add`.
    Add,
    /// `enqueue`.
    Enqueue,
    /// `dequeue`.
    Dequeue,
    /// `push`.
    Push,
    /// `pop`.
    Pop,
    /// `acquire`.
    Acquire,
    /// `release`.
    Release,
    /// `append`.
    Append,
    /// `get`.
    Get,
    /// `put`.
    Put,
    /// `txn`.
    Txn,
    /// Any other, by its place in the history's own table.
    Other(u16),
}

/// The functions with a name of their own.
const KNOWN: [(&str, Function); 14] = [
    ("read", Function::Read),
    ("write", Function::Write),
    ("cas", Function::CompareAndSet),
    ("add", Function::Add),
    ("enqueue", Function::Enqueue),
    ("dequeue", Function::Dequeue),
    ("push", Function::Push),
    ("pop", Function::Pop),
    ("acquire", Function::Acquire),
    ("release", Function::Release),
    ("append", Function::Append),
    ("get", Function::Get),
    ("put", Function::Put),
    ("txn", Function::Txn),
];

impl Function {
    /// The function of a name that a model of this crate knows.
    #[must_use]
    pub(crate) fn known(name: &str) -> Option<Self> {
        KNOWN.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }
}

/// Names of functions that are not in [`Function`].
#[derive(Debug, Clone, Default)]
pub(super) struct Functions {
    others: Vec<ValueId>,
}

impl Functions {
    /// The function of a name.
    ///
    /// # Errors
    /// More than 65,536 unknown names.
    pub(super) fn function(&mut self, values: &mut Values, name: &str) -> Result<Function, String> {
        if let Some(known) = Function::known(name) {
            return Ok(known);
        }
        let id = values.text(name);
        let place = self.others.iter().position(|other| *other == id).unwrap_or_else(|| {
            self.others.push(id);
            self.others.len() - 1
        });
        let number = u16::try_from(place).map_err(|_| "more than 65536 different functions (`f`)".to_owned())?;
        Ok(Function::Other(number))
    }

    /// The name of a function.
    #[must_use]
    pub(super) fn name<'h>(&self, values: &'h Values, function: Function) -> &'h str {
        match function {
            Function::Other(place) => values.as_text(self.others[usize::from(place)]).unwrap_or_default(),
            known => KNOWN.iter().find(|(_, function)| *function == known).map_or("", |(name, _)| name),
        }
    }
}
