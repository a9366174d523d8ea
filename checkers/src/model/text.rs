//! A text: get, put a text, append a text; empty at first. Null is the empty text.

use super::spec::{Effect, Object, SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{History, Operation, Outcome, ValueId};
use crate::semantics::{Literal, Semantics};

#[derive(Debug, Clone)]
pub(crate) struct TextSpec<'h> {
    history: &'h History,
    /// `None`: not a text.
    initial: Option<Box<str>>,
}

/// The values are texts, or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextAction {
    Get(ValueId),
    Put(ValueId),
    Append(ValueId),
}

impl TextSpec<'_> {
    fn text(&self, value: ValueId) -> &str {
        self.history.values().as_text(value).unwrap_or_default()
    }
}

impl SequentialSpec for TextSpec<'_> {
    type Action = TextAction;
    type State = Box<str>;

    fn initial(&self) -> Box<str> {
        self.initial.clone().unwrap_or_default()
    }

    fn step(&self, state: &Box<str>, action: TextAction) -> Step<Box<str>> {
        let next = match action {
            TextAction::Get(value) if self.text(value) == &**state => return Step::Same,
            TextAction::Get(_) => return Step::Illegal,
            TextAction::Put(value) => self.text(value).into(),
            TextAction::Append(value) => [state, self.text(value)].concat().into_boxed_str(),
        };
        if next == *state { Step::Same } else { Step::Next(next) }
    }

    fn effect(&self, action: TextAction) -> Effect {
        match action {
            TextAction::Get(_) => Effect::Pure,
            TextAction::Put(_) => Effect::Overwrite,
            TextAction::Append(_) => Effect::Update,
        }
    }

    fn heap_bytes(&self, state: &Box<str>) -> usize {
        state.len()
    }
}

impl<'h> Object<'h> for TextSpec<'h> {
    fn new(history: &'h History, semantics: &Semantics) -> Self {
        let initial = match &semantics.initial {
            Literal::Null => Some(Box::default()),
            Literal::Text(text) => Some(text.as_str().into()),
            Literal::Integer(_) => None,
        };
        Self { history, initial }
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<TextAction>, String> {
        let (value, action): (_, fn(ValueId) -> TextAction) = match (operation.f(), operation.result()) {
            _ if operation.outcome() == Outcome::Fail => return Ok(None),
            ("get", None) => return Ok(None),
            ("get", Some(result)) => (result, TextAction::Get),
            ("put", _) => (operation.argument(), TextAction::Put),
            ("append", _) => (operation.argument(), TextAction::Append),
            _ => return Err(foreign_operation(operation, "text")),
        };
        if self.initial.is_none() {
            return Err("a text cannot begin as a number".to_owned());
        }
        if !value.is_null() && self.history.values().as_text(value).is_none() {
            return Err(foreign_value(operation, "a text", value));
        }
        Ok(Some(action(value)))
    }

    fn describe(&self, _history: &History, state: &Box<str>) -> String {
        match state.chars().count() {
            0 => "the empty text".to_owned(),
            length => format!("a text of {length} characters"),
        }
    }
}
