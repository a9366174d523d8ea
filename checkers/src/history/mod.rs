//! The history: what was invoked, what came back, what the nemesis did, on one clock.

mod event;

pub use event::{Event, EventType, Process};

/// A whole history, its operations paired.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// Pairs the events of a history.
    #[must_use]
    pub fn from_events(events: Vec<Event>) -> Self {
        Self { events }
    }

    /// All lines, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}
