//! What a checker is, and how several judge one history together.

use std::cell::OnceCell;

use crate::analysis::{Analysis, Limits};
use crate::history::{History, KeyId};
use crate::index::{RegisterIndex, SetIndex};

/// What a checker may look at. What several checkers derive from the history is derived once.
pub struct Context<'a> {
    /// The history to judge.
    pub history: &'a History,
    /// Limits of any search.
    pub limits: &'a Limits<'a>,
    sets: OnceCell<Result<SetIndex<'a>, String>>,
    registers: OnceCell<Result<RegisterIndex<'a>, String>>,
    of_key: OnceCell<Vec<Vec<usize>>>,
}

impl<'a> Context<'a> {
    /// Nothing is derived yet.
    #[must_use]
    pub fn new(history: &'a History, limits: &'a Limits<'a>) -> Self {
        Self { history, limits, sets: OnceCell::new(), registers: OnceCell::new(), of_key: OnceCell::new() }
    }

    /// The history as sets.
    ///
    /// # Errors
    /// The sentence that says why it is not one of sets.
    pub fn sets(&self) -> Result<&SetIndex<'a>, &str> {
        self.sets.get_or_init(|| SetIndex::new(self.history)).as_ref().map_err(String::as_str)
    }

    /// The history as registers.
    ///
    /// # Errors
    /// The sentence that says why it is not one of registers.
    pub fn registers(&self) -> Result<&RegisterIndex<'a>, &str> {
        self.registers.get_or_init(|| RegisterIndex::new(self.history)).as_ref().map_err(String::as_str)
    }
}

impl Context<'_> {
    /// Ids of the operations of a key, in order of invocation.
    #[must_use]
    pub fn operations_of(&self, key: KeyId) -> &[usize] {
        let of_key = self.of_key.get_or_init(|| {
            let mut of_key = vec![Vec::new(); self.history.keys().len()];
            self.history.operations().for_each(|operation| of_key[operation.key.index()].push(operation.id));
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
    let context = Context::new(history, limits);
    let mut analysis = Analysis::default();
    for checker in checkers {
        (checker.check)(&context, &mut analysis);
    }
    if history.operations().len() == 0 {
        analysis.unknown("the history has no operation: nothing was tested");
    }
    analysis
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
}
