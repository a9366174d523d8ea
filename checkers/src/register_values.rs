//! Reads of values that nobody wrote, of registers.
//!
//! Lost, recovered and dirty writes cannot be measured on a register: the next write hides them.

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, Operation};
use crate::index::{RegisterKey, RegisterRead};
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "register-values", description: "reads of values that nobody wrote, of registers", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let registers = match context.registers() {
        Ok(registers) => registers,
        Err(reason) => return analysis.unknown(reason),
    };
    let mut count = 0;
    let mut first: Option<(RegisterKey<'_>, &RegisterRead)> = None;
    for key in context.history.key_ids().map(|key| registers.key(key)) {
        for read in key.reads.iter().filter(|read| is_from_nowhere(&key, read)) {
            count += 1;
            if first.is_none_or(|(_, first)| read.span.operation < first.span.operation) {
                first = Some((key, read));
            }
        }
    }
    analysis.measures.unexpected = Some(count);
    if let Some((key, read)) = first {
        let (text, operations) = story(context.history, &key, read);
        let text = format!("{} returned a value that nobody had written. The first: {text}.", counted(count, "read"));
        analysis.find(FindingKind::Unexpected, count, None, witness(text, &operations));
    }
}

/// Whether a read was over before any write of its value was invoked, or there is none.
fn is_from_nowhere(key: &RegisterKey<'_>, read: &RegisterRead) -> bool {
    if read.value == RegisterKey::INITIAL {
        return false;
    }
    key.writer(read.value).is_none_or(|write| read.span.precedes(&write.span))
}

fn story<'h>(history: &'h History, key: &RegisterKey<'_>, read: &RegisterRead) -> (String, Vec<Operation<'h>>) {
    let write = key.writer(read.value).and_then(|write| write.span.look_up(history));
    let write = write.or_else(|| history.operation(key.values[read.value as usize].refused as usize));
    let read = read.span.look_up(history);
    let operations: Vec<Operation<'h>> = [read, write].into_iter().flatten().collect();
    let but = match write {
        Some(write) => format!("the only write of that value was {}", describe(history, &write)),
        None => "no operation ever wrote that value".to_owned(),
    };
    let told = read.map(|read| describe(history, &read)).unwrap_or_default();
    let text = format!("{told}; {but}; {}", faults_around(history, read.as_slice()));
    (text, operations)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    #[test]
    fn values_of_nobody_of_a_refused_write_and_of_the_future_are_unexpected() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 0, "read", Value::Null, Value::Null);
        text.ok((2, 3), 0, "read", Value::Null, json!(3));
        text.invoke(4, 1, "write", json!(1)).complete(5, 1, "fail", "write", json!(1));
        text.invoke(4, 2, "cas", json!([null, 2])).complete(5, 2, "info", "cas", json!([null, 2]));
        text.ok((6, 7), 3, "write", json!(3), json!(3));
        for (time, value) in [(10, json!(1)), (12, json!(2)), (14, json!(3)), (16, json!(9))] {
            text.ok((time, time + 1), 0, "read", Value::Null, value);
        }
        let analysis = judge(&text.history(), &Limits::NONE, &[&CHECKER]);
        assert_eq!(analysis.measures.unexpected, Some(3));
        assert_eq!((analysis.measures.lost, analysis.measures.dirty), (None, None));
        assert_eq!(analysis.valid, Validity::Invalid);
        assert!(
            analysis.findings[0].witness.text.contains("the only write of that value was"),
            "{:?}",
            analysis.findings
        );
    }
}
