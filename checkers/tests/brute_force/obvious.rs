//! The slow, obvious answer: try every order that respects real time. It shares no code with the crate's models.

use schism_checkers::history::{History, Operation, Outcome};
use serde_json::{Value, json};

/// Whether any order of the operations explains the history.
pub(crate) fn is_linearizable(model: &str, history: &History) -> bool {
    let operations: Vec<Operation<'_>> =
        history.operations().filter(|operation| operation.outcome() != Outcome::Fail).collect();
    let initial = match model {
        "set" | "queue" => json!([]),
        "counter" => json!(0),
        "mutex" => json!("free"),
        _ => Value::Null,
    };
    place_rest(model, &initial, &operations)
}

/// Places one of the operations that are left first, in every possible way.
fn place_rest(model: &str, state: &Value, left: &[Operation<'_>]) -> bool {
    if left.iter().all(|operation| !operation.is_ok()) {
        return true;
    }
    (0..left.len()).any(|place| {
        let next = &left[place];
        let is_too_early = left
            .iter()
            .any(|other| other.is_ok() && other.completed_ns().is_some_and(|completed| completed < next.invoked_ns()));
        if is_too_early {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(place);
        apply(model, state, next).is_some_and(|state| place_rest(model, &state, &rest))
    })
}

fn apply(model: &str, state: &Value, operation: &Operation<'_>) -> Option<Value> {
    let argument = operation.argument();
    let result = operation.result();
    let list = || state.as_array().cloned().unwrap_or_default();
    match (model, operation.f()) {
        (_, "read") => {
            let is_right = match (result, state) {
                (None, _) => true,
                (Some(Value::Array(result)), Value::Array(state)) => {
                    result.len() == state.len() && state.iter().all(|element| result.contains(element))
                }
                (Some(result), state) => result == state,
            };
            is_right.then(|| state.clone())
        }
        (_, "write") => Some(argument.clone()),
        (_, "cas") => (*state == argument[0]).then(|| argument[1].clone()),
        ("counter", "add") => Some(json!(state.as_i64()? + argument.as_i64()?)),
        (_, "add") => {
            let mut elements = list();
            if !elements.contains(argument) {
                elements.push(argument.clone());
            }
            Some(Value::Array(elements))
        }
        (_, "enqueue") => {
            let mut queue = list();
            queue.push(argument.clone());
            Some(Value::Array(queue))
        }
        (_, "dequeue") => {
            let mut queue = list();
            let head = if queue.is_empty() { Value::Null } else { queue.remove(0) };
            result.is_none_or(|result| *result == head).then_some(Value::Array(queue))
        }
        (_, "acquire") => (*state == json!("free")).then(|| json!("held")),
        (_, "release") => (*state == json!("held")).then(|| json!("free")),
        _ => None,
    }
}
