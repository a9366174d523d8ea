//! Transactions, dependencies and cycles in English.

use super::graph::Relations;
use super::input::{Action, Transactions};
use super::shortest::Cycle;

/// Names for the numbers of the input.
pub trait Names {
    /// A key.
    fn key(&self, key: u32) -> String;
    /// An element or a value.
    fn value(&self, value: u32) -> String;
    /// Who performed a transaction and when, in parentheses or empty.
    fn circumstances(&self, transaction: u32) -> String;
}

/// How the model calls things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    /// The name of a write in a transaction.
    pub(crate) write: &'static str,
}

/// What is needed to tell of transactions.
#[derive(Clone, Copy)]
pub(crate) struct Teller<'a> {
    pub(crate) transactions: &'a Transactions,
    pub(crate) names: &'a dyn Names,
    pub(crate) words: Words,
}

/// Why one transaction came before another.
pub(crate) trait Dependencies {
    /// Bytes held, roughly.
    fn bytes(&self) -> usize;

    /// A sentence without its full stop, in which `from` and `to` are the names of the two transactions; `None` if there is no
    /// such dependency.
    fn explain(&self, teller: &Teller<'_>, pair: Pair<'_>, relation: Relations) -> Option<String>;
}

/// Two transactions and how to call them.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'n> {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) from_name: &'n str,
    pub(crate) to_name: &'n str,
}

/// How many elements of a long list are shown: its first one and its last ones.
const SHOWN_MAX: usize = 8;
/// How many micro-operations of a long transaction are shown.
const OPERATIONS_MAX: usize = 16;
/// How many steps of a long cycle are told.
const STEPS_MAX: usize = 12;

impl Teller<'_> {
    /// A list as it was read.
    pub(crate) fn list(&self, elements: &[u32]) -> String {
        let shown: Vec<String> = if elements.len() <= SHOWN_MAX {
            elements.iter().map(|element| self.names.value(*element)).collect()
        } else {
            let first = elements.iter().take(1).map(|element| self.names.value(*element));
            let last = elements[elements.len() - (SHOWN_MAX - 2)..].iter().map(|element| self.names.value(*element));
            first.chain(["…".to_owned()]).chain(last).collect()
        };
        format!("[{}]", shown.join(", "))
    }

    /// A transaction's micro-operations.
    pub(crate) fn operations(&self, transaction: u32) -> String {
        let operations = self.transactions.micro_operations(transaction);
        let told = operations.iter().take(OPERATIONS_MAX).map(|operation| {
            let key = self.names.key(operation.key);
            match operation.action {
                Action::Write(value) => format!("{} {key} {}", self.words.write, self.names.value(value)),
                Action::List { start, length } => {
                    format!("r {key} {}", self.list(self.transactions.elements(start, length)))
                }
                Action::Value(Some(value)) => format!("r {key} {}", self.names.value(value)),
                Action::Value(None) => format!("r {key} null"),
                Action::Unknown => format!("r {key} ?"),
            }
        });
        let mut told: Vec<String> = told.collect();
        if operations.len() > OPERATIONS_MAX {
            told.push(format!("… {} more", operations.len() - OPERATIONS_MAX));
        }
        format!("[{}]", told.join(", "))
    }

    /// A transaction with its circumstances.
    pub(crate) fn transaction(&self, transaction: u32) -> String {
        let circumstances = self.names.circumstances(transaction);
        let separator = if circumstances.is_empty() { "" } else { " " };
        format!("{}{separator}{circumstances}", self.operations(transaction))
    }

    /// A cycle, edge by edge.
    pub(crate) fn cycle(&self, cycle: &Cycle, dependencies: &dyn Dependencies) -> String {
        let steps = &cycle.steps;
        // A walk may pass a transaction twice; its name stays the same.
        let mut order: Vec<u32> = Vec::new();
        for step in steps {
            if !order.contains(&step.transaction) {
                order.push(step.transaction);
            }
        }
        let name_of = |transaction: u32| {
            let place = order.iter().position(|other| *other == transaction).unwrap_or_default();
            format!("T{}", place + 1)
        };
        let mut sentences: Vec<String> = order
            .iter()
            .take(STEPS_MAX)
            .map(|transaction| format!("{} is {}.", name_of(*transaction), self.transaction(*transaction)))
            .collect();
        for (place, step) in steps.iter().enumerate().take(STEPS_MAX) {
            let to = steps[(place + 1) % steps.len()].transaction;
            let (from_name, to_name) = (name_of(step.transaction), name_of(to));
            let pair = Pair { from: step.transaction, to, from_name: &from_name, to_name: &to_name };
            sentences.push(format!(
                "{}, so {from_name} came before {to_name}.",
                self.reason(pair, step.relation, dependencies)
            ));
        }
        if steps.len() > STEPS_MAX {
            sentences.push(format!("So it goes on for {} more steps, back to T1.", steps.len() - STEPS_MAX));
        }
        let last = name_of(steps[steps.len() - 1].transaction);
        sentences.push(match steps.len() {
            2 => format!("Therefore each of T1 and {last} came before the other, which cannot be."),
            _ => "Therefore each of them came before itself, which cannot be.".to_owned(),
        });
        sentences.join(" ")
    }

    fn reason(&self, pair: Pair<'_>, relation: Relations, dependencies: &dyn Dependencies) -> String {
        let Pair { from_name, to_name, .. } = pair;
        match relation {
            Relations::PROCESS => format!("One process performed {from_name} and, when that was over, {to_name}"),
            Relations::REALTIME => format!("{from_name} was over before {to_name} was invoked"),
            _ => dependencies
                .explain(self, pair, relation)
                .unwrap_or_else(|| format!("{to_name} depends on {from_name}")),
        }
    }
}
