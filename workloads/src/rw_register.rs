//! Transactions over registers, judged for strict serializability as Elle does; see [`crate::transactions`].

use schism_checkers::history::History;
use schism_checkers::{Analysis, Checker, Limits, transactions as judged};
use serde_json::Value;

use crate::judging::judge;
use crate::object::Object;
use crate::transactions::{self, TransactionGenerator};
use crate::workload::{Generator, Operation, Workload, WorkloadOptions};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RwRegisterWorkload;

static CHECKERS: [&Checker; 1] = [&judged::RW_REGISTER];

impl Workload for RwRegisterWorkload {
    fn name(&self) -> &'static str {
        "rw-register"
    }

    fn description(&self) -> &'static str {
        "transactions that write and read registers (Elle): anomalies, strict serializability"
    }

    fn object(&self) -> Object {
        Object::Registers
    }

    fn operations(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(TransactionGenerator::new(Object::Registers, "w", options.seed))
    }

    fn written_keys(&self, _f: &str, _key: Option<&str>, value: &Value) -> Vec<String> {
        transactions::written_keys(value)
    }

    fn closing_operations(&self, keys: &[String]) -> Vec<Operation> {
        transactions::closing_operations(Object::Registers, keys)
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, &CHECKERS)
    }
}
