//! Queues, stacks and bags whose values go in once each: fills [`super::monitor::container`].

use rustc_hash::FxHashMap;

use super::check::{KeyVerdict, Method, is_judged};
use super::monitor::container::Container;
use super::monitor::{Conflict, queue, stack};
use super::tell::tell;
use crate::checker::Context;
use crate::history::{Function, KeyId, Outcome, ValueId};
use crate::index::Span;

/// Decides one key of a first-in-first-out queue; `None` where the monitor does not, or the history is not one of queues.
pub(crate) fn check_queue(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    check_key(context, key, (Function::Enqueue, Function::Dequeue), Method::Queue, queue::check)
}

/// As above for a last-in-first-out stack.
pub(crate) fn check_stack(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    check_key(context, key, (Function::Push, Function::Pop), Method::Stack, stack::check)
}

/// As above for a bag: a queue that gives its values in any order.
pub(crate) fn check_bag(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    check_key(context, key, (Function::Enqueue, Function::Dequeue), Method::Bag, Container::check_bag)
}

fn check_key(
    context: &Context<'_>,
    key: KeyId,
    (put, take): (Function, Function),
    method: Method,
    check: impl Fn(&Container) -> Option<Result<(), Conflict>>,
) -> Option<KeyVerdict> {
    let history = context.history;
    let mut container = Container::default();
    let mut numbers: FxHashMap<ValueId, u32> = FxHashMap::default();
    let mut values: Vec<ValueId> = Vec::new();
    let mut number = |value: ValueId| {
        *numbers.entry(value).or_insert_with(|| {
            values.push(value);
            (values.len() - 1) as u32
        })
    };
    let operations = context.operations_of(key).iter().filter_map(|id| history.operation(*id)).filter(is_judged);
    for operation in operations {
        let function = operation.function();
        if function != put && function != take {
            return None;
        }
        if operation.outcome() == Outcome::Fail {
            continue;
        }
        let span = Span::of(&operation);
        match operation.result() {
            // Null means that nothing was there.
            _ if function == put && operation.argument().is_null() => return None,
            _ if function == put => container.put(number(operation.argument()), span),
            None => container.undecided.push(span),
            Some(result) if result.is_null() => container.empties.push(span),
            Some(result) => container.take(number(result), span),
        }
    }
    let found = match check(&container)? {
        Ok(()) => None,
        Err(conflict) => Some(tell(history, |number| values.get(number as usize).copied(), &conflict)),
    };
    Some(KeyVerdict::new(method, Ok(found)))
}
