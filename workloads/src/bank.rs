//! Transfers between the accounts of a bank, and reads of all of them: whatever happens, the total stays.
//!
//! A bank has [`ACCOUNTS`] accounts, each with [`OPENING_BALANCE`] at first. A transfer moves money only where there is enough of
//! it, in one transaction that takes place only if neither balance has changed since the client looked; else it is refused. A
//! read shows all accounts at one moment. As many operations transfer as read.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::bank::{BankOptions, check_bank};
use schism_checkers::history::History;
use schism_checkers::{Analysis, Checker, Limits};
use serde_json::json;

use crate::judging::judge;
use crate::object::Object;
use crate::workload::{Generator, Operation, Workload, WorkloadOptions};

/// The bank.
pub const KEY: &str = "bank";
/// How many accounts it has, named from 0.
pub const ACCOUNTS: u32 = 8;
/// What is in each account at first.
pub const OPENING_BALANCE: i64 = 100;
/// The most that one transfer moves; the least is 1.
pub const AMOUNT_MAX: i64 = 5;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BankWorkload;

static TOTAL_CHECKER: Checker = Checker {
    name: "bank",
    description: "reads of all accounts that do not add up to the total",
    check: |context, analysis| {
        let total = Some(i64::from(ACCOUNTS) * OPENING_BALANCE);
        check_bank(context.history, &BankOptions { total, ..BankOptions::default() }, analysis);
    },
};

static CHECKERS: [&Checker; 1] = [&TOTAL_CHECKER];

impl Workload for BankWorkload {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn description(&self) -> &'static str {
        "transfers between accounts, and reads of all of them: wrong totals, negative balances"
    }

    fn object(&self) -> Object {
        Object::Bank
    }

    fn operations(&self) -> &'static [&'static str] {
        &["transfer", "read"]
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(BankGenerator { random: ChaCha8Rng::seed_from_u64(options.seed) })
    }

    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        judge(history, limits, &CHECKERS)
    }
}

#[derive(Debug)]
struct BankGenerator {
    random: ChaCha8Rng,
}

impl Generator for BankGenerator {
    fn next(&mut self, _worker: usize) -> Option<Operation> {
        if self.random.random_range(0..2) == 0 {
            return Some(Operation::read(Object::Bank, KEY));
        }
        let from = self.random.random_range(0..ACCOUNTS);
        let to = (from + self.random.random_range(1..ACCOUNTS)) % ACCOUNTS;
        let amount = self.random.random_range(1..=AMOUNT_MAX);
        let value = json!({"from": from.to_string(), "to": to.to_string(), "amount": amount});
        Some(Operation::new(Object::Bank, "transfer", Some(KEY), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_moves_something_from_one_account_to_another() {
        let mut generator = BankWorkload.generator(&WorkloadOptions { seed: 3, workers: 1 });
        let drawn: Vec<Operation> = (0..2_000).map(|_| generator.next(0).unwrap()).collect();
        let transfers: Vec<&Operation> = drawn.iter().filter(|operation| operation.f == "transfer").collect();
        assert!((900..1_100).contains(&transfers.len()));
        for transfer in transfers {
            assert_ne!(transfer.value["from"], transfer.value["to"]);
            assert!((1..=AMOUNT_MAX).contains(&transfer.value["amount"].as_i64().unwrap()));
        }
    }
}
