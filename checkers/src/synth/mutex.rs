//! Locks: acquire waits until the lock is free; only who holds it releases it.

use super::dice::Dice;
use super::object::{Effect, Fate, Object};
use super::operation::{Action, Answer, Operation, Twist};
use super::shape::{Shape, ViolationKind};

pub(super) struct Locks {
    clients: u32,
    is_held: Vec<bool>,
    /// Which lock each client holds.
    holds: Vec<Option<u32>>,
}

impl Locks {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            clients: shape.clients,
            is_held: vec![false; shape.keys as usize],
            holds: vec![None; shape.clients as usize],
        }
    }
}

impl Object for Locks {
    fn draw(&mut self, dice: &mut Dice, client: u32, _must_update: bool) -> Operation {
        // From here on it no longer counts on the lock.
        match self.holds[client as usize].take() {
            Some(key) => Operation::new(client, key, Action::Release),
            None => Operation::new(client, dice.below(self.is_held.len() as u32), Action::Acquire),
        }
    }

    fn step(&mut self, _dice: &mut Dice, operation: &mut Operation, _step: u32) -> Effect {
        let is_held = &mut self.is_held[operation.key as usize];
        match operation.action {
            Action::Acquire if *is_held && operation.twist != Twist::Grant => Effect::Waits,
            Action::Acquire => {
                *is_held = true;
                operation.acknowledge();
                Effect::Done
            }
            _ if *is_held => {
                *is_held = false;
                operation.acknowledge();
                Effect::DoneAndWakes
            }
            _ => {
                // Only after two held it.
                operation.answer = Some(Answer::Refused);
                Effect::Done
            }
        }
    }

    fn completed(&mut self, operation: &mut Operation) {
        if matches!((&operation.action, &operation.answer), (Action::Acquire, Some(Answer::Ok(_)))) {
            self.holds[operation.client as usize] = Some(operation.key);
        }
    }

    /// A lock whose holder does not know that it holds it would never be free again: an undecided acquire never takes effect,
    /// an undecided release always does.
    fn fate(&self, _dice: &mut Dice, operation: &Operation) -> Fate {
        if matches!(operation.action, Action::Release) { Fate::Late } else { Fate::Never }
    }

    fn needs_quiet(&self, _kind: ViolationKind) -> bool {
        true
    }

    /// With nothing else going on and every undecided release done, acknowledged acquires minus invoked releases is 1 where
    /// the lock is held and 0 where it is free. One more, or two, and it is 2, whatever order they are put in.
    fn script(&mut self, dice: &mut Dice, _kind: ViolationKind, client: u32) -> Vec<Operation> {
        let key = dice.below(self.is_held.len() as u32);
        let other = (client + 1) % self.clients;
        let granted = |client: u32| Operation::twisted(client, key, Action::Acquire, Twist::Grant);
        if !self.is_held[key as usize] {
            return vec![Operation::new(client, key, Action::Acquire), granted(other)];
        }
        let is_holder = self.holds[client as usize] == Some(key);
        vec![granted(if is_holder { other } else { client })]
    }
}
