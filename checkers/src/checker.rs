//! What a checker is, and how several judge one history together.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use crate::analysis::{Analysis, Limits};
use crate::history::{History, KeyId};
use crate::index::{RegisterIndex, SetIndex};
use crate::semantics::Semantics;

/// What a checker may look at. What several checkers derive from the history is derived once.
pub struct Context<'a> {
    /// The history to judge.
    pub history: &'a History,
    /// Limits of any search.
    pub limits: &'a Limits<'a>,
    /// What the history leaves unsaid.
    pub semantics: Semantics,
    /// Threads that a checker may use at once.
    pub threads: usize,
    sets: OnceLock<Result<SetIndex, String>>,
    registers: OnceLock<Result<RegisterIndex, String>>,
    of_key: OnceLock<Vec<Vec<usize>>>,
}

impl<'a> Context<'a> {
    /// Nothing is derived yet; the semantics are those of the history's source, the threads as many
    /// as the machine runs at once.
    #[must_use]
    pub fn new(history: &'a History, limits: &'a Limits<'a>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with(history, limits, Semantics::of(history.source()), threads)
    }

    /// With semantics and a number of threads of one's own; asking the machine for the latter takes longer than a small
    /// history.
    #[must_use]
    pub fn with(history: &'a History, limits: &'a Limits<'a>, semantics: Semantics, threads: usize) -> Self {
        Self {
            history,
            limits,
            semantics,
            threads,
            sets: OnceLock::new(),
            registers: OnceLock::new(),
            of_key: OnceLock::new(),
        }
    }

    /// The history as sets.
    ///
    /// # Errors
    /// The sentence that says why it is not one of sets.
    pub fn sets(&self) -> Result<&SetIndex, &str> {
        self.sets.get_or_init(|| SetIndex::new(self.history)).as_ref().map_err(String::as_str)
    }

    /// The history as registers.
    ///
    /// # Errors
    /// The sentence that says why it is not one of registers.
    pub fn registers(&self) -> Result<&RegisterIndex, &str> {
        let registers = self.registers.get_or_init(|| RegisterIndex::new(self.history, &self.semantics));
        registers.as_ref().map_err(String::as_str)
    }
}

impl Context<'_> {
    /// Ids of the operations of a key, in order of invocation.
    #[must_use]
    pub fn operations_of(&self, key: KeyId) -> &[usize] {
        let of_key = self.of_key.get_or_init(|| {
            let mut of_key = vec![Vec::new(); self.history.keys().len()];
            self.history.operations().for_each(|operation| of_key[operation.key().index()].push(operation.id()));
            of_key
        });
        &of_key[key.index()]
    }
}

/// One property and the function that judges it.
pub struct Checker {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for `list`.
    pub description: &'static str,
    /// Adds its findings, measures and reasons to the analysis.
    pub check: fn(&Context<'_>, &mut Analysis),
}

/// Lets several checkers judge one history together. A history without any operation is unknown, never valid.
#[must_use]
pub fn judge(history: &History, limits: &Limits<'_>, checkers: &[&Checker]) -> Analysis {
    judge_in(&Context::new(history, limits), checkers)
}

/// As [`judge`], in a context with semantics of one's own.
#[must_use]
pub fn judge_in(context: &Context<'_>, checkers: &[&Checker]) -> Analysis {
    let mut analysis = Analysis::default();
    for checker in checkers {
        // A checker works on its own copy: what a panic leaves half done is thrown away.
        let mut own = analysis.clone();
        match std::panic::catch_unwind(AssertUnwindSafe(|| (checker.check)(context, &mut own))) {
            Ok(()) => analysis = own,
            Err(panic) => {
                analysis.unknown(format!("the checker {} panicked: {}", checker.name, panic_message(&*panic)))
            }
        }
    }
    if context.history.operations().len() == 0 {
        analysis.unknown("the history has no operation: nothing was tested");
    }
    analysis
}

/// What a panic says.
#[must_use]
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let message = panic.downcast_ref::<&str>().copied();
    message.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Validity, registry};

    #[test]
    fn an_empty_history_is_unknown() {
        let analysis = judge(&History::default(), &Limits::NONE, registry::list());
        assert_eq!(analysis.valid, Validity::Unknown);
        assert_eq!(analysis.measures.split_brain_seconds, None);
    }

    #[test]
    fn a_checker_that_panics_makes_it_unknown_and_hides_nothing() {
        static PANICKING: Checker =
            Checker { name: "panicking", description: "", check: |_, _| panic!("out of {}", "paper") };
        let mut text = crate::testing::HistoryText::new();
        text.ok((0, 1), 0, "read", serde_json::Value::Null, serde_json::json!(1));
        let history = text.history();
        let analysis = judge(&history, &Limits::NONE, &[&PANICKING]);
        assert_eq!(analysis.valid, Validity::Unknown);
        assert_eq!(analysis.reasons, ["the checker panicking panicked: out of paper"]);
        let both = judge(&history, &Limits::NONE, &[&PANICKING, &crate::register_values::CHECKER]);
        assert_eq!(both.valid, Validity::Invalid);
    }
}
