//! Generated ids: no value is ever given out twice.
//!
//! Wants `generate` operations, whose result is the id; any value but null is one. Two `generate` operations of one key that
//! ended ok with equal values are a duplicate, whatever their times: each was told that the id is its own. Operations that
//! failed or are undecided gave nothing out that anybody knows of, and count for nothing. Ids are unique within their key, for a
//! key is an object of its own; how many ids several keys gave out is told beside it.
//!
//! Exact: a history has a duplicate if and only if one is found. O(n log n).

use crate::analysis::{Analysis, GeneratedIds};
use crate::checker::{Checker, Context};
use crate::history::{History, Operation, ValueId};
use crate::model::{foreign_operation, foreign_value};
use crate::verdict::FindingKind;
use crate::witness::{describe, faults_around, short, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "unique-ids", description: "generated ids that were given out twice", check };

/// An id that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    value: ValueId,
    key: usize,
    operation: usize,
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let mut given = match ids_given(history) {
        Ok(given) => given,
        Err(reason) => return analysis.unknown(reason),
    };
    if given.is_empty() {
        return analysis.unknown("no `generate` ended ok: no id was tested");
    }
    given.sort_unstable();
    let repeats: Vec<[Given; 2]> = given
        .windows(2)
        .filter(|pair| (pair[0].value, pair[0].key) == (pair[1].value, pair[1].key))
        .map(|pair| [pair[0], pair[1]])
        .collect();
    let shared =
        given.chunk_by(|one, other| one.value == other.value).filter(|same| same[0].key != same[same.len() - 1].key);
    analysis.measures.duplicates = Some(repeats.len() as u64);
    analysis.measures.generated_ids = Some(GeneratedIds {
        generated: given.len() as u64,
        distinct: (given.len() - repeats.len()) as u64,
        shared_between_keys: shared.count() as u64,
        range: range(history, &given),
    });
    // The witness is the pair that was complete first.
    let Some(first) = repeats.iter().min_by_key(|pair| pair[1].operation) else { return };
    let operations: Vec<Operation<'_>> = first.iter().filter_map(|given| history.operation(given.operation)).collect();
    let told: Vec<String> = operations.iter().map(|operation| describe(history, operation)).collect();
    let text = format!(
        "Of {} ids given out, {} had been given out before. The first: {} came from {}; {}.",
        given.len(),
        repeats.len(),
        short(history, first[0].value),
        told.join(" and again from "),
        faults_around(history, &operations),
    );
    analysis.find(FindingKind::Duplicate, repeats.len() as u64, None, witness(text, &operations));
}

fn ids_given(history: &History) -> Result<Vec<Given>, String> {
    let mut given = Vec::new();
    let mut generate = None;
    for operation in history.operations() {
        if Some(operation.function()) != generate {
            if operation.f() != "generate" {
                return Err(foreign_operation(&operation, "generator of ids"));
            }
            generate = Some(operation.function());
        }
        match operation.result() {
            Some(ValueId::NULL) => return Err(foreign_value(&operation, "an id as its result", ValueId::NULL)),
            Some(value) => given.push(Given { value, key: operation.key().index(), operation: operation.id() }),
            None => {}
        }
    }
    Ok(given)
}

/// The smallest and the largest id, if all are of one kind that has an order.
fn range(history: &History, given: &[Given]) -> Option<[String; 2]> {
    let values = history.values();
    let ends = |least: ValueId, greatest: ValueId| [least, greatest].map(|id| values.display(id).to_string());
    let integers: Option<Vec<(i64, ValueId)>> =
        given.iter().map(|given| Some((values.as_integer(given.value)?, given.value))).collect();
    if let Some(integers) = integers {
        return Some(ends(integers.iter().min()?.1, integers.iter().max()?.1));
    }
    let texts: Option<Vec<(&str, ValueId)>> =
        given.iter().map(|given| Some((values.as_text(given.value)?, given.value))).collect();
    let texts = texts?;
    Some(ends(texts.iter().min()?.1, texts.iter().max()?.1))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    fn judged(text: &HistoryText) -> Analysis {
        judge(&text.history(), &Limits::NONE, &[&CHECKER])
    }

    fn generate(text: &mut HistoryText, time: u64, id: Value) -> &mut HistoryText {
        text.ok((time, time + 1), time, "generate", Value::Null, id)
    }

    #[test]
    fn ids_of_any_kind_that_differ_are_in_order() {
        let mut text = HistoryText::new();
        for (time, id) in
            [json!(2), json!("2"), json!([2]), json!({"a": 2}), json!(2.5), json!(true)].into_iter().enumerate()
        {
            generate(&mut text, time as u64 * 10, id);
        }
        // Undecided and refused: nobody was given an id.
        text.invoke(90, 90, "generate", Value::Null).complete(91, 90, "info", "generate", json!(2));
        text.invoke(92, 92, "generate", Value::Null).complete(93, 92, "fail", "generate", json!(2));
        let analysis = judged(&text);
        assert_eq!(analysis.valid, Validity::Valid);
        let ids = analysis.measures.generated_ids.unwrap();
        assert_eq!((ids.generated, ids.distinct, ids.range), (6, 6, None));
    }

    #[test]
    fn a_value_given_out_again_is_a_duplicate_and_the_first_pair_is_shown() {
        let mut text = HistoryText::new();
        // Two of them at the same time: that excuses nothing.
        for (time, id) in [(0, 9), (0, 7), (10, 7), (20, 9), (30, 9), (40, 11)] {
            text.ok((time, time + 1), time + id, "generate", Value::Null, json!(id));
        }
        let analysis = judged(&text);
        assert_eq!(analysis.valid, Validity::Invalid);
        assert_eq!((analysis.findings[0].kind, analysis.findings[0].count), (FindingKind::Duplicate, 3));
        assert_eq!(analysis.findings[0].witness.events, [1, 3, 4, 5]);
        let ids = analysis.measures.generated_ids.unwrap();
        assert_eq!((ids.generated, ids.distinct), (6, 3));
        assert_eq!(ids.range, Some(["7".to_owned(), "11".to_owned()]));
    }

    #[test]
    fn keys_are_objects_of_their_own() {
        let mut text = HistoryText::new();
        for (time, key, id) in [(0, "k1", "a"), (2, "k2", "a"), (4, "k2", "b")] {
            text.invoke(time, time, "generate", Value::Null).with("key", key);
            text.complete(time + 1, time, "ok", "generate", json!(id)).with("key", key);
        }
        let analysis = judged(&text);
        assert_eq!(analysis.valid, Validity::Valid);
        let ids = analysis.measures.generated_ids.unwrap();
        assert_eq!((ids.shared_between_keys, ids.range), (1, Some(["\"a\"".to_owned(), "\"b\"".to_owned()])));
    }

    #[test]
    fn nothing_generated_null_and_other_operations_are_unknown() {
        let mut text = HistoryText::new();
        text.invoke(0, 0, "generate", Value::Null);
        assert_eq!(judged(&text).reasons, ["no `generate` ended ok: no id was tested"]);
        generate(&mut text, 10, Value::Null);
        assert_eq!(judged(&text).reasons, ["index 1: `generate` has an id as its result, not null"]);
        let mut text = HistoryText::new();
        text.ok((0, 1), 0, "read", Value::Null, json!(1));
        assert_eq!(judged(&text).reasons, ["index 0: `read` is not an operation of a generator of ids"]);
    }
}
