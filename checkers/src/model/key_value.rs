//! A text: get, put, append. A missing one reads as the empty text, as does null.

use super::spec::{Effect, Object, Outlook, SequentialSpec, Step, foreign_operation, foreign_value};
use crate::history::{Function, History, Operation, Outcome, ValueId};
use crate::linearizability::search::Interval;
use crate::semantics::{Literal, Semantics};
use crate::witness::counted;

#[derive(Debug)]
pub(crate) struct KeyValueSpec<'h> {
    history: &'h History,
    initial: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeyValueAction<'h> {
    Get(&'h str),
    Put(&'h str),
    Append(&'h str),
}

impl<'h> SequentialSpec for KeyValueSpec<'h> {
    type Action = KeyValueAction<'h>;
    type State = Box<str>;

    fn initial(&self) -> Box<str> {
        self.initial.clone()
    }

    fn step(&self, state: &Box<str>, action: KeyValueAction<'h>) -> Step<Box<str>> {
        match action {
            KeyValueAction::Get(text) if *text == **state => Step::Same,
            KeyValueAction::Get(_) => Step::Illegal,
            KeyValueAction::Put(text) if *text == **state => Step::Same,
            KeyValueAction::Put(text) => Step::Next(text.into()),
            KeyValueAction::Append("") => Step::Same,
            KeyValueAction::Append(text) => Step::Next([&**state, text].concat().into()),
        }
    }

    fn effect(&self, action: KeyValueAction<'h>) -> Effect {
        match action {
            KeyValueAction::Get(_) => Effect::Pure,
            KeyValueAction::Put(_) => Effect::Overwrite,
            // Also of nothing: what is possible in every state must not be taken for an observer of any.
            KeyValueAction::Append(_) => Effect::Update,
        }
    }

    /// A text is of use as long as a get of one that begins with it may come: appends only make it longer.
    fn outlook(&self, calls: &[Interval<KeyValueAction<'h>>]) -> Outlook<'_, Box<str>> {
        let mut gets: Vec<(&'h str, u32)> = calls
            .iter()
            .filter_map(|call| match call.action {
                KeyValueAction::Get(text) => Some((text, call.closes.saturating_add(1))),
                _ => None,
            })
            .collect();
        // Those that begin with one text stand next to each other.
        gets.sort_unstable();
        let latest = Latest::new(gets.iter().map(|(_, until)| *until).collect());
        #[expect(clippy::borrowed_box, reason = "a state is a box")]
        let useful_until = Box::new(move |state: &Box<str>| {
            let from = gets.partition_point(|(text, _)| **text < **state);
            let to = from + gets[from..].partition_point(|(text, _)| text.starts_with(&**state));
            latest.of(from, to)
        });
        Outlook { useful_until, ..Outlook::default() }
    }

    fn heap_bytes(&self, state: &Box<str>) -> usize {
        state.len()
    }
}

/// The greatest of any stretch of a list, by stretches whose lengths are powers of two.
struct Latest {
    /// By power: the greatest of the stretch that begins at a place.
    rows: Vec<Vec<u32>>,
}

impl Latest {
    fn new(list: Vec<u32>) -> Self {
        let mut rows = vec![list];
        let mut length = 1;
        while let Some(row) = rows.last().filter(|row| row.len() > length) {
            let longer = row.iter().zip(&row[length..]).map(|(one, other)| *one.max(other)).collect();
            rows.push(longer);
            length *= 2;
        }
        Self { rows }
    }

    /// The greatest from one place to before another; 0 where that is nothing.
    fn of(&self, from: usize, to: usize) -> u32 {
        let Some(power) = (to - from).checked_ilog2() else { return 0 };
        let row = &self.rows[power as usize];
        row[from].max(row[to - (1 << power)])
    }
}

impl<'h> Object<'h> for KeyValueSpec<'h> {
    fn new(history: &'h History, semantics: &Semantics) -> Self {
        let initial = match &semantics.initial {
            Literal::Null => Box::default(),
            Literal::Integer(number) => number.to_string().into(),
            Literal::Text(text) => text.as_str().into(),
        };
        Self { history, initial }
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<KeyValueAction<'h>>, String> {
        let text = |value: ValueId| {
            let text = if value.is_null() { Some("") } else { self.history.values().as_text(value) };
            text.ok_or_else(|| foreign_value(operation, "a text", value))
        };
        let is_failed = operation.outcome() == Outcome::Fail;
        match operation.function() {
            Function::Get => operation.result().map(|result| text(result).map(KeyValueAction::Get)).transpose(),
            Function::Put | Function::Append if is_failed => Ok(None),
            Function::Put => text(operation.argument()).map(|text| Some(KeyValueAction::Put(text))),
            Function::Append => text(operation.argument()).map(|text| Some(KeyValueAction::Append(text))),
            _ => Err(foreign_operation(operation, "text")),
        }
    }

    fn describe(&self, _history: &History, state: &Box<str>) -> String {
        const LETTERS_MAX: usize = 40;
        match state.chars().count() {
            length if length > LETTERS_MAX => format!("a text of {}", counted(length as u64, "letter")),
            _ => format!("the text {state:?}"),
        }
    }
}
