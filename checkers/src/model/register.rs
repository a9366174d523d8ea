//! A register: read, write, compare-and-set. What it holds at first, what a null read means, and what a failed
//! compare-and-set says differs between sources: see [`Semantics`].

use rustc_hash::FxHashMap;

use super::spec::{Effect, Object, Outlook, SequentialSpec, Step, Zone, foreign_operation, foreign_value};
use crate::history::{Function, History, Operation, Outcome, ValueId};
use crate::linearizability::search::Interval;
use crate::semantics::{FailedCas, NullRead, Semantics};
use crate::witness::short;

#[derive(Debug, Clone)]
pub(crate) struct RegisterSpec {
    /// `None`: a value the history never mentions.
    initial: Option<ValueId>,
    null_read: NullRead,
    failed_cas: FailedCas,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RegisterAction {
    Read(ValueId),
    Write(ValueId),
    CompareAndSet {
        old: ValueId,
        new: ValueId,
    },
    /// A compare-and-set that failed because the register held another value.
    Differs(ValueId),
}

impl SequentialSpec for RegisterSpec {
    type Action = RegisterAction;
    type State = Option<ValueId>;

    fn initial(&self) -> Option<ValueId> {
        self.initial
    }

    fn step(&self, state: &Option<ValueId>, action: RegisterAction) -> Step<Option<ValueId>> {
        match action {
            RegisterAction::Read(value) if *state != Some(value) => Step::Illegal,
            RegisterAction::CompareAndSet { old, .. } if *state != Some(old) => Step::Illegal,
            RegisterAction::Differs(value) if *state == Some(value) => Step::Illegal,
            RegisterAction::Read(_) | RegisterAction::Differs(_) => Step::Same,
            RegisterAction::Write(new) | RegisterAction::CompareAndSet { new, .. } if *state == Some(new) => Step::Same,
            RegisterAction::Write(new) | RegisterAction::CompareAndSet { new, .. } => Step::Next(Some(new)),
        }
    }

    fn effect(&self, action: RegisterAction) -> Effect {
        match action {
            RegisterAction::Read(_) | RegisterAction::Differs(_) => Effect::Pure,
            RegisterAction::Write(_) => Effect::Overwrite,
            RegisterAction::CompareAndSet { old, new } if old == new => Effect::Pure,
            RegisterAction::CompareAndSet { .. } => Effect::Conditional,
        }
    }

    fn stands_in(&self, other: RegisterAction, action: RegisterAction) -> bool {
        match (other, action) {
            (RegisterAction::Write(written), RegisterAction::CompareAndSet { new, .. }) => written == new,
            _ => false,
        }
    }

    /// A value is of use as long as a read of it, or a compare-and-set from it, may come. A value that only one operation
    /// wrote, and that the register did not hold at first, was there without a break from the first completion to the last
    /// invocation of what wrote or observed it (Gibbons & Korach, *Testing Shared Memories*, 1997, section 4: the forward
    /// zone).
    fn outlook(&self, calls: &[Interval<RegisterAction>]) -> Outlook<'_, Option<ValueId>> {
        let mut uses: FxHashMap<Option<ValueId>, Use> = FxHashMap::default();
        // The initial value is written before everything else.
        uses.entry(self.initial).or_default().note_write(0, 0);
        let mut differs_until = 0;
        let mut undecided_cas = Vec::new();
        for call in calls {
            let is_decided = call.closes != Interval::<()>::NEVER;
            match call.action {
                RegisterAction::Read(value) => uses.entry(Some(value)).or_default().note_observer(call),
                RegisterAction::Write(value) => {
                    uses.entry(Some(value)).or_default().note_write(call.opens, call.closes)
                }
                RegisterAction::Differs(_) => differs_until = differs_until.max(call.closes.saturating_add(1)),
                RegisterAction::CompareAndSet { old, new } if old == new => {
                    uses.entry(Some(old)).or_default().note_observer(call);
                }
                RegisterAction::CompareAndSet { old, new } => {
                    uses.entry(Some(new)).or_default().note_write(call.opens, call.closes);
                    if is_decided {
                        uses.entry(Some(old)).or_default().note_observer(call);
                    } else {
                        undecided_cas.push((old, new));
                    }
                }
            }
        }
        undecided_cas.sort_unstable();
        undecided_cas.dedup();
        // What an undecided compare-and-set needs is of use as long as what it leaves is.
        while undecided_cas.iter().fold(false, |changed, (old, new)| {
            let until = uses.get(&Some(*new)).map_or(0, |of_new| of_new.until);
            let of_old = uses.entry(Some(*old)).or_default();
            let is_longer = of_old.until < until;
            of_old.until = of_old.until.max(until);
            changed || is_longer
        }) {}
        let zones = uses.iter().filter_map(|(value, of_value)| of_value.zone(*value)).collect();
        let impossible = uses.values().filter_map(Use::impossible).min();
        let useful_until = Box::new(move |state: &Option<ValueId>| {
            // Every value but one makes such a failure possible.
            uses.get(state).map_or(0, |of_value| of_value.until).max(differs_until)
        });
        Outlook { useful_until, zones, impossible }
    }
}

/// What a history does with one value.
#[derive(Debug, Default)]
struct Use {
    writes: u32,
    /// Of its writes: the first invocation, and the first completion.
    first_opens: Option<u32>,
    first_closes: Option<u32>,
    /// Of its decided observers: the first completion, the last invocation.
    observed_closes: Option<u32>,
    observed_opens: u32,
    until: u32,
    /// The first completion of an observer before the first write began.
    read_too_early: Option<u32>,
}

impl Use {
    /// Writes are noted in order of invocation, and among all calls.
    fn note_write(&mut self, opens: u32, closes: u32) {
        if self.writes == 0 {
            self.read_too_early = self.observed_closes.filter(|closes| *closes < opens);
        }
        self.writes += 1;
        self.first_opens.get_or_insert(opens);
        self.first_closes = Some(self.first_closes.map_or(closes, |first| first.min(closes)));
    }

    fn note_observer<A>(&mut self, call: &Interval<A>) {
        self.until = self.until.max(call.closes.saturating_add(1));
        self.observed_opens = self.observed_opens.max(call.opens);
        self.observed_closes = Some(self.observed_closes.map_or(call.closes, |first| first.min(call.closes)));
    }

    /// The first completion of an observer of a value that nobody had begun to write.
    fn impossible(&self) -> Option<u32> {
        if self.writes == 0 { self.observed_closes } else { self.read_too_early }
    }

    fn zone(&self, value: Option<ValueId>) -> Option<Zone<Option<ValueId>>> {
        let from = self.observed_closes?.min(self.first_closes?);
        let until = self.observed_opens.max(self.first_opens?);
        (self.writes == 1 && from < until).then_some(Zone { from, until, state: value })
    }
}

impl<'h> Object<'h> for RegisterSpec {
    fn new(history: &'h History, semantics: &Semantics) -> Self {
        Self {
            initial: semantics.initial.in_history(history),
            null_read: semantics.null_read,
            failed_cas: semantics.failed_cas,
        }
    }

    fn action(&mut self, operation: &Operation<'h>) -> Result<Option<RegisterAction>, String> {
        let argument = operation.argument();
        let is_failed = operation.outcome() == Outcome::Fail;
        match operation.function() {
            Function::Read => Ok(operation
                .result()
                .filter(|value| !value.is_null() || self.null_read == NullRead::Value)
                .map(RegisterAction::Read)),
            Function::Write => Ok((!is_failed).then_some(RegisterAction::Write(argument))),
            Function::CompareAndSet => {
                let Some([old, new]) = operation.history().values().as_list(argument) else {
                    return Err(foreign_value(operation, "a list [old, new]", argument));
                };
                Ok(match (is_failed, self.failed_cas) {
                    (false, _) => Some(RegisterAction::CompareAndSet { old: *old, new: *new }),
                    (true, FailedCas::Observation) => Some(RegisterAction::Differs(*old)),
                    (true, FailedCas::Dropped) => None,
                })
            }
            _ => Err(foreign_operation(operation, "register")),
        }
    }

    fn describe(&self, history: &History, state: &Option<ValueId>) -> String {
        state.map_or_else(
            || "the register at its initial value".to_owned(),
            |value| format!("the register at {}", short(history, value)),
        )
    }
}
