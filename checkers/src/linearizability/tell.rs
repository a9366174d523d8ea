//! Turns what a monitor found into words.

use super::check::Contradiction;
use super::monitor::{Conflict, Part};
use crate::history::{History, ValueId};
use crate::witness::{describe, short};

/// Tells a conflict; `value` is the value with a number.
pub(super) fn tell(history: &History, value: impl Fn(u32) -> Option<ValueId>, conflict: &Conflict) -> Contradiction {
    let tell_part = |part: &Part| match part {
        Part::Text(text) => (*text).to_owned(),
        Part::Number(number) => number.to_string(),
        Part::Value(number) => value(*number).map_or_else(|| "nothing".to_owned(), |value| short(history, value)),
        Part::Operation(id) => {
            history.operation(*id as usize).map(|operation| describe(history, &operation)).unwrap_or_default()
        }
    };
    let text = conflict.parts.iter().map(tell_part).collect();
    Contradiction::new(text, conflict.operations.iter().map(|id| *id as usize).collect())
}
