//! Histories of transactions: from operations to columns, and from findings to witnesses.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::check::{Findings, TransactionModel, check_transactions};
use super::explain::Names;
use super::input::{Action, MicroOperation, Transaction, Transactions};
use super::lattice::ConsistencyModel;
use crate::analysis::Limits;
use crate::history::{History, Operation, Outcome, Value, ValueId};
use crate::verdict::{Validity, Witness};
use crate::witness::{moment, witness};

/// How the answer is found.
const ALGORITHM: &str = "dependency-cycles";

/// One kind of anomaly that a history shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransactionAnomaly {
    /// Its name.
    pub name: &'static str,
    /// How often; of cycles, in how many groups of transactions that depend on each other.
    pub count: u64,
    /// Whether the model asked for forbids it.
    pub forbidden: bool,
    /// An example.
    pub witness: Witness,
    /// Of a cycle: the operations in it, each before the next and the last before the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cycle: Vec<usize>,
    /// Of a cycle: whether none of its kind among the same transactions is shorter.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shortest: bool,
}

/// Whether a history of transactions satisfies a consistency model, and what else is known about models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransactionCheck {
    /// Whether the model asked for holds.
    pub valid: Validity,
    /// The model asked for.
    pub consistency_model: &'static str,
    /// What was found, in order of names.
    pub anomalies: Vec<TransactionAnomaly>,
    /// The weakest models that do not hold.
    pub not: Vec<&'static str>,
    /// All stronger ones, which do not hold either.
    pub also_not: Vec<&'static str>,
    /// The strongest models that may hold.
    pub strongest_held: Vec<&'static str>,
    /// Why something is unknown, one sentence each.
    pub reasons: Vec<String>,
    /// Operations of the history.
    pub ops: u64,
    /// How it was decided.
    pub algorithm: &'static str,
}

/// Checks a history of transactions against a consistency model.
#[must_use]
pub fn check(
    history: &History,
    model: TransactionModel,
    consistency: ConsistencyModel,
    limits: &Limits<'_>,
) -> TransactionCheck {
    let ops = history.operations().len() as u64;
    let columns = match columns(history, model) {
        Ok(columns) => columns,
        Err(reason) => {
            return TransactionCheck {
                valid: Validity::Unknown,
                consistency_model: consistency.name(),
                anomalies: Vec::new(),
                not: Vec::new(),
                also_not: Vec::new(),
                strongest_held: Vec::new(),
                reasons: vec![reason],
                ops,
                algorithm: ALGORITHM,
            };
        }
    };
    let names = HistoryNames { history, keys: &columns.keys };
    let findings = check_transactions(&columns.transactions, &names, model, consistency, limits);
    let Findings { valid, anomalies, boundary, reasons } = findings;
    let anomalies = anomalies.into_iter().map(|anomaly| {
        let operations = anomaly.transactions.iter().filter_map(|id| history.operation(*id as usize));
        let operations: Vec<Operation<'_>> = operations.collect();
        TransactionAnomaly {
            name: anomaly.name,
            count: anomaly.count,
            forbidden: anomaly.is_forbidden,
            witness: witness(anomaly.text, &operations),
            cycle: anomaly.cycle.iter().map(|id| *id as usize).collect(),
            shortest: anomaly.is_shortest,
        }
    });
    let names_of = |models: &[ConsistencyModel]| models.iter().map(|model| model.name()).collect();
    TransactionCheck {
        valid,
        consistency_model: consistency.name(),
        anomalies: anomalies.collect(),
        not: names_of(&boundary.not),
        also_not: names_of(&boundary.also_not),
        strongest_held: names_of(&boundary.strongest_held),
        reasons,
        ops,
        algorithm: ALGORITHM,
    }
}

/// A history as columns; transaction numbers are operation numbers.
struct Columns {
    transactions: Transactions,
    /// The key of each number.
    keys: Vec<ValueId>,
}

fn columns(history: &History, model: TransactionModel) -> Result<Columns, String> {
    let mut transactions = Transactions::new();
    let mut keys = Vec::new();
    let mut numbers: FxHashMap<ValueId, u32> = FxHashMap::default();
    let mut micro_operations = Vec::new();
    for operation in history.operations() {
        if operation.is_final() {
            // A node's own closing state is no transaction. It keeps its number, and counts as one that did not happen.
            let process = operation.process().index() as u32;
            let (invoked, completed) = (operation.invoked_ns(), operation.completed_ns());
            transactions.push(Transaction { process, outcome: Outcome::Fail, invoked, completed }, &[]);
            continue;
        }
        let value = operation.result().unwrap_or_else(|| operation.argument());
        let refuse = |reason: &str| {
            Err(format!(
                "operation {}, {}, is no transaction of {}: {reason}",
                operation.id(),
                history.values().display(value),
                model.name()
            ))
        };
        let Value::List(list) = history.values().get(value) else { return refuse("it is no list of reads and writes") };
        micro_operations.clear();
        for micro_operation in list {
            let Some([name, key, value]) = history.values().as_list(*micro_operation) else {
                return refuse("a part of it is not a name, a key and a value");
            };
            let name = history.values().as_text(*name).unwrap_or_default();
            let action = match (name, model) {
                ("append", TransactionModel::ListAppend) => Action::Write(value.bits()),
                ("w" | "write", TransactionModel::RwRegister(_)) if value.is_null() => {
                    return refuse("a written null cannot be told from the initial state");
                }
                ("w" | "write", TransactionModel::RwRegister(_)) => Action::Write(value.bits()),
                ("r" | "read", _) if !operation.is_ok() => Action::Unknown,
                ("r" | "read", TransactionModel::RwRegister(_)) => {
                    Action::Value((!value.is_null()).then_some(value.bits()))
                }
                ("r" | "read", TransactionModel::ListAppend) if value.is_null() => transactions.list([]),
                ("r" | "read", TransactionModel::ListAppend) => match history.values().as_list(*value) {
                    Some(elements) => transactions.list(elements.iter().map(|element| element.bits())),
                    None => return refuse("a read returned no list"),
                },
                _ => return refuse("a part of it is neither a read nor a write of this model"),
            };
            let key = *numbers.entry(*key).or_insert_with(|| {
                keys.push(*key);
                keys.len() as u32 - 1
            });
            micro_operations.push(MicroOperation { key, action });
        }
        let transaction = Transaction {
            process: operation.process().index() as u32,
            outcome: operation.outcome(),
            invoked: operation.invoked_ns(),
            completed: operation.completed_ns(),
        };
        transactions.push(transaction, &micro_operations);
    }
    Ok(Columns { transactions, keys })
}

struct HistoryNames<'h> {
    history: &'h History,
    keys: &'h [ValueId],
}

impl Names for HistoryNames<'_> {
    fn key(&self, key: u32) -> String {
        self.history.values().display(self.keys[key as usize]).to_string()
    }

    fn value(&self, value: u32) -> String {
        self.history.values().display(ValueId::from_bits(value)).to_string()
    }

    fn circumstances(&self, transaction: u32) -> String {
        let Some(operation) = self.history.operation(transaction as usize) else { return String::new() };
        let invoked = moment(self.history, operation.invoked_ns());
        let end = match (operation.outcome(), operation.completed_ns()) {
            (Outcome::Ok, Some(completed)) => format!("committed at {}", moment(self.history, completed)),
            (Outcome::Fail, Some(completed)) => format!("failed at {}", moment(self.history, completed)),
            _ => "never decided".to_owned(),
        };
        format!("({}, invoked at {invoked}, {end})", operation.process_name())
    }
}
