//! Counts operations by how they ended. Reads marked `final` are the tester's own and are not counted.

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::Outcome;

/// See the module.
pub static CHECKER: Checker = Checker { name: "counts", description: "operations by how they ended", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let measures = &mut analysis.measures;
    for operation in context.history.operations().filter(|operation| !operation.is_final()) {
        measures.invoked += 1;
        match operation.outcome() {
            Outcome::Ok => {
                measures.ok += 1;
                measures.acknowledged += u64::from(!operation.is_read());
            }
            Outcome::Fail => measures.fail += 1,
            Outcome::Info => measures.info += 1,
        }
    }
}
