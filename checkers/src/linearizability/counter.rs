//! Counters: fills [`super::monitor::counter`].

use super::check::{KeyVerdict, Method, is_judged};
use super::monitor::counter::{Counter, check};
use super::tell::tell;
use crate::checker::Context;
use crate::history::{Function, KeyId, Outcome};
use crate::index::Span;

/// Decides one key; `None` where the monitor leaves it to the search, or the history is not one of counters.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let history = context.history;
    let values = history.values();
    let mut counter = Counter::default();
    let operations = context.operations_of(key).iter().filter_map(|id| history.operation(*id)).filter(is_judged);
    for operation in operations {
        match operation.function() {
            Function::Add if operation.outcome() == Outcome::Fail => {}
            Function::Add => {
                counter.additions.push((values.as_integer(operation.argument())?, Span::of(&operation)));
            }
            Function::Read => {
                if let Some(result) = operation.result() {
                    counter.reads.push((values.as_integer(result)?, Span::of(&operation)));
                }
            }
            _ => return None,
        }
    }
    let found = check(&counter)?.err().map(|conflict| tell(history, |_| None, &conflict));
    Some(KeyVerdict::new(Method::Counter, Ok(found)))
}
