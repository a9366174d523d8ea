//! Reads of values that nobody wrote, of registers.
//!
//! Lost, recovered and dirty writes cannot be measured on a register: the next write hides them.

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, Operation};
use crate::index::{RegisterKey, RegisterRead};
use crate::verdict::FindingKind;
use crate::witness::{describe, faults_around, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "register-values", description: "reads of values that nobody wrote, of registers", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let registers = match context.registers() {
        Ok(registers) => registers,
        Err(reason) => return analysis.unknown(reason),
    };
    let mut count = 0;
    let mut first: Option<(&RegisterKey<'_>, &RegisterRead<'_>)> = None;
    for key in &registers.keys {
        for read in key.reads.iter().filter(|read| is_from_nowhere(key, read)) {
            count += 1;
            if first.is_none_or(|(_, first)| read.operation.id < first.operation.id) {
                first = Some((key, read));
            }
        }
    }
    analysis.measures.unexpected = Some(count);
    if let Some((key, read)) = first {
        let (text, operations) = story(context.history, key, read);
        let text = format!("{count} read(s) returned a value that nobody had written. The first: {text}.");
        analysis.find(FindingKind::Unexpected, count, None, witness(text, &operations));
    }
}

/// Whether a read was over before any write of its value was invoked, or there is none.
fn is_from_nowhere(key: &RegisterKey<'_>, read: &RegisterRead<'_>) -> bool {
    if read.value == RegisterKey::INITIAL {
        return false;
    }
    key.writer(read.value).is_none_or(|write| {
        read.operation.completed_ns().is_some_and(|completed| completed < write.operation.invoked_ns())
    })
}

fn story<'h>(history: &History, key: &RegisterKey<'h>, read: &RegisterRead<'h>) -> (String, Vec<Operation<'h>>) {
    let write = key.writer(read.value).map(|write| write.operation).or(key.values[read.value as usize].refused);
    let operations: Vec<Operation<'h>> = [Some(read.operation), write].into_iter().flatten().collect();
    let but = match write {
        Some(write) => format!("the only write of that value was {}", describe(history, &write)),
        None => "no operation ever wrote that value".to_owned(),
    };
    let text = format!("{}; {but}; {}", describe(history, &read.operation), faults_around(history, &[read.operation]));
    (text, operations)
}
