//! Registers: read, write, compare-and-set.

use super::dice::Dice;
use super::event::Value;
use super::object::{Choice, Effect, Object};
use super::operation::{Action, Answer, Operation, Twist};
use super::shape::{Mix, Shape, ViolationKind};

pub(super) struct Registers {
    mix: Mix,
    undecided: u64,
    keys: Vec<Register>,
}

#[derive(Debug, Clone, Default)]
struct Register {
    current: Option<i64>,
    /// The last value whose write was acknowledged.
    acknowledged: Option<i64>,
    /// A value that an acknowledged write has certainly overwritten: that write was invoked after this value's own write had
    /// been acknowledged.
    overwritten: Option<i64>,
}

impl Registers {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            mix: shape.mix_in_force(),
            undecided: shape.undecided,
            keys: vec![Register::default(); shape.keys as usize],
        }
    }

    fn key(&mut self, operation: &Operation) -> &mut Register {
        &mut self.keys[operation.key as usize]
    }
}

fn value_of(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::Integer)
}

impl Object for Registers {
    fn draw(&mut self, dice: &mut Dice, client: u32, must_update: bool) -> Operation {
        let key = dice.below(self.keys.len() as u32);
        let action = match self.mix.choose(dice, must_update) {
            Choice::Read => Action::Read,
            Choice::Update => Action::Write(dice.value()),
            Choice::CompareAndSet => {
                // Of many values only the present one has a chance. Never null: what is there at first differs among readers.
                let old = match dice.domain() {
                    None => self.keys[key as usize].current,
                    Some(domain) => Some(i64::from(dice.below(domain))),
                };
                let new = dice.value();
                old.map_or(Action::Write(new), |old| Action::CompareAndSet { old, new })
            }
        };
        Operation::new(client, key, action)
    }

    fn invoked(&mut self, operation: &mut Operation) {
        let register = self.key(operation);
        operation.noted = match operation.action {
            Action::Read => register.overwritten,
            _ => register.acknowledged,
        };
    }

    fn step(&mut self, _dice: &mut Dice, operation: &mut Operation, _step: u32) -> Effect {
        let register = &mut self.keys[operation.key as usize];
        let new = match operation.action {
            Action::Read => {
                operation.answer = Some(Answer::Ok(value_of(register.current)));
                return Effect::Done;
            }
            Action::CompareAndSet { old, .. } if Some(old) != register.current => {
                operation.answer = Some(Answer::Refused);
                return Effect::Done;
            }
            Action::Write(new) | Action::CompareAndSet { new, .. } => new,
            _ => return Effect::Done,
        };
        if operation.twist != Twist::Drop {
            register.current = Some(new);
        }
        operation.acknowledge();
        Effect::Done
    }

    fn completed(&mut self, operation: &mut Operation) {
        match &operation.twist {
            Twist::Answer(answer) => operation.answer = Some(Answer::Ok(answer.clone())),
            Twist::Stale => operation.answer = Some(Answer::Ok(value_of(operation.noted))),
            Twist::Deny => operation.answer = Some(Answer::Refused),
            _ => {}
        }
        if let (Action::Write(new) | Action::CompareAndSet { new, .. }, Some(Answer::Ok(_))) =
            (&operation.action, &operation.answer)
        {
            let new = *new;
            let noted = operation.noted;
            let register = self.key(operation);
            register.overwritten = noted.or(register.overwritten);
            register.acknowledged = Some(new);
        }
    }

    fn needs_quiet(&self, kind: ViolationKind) -> bool {
        match kind {
            ViolationKind::GarbageRead => false,
            // Of values that come again only the order of everything else tells whether one is stale.
            ViolationKind::StaleRead => self.undecided == 0,
            _ => true,
        }
    }

    /// Stale, unique values: a value v that was overwritten by w with v acknowledged < w invoked, w acknowledged < read
    /// invoked: v is before w, w before the read, and v is never written again. Stale, values that come again: nothing is
    /// open or undecided, and the last two writes were of two different values. Lost: of two writes, one after the other and
    /// with nothing else going on, the second is acknowledged, and a read still returns the first, whose value nothing
    /// undecided could write. Alternating: each of m + 1 changes of value after everything else needs an undecided update of
    /// its own, and there are m.
    fn script(&mut self, dice: &mut Dice, kind: ViolationKind, client: u32) -> Vec<Operation> {
        let drawn = dice.below(self.keys.len() as u32);
        let operation = |key: u32, action: Action, twist: Twist| Operation::twisted(client, key, action, twist);
        match kind {
            ViolationKind::StaleRead if dice.domain().is_none() => {
                let is_known = |key: &u32| self.keys[*key as usize].overwritten.is_some();
                let all = self.keys.len() as u32;
                let known = (drawn..all).chain(0..drawn).find(is_known);
                let key = known.unwrap_or(drawn);
                let mut script = Vec::new();
                if known.is_none() {
                    script.push(operation(key, Action::Write(dice.value()), Twist::Honest));
                    script.push(operation(key, Action::Write(dice.value()), Twist::Honest));
                }
                script.push(operation(key, Action::Read, Twist::Stale));
                script
            }
            ViolationKind::StaleRead | ViolationKind::LostWrite => {
                let (first, second) = dice.two_values();
                let (write, read) = match kind {
                    ViolationKind::LostWrite => (Twist::Drop, Twist::Honest),
                    _ => (Twist::Honest, Twist::Answer(Value::Integer(first))),
                };
                vec![
                    operation(drawn, Action::Write(first), Twist::Honest),
                    operation(drawn, Action::Write(second), write),
                    operation(drawn, Action::Read, read),
                ]
            }
            ViolationKind::DirtyRead => {
                let value = dice.value();
                vec![operation(drawn, Action::Write(value), Twist::Deny), operation(drawn, Action::Read, Twist::Honest)]
            }
            ViolationKind::AlternatingReads => (0..self.undecided as i64 + 2)
                .map(|number| operation(drawn, Action::Read, Twist::Answer(Value::Integer(number % 2))))
                .collect(),
            _ => vec![operation(drawn, Action::Read, Twist::Answer(Value::Integer(dice.garbage())))],
        }
    }
}
