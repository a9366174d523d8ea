//! Texts by key: get, put, append; the empty text at first.

use super::dice::Dice;
use super::event::Value;
use super::object::{Choice, Effect, Object};
use super::operation::{Action, Answer, Operation, Twist};
use super::shape::{Mix, Shape, ViolationKind};

pub(super) struct Texts {
    mix: Mix,
    keys: Vec<String>,
}

impl Texts {
    pub(super) fn new(shape: &Shape) -> Self {
        Self { mix: shape.mix_in_force(), keys: vec![String::new(); shape.keys as usize] }
    }
}

/// A piece of text: no two sequences of pieces make the same text.
fn piece(value: i64) -> String {
    format!("{value};")
}

impl Object for Texts {
    fn draw(&mut self, dice: &mut Dice, client: u32, must_update: bool) -> Operation {
        let key = dice.below(self.keys.len() as u32);
        let action = match self.mix.choose(dice, must_update) {
            Choice::Read => Action::Get,
            Choice::Update | Choice::CompareAndSet if dice.chance(1, 2) => Action::Put(piece(dice.value())),
            Choice::Update | Choice::CompareAndSet => Action::Append(piece(dice.value())),
        };
        Operation::new(client, key, action)
    }

    fn step(&mut self, _dice: &mut Dice, operation: &mut Operation, _step: u32) -> Effect {
        let text = &mut self.keys[operation.key as usize];
        let is_done = operation.twist != Twist::Drop;
        match &operation.action {
            Action::Get => operation.answer = Some(Answer::Ok(Value::Text(text.clone()))),
            Action::Put(new) if is_done => text.clone_from(new),
            Action::Append(new) if is_done => text.push_str(new),
            _ => {}
        }
        if operation.answer.is_none() {
            operation.acknowledge();
        }
        Effect::Done
    }

    fn completed(&mut self, operation: &mut Operation) {
        match &operation.twist {
            Twist::Answer(answer) => operation.answer = Some(Answer::Ok(answer.clone())),
            Twist::Deny => operation.answer = Some(Answer::Refused),
            _ => {}
        }
    }

    fn needs_quiet(&self, kind: ViolationKind) -> bool {
        kind != ViolationKind::GarbageRead
    }

    /// With nothing else going on, a text is put and another appended, and the get does not see what was appended: no
    /// undecided operation could put the first text again.
    fn script(&mut self, dice: &mut Dice, kind: ViolationKind, client: u32) -> Vec<Operation> {
        let key = dice.below(self.keys.len() as u32);
        let operation = |action: Action, twist: Twist| Operation::twisted(client, key, action, twist);
        let (first, second) = (piece(dice.value()), piece(dice.value()));
        match kind {
            ViolationKind::StaleRead => vec![
                operation(Action::Put(first.clone()), Twist::Honest),
                operation(Action::Append(second), Twist::Honest),
                operation(Action::Get, Twist::Answer(Value::Text(first))),
            ],
            ViolationKind::LostWrite => vec![
                operation(Action::Put(first), Twist::Honest),
                operation(Action::Append(second), Twist::Drop),
                operation(Action::Get, Twist::Honest),
            ],
            ViolationKind::DirtyRead => {
                vec![operation(Action::Append(first), Twist::Deny), operation(Action::Get, Twist::Honest)]
            }
            _ => vec![operation(Action::Get, Twist::Answer(Value::Text(piece(dice.garbage()))))],
        }
    }
}
