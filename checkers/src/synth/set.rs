//! Sets that only grow: add, read.

use super::dice::Dice;
use super::event::Value;
use super::object::{Choice, Effect, Object};
use super::operation::{Action, Answer, Operation, Twist};
use super::shape::{Mix, Shape, ViolationKind};

pub(super) struct Sets {
    mix: Mix,
    /// In order of first addition.
    keys: Vec<Vec<i64>>,
}

impl Sets {
    pub(super) fn new(shape: &Shape) -> Self {
        Self { mix: shape.mix_in_force(), keys: vec![Vec::new(); shape.keys as usize] }
    }
}

impl Object for Sets {
    fn draw(&mut self, dice: &mut Dice, client: u32, must_update: bool) -> Operation {
        let key = dice.below(self.keys.len() as u32);
        let action = match self.mix.choose(dice, must_update) {
            Choice::Read => Action::Read,
            Choice::Update | Choice::CompareAndSet => Action::Add(dice.value()),
        };
        Operation::new(client, key, action)
    }

    fn step(&mut self, dice: &mut Dice, operation: &mut Operation, _step: u32) -> Effect {
        let elements = &mut self.keys[operation.key as usize];
        match operation.action {
            Action::Add(element) => {
                let is_new = dice.domain().is_none() || !elements.contains(&element);
                if is_new && operation.twist != Twist::Drop {
                    elements.push(element);
                }
                operation.acknowledge();
            }
            _ => operation.answer = Some(Answer::Ok(Value::List(elements.clone()))),
        }
        Effect::Done
    }

    fn completed(&mut self, operation: &mut Operation) {
        match (&operation.twist, &mut operation.answer) {
            (Twist::Deny, answer) => *answer = Some(Answer::Refused),
            (Twist::Without(missing), Some(Answer::Ok(Value::List(elements)))) => {
                elements.retain(|element| element != missing);
            }
            (Twist::With(element), Some(Answer::Ok(Value::List(elements)))) => elements.push(*element),
            _ => {}
        }
    }

    fn needs_quiet(&self, _kind: ViolationKind) -> bool {
        // An element that was acknowledged before the read was invoked is in the set, whatever else goes on.
        false
    }

    fn script(&mut self, dice: &mut Dice, kind: ViolationKind, client: u32) -> Vec<Operation> {
        let key = dice.below(self.keys.len() as u32);
        let operation = |action: Action, twist: Twist| Operation::twisted(client, key, action, twist);
        let element = dice.value();
        let (add, read) = match kind {
            ViolationKind::StaleRead => (Twist::Honest, Twist::Without(element)),
            ViolationKind::LostWrite => (Twist::Drop, Twist::Honest),
            ViolationKind::DirtyRead => (Twist::Deny, Twist::Honest),
            _ => return vec![operation(Action::Read, Twist::With(dice.garbage()))],
        };
        vec![operation(Action::Add(element), add), operation(Action::Read, read)]
    }
}
