//! A bank on the node: one register for each account, which is absent while nothing has touched the account.

use std::collections::BTreeMap;

use schism_workloads::bank::{ACCOUNTS, OPENING_BALANCE};
use serde::Deserialize;
use serde_json::{Value, json};

/// Balances of the accounts that are there, by key.
pub(super) type Balances = BTreeMap<String, i64>;

/// A transfer's argument.
#[derive(Debug, Deserialize)]
struct Transfer {
    from: String,
    to: String,
    amount: i64,
}

/// The body of a scan of all accounts.
pub(super) fn all_accounts(bank: &str) -> Value {
    json!({"prefix": format!("{bank}/"), "limit": ACCOUNTS})
}

/// The balances in the answer to such a scan.
pub(super) fn balances(answer: &Value) -> Result<Balances, String> {
    let items = answer.get("items").ok_or("the answer holds no items")?;
    let pairs: Vec<(String, i64)> =
        Deserialize::deserialize(items).map_err(|error| format!("the answer holds no balances: {error}"))?;
    Ok(pairs.into_iter().collect())
}

/// The result of a read: every account by its name, those that nothing has touched included.
pub(super) fn shown(balances: Balances) -> Value {
    let mut all: BTreeMap<String, i64> = (0..ACCOUNTS).map(|account| (account.to_string(), OPENING_BALANCE)).collect();
    all.extend(balances.into_iter().map(|(key, balance)| {
        let name = key.rsplit('/').next().unwrap_or_default().to_owned();
        (name, balance)
    }));
    json!(all)
}

/// The accesses of a transfer, given the balances that were seen: it moves what is there, and only if nothing has changed.
/// The error says why there is nothing to do.
pub(super) fn accesses(bank: &str, transfer: &Value, seen: &Balances) -> Result<Value, String> {
    let Transfer { from, to, amount } =
        Transfer::deserialize(transfer).map_err(|error| format!("{transfer} is no transfer: {error}"))?;
    let there = seen.get(&format!("{bank}/{from}")).copied().unwrap_or(OPENING_BALANCE);
    if there < amount {
        return Err(format!("account {from} has {there}, which is less than {amount}"));
    }
    let change = |account: &str, by: i64| {
        let key = format!("{bank}/{account}");
        let old = seen.get(&key).copied();
        json!({"cas": {"key": key, "old": old, "new": old.unwrap_or(OPENING_BALANCE) + by}})
    };
    Ok(json!([change(&from, -amount), change(&to, amount)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_that_nothing_has_touched_have_their_opening_balance() {
        let answer = json!({"items": [["bank/0", 90], ["bank/3", 110]], "more": false});
        let shown = shown(balances(&answer).unwrap());
        assert_eq!(shown.as_object().unwrap().len(), ACCOUNTS as usize);
        assert_eq!((&shown["0"], &shown["1"], &shown["3"]), (&json!(90), &json!(100), &json!(110)));
        assert!(balances(&json!({"items": [["bank/0", "x"]]})).is_err());
    }

    #[test]
    fn a_transfer_expects_what_was_seen_and_never_overdraws() {
        let seen = Balances::from([("bank/1".to_owned(), 3)]);
        let transfer = |from: &str, to: &str, amount| json!({"from": from, "to": to, "amount": amount});
        assert_eq!(
            accesses("bank", &transfer("1", "2", 3), &seen).unwrap(),
            json!([
                {"cas": {"key": "bank/1", "old": 3, "new": 0}},
                {"cas": {"key": "bank/2", "old": null, "new": 103}},
            ])
        );
        assert!(accesses("bank", &transfer("1", "2", 4), &seen).unwrap_err().contains("less than 4"));
        assert!(accesses("bank", &json!(1), &seen).is_err());
    }
}
