//! Counters: add a positive number, read.

use super::dice::Dice;
use super::event::Value;
use super::object::{Choice, Effect, Object};
use super::operation::{Action, Answer, Operation, Twist};
use super::shape::{Mix, Shape, Values, ViolationKind};

/// The largest number that is added, unless the values' domain says otherwise.
const AMOUNT_MAX: u32 = 5;

pub(super) struct Counters {
    mix: Mix,
    amount_max: u32,
    undecided: u64,
    keys: Vec<Counter>,
}

#[derive(Debug, Clone, Default)]
struct Counter {
    count: i64,
    /// Sum of all acknowledged adds.
    acknowledged: i64,
    /// Sum of all adds that were invoked.
    invoked: i64,
}

impl Counters {
    pub(super) fn new(shape: &Shape) -> Self {
        let amount_max = match shape.values {
            Values::Unique => AMOUNT_MAX,
            Values::Below(limit) => limit,
        };
        Self {
            mix: shape.mix_in_force(),
            amount_max,
            undecided: shape.undecided,
            keys: vec![Counter::default(); shape.keys as usize],
        }
    }

    fn amount(&self, dice: &mut Dice) -> i64 {
        1 + i64::from(dice.below(self.amount_max))
    }
}

impl Object for Counters {
    fn draw(&mut self, dice: &mut Dice, client: u32, must_update: bool) -> Operation {
        let key = dice.below(self.keys.len() as u32);
        let action = match self.mix.choose(dice, must_update) {
            Choice::Read => Action::Read,
            Choice::Update | Choice::CompareAndSet => Action::Add(self.amount(dice)),
        };
        Operation::new(client, key, action)
    }

    fn invoked(&mut self, operation: &mut Operation) {
        let counter = &mut self.keys[operation.key as usize];
        operation.noted = Some(counter.acknowledged);
        if let Action::Add(amount) = operation.action {
            counter.invoked += amount;
        }
    }

    fn step(&mut self, _dice: &mut Dice, operation: &mut Operation, _step: u32) -> Effect {
        let counter = &mut self.keys[operation.key as usize];
        match operation.action {
            Action::Add(amount) => {
                if operation.twist != Twist::Drop {
                    counter.count += amount;
                }
                operation.acknowledge();
            }
            _ => operation.answer = Some(Answer::Ok(Value::Integer(counter.count))),
        }
        Effect::Done
    }

    fn completed(&mut self, operation: &mut Operation) {
        let counter = &mut self.keys[operation.key as usize];
        let wrong = match operation.twist {
            Twist::Stale => operation.noted.map(|acknowledged| acknowledged - 1),
            Twist::TooMuch => Some(counter.invoked + 1),
            _ => None,
        };
        if let Some(wrong) = wrong {
            operation.answer = Some(Answer::Ok(Value::Integer(wrong)));
        }
        if let Action::Add(amount) = operation.action {
            counter.acknowledged += amount;
        }
    }

    fn needs_quiet(&self, kind: ViolationKind) -> bool {
        kind == ViolationKind::LostWrite
    }

    /// Every add is positive, so a read returns at least what was acknowledged before its invocation, and at most what was
    /// invoked before its completion. A lost add is larger than all undecided ones together, so that these cannot make up
    /// for it.
    fn script(&mut self, dice: &mut Dice, kind: ViolationKind, client: u32) -> Vec<Operation> {
        let key = dice.below(self.keys.len() as u32);
        let operation = |action: Action, twist: Twist| Operation::twisted(client, key, action, twist);
        match kind {
            ViolationKind::StaleRead => {
                vec![operation(Action::Add(self.amount(dice)), Twist::Honest), operation(Action::Read, Twist::Stale)]
            }
            ViolationKind::LostWrite => vec![
                operation(Action::Add(i64::from(self.amount_max) * self.undecided as i64 + 1), Twist::Drop),
                operation(Action::Read, Twist::Honest),
            ],
            _ => vec![operation(Action::Read, Twist::TooMuch)],
        }
    }
}
