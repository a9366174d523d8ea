//! How each kind of operation ended.
//!
//! A kind that was invoked and never once ended ok was not tested, so what it would have shown is unknown.

use crate::analysis::{Analysis, FunctionCounts};
use crate::checker::{Checker, Context};
use crate::history::Outcome;

/// See the module.
pub static CHECKER: Checker = Checker {
    name: "stats",
    description: "how each kind of operation ended; unknown where one never succeeded",
    check,
};

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let mut functions: Vec<FunctionCounts> = Vec::new();
    for operation in context.history.operations().filter(|operation| !operation.is_final()) {
        let f = operation.f();
        let place = functions.iter().position(|counts| counts.f == f).unwrap_or_else(|| {
            functions.push(FunctionCounts { f: f.to_owned(), ..FunctionCounts::default() });
            functions.len() - 1
        });
        match operation.outcome() {
            Outcome::Ok => functions[place].ok += 1,
            Outcome::Fail => functions[place].fail += 1,
            Outcome::Info => functions[place].info += 1,
        }
    }
    functions.sort_by(|one, other| one.f.cmp(&other.f));
    for counts in functions.iter().filter(|counts| counts.ok == 0) {
        let invoked = counts.fail + counts.info;
        analysis
            .unknown(format!("none of {invoked} `{}` operations ended ok, so nothing was tested by them", counts.f));
    }
    analysis.measures.functions = functions;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    #[test]
    fn kinds_are_counted_and_one_that_never_succeeded_is_unknown() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 1, "write", json!(1), json!(1));
        text.invoke(2, 1, "write", json!(2)).complete(3, 1, "fail", "write", json!(2));
        let analysis = judge(&text.history(), &Limits::NONE, &[&CHECKER]);
        assert_eq!(analysis.valid, Validity::Valid);
        assert_eq!(analysis.measures.functions, [FunctionCounts { f: "write".to_owned(), ok: 1, fail: 1, info: 0 }]);
        text.invoke(4, 1, "cas", json!([1, 2])).complete(5, 1, "fail", "cas", json!([1, 2]));
        let analysis = judge(&text.history(), &Limits::NONE, &[&CHECKER]);
        assert_eq!(analysis.valid, Validity::Unknown);
        assert!(analysis.reasons[0].contains("none of 1 `cas` operations"), "{:?}", analysis.reasons);
    }
}
