//! What the schedule asks of a simulated object.

use super::dice::Dice;
use super::operation::Operation;
use super::shape::{Mix, ViolationKind};

/// What a step of an operation means for its client and for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It went through.
    Done,
    /// It has to wait until another operation wakes it.
    Waits,
    /// It went through, and one that waits may try again.
    DoneAndWakes,
}

/// What becomes of an operation that ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It takes effect some time after its client gave up.
    Late,
    /// It never takes effect.
    Never,
}

/// A simulated object, or a number of them by key.
pub(super) trait Object: Send {
    /// The next operation of a client; `must_update`: one that changes something.
    fn draw(&mut self, dice: &mut Dice, client: u32, must_update: bool) -> Operation;

    /// Called at the invocation.
    fn invoked(&mut self, _operation: &mut Operation) {}

    /// At how many moments between invocation and completion something happens.
    fn steps(&self, _operation: &Operation) -> u32 {
        1
    }

    /// What happens at one of these moments; the last one sets the answer, unless it waits.
    fn step(&mut self, dice: &mut Dice, operation: &mut Operation, step: u32) -> Effect;

    /// Called at the completion; may still change the answer.
    fn completed(&mut self, _operation: &mut Operation) {}

    /// Called when nothing of it can happen any more.
    fn ended(&mut self, _operation: &Operation) {}

    /// What becomes of an undecided operation.
    fn fate(&self, dice: &mut Dice, _operation: &Operation) -> Fate {
        if dice.chance(1, 2) { Fate::Late } else { Fate::Never }
    }

    /// The few operations that plant a violation, one after the other; only of a kind that the object can do.
    fn script(&mut self, dice: &mut Dice, kind: ViolationKind, client: u32) -> Vec<Operation>;

    /// Whether the violation shows only if nothing else is going on.
    fn needs_quiet(&self, kind: ViolationKind) -> bool;
}

/// Which kind of operation is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Read,
    Update,
    CompareAndSet,
}

impl Mix {
    pub(super) fn choose(self, dice: &mut Dice, must_update: bool) -> Choice {
        if must_update {
            // Compare-and-set is an update too.
            return if dice.below(self.update.saturating_add(self.cas)) < self.update {
                Choice::Update
            } else {
                Choice::CompareAndSet
            };
        }
        let drawn = dice.below(self.read + self.update + self.cas);
        if drawn < self.read {
            Choice::Read
        } else if drawn < self.read + self.update {
            Choice::Update
        } else {
            Choice::CompareAndSet
        }
    }
}
