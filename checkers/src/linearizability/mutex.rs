//! Locks that anybody may release: fills [`super::monitor::greedy`].

use super::check::{KeyVerdict, Method, is_judged};
use super::monitor::greedy::check_mutex;
use super::tell::tell;
use crate::checker::Context;
use crate::history::{Function, KeyId, Outcome};
use crate::index::Span;

/// Decides one key; `None` where the history is not one of locks.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let history = context.history;
    let (mut acquires, mut releases) = (Vec::new(), Vec::new());
    let operations = context.operations_of(key).iter().filter_map(|id| history.operation(*id)).filter(is_judged);
    for operation in operations {
        let spans = match operation.function() {
            Function::Acquire => &mut acquires,
            Function::Release => &mut releases,
            _ => return None,
        };
        if operation.outcome() != Outcome::Fail {
            spans.push(Span::of(&operation));
        }
    }
    let found = check_mutex(&acquires, &releases).err().map(|conflict| tell(history, |_| None, &conflict));
    Some(KeyVerdict::new(Method::Mutex, Ok(found)))
}
