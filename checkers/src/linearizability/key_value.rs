//! Texts made of pieces that are written once each: fills [`super::monitor::texts`].

use super::check::{KeyVerdict, Method, is_judged};
use super::monitor::texts::{Piece, TextRead, check};
use super::tell::tell;
use crate::checker::Context;
use crate::history::{Function, KeyId, Outcome, ValueId};
use crate::index::Span;
use crate::semantics::Literal;

/// Decides one key; `None` where a piece is written twice, is empty or begins another one, where the text is not empty at
/// first, or where the history is not one of texts. Null is the empty text.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let history = context.history;
    if !matches!(&context.semantics.initial, Literal::Null) && context.semantics.initial != Literal::Text(String::new())
    {
        return None;
    }
    let text = |value: ValueId| if value.is_null() { Some("") } else { history.values().as_text(value) };
    let (mut pieces, mut reads) = (Vec::new(), Vec::new());
    let operations = context.operations_of(key).iter().filter_map(|id| history.operation(*id)).filter(is_judged);
    for operation in operations {
        let span = Span::of(&operation);
        match operation.function() {
            Function::Get => {
                if let Some(result) = operation.result() {
                    reads.push(TextRead { span, text: text(result)? });
                }
            }
            Function::Put | Function::Append if operation.outcome() == Outcome::Fail => {}
            function @ (Function::Put | Function::Append) => {
                let is_append = function == Function::Append;
                pieces.push(Piece { span, text: text(operation.argument())?, is_append });
            }
            _ => return None,
        }
    }
    let value = |number: u32| {
        let piece = pieces.get(number.checked_sub(1)? as usize)?;
        history.operation(piece.span.operation as usize).map(|operation| operation.argument())
    };
    let found = check(&pieces, &reads)?.err().map(|conflict| tell(history, value, &conflict));
    Some(KeyVerdict::new(Method::Texts, Ok(found)))
}
