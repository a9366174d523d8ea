//! Whether some serial order explains a few transactions: tried one after another.

use std::collections::BTreeMap;

use schism_checkers::history::Outcome;
use schism_checkers::transactions::{Action, Transactions};

/// Which orders a serial order must respect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    None,
    Sessions,
    RealTime,
}

/// Whether there is such an order, in which every committed transaction stands, some of the undecided ones, and no other.
pub(crate) fn is_serializable(transactions: &Transactions, order: Order) -> bool {
    let placed = vec![false; transactions.len()];
    place_next(transactions, order, &placed, &BTreeMap::new())
}

fn place_next(transactions: &Transactions, order: Order, placed: &[bool], state: &BTreeMap<u32, Vec<u32>>) -> bool {
    if transactions.committed().all(|id| placed[id as usize]) {
        return true;
    }
    let candidates =
        transactions.ids().filter(|id| !placed[*id as usize] && transactions.outcome(*id) != Outcome::Fail);
    for id in candidates {
        let is_late = transactions
            .committed()
            .any(|other| !placed[other as usize] && must_precede(transactions, order, other, id));
        if is_late {
            continue;
        }
        if let Some(state) = apply(transactions, id, state) {
            let mut placed = placed.to_vec();
            placed[id as usize] = true;
            if place_next(transactions, order, &placed, &state) {
                return true;
            }
        }
    }
    false
}

fn must_precede(transactions: &Transactions, order: Order, one: u32, other: u32) -> bool {
    let (first, second) = (transactions.get(one), transactions.get(other));
    let in_session = first.process == second.process && one < other;
    match order {
        Order::None => false,
        Order::Sessions => in_session,
        Order::RealTime => in_session || first.completed.is_some_and(|completed| completed < second.invoked),
    }
}

/// The state after a transaction; `None` if it did not see what is there.
fn apply(transactions: &Transactions, id: u32, state: &BTreeMap<u32, Vec<u32>>) -> Option<BTreeMap<u32, Vec<u32>>> {
    let mut state = state.clone();
    for operation in transactions.micro_operations(id) {
        let list = state.entry(operation.key).or_default();
        let agrees = match operation.action {
            Action::Write(value) => {
                list.push(value);
                true
            }
            Action::List { start, length } => list == transactions.elements(start, length),
            Action::Value(value) => list.last().copied() == value,
            Action::Unknown => true,
        };
        if !agrees {
            return None;
        }
    }
    Some(state)
}
