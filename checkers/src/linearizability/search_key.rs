//! Prepares one key for the search, and puts the search's answer into words.

use super::check::{Contradiction, KeyVerdict, LongestPrefix, Method, is_judged};
use super::search::{Answer, Call, Prefix, Problem, decide_on_threads};
use crate::analysis::Limits;
use crate::checker::Context;
use crate::history::{History, KeyId};
use crate::model::{Effect, Object};
use crate::witness::minimise::minimise;
use crate::witness::paragraph::{Whole, paragraph};
use crate::witness::reduce::Reducible;
use crate::witness::{counted, describe};

/// Operations named in a witness at most.
const NAMED_MAX: usize = 6;

/// Decides one key by the search.
pub(crate) fn search_key<'h, O: Object<'h>>(context: &Context<'h>, key: KeyId) -> KeyVerdict {
    let (object, problem) = match prepare::<O>(context, key) {
        Ok(prepared) => prepared,
        Err(reason) => return KeyVerdict::unknown(reason),
    };
    let history = context.history;
    let count = problem.calls.iter().filter(|call| call.completed_ns.is_some()).count();
    // Where there are fewer keys than threads, a search may have a second one.
    let threads = if history.keys().len() < context.threads { 2 } else { 1 };
    // Keys that are decided at once share the memory.
    let at_once = history.keys().len().min(context.threads).max(1);
    let limits =
        Limits { should_stop: context.limits.should_stop, memory_bytes: context.limits.memory_bytes / at_once };
    match decide_on_threads(&object, &problem, &limits, threads) {
        Answer::Linearizable => KeyVerdict::new(Method::Search, Ok(None)),
        Answer::Impossible { failing, prefix } => {
            let longest = longest(&object, history, key, count, &prefix);
            let contradiction = contradiction(&object, history, count, failing, prefix);
            KeyVerdict { prefix: Some(longest), ..KeyVerdict::new(Method::Search, Ok(Some(contradiction))) }
        }
        Answer::Unknown { limit, prefix } => {
            let longest = longest(&object, history, key, count, &prefix);
            let reason = format!(
                "the search for a linearization of {} ended at its {} limit: {}",
                longest.key,
                limit.name(),
                progress(&longest)
            );
            KeyVerdict { prefix: Some(longest), ..KeyVerdict::unknown(reason) }
        }
    }
}

/// Copies of a history's calls that are held at once while it is made smaller.
const COPIES: usize = 3;

/// A small part of a key's history that has no linearization: what is to be said of it, and ids of its operations. `None`
/// where the contradiction does not name its failing completion, or where looking for it would take too much memory.
pub(crate) fn explain_key<'h, O: Object<'h> + Reducible>(
    context: &Context<'h>,
    key: KeyId,
    contradiction: &Contradiction,
) -> Option<(String, Vec<usize>)> {
    let failing = contradiction.failing?;
    let (object, problem) = prepare::<O>(context, key).ok()?;
    if COPIES * size_of_val(problem.calls.as_slice()) > context.limits.memory_bytes {
        return None;
    }
    let evidence = minimise(object, problem, failing, context.limits);
    // The whole once more, for it is larger than all that was kept of it.
    let (object, problem) = prepare::<O>(context, key).ok()?;
    Some(paragraph(&Whole { history: context.history, object, calls: problem.calls, failing }, &evidence))
}

fn prepare<'h, O: Object<'h>>(context: &Context<'h>, key: KeyId) -> Result<(O, Problem<O::Action>), String> {
    let mut object = O::new(context.history, &context.semantics);
    let mut problem = Problem::default();
    let history = context.history;
    // In order of invocation, as the search wants its calls.
    let operations = context.operations_of(key).iter().filter_map(|id| history.operation(*id)).filter(is_judged);
    for operation in operations {
        let Some(action) = object.action(&operation)? else { continue };
        let completed_ns = operation.completed_ns();
        // Undecided and without effect: nothing follows from it.
        if completed_ns.is_some() || object.effect(action) != Effect::Pure {
            let invoked_ns = operation.invoked_ns();
            problem.calls.push(Call { operation: operation.id(), invoked_ns, completed_ns, action });
        }
    }
    Ok((object, problem))
}

fn told(history: &History, ids: &[usize]) -> String {
    let operations = ids.iter().filter_map(|id| history.operation(*id));
    operations.map(|operation| describe(history, &operation)).collect::<Vec<_>>().join("; ")
}

fn contradiction<'h, O: Object<'h>>(
    object: &O,
    history: &History,
    count: usize,
    failing: usize,
    prefix: Prefix<O::State>,
) -> Contradiction {
    let mut operations = vec![failing];
    operations.extend(prefix.open.iter().copied().filter(|id| *id != failing));
    operations.truncate(NAMED_MAX);
    let text = format!(
        "no order of its operations that respects their times explains the first {} of {count} completions, all having been \
         tried; one that explains all before leaves {}, where none of these can come next: {}",
        prefix.completed + 1,
        object.describe(history, &prefix.state),
        told(history, &operations)
    );
    Contradiction { text, operations, failing: Some(failing), prefix: prefix.order }
}

fn longest<'h, O: Object<'h>>(
    object: &O,
    history: &History,
    key: KeyId,
    count: usize,
    prefix: &Prefix<O::State>,
) -> LongestPrefix {
    let last = prefix.last_completed.and_then(|id| history.operation(id));
    LongestPrefix {
        key: history.key_name(key),
        completed: prefix.completed as u64,
        of: count as u64,
        last_index: last.and_then(|operation| operation.completed_index()),
        state: object.describe(history, &prefix.state),
        undecided: prefix.undecided.clone(),
    }
}

/// How far a search came, and what keeps it from going on.
fn progress(longest: &LongestPrefix) -> String {
    let LongestPrefix { completed, of, last_index, state, undecided, .. } = longest;
    let index = last_index.map(|index| format!(", up to index {index},")).unwrap_or_default();
    let undecided = match undecided.len() as u64 {
        0 => String::new(),
        count => {
            format!("; which of the {} by then happened would decide more", counted(count, "undecided operation"))
        }
    };
    format!("an order of the first {completed} of {of} completions{index} is known, which leaves {state}{undecided}")
}
