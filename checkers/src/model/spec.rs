//! What an object does when operations come one after the other.

use std::fmt;
use std::hash::Hash;

use crate::history::{History, Operation, ValueId};
use crate::linearizability::search::Interval;
use crate::semantics::Semantics;

/// What an action does to a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<S> {
    /// It cannot happen here, or not with this result.
    Illegal,
    /// It can, and changes nothing.
    Same,
    /// It can, and leaves this state.
    Next(S),
}

/// How an action treats states in general. The search is right whatever a model answers as long as it is true; what is more
/// than [`Effect::Conditional`] makes it fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It changes no state whatever, and tells some from others: a read. What is possible in every state and changes none is
    /// an [`Effect::Update`] where the model has an outlook.
    Pure,
    /// It is possible in every state, and the state it leaves does not depend on the one before: a write.
    Overwrite,
    /// It is possible in every state: an append.
    Update,
    /// Nothing is known: a compare-and-set.
    Conditional,
}

/// A stretch of history in which only one state is possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone<S> {
    /// It begins when so many calls, and one more, have been completed.
    pub from: u32,
    /// It ends before the one numbered so is completed.
    pub until: u32,
    /// The state throughout.
    pub state: S,
}

/// What a model knows of a whole history before it is searched.
pub struct Outlook<'s, S> {
    /// A bound for a state: once so many calls have been completed, no action of the history that is pure or conditional and
    /// can still be placed is possible in this state, nor in any state that [`Effect::Update`]s lead to from it. An undecided
    /// conditional action may be left out of account where the state it leaves is past its own bound. States past their
    /// bounds are all alike, which is how the search treats them. [`Interval::NEVER`]: no bound.
    pub useful_until: Box<dyn Fn(&S) -> u32 + Send + Sync + 's>,
    /// What must be so in every linearization of the whole history.
    pub zones: Vec<Zone<S>>,
    /// The number of a completion, if there is one, that is known beforehand to have no explanation.
    pub impossible: Option<u32>,
}

impl<S> Default for Outlook<'_, S> {
    fn default() -> Self {
        Self { useful_until: Box::new(|_| Interval::<()>::NEVER), zones: Vec::new(), impossible: None }
    }
}

/// The sequential specification of one object: its states, and what actions do to them. See [`Object`] for an example.
pub trait SequentialSpec: Sync {
    /// An operation together with its result.
    type Action: Copy + Eq + Hash + fmt::Debug + Send + Sync;
    /// The state between operations.
    type State: Clone + Eq + Hash + fmt::Debug + Send + Sync;

    /// The state before any operation.
    fn initial(&self) -> Self::State;

    /// Applies an action.
    fn step(&self, state: &Self::State, action: Self::Action) -> Step<Self::State>;

    /// How an action treats states in general.
    fn effect(&self, _action: Self::Action) -> Effect {
        Effect::Conditional
    }

    /// Whether `other` is possible wherever `action` is, and leaves the same state: a write of 2 stands in for a
    /// compare-and-set from 1 to 2.
    fn stands_in(&self, _other: Self::Action, _action: Self::Action) -> bool {
        false
    }

    /// What the whole history says about states, in order of invocation.
    fn outlook(&self, _calls: &[Interval<Self::Action>]) -> Outlook<'_, Self::State> {
        Outlook::default()
    }

    /// Bytes a state holds beside its own size.
    fn heap_bytes(&self, _state: &Self::State) -> usize {
        0
    }
}

/// An object whose histories can be judged: a sequential specification that reads its actions from the operations of a
/// history. An instance belongs to one key of one history.
///
/// # An object of one's own
/// A switch that can be turned on once, and looked at:
/// ```
/// use schism_checkers::history::{History, Operation, Outcome, ValueId};
/// use schism_checkers::linearizability::check_object;
/// use schism_checkers::model::{Effect, Object, SequentialSpec, Step};
/// use schism_checkers::{Limits, Semantics, Validity};
///
/// struct Switch;
///
/// #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
/// enum Action {
///     TurnOn,
///     Look { is_on: bool },
/// }
///
/// impl SequentialSpec for Switch {
///     type Action = Action;
///     type State = bool;
///
///     fn initial(&self) -> bool {
///         false
///     }
///
///     fn step(&self, is_on: &bool, action: Action) -> Step<bool> {
///         match action {
///             Action::Look { is_on: seen } if seen == *is_on => Step::Same,
///             Action::Look { .. } => Step::Illegal,
///             Action::TurnOn if *is_on => Step::Illegal,
///             Action::TurnOn => Step::Next(true),
///         }
///     }
///
///     // Not needed, but it makes the search faster.
///     fn effect(&self, action: Action) -> Effect {
///         match action {
///             Action::Look { .. } => Effect::Pure,
///             Action::TurnOn => Effect::Conditional,
///         }
///     }
/// }
///
/// impl<'h> Object<'h> for Switch {
///     fn new(_: &'h History, _: &Semantics) -> Self {
///         Self
///     }
///
///     fn action(&mut self, operation: &Operation<'h>) -> Result<Option<Action>, String> {
///         match (operation.f(), operation.outcome()) {
///             (_, Outcome::Fail) => Ok(None),
///             ("on", _) => Ok(Some(Action::TurnOn)),
///             // A look without an answer says nothing.
///             ("look", _) => Ok(operation.result().map(|seen| Action::Look { is_on: seen == ValueId::TRUE })),
///             (other, _) => Err(format!("`{other}` is not an operation of a switch")),
///         }
///     }
///
///     fn describe(&self, _: &History, is_on: &bool) -> String {
///         if *is_on { "the switch on".to_owned() } else { "the switch off".to_owned() }
///     }
/// }
///
/// let lines = r#"{"time":1,"type":"invoke","process":0,"f":"on","value":null}
/// {"time":2,"type":"invoke","process":1,"f":"look","value":null}
/// {"time":3,"type":"ok","process":1,"f":"look","value":true}
/// {"time":4,"type":"invoke","process":1,"f":"look","value":null}
/// {"time":5,"type":"ok","process":1,"f":"look","value":false}
/// {"time":6,"type":"ok","process":0,"f":"on","value":null}
/// "#;
/// let history = History::read_jsonl(lines.as_bytes())?;
/// let check = check_object::<Switch>(&history, &Limits::NONE);
/// assert_eq!(check.valid, Validity::Invalid);
/// let prefix = check.prefix.expect("what was explained");
/// assert_eq!((prefix.completed, prefix.state.as_str()), (1, "the switch on"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The search itself can be asked as well, with calls made by hand:
/// [`crate::linearizability::search::decide`].
pub trait Object<'h>: SequentialSpec + Sized {
    /// The object of a history before any operation.
    fn new(history: &'h History, semantics: &Semantics) -> Self;

    /// The action of an operation; `None` for one that says nothing: it failed, or it is undecided and changes nothing.
    ///
    /// # Errors
    /// The sentence that says why it is no operation of this object.
    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<Self::Action>, String>;

    /// A state in English, to follow "leaves".
    fn describe(&self, history: &History, state: &Self::State) -> String;
}

/// The error for an operation that an object does not have.
pub(crate) fn foreign_operation(operation: &Operation<'_>, object: &str) -> String {
    format!("index {}: `{}` is not an operation of a {object}", operation.invoked_index(), operation.f())
}

/// The error for a value that an operation cannot have.
pub(crate) fn foreign_value(operation: &Operation<'_>, expected: &str, value: ValueId) -> String {
    let shown = operation.history().values().display(value);
    format!("index {}: `{}` has {expected}, not {shown}", operation.invoked_index(), operation.f())
}
