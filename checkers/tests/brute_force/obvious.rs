//! The slow, obvious answer: try every order that respects real time. It shares no code with the crate's models.

use schism_checkers::history::{History, Operation, Outcome, ValueId};
use serde_json::{Value, json};

/// An operation that did or may have happened, its values as JSON.
#[derive(Debug, Clone)]
struct Plain<'h> {
    f: &'h str,
    argument: Value,
    result: Option<Value>,
    invoked_ns: u64,
    /// `None`: undecided.
    completed_ns: Option<u64>,
}

impl<'h> Plain<'h> {
    fn new(operation: Operation<'h>) -> Self {
        let json = |id: ValueId| {
            serde_json::from_str(&operation.history().values().display(id).to_string()).unwrap_or_default()
        };
        Self {
            f: operation.f(),
            argument: json(operation.argument()),
            result: operation.result().map(json),
            invoked_ns: operation.invoked_ns(),
            completed_ns: operation.completed_ns(),
        }
    }
}

/// Whether any order of the operations explains the history.
pub(crate) fn is_linearizable(model: &str, history: &History) -> bool {
    let possible = history.operations().filter(|operation| operation.outcome() != Outcome::Fail);
    let operations: Vec<Plain<'_>> = possible.map(Plain::new).collect();
    let initial = match model {
        "set" | "queue" | "stack" | "bag" => json!([]),
        "counter" => json!(0),
        "mutex" => json!("free"),
        "kv" => json!(""),
        _ => Value::Null,
    };
    place_rest(model, &initial, &operations)
}

/// Places one of the operations that are left first, in every possible way.
fn place_rest(model: &str, state: &Value, left: &[Plain<'_>]) -> bool {
    if left.iter().all(|operation| operation.completed_ns.is_none()) {
        return true;
    }
    (0..left.len()).any(|place| {
        let next = &left[place];
        if left.iter().any(|other| other.completed_ns.is_some_and(|completed| completed < next.invoked_ns)) {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(place);
        apply(model, state, next).iter().any(|state| place_rest(model, state, &rest))
    })
}

/// Every state that an operation can leave.
fn apply(model: &str, state: &Value, operation: &Plain<'_>) -> Vec<Value> {
    match (operation.f, state) {
        ("dequeue" | "pop", Value::Array(values)) => take(model, values, operation.result.as_ref()),
        _ => apply_one(model, state, operation).into_iter().collect(),
    }
}

/// Takes a value from a queue, a stack or a bag; without a result any that it may give.
fn take(model: &str, values: &[Value], result: Option<&Value>) -> Vec<Value> {
    let count = values.len();
    let places = match model {
        "queue" => 0..count.min(1),
        "stack" => count.saturating_sub(1)..count,
        _ => 0..count,
    };
    if count == 0 {
        return if result.is_none_or(Value::is_null) { vec![json!([])] } else { Vec::new() };
    }
    let places = places.filter(|place| result.is_none_or(|result| *result == values[*place]));
    places
        .map(|place| {
            let mut rest = values.to_vec();
            rest.remove(place);
            Value::Array(rest)
        })
        .collect()
}

fn apply_one(model: &str, state: &Value, operation: &Plain<'_>) -> Option<Value> {
    let argument = &operation.argument;
    let result = operation.result.as_ref();
    let list = || state.as_array().cloned().unwrap_or_default();
    match (model, operation.f) {
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
        (_, "get") => result.is_none_or(|result| result == state).then(|| state.clone()),
        (_, "append") => Some(json!(format!("{}{}", state.as_str()?, argument.as_str()?))),
        (_, "write" | "put") => Some(argument.clone()),
        (_, "cas") => (*state == argument[0]).then(|| argument[1].clone()),
        ("counter", "add") => Some(json!(state.as_i64()? + argument.as_i64()?)),
        (_, "add") => {
            let mut elements = list();
            if !elements.contains(argument) {
                elements.push(argument.clone());
            }
            Some(Value::Array(elements))
        }
        (_, "enqueue" | "push") => {
            let mut values = list();
            values.push(argument.clone());
            Some(Value::Array(values))
        }
        (_, "acquire") => (*state == json!("free")).then(|| json!("held")),
        (_, "release") => (*state == json!("held")).then(|| json!("free")),
        _ => None,
    }
}
