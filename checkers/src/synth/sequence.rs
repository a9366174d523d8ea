//! Queues and stacks.

use std::collections::VecDeque;

use super::dice::Dice;
use super::event::Value;
use super::object::{Choice, Effect, Object};
use super::operation::{Action, Answer, Operation, Twist};
use super::shape::{Mix, ObjectKind, Shape, ViolationKind};

pub(super) struct Sequences {
    mix: Mix,
    is_stack: bool,
    undecided: u64,
    keys: Vec<Sequence>,
}

#[derive(Debug, Clone, Default)]
struct Sequence {
    elements: VecDeque<i64>,
    /// What an acknowledged operation took out last.
    taken: Option<i64>,
}

impl Sequences {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            mix: shape.mix_in_force(),
            is_stack: shape.object == ObjectKind::Stack,
            undecided: shape.undecided,
            keys: vec![Sequence::default(); shape.keys as usize],
        }
    }

    fn put_in(&self, element: i64) -> Action {
        if self.is_stack { Action::Push(element) } else { Action::Enqueue(element) }
    }

    fn take_out(&self) -> Action {
        if self.is_stack { Action::Pop } else { Action::Dequeue }
    }
}

impl Object for Sequences {
    fn draw(&mut self, dice: &mut Dice, client: u32, _must_update: bool) -> Operation {
        let key = dice.below(self.keys.len() as u32);
        let action = match self.mix.choose(dice, false) {
            // Taking out changes something too.
            Choice::Read => self.take_out(),
            Choice::Update | Choice::CompareAndSet => self.put_in(dice.value()),
        };
        Operation::new(client, key, action)
    }

    fn step(&mut self, _dice: &mut Dice, operation: &mut Operation, _step: u32) -> Effect {
        let Sequence { elements, taken } = &mut self.keys[operation.key as usize];
        if let Action::Enqueue(element) | Action::Push(element) = operation.action {
            elements.push_back(element);
            operation.acknowledge();
            return Effect::Done;
        }
        let out = match &operation.twist {
            Twist::Answer(Value::Integer(garbage)) => Some(*garbage),
            Twist::Again => *taken,
            Twist::TakeOut(element) => {
                elements.retain(|other| other != element);
                Some(*element)
            }
            Twist::Forget => {
                elements.clear();
                None
            }
            _ if self.is_stack => elements.pop_back(),
            _ => elements.pop_front(),
        };
        operation.answer = Some(Answer::Ok(out.map_or(Value::Null, Value::Integer)));
        Effect::Done
    }

    fn completed(&mut self, operation: &mut Operation) {
        if let (Action::Dequeue | Action::Pop, Some(Answer::Ok(Value::Integer(element)))) =
            (&operation.action, &operation.answer)
        {
            self.keys[operation.key as usize].taken = Some(*element);
        }
    }

    fn needs_quiet(&self, kind: ViolationKind) -> bool {
        kind != ViolationKind::GarbageRead
    }

    /// With m undecided operations, at most m elements can have left unseen. So m + 1 elements are put in, one after the
    /// other and with nothing else going on. A queue then gets one more, and hands it out first; a stack hands out one that
    /// it got before them. To lose what was acknowledged, it hands out nothing.
    fn script(&mut self, dice: &mut Dice, kind: ViolationKind, client: u32) -> Vec<Operation> {
        let key = dice.below(self.keys.len() as u32);
        let operation = |action: Action, twist: Twist| Operation::twisted(client, key, action, twist);
        let honest = |action: Action| operation(action, Twist::Honest);
        let more_than_undecided = self.undecided + 1;
        match kind {
            ViolationKind::OutOfOrder => {
                let elements: Vec<i64> = (0..=more_than_undecided).map(|_| dice.value()).collect();
                let too_early = if self.is_stack { elements.first() } else { elements.last() };
                let take = too_early.map(|element| operation(self.take_out(), Twist::TakeOut(*element)));
                elements.iter().map(|element| honest(self.put_in(*element))).chain(take).collect()
            }
            ViolationKind::LostWrite => (0..more_than_undecided)
                .map(|_| honest(self.put_in(dice.value())))
                .chain([operation(self.take_out(), Twist::Forget)])
                .collect(),
            ViolationKind::DoubleDequeue => vec![
                honest(self.put_in(dice.value())),
                honest(self.take_out()),
                operation(self.take_out(), Twist::Again),
            ],
            _ => vec![operation(self.take_out(), Twist::Answer(Value::Integer(dice.garbage())))],
        }
    }
}
