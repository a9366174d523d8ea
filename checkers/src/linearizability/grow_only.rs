//! Sets whose elements are added once each: fills [`super::monitor::grow_only`].

use super::check::{KeyVerdict, Method, is_judged};
use super::monitor::grow_only::{GrowOnly, check};
use super::tell::tell;
use crate::checker::Context;
use crate::history::KeyId;
use crate::index::Span;

/// Decides one key; `None` where an element is added twice, or the history is not one of sets.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let history = context.history;
    let set = &context.sets().ok()?.keys[key.index()];
    if set.elements.iter().any(|element| element.is_ambiguous) {
        return None;
    }
    let add = |operation| Span::of(&operation);
    let adds: Vec<Span> =
        set.elements.iter().map(|element| element.possible(history).map_or(Span::ABSENT, add)).collect();
    let is_judged = |span: &Span| span.look_up(history).is_some_and(|read| is_judged(&read));
    let reads: Vec<(u32, Span)> =
        set.reads.iter().filter(|read| is_judged(&read.span)).map(|read| (read.content, read.span)).collect();
    let contents: Vec<&[u32]> = (0..set.content_count() as u32).map(|content| set.content(content)).collect();
    let value = |number: u32| set.elements.get(number as usize).map(|element| element.value);
    let found = check(&GrowOnly { adds: &adds, reads: &reads, contents: &contents }).err();
    let found = found.map(|conflict| tell(history, value, &conflict));
    Some(KeyVerdict::new(Method::GrowOnly, Ok(found)))
}
