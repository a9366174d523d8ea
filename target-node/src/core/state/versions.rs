//! The visible state, and the states before it as far back as a truncation may lead.
//!
//! A truncation takes entries back by going back to an earlier state, which is exact whatever they did. States share
//! structure, so that keeping one costs what the entry after it changed. Where nothing can be taken back, as when the
//! state follows the commit position, nothing is kept and entries change the state in place.

use std::collections::VecDeque;

use super::{Applied, State};
use crate::core::types::{Entry, Position};

/// The states from the last safe one to the visible one.
#[derive(Debug, Clone, Default)]
pub(in crate::core) struct Versions {
    visible: State,
    /// The states before, each one entry further, the newest at the back.
    earlier: VecDeque<State>,
}

impl Versions {
    /// A state with nothing before it.
    pub(in crate::core) fn new(state: State) -> Self {
        Self { visible: state, earlier: VecDeque::new() }
    }

    /// What is visible.
    pub(in crate::core) fn visible(&self) -> &State {
        &self.visible
    }

    /// Up to where entries are visible.
    pub(in crate::core) fn position(&self) -> Position {
        self.visible.position
    }

    /// Applies the entry after the last one applied; entries up to `safe` will never be taken back.
    pub(in crate::core) fn apply(&mut self, entry: &Entry, sessions: bool, safe: Position) -> Applied {
        if entry.position > safe {
            self.earlier.push_back(self.visible.clone());
        }
        self.visible.apply(entry, sessions)
    }

    /// Goes back to the state at `position`, if it is before the visible one.
    ///
    /// # Panics
    /// If that state was forgotten: a safe entry is never truncated.
    pub(in crate::core) fn go_back(&mut self, position: Position) {
        while self.position() > position {
            let earlier = self.earlier.pop_back();
            assert!(earlier.is_some(), "position {} is safe from truncation and cannot be undone", self.position());
            self.visible = earlier.unwrap_or_default();
        }
    }

    /// Forgets the states that lie before `safe`.
    pub(in crate::core) fn forget(&mut self, safe: Position) {
        while self.earlier.front().is_some_and(|state| state.position < safe) {
            self.earlier.pop_front();
        }
    }

    /// The earliest state that is kept: nothing before it can be undone.
    pub(in crate::core) fn earliest(&self) -> &State {
        self.earlier.front().unwrap_or(&self.visible)
    }

    /// The state at `position`, if it is kept.
    pub(in crate::core) fn at(&self, position: Position) -> Option<&State> {
        if position == self.position() {
            return Some(&self.visible);
        }
        let first = self.earlier.front()?.position;
        self.earlier.get(position.0.checked_sub(first.0)? as usize)
    }
}
