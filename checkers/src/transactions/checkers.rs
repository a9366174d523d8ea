//! Transactions as checkers among others: strict serializability is asked for.

use super::check::TransactionModel;
use super::from_history::check;
use super::lattice::ConsistencyModel;
use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::verdict::FindingKind;

/// Transactions over lists.
pub static LIST_APPEND: Checker = Checker {
    name: "list-append",
    description: "anomalies of transactions over lists; strict serializability is asked for",
    check: |context, analysis| add_to(context, TransactionModel::ListAppend, analysis),
};

/// Transactions over registers.
pub static RW_REGISTER: Checker = Checker {
    name: "rw-register",
    description: "anomalies of transactions over registers; strict serializability is asked for",
    check: |context, analysis| add_to(context, TransactionModel::RW_REGISTER, analysis),
};

fn add_to(context: &Context<'_>, model: TransactionModel, analysis: &mut Analysis) {
    let check = check(context.history, model, ConsistencyModel::STRICT_SERIALIZABLE, context.limits);
    for reason in check.reasons {
        analysis.unknown(reason);
    }
    for anomaly in check.anomalies {
        let kind = if anomaly.forbidden { FindingKind::Anomaly } else { FindingKind::AllowedAnomaly };
        let mut witness = anomaly.witness;
        witness.text = format!("{}: {}", anomaly.name, witness.text);
        analysis.find(kind, anomaly.count, None, witness);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    #[test]
    fn an_anomaly_is_a_finding_with_its_name() {
        let mut text = HistoryText::new();
        let write = json!([["append", "x", 1]]);
        text.invoke(0, 1, "txn", write.clone()).complete(1, 1, "fail", "txn", write);
        text.ok((2, 3), 2, "txn", json!([["r", "x", null]]), json!([["r", "x", [1]]]));
        let analysis = judge(&text.history(), &Limits::NONE, &[&LIST_APPEND]);
        assert_eq!(analysis.valid, Validity::Invalid);
        assert_eq!(analysis.findings[0].kind, FindingKind::Anomaly);
        assert!(analysis.findings[0].witness.text.starts_with("G1a: "), "{:?}", analysis.findings);
    }
}
