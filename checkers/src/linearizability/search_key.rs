//! Prepares one key for the search, and puts the search's answer into words.

use rustc_hash::FxHashMap;

use super::check::{Contradiction, KeyVerdict, Method, is_judged};
use super::search::{Answer, Call, OptionalClass, Problem, search};
use crate::checker::Context;
use crate::history::KeyId;
use crate::model::SequentialSpec;
use crate::witness::describe;

/// Decides one key by the search.
pub(crate) fn search_key<'h, S: SequentialSpec<'h>>(context: &Context<'h>, key: KeyId) -> KeyVerdict {
    let result = prepare::<S>(context, key).and_then(|(spec, problem)| {
        let count = problem.decided.len();
        match search(&spec, &problem, context.limits) {
            Answer::Linearizable => Ok(None),
            Answer::Stuck { placed, state, blocked } => {
                Ok(Some(contradiction(context, placed, count, &spec.describe(context.history, &state), blocked)))
            }
            Answer::Exhausted(limit) => Err(format!(
                "the search for a linearization of {} ({count} operations) ended at its {limit} limit",
                context.history.key_name(key),
            )),
        }
    });
    KeyVerdict { method: Method::Search, result }
}

fn prepare<'h, S: SequentialSpec<'h>>(context: &Context<'h>, key: KeyId) -> Result<(S, Problem<S::Action>), String> {
    let mut spec = S::default();
    let mut problem = Problem { decided: Vec::new(), optional: Vec::new() };
    let mut class_of: FxHashMap<S::Action, usize> = FxHashMap::default();
    let history = context.history;
    // In order of invocation, as the search wants its calls and the members of its classes.
    let operations = context.operations_of(key).iter().filter_map(|id| history.operation(*id)).filter(is_judged);
    for operation in operations {
        let Some(action) = spec.action(&operation)? else { continue };
        let invoked_ns = operation.invoked_ns();
        match operation.completed_ns() {
            Some(completed_ns) => {
                problem.decided.push(Call { operation: operation.id(), invoked_ns, completed_ns, action })
            }
            // Undecided and without effect: nothing follows from it.
            None if spec.is_pure(action) => {}
            None => {
                let place = *class_of.entry(action).or_insert_with(|| {
                    problem.optional.push(OptionalClass { action, invoked_ns: Vec::new() });
                    problem.optional.len() - 1
                });
                problem.optional[place].invoked_ns.push(invoked_ns);
            }
        }
    }
    Ok((spec, problem))
}

fn contradiction(
    context: &Context<'_>,
    placed: usize,
    count: usize,
    state: &str,
    blocked: Vec<usize>,
) -> Contradiction {
    let next: Vec<String> = blocked
        .iter()
        .filter_map(|id| context.history.operation(*id))
        .map(|operation| describe(context.history, &operation))
        .collect();
    let text = format!(
        "no order of its operations that respects their times was found to be possible, all having been tried; the longest \
         places {placed} of {count} and leaves {state}, where none of these can come next: {}",
        next.join("; ")
    );
    Contradiction::new(text, blocked)
}
