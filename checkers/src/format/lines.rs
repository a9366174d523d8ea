//! A history as the lines it was read from.

use crate::history::{EventType, History, Line, Note, Operation, Outcome, ValueId};

/// What stands at a place of a history.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Invocation(u32),
    Completion(u32),
    Note(u32),
}

/// All lines in order. What an operation carries beside its value stands in its last line.
pub(super) fn lines(history: &History) -> impl Iterator<Item = Line<'_>> {
    let mut slots = vec![Slot::Note(0); history.line_count()];
    for operation in history.operations() {
        let id = operation.id() as u32;
        slots[operation.invocation_place() as usize] = Slot::Invocation(id);
        if let Some(place) = operation.completion_place() {
            slots[place as usize] = Slot::Completion(id);
        }
    }
    for (id, note) in history.notes().iter().enumerate() {
        slots[note.place as usize] = Slot::Note(id as u32);
    }
    slots.into_iter().enumerate().filter_map(|(place, slot)| {
        let line = match slot {
            Slot::Invocation(id) => history.operation(id as usize).map(invocation),
            Slot::Completion(id) => history.operation(id as usize).map(completion),
            Slot::Note(id) => history.notes().get(id as usize).map(|note| of_note(history, note)),
        }?;
        let place = place as u32;
        let time = history.has_clock().then(|| i64::try_from(history.line_time_ns(place)).unwrap_or(i64::MAX));
        Some(Line { index: Some(history.line_index(place)), time, ..line })
    })
}

fn invocation(operation: Operation<'_>) -> Line<'_> {
    let line = Line {
        key: operation.history().keys()[operation.key().index()],
        ..Line::new(EventType::Invoke, operation.process_name().into(), operation.f(), operation.argument())
    };
    if operation.completion_place().is_some() {
        return line;
    }
    Line { ack: operation.ack(), level: operation.level(), is_final: operation.is_final(), ..line }
}

fn completion(operation: Operation<'_>) -> Line<'_> {
    let event_type = match operation.outcome() {
        Outcome::Ok => EventType::Ok,
        Outcome::Fail => EventType::Fail,
        Outcome::Info => EventType::Info,
    };
    Line {
        event_type,
        value: operation.completion_value().unwrap_or(ValueId::NULL),
        node: operation.node(),
        term: operation.term(),
        position: operation.position(),
        ack: operation.ack(),
        level: operation.level(),
        error: operation.error(),
        is_final: operation.is_final(),
        ..invocation(operation)
    }
}

fn of_note<'h>(history: &'h History, note: &Note) -> Line<'h> {
    let text = |id: Option<ValueId>| history.values().as_text(id?);
    let process = &history.processes()[note.process.index()];
    Line {
        key: note.key,
        node: text(note.node),
        error: text(note.error),
        id: note.id,
        step: text(note.step),
        ..Line::new(note.event_type, process.into(), text(Some(note.f)).unwrap_or_default(), note.value)
    }
}
