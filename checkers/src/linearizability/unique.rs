//! Registers whose values are written once each: fills [`super::monitor::zones`].

use super::check::{KeyVerdict, Method, is_judged};
use super::monitor::zones;
use super::tell::tell;
use crate::checker::Context;
use crate::history::KeyId;
use crate::index::{NONE, RegisterKey, Span};

/// Decides one key; `None` where a value is written twice, where a failed compare-and-set says what the value was not, or
/// where the history is not one of registers.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let history = context.history;
    let register = context.registers().ok()?.key(key);
    if register.has_observing_failure || (0..register.values.len()).any(|value| register.is_ambiguous(value as u32)) {
        return None;
    }
    let is_judged = |span: &Span| span.look_up(history).is_some_and(|read| is_judged(&read));
    let reads = register.reads.iter().filter(|read| is_judged(&read.span)).copied();
    let value = |number: u32| register.values.get(number as usize).map(|value| value.value);
    let found = zones::check(&register, reads).err().map(|conflict| {
        let mut contradiction = tell(history, value, &conflict);
        add_writes(&register, &mut contradiction.operations);
        contradiction
    });
    Some(KeyVerdict::new(Method::Zones, Ok(found)))
}

/// Adds to operations the writes of the values they found, without which they would show nothing by themselves.
fn add_writes(register: &RegisterKey<'_>, operations: &mut Vec<usize>) {
    let named = |span: &Span| operations.contains(&(span.operation as usize));
    let of_reads = register.reads.iter().filter(|read| named(&read.span)).map(|read| read.value);
    let of_writes = register.writes.iter().filter(|write| named(&write.span)).map(|write| write.old);
    let found = of_reads.chain(of_writes).filter(|value| *value != NONE);
    let writers: Vec<usize> =
        found.filter_map(|value| register.writer(value)).map(|write| write.span.operation as usize).collect();
    operations.extend(writers);
    operations.sort_unstable();
    operations.dedup();
}
