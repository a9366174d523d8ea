//! Banks: money moves, but the total stays.
//!
//! Wants `transfer` {from, to, amount} and `read` of all accounts, which returns a map {account: balance}, a list of pairs
//! [[account, balance]…], or a list of balances (accounts are then counted from 0); balances are whole numbers. Every key is a
//! bank of its own. A read is of one moment, however old, so each must add up to the total; what transfers did or did not happen
//! matters to no total, so nothing here depends on undecided operations. Reads of every level are judged, for an old state adds up
//! as well as a new one; reads marked `final` are not looked at. A read is wrong if
//!
//! - its balances do not add up to the total;
//! - a balance is negative, unless that is allowed;
//! - a balance is null, or an account is listed twice;
//! - it shows an account that does not exist, where it is stated which do.
//!
//! Where the total is not stated, it is that of the first read with accounts, and a single read proves nothing. A read without any
//! account is wrong as soon as accounts were there: a total is stated, or a read that showed some was over before it began.
//! Exact under these definitions. O(total size of the reads).

use rustc_hash::FxHashSet;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, Operation, Value, ValueId};
use crate::model::{foreign_operation, foreign_value};
use crate::semantics::Literal;
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, witness};

/// See the module.
pub static CHECKER: Checker = Checker {
    name: "bank",
    description: "reads of all accounts that do not add up to the total",
    check: |context: &Context<'_>, analysis| check_bank(context.history, &BankOptions::default(), analysis),
};

/// What is known of a bank beforehand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BankOptions {
    /// What all balances add up to; `None`: what the first read shows.
    pub total: Option<i64>,
    /// The accounts that exist; `None`: any.
    pub accounts: Option<Vec<Literal>>,
    /// Whether balances may be negative.
    pub allows_negative_balances: bool,
}

/// One account as a read showed it.
type Balance = (ValueId, Option<i64>);

/// What is wrong with one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Flaw {
    WrongTotal,
    NegativeBalance,
    NullBalance,
    AccountTwice,
    UnknownAccount,
}

const FLAWS: [(Flaw, &str); 5] = [
    (Flaw::WrongTotal, "do not add up to the total"),
    (Flaw::NegativeBalance, "show a negative balance"),
    (Flaw::NullBalance, "show a null balance"),
    (Flaw::AccountTwice, "show an account twice"),
    (Flaw::UnknownAccount, "show an account that does not exist"),
];

/// A read of all accounts.
struct BankRead<'h> {
    operation: Operation<'h>,
    balances: Vec<Balance>,
}

impl BankRead<'_> {
    fn sum(&self) -> i128 {
        self.balances.iter().filter_map(|(_, balance)| balance.map(i128::from)).sum()
    }
}

/// A read that is wrong.
struct Wrong<'h> {
    read: Operation<'h>,
    flaws: Vec<Flaw>,
    sum: i128,
    total: i128,
    /// How wrong: the distance from the total, and what is missing to zero on negative accounts.
    badness: i128,
}

/// Judges a history of banks. Adds findings, measures and reasons to the analysis.
pub fn check_bank(history: &History, options: &BankOptions, analysis: &mut Analysis) {
    let reads = match bank_reads(history) {
        Ok(reads) => reads,
        Err(reason) => return analysis.unknown(reason),
    };
    let (mut tested, mut wrong) = (false, Vec::new());
    for reads in reads {
        let first = reads.iter().find(|read| !read.balances.is_empty());
        let Some(total) = options.total.map(i128::from).or_else(|| first.map(BankRead::sum)) else { continue };
        let there_since =
            reads.iter().filter(|read| !read.balances.is_empty()).filter_map(|read| read.operation.completed_ns());
        let there_since = there_since.min().filter(|_| options.total.is_none());
        let is_judged = |read: &&BankRead<'_>| {
            options.total.is_some() || !read.balances.is_empty() || there_since < Some(read.operation.invoked_ns())
        };
        let judged = || reads.iter().filter(is_judged);
        tested |= judged().count() > usize::from(options.total.is_none());
        wrong.extend(judged().filter_map(|read| options.judge(history, read, total)));
    }
    if !tested && wrong.is_empty() {
        return analysis.unknown(match options.total {
            Some(_) => "no read of the accounts ended ok: nothing was tested",
            None => "the total is not stated, and no two reads can be compared: nothing was tested",
        });
    }
    analysis.measures.wrong_totals = Some(wrong.len() as u64);
    report(history, options, wrong, analysis);
}

/// The reads that count, by key.
fn bank_reads(history: &History) -> Result<Vec<Vec<BankRead<'_>>>, String> {
    let mut reads: Vec<Vec<BankRead<'_>>> = history.keys().iter().map(|_| Vec::new()).collect();
    for operation in history.operations() {
        if !operation.is_read() {
            if operation.f() != "transfer" {
                return Err(foreign_operation(&operation, "bank"));
            }
            continue;
        }
        let Some(result) = operation.result().filter(|_| !operation.is_final()) else { continue };
        let balances = balances(history, result)
            .ok_or_else(|| foreign_value(&operation, "accounts with whole balances as its result", result))?;
        reads[operation.key().index()].push(BankRead { operation, balances });
    }
    Ok(reads)
}

fn balances(history: &History, result: ValueId) -> Option<Vec<Balance>> {
    let values = history.values();
    let balance = |value: ValueId| match values.get(value) {
        Value::Null => Some(None),
        Value::Integer(balance) => Some(Some(balance)),
        _ => None,
    };
    match values.get(result) {
        Value::Map(pairs) => pairs.iter().map(|(account, value)| Some((*account, balance(*value)?))).collect(),
        Value::List(items) => {
            let one = |(place, item): (usize, &ValueId)| match values.get(*item) {
                Value::List([account, value]) => Some((*account, balance(*value)?)),
                _ => Some((ValueId::small(place as i64)?, balance(*item)?)),
            };
            items.iter().enumerate().map(one).collect()
        }
        _ => None,
    }
}

impl BankOptions {
    fn judge<'h>(&self, history: &History, read: &BankRead<'h>, total: i128) -> Option<Wrong<'h>> {
        let sum = read.sum();
        let negative: i128 =
            read.balances.iter().filter_map(|(_, balance)| *balance).map(|balance| i128::from(balance.min(0))).sum();
        let is_wrong = |flaw: Flaw| match flaw {
            Flaw::WrongTotal => sum != total,
            Flaw::NegativeBalance => negative < 0 && !self.allows_negative_balances,
            Flaw::NullBalance => read.balances.iter().any(|(_, balance)| balance.is_none()),
            Flaw::AccountTwice => {
                let mut seen = FxHashSet::default();
                read.balances.iter().any(|(account, _)| !seen.insert(*account))
            }
            Flaw::UnknownAccount => self.accounts.as_ref().is_some_and(|accounts| {
                let exists = |account: ValueId| accounts.iter().any(|known| known.in_history(history) == Some(account));
                read.balances.iter().any(|(account, _)| !exists(*account))
            }),
        };
        let flaws: Vec<Flaw> = FLAWS.into_iter().map(|(flaw, _)| flaw).filter(|flaw| is_wrong(*flaw)).collect();
        let overdrawn = if self.allows_negative_balances { 0 } else { -negative };
        let badness = (sum - total).abs() + overdrawn;
        (!flaws.is_empty()).then_some(Wrong { read: read.operation, flaws, sum, total, badness })
    }
}

fn report(history: &History, options: &BankOptions, mut wrong: Vec<Wrong<'_>>, analysis: &mut Analysis) {
    const WORST_SHOWN: usize = 8;
    wrong.sort_by_key(|wrong| wrong.read.id());
    let Some(first) = wrong.first() else { return };
    let mut worst: Vec<&Wrong<'_>> = wrong.iter().collect();
    worst.sort_by_key(|wrong| std::cmp::Reverse(wrong.badness));
    let by_flaw: Vec<String> = FLAWS
        .into_iter()
        .map(|(flaw, words)| (wrong.iter().filter(|wrong| wrong.flaws.contains(&flaw)).count(), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let ranked: Vec<String> = worst
        .iter()
        .take(WORST_SHOWN)
        .map(|wrong| format!("{} at index {}", wrong.sum, wrong.read.completed_index().unwrap_or_default()))
        .collect();
    let source = if options.total.is_some() { "" } else { ", taken from the first read" };
    let text = format!(
        "{} of all accounts wrong: {}. The total is {}{source}. The first: {}, which adds up to {}; {}. The worst sums: {}.",
        if wrong.len() == 1 { "1 read is".to_owned() } else { format!("{} are", counted(wrong.len() as u64, "read")) },
        by_flaw.join(", "),
        first.total,
        describe(history, &first.read),
        first.sum,
        faults_around(history, &[first.read]),
        ranked.join(", "),
    );
    let operations: Vec<Operation<'_>> = [first.read, worst[0].read].into_iter().collect();
    analysis.find(FindingKind::WrongTotal, wrong.len() as u64, None, witness(text, &operations));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    fn judged(text: &HistoryText) -> Analysis {
        judge(&text.history(), &Limits::NONE, &[&CHECKER])
    }

    fn with(options: &BankOptions, text: &HistoryText) -> Analysis {
        let mut analysis = Analysis::default();
        check_bank(&text.history(), options, &mut analysis);
        analysis
    }

    /// Reads one after the other, a transfer between them.
    fn reads(results: &[serde_json::Value]) -> HistoryText {
        let mut text = HistoryText::new();
        for (place, result) in results.iter().enumerate() {
            let time = 10 * place as u64;
            text.ok((time, time + 1), 0, "read", json!(null), result.clone());
            text.invoke(time + 2, 100 + time, "transfer", json!({"from": 0, "to": 1, "amount": 5}));
        }
        text
    }

    #[test]
    fn what_adds_up_in_any_form_is_in_order() {
        let text = reads(&[json!({"0": 10, "1": 0}), json!([[0, 5], [1, 5]]), json!([0, 3, 7]), json!({"7": 10})]);
        let analysis = judged(&text);
        assert_eq!((analysis.valid, analysis.measures.wrong_totals), (Validity::Valid, Some(0)));
    }

    #[test]
    fn wrong_totals_are_ranked_and_the_total_s_source_is_told() {
        let analysis = judged(&reads(&[json!([6, 4]), json!([6, 3]), json!([60, 4]), json!([4, 6])]));
        assert_eq!((analysis.valid, analysis.measures.wrong_totals), (Validity::Invalid, Some(2)));
        let finding = &analysis.findings[0];
        assert_eq!((finding.kind, finding.count), (FindingKind::WrongTotal, 2));
        let told = &finding.witness.text;
        assert!(told.contains("The total is 10, taken from the first read."), "{told}");
        assert!(told.contains("The worst sums: 64 at index 7, 9 at index 4."), "{told}");
        let stated = BankOptions { total: Some(9), ..BankOptions::default() };
        let analysis = with(&stated, &reads(&[json!([6, 4]), json!([6, 3])]));
        assert_eq!(analysis.measures.wrong_totals, Some(1));
        assert!(analysis.findings[0].witness.text.contains("The total is 9. "));
    }

    #[test]
    fn negative_balances_are_wrong_unless_allowed() {
        let text = reads(&[json!([6, 4]), json!([12, -2])]);
        assert_eq!(judged(&text).measures.wrong_totals, Some(1));
        let allowed = BankOptions { allows_negative_balances: true, ..BankOptions::default() };
        assert_eq!(with(&allowed, &text).valid, Validity::Valid);
    }

    #[test]
    fn null_balances_accounts_twice_and_unknown_ones_are_wrong() {
        let analysis = judged(&reads(&[json!([6, 4]), json!([10, null]), json!([[0, 5], [0, 5]]), json!({"new": 10})]));
        assert_eq!(analysis.measures.wrong_totals, Some(2));
        assert!(analysis.findings[0].witness.text.contains("1 show a null balance, 1 show an account twice"));
        let accounts = Some(vec![Literal::Text("a".to_owned()), Literal::Text("b".to_owned())]);
        let stated = BankOptions { accounts, ..BankOptions::default() };
        let analysis = with(&stated, &reads(&[json!({"a": 10}), json!({"b": 10}), json!({"a": 10, "c": 0})]));
        assert_eq!(analysis.measures.wrong_totals, Some(1));
        assert!(analysis.findings[0].witness.text.contains("1 show an account that does not exist"));
    }

    #[test]
    fn no_accounts_are_wrong_once_they_were_there() {
        assert_eq!(judged(&reads(&[json!({}), json!([6, 4]), json!([4, 6])])).measures.wrong_totals, Some(0));
        assert_eq!(judged(&reads(&[json!({}), json!([6, 4]), json!([])])).measures.wrong_totals, Some(1));
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "read", json!(null), json!([6, 4])).ok((10, 11), 1, "read", json!(null), json!([]));
        // At the same time: it may have been before.
        assert_eq!(judged(&text).valid, Validity::Unknown);
        let stated = BankOptions { total: Some(10), ..BankOptions::default() };
        assert_eq!(with(&stated, &text).measures.wrong_totals, Some(1));
    }

    #[test]
    fn keys_are_banks_of_their_own_and_local_reads_add_up_too() {
        let mut text = HistoryText::new();
        for (time, key, result) in
            [(0, "a", json!([1])), (1, "b", json!([2])), (2, "a", json!([1])), (3, "b", json!([3]))]
        {
            text.invoke(time * 10, time, "read", json!(null)).with("key", key);
            text.complete(time * 10 + 1, time, "ok", "read", result).with("key", key).with("level", "local");
        }
        assert_eq!(judged(&text).measures.wrong_totals, Some(1));
    }

    #[test]
    fn too_little_and_other_operations_are_unknown() {
        let mut text = reads(&[json!([6, 4])]);
        assert!(judged(&text).reasons[0].contains("no two reads can be compared"));
        let stated = BankOptions { total: Some(10), ..BankOptions::default() };
        assert_eq!(with(&stated, &text).valid, Validity::Valid);
        assert!(with(&stated, &HistoryText::new()).reasons[0].contains("no read of the accounts ended ok"));
        text.ok((500, 501), 1, "read", json!(null), json!([9])).with("final", true);
        text.invoke(600, 2, "read", json!(null)).complete(601, 2, "info", "read", json!([9]));
        assert_eq!(judged(&text).valid, Validity::Unknown);
        assert!(judged(&reads(&[json!(["x"])])).reasons[0].contains("accounts with whole balances as its result"));
        text.ok((700, 701), 3, "deposit", json!(1), json!(1));
        assert!(judged(&text).reasons[0].contains("`deposit` is not an operation of a bank"));
    }
}
