//! Registers whose values are written once each: fills [`super::monitor::zones`].

use super::check::{KeyVerdict, Method, is_judged};
use super::monitor::zones;
use super::tell::tell;
use crate::checker::Context;
use crate::history::KeyId;

/// Decides one key; `None` where a value is written twice, where a failed compare-and-set says what the value was not, or
/// where the history is not one of registers.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let history = context.history;
    let register = context.registers().ok()?.key(key);
    if register.has_observing_failure || (0..register.values.len()).any(|value| register.is_ambiguous(value as u32)) {
        return None;
    }
    let is_judged = |span: &crate::index::Span| span.look_up(history).is_some_and(|read| is_judged(&read));
    let reads = register.reads.iter().filter(|read| is_judged(&read.span)).copied();
    let value = |number: u32| register.values.get(number as usize).map(|value| value.value);
    let found = zones::check(&register, reads).err().map(|conflict| tell(history, value, &conflict));
    Some(KeyVerdict { method: Method::Zones, result: Ok(found) })
}
