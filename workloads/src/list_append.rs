//! Transactions over lists, judged for strict serializability as Elle does; see [`crate::transactions`].

use schism_checkers::history::History;
use schism_checkers::{Analysis, Checker, Limits, transactions as judged};
use serde_json::Value;

use crate::judging::judge;
use crate::object::Object;
use crate::transactions::{self, TransactionGenerator};
use crate::workload::{Generator, Operation, Workload, WorkloadOptions};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListAppendWorkload;

static CHECKERS: [&Checker; 1] = [&judged::LIST_APPEND];

impl Workload for ListAppendWorkload {
    fn name(&self) -> &'static str {
        "list-append"
    }

    fn description(&self) -> &'static str {
        "transactions that append to lists and read them (Elle): anomalies, strict serializability"
    }

    fn object(&self) -> Object {
        Object::Lists
    }

    fn operations(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(TransactionGenerator::new(Object::Lists, "append", options.seed))
    }

    fn written_keys(&self, _f: &str, _key: Option<&str>, value: &Value) -> Vec<String> {
        transactions::written_keys(value)
    }

    fn closing_operations(&self, keys: &[String]) -> Vec<Operation> {
        transactions::closing_operations(Object::Lists, keys)
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, &CHECKERS)
    }
}
