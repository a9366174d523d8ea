//! What objects do, on values that own themselves. The models of whole histories do the same on numbers, which only mean
//! something within one history; a test holds the two together.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

use super::datum::Datum;
use crate::history::Function;
use crate::model::Step;

/// A sequential object.
pub(super) trait Object: Send + 'static {
    /// An operation together with what came back, if it is known.
    type Action: Clone + Eq + Hash + Debug + Send;
    /// The state between operations.
    type State: Clone + Eq + Hash + Default + Debug + Send;
    /// Whether it has reads.
    const HAS_READS: bool;

    /// The action of an operation that ended with a result, or is undecided; `None` for one that says nothing.
    ///
    /// # Errors
    /// It is no operation of this object; what it is not.
    fn action(
        function: Option<Function>,
        argument: &Datum,
        result: Option<&Datum>,
    ) -> Result<Option<Self::Action>, &'static str>;

    /// Applies an action.
    fn step(state: &Self::State, action: &Self::Action) -> Step<Self::State>;

    /// Whether an action changes no state whatever.
    fn is_pure(action: &Self::Action) -> bool;
}

fn next_or_same<S: PartialEq>(before: &S, after: S) -> Step<S> {
    if *before == after { Step::Same } else { Step::Next(after) }
}

fn only_if<S>(is_possible: bool, step: Step<S>) -> Step<S> {
    if is_possible { step } else { Step::Illegal }
}

/// Read, write, compare-and-set; null at first.
pub(super) struct RegisterObject;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum RegisterAction {
    Read(Datum),
    Write(Datum),
    CompareAndSet(Datum, Datum),
}

impl Object for RegisterObject {
    type Action = RegisterAction;
    type State = Datum;
    const HAS_READS: bool = true;

    fn action(
        function: Option<Function>,
        argument: &Datum,
        result: Option<&Datum>,
    ) -> Result<Option<RegisterAction>, &'static str> {
        match (function, argument.as_list()) {
            (Some(Function::Read), _) => Ok(result.cloned().map(RegisterAction::Read)),
            (Some(Function::Write), _) => Ok(Some(RegisterAction::Write(argument.clone()))),
            (Some(Function::CompareAndSet), Some([old, new])) => {
                Ok(Some(RegisterAction::CompareAndSet(old.clone(), new.clone())))
            }
            _ => Err("a register"),
        }
    }

    fn step(state: &Datum, action: &RegisterAction) -> Step<Datum> {
        match action {
            RegisterAction::Read(value) => only_if(value == state, Step::Same),
            RegisterAction::Write(new) => next_or_same(state, new.clone()),
            RegisterAction::CompareAndSet(old, new) => only_if(old == state, next_or_same(state, new.clone())),
        }
    }

    fn is_pure(action: &RegisterAction) -> bool {
        match action {
            RegisterAction::Read(_) => true,
            RegisterAction::Write(_) => false,
            RegisterAction::CompareAndSet(old, new) => old == new,
        }
    }
}

/// A set that only grows.
pub(super) struct SetObject;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum SetAction {
    Add(Datum),
    /// In order; `None`: an element was returned twice, which no state allows.
    Read(Option<BTreeSet<Datum>>),
}

impl Object for SetObject {
    type Action = SetAction;
    type State = BTreeSet<Datum>;
    const HAS_READS: bool = true;

    fn action(
        function: Option<Function>,
        argument: &Datum,
        result: Option<&Datum>,
    ) -> Result<Option<SetAction>, &'static str> {
        match (function, result) {
            (Some(Function::Add), _) => Ok(Some(SetAction::Add(argument.clone()))),
            (Some(Function::Read), None) => Ok(None),
            (Some(Function::Read), Some(result)) => {
                let elements = result.as_list().ok_or("a set, whose reads return lists")?;
                let distinct: BTreeSet<Datum> = elements.iter().cloned().collect();
                Ok(Some(SetAction::Read(Some(distinct).filter(|distinct| distinct.len() == elements.len()))))
            }
            _ => Err("a set"),
        }
    }

    fn step(state: &BTreeSet<Datum>, action: &SetAction) -> Step<BTreeSet<Datum>> {
        match action {
            SetAction::Read(elements) => only_if(elements.as_ref() == Some(state), Step::Same),
            SetAction::Add(element) if state.contains(element) => Step::Same,
            SetAction::Add(element) => {
                let mut next = state.clone();
                next.insert(element.clone());
                Step::Next(next)
            }
        }
    }

    fn is_pure(action: &SetAction) -> bool {
        matches!(action, SetAction::Read(_))
    }
}

/// A number that is added to; 0 at first.
pub(super) struct CounterObject;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum CounterAction {
    Add(i64),
    Read(i64),
}

impl Object for CounterObject {
    type Action = CounterAction;
    type State = i64;
    const HAS_READS: bool = true;

    fn action(
        function: Option<Function>,
        argument: &Datum,
        result: Option<&Datum>,
    ) -> Result<Option<CounterAction>, &'static str> {
        let integer = |datum: &Datum| datum.as_integer().ok_or("a counter of whole numbers");
        match (function, result) {
            (Some(Function::Add), _) => Ok(Some(CounterAction::Add(integer(argument)?))),
            (Some(Function::Read), Some(result)) => Ok(Some(CounterAction::Read(integer(result)?))),
            (Some(Function::Read), None) => Ok(None),
            _ => Err("a counter"),
        }
    }

    fn step(state: &i64, action: &CounterAction) -> Step<i64> {
        match action {
            CounterAction::Add(amount) => next_or_same(state, state.wrapping_add(*amount)),
            CounterAction::Read(count) => only_if(count == state, Step::Same),
        }
    }

    fn is_pure(action: &CounterAction) -> bool {
        matches!(action, CounterAction::Read(_) | CounterAction::Add(0))
    }
}

/// First in, first out.
pub(super) struct QueueObject;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum QueueAction {
    Enqueue(Datum),
    /// Null: it was empty.
    Dequeue(Datum),
    /// Undecided: takes whatever is at the head.
    DequeueAny,
}

impl Object for QueueObject {
    type Action = QueueAction;
    type State = VecDeque<Datum>;
    const HAS_READS: bool = false;

    fn action(
        function: Option<Function>,
        argument: &Datum,
        result: Option<&Datum>,
    ) -> Result<Option<QueueAction>, &'static str> {
        match (function, result) {
            (Some(Function::Enqueue), _) => Ok(Some(QueueAction::Enqueue(argument.clone()))),
            (Some(Function::Dequeue), Some(result)) => Ok(Some(QueueAction::Dequeue(result.clone()))),
            (Some(Function::Dequeue), None) => Ok(Some(QueueAction::DequeueAny)),
            _ => Err("a queue"),
        }
    }

    fn step(state: &VecDeque<Datum>, action: &QueueAction) -> Step<VecDeque<Datum>> {
        let mut next = state.clone();
        match action {
            QueueAction::Enqueue(value) => next.push_back(value.clone()),
            QueueAction::DequeueAny => {
                next.pop_front();
            }
            QueueAction::Dequeue(value) => {
                if next.pop_front().unwrap_or_default() != *value {
                    return Step::Illegal;
                }
            }
        }
        next_or_same(state, next)
    }

    fn is_pure(action: &QueueAction) -> bool {
        *action == QueueAction::Dequeue(Datum::Null)
    }
}

/// Last in, first out.
pub(super) struct StackObject;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum StackAction {
    Push(Datum),
    /// Null: it was empty.
    Pop(Datum),
    /// Undecided: takes whatever is on top.
    PopAny,
}

impl Object for StackObject {
    type Action = StackAction;
    type State = Vec<Datum>;
    const HAS_READS: bool = false;

    fn action(
        function: Option<Function>,
        argument: &Datum,
        result: Option<&Datum>,
    ) -> Result<Option<StackAction>, &'static str> {
        match (function, result) {
            (Some(Function::Push), _) => Ok(Some(StackAction::Push(argument.clone()))),
            (Some(Function::Pop), Some(result)) => Ok(Some(StackAction::Pop(result.clone()))),
            (Some(Function::Pop), None) => Ok(Some(StackAction::PopAny)),
            _ => Err("a stack"),
        }
    }

    fn step(state: &Vec<Datum>, action: &StackAction) -> Step<Vec<Datum>> {
        let mut next = state.clone();
        match action {
            StackAction::Push(value) => next.push(value.clone()),
            StackAction::PopAny => {
                next.pop();
            }
            StackAction::Pop(value) => {
                if next.pop().unwrap_or_default() != *value {
                    return Step::Illegal;
                }
            }
        }
        next_or_same(state, next)
    }

    fn is_pure(action: &StackAction) -> bool {
        *action == StackAction::Pop(Datum::Null)
    }
}

/// A lock that does not ask who holds it.
pub(super) struct MutexObject;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum MutexAction {
    Acquire,
    Release,
}

impl Object for MutexObject {
    type Action = MutexAction;
    /// Whether it is held.
    type State = bool;
    const HAS_READS: bool = false;

    fn action(
        function: Option<Function>,
        _argument: &Datum,
        _result: Option<&Datum>,
    ) -> Result<Option<MutexAction>, &'static str> {
        match function {
            Some(Function::Acquire) => Ok(Some(MutexAction::Acquire)),
            Some(Function::Release) => Ok(Some(MutexAction::Release)),
            _ => Err("a mutex"),
        }
    }

    fn step(is_held: &bool, action: &MutexAction) -> Step<bool> {
        match action {
            MutexAction::Acquire => only_if(!is_held, Step::Next(true)),
            MutexAction::Release => only_if(*is_held, Step::Next(false)),
        }
    }

    fn is_pure(_action: &MutexAction) -> bool {
        false
    }
}
