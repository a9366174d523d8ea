//! Builds histories for tests. Times are milliseconds; lines are put in order of time.

use serde_json::{Value, json};

use crate::history::{Event, EventType, History, HistoryBuilder, Line, ProcessName, Source};

/// The seeds of a test that tries many histories: `SCHISM_SEED` names one alone, `SCHISM_HISTORIES` says how many.
pub(crate) fn seeds(histories: u64) -> std::ops::Range<u64> {
    let number = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
    match number("SCHISM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHISM_HISTORIES").unwrap_or(histories),
    }
}

/// Asserts that a share of a test's histories has a property, so that the test is not blind; a single seed proves nothing.
pub(crate) fn assert_share(part: u64, all: u64, share: std::ops::Range<f64>) {
    let found = part as f64 / all as f64;
    assert!(all < 1_000 || share.contains(&found), "{part} of {all}, expected a share within {share:?}");
}

/// A history under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryText {
    lines: Vec<Value>,
}

impl HistoryText {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets a field of the line added last.
    pub(crate) fn with(&mut self, field: &str, value: impl Into<Value>) -> &mut Self {
        if let Some(line) = self.lines.last_mut() {
            line[field] = value.into();
        }
        self
    }

    pub(crate) fn invoke(&mut self, time_ms: u64, process: u64, f: &str, value: Value) -> &mut Self {
        self.complete(time_ms, process, "invoke", f, value)
    }

    pub(crate) fn complete(&mut self, time_ms: u64, process: u64, how: &str, f: &str, value: Value) -> &mut Self {
        self.lines.push(json!({"time": time_ms * 1_000_000, "type": how, "process": process, "f": f, "value": value}));
        self
    }

    /// A whole operation.
    pub(crate) fn ok(
        &mut self,
        span_ms: (u64, u64),
        process: u64,
        f: &str,
        argument: Value,
        result: Value,
    ) -> &mut Self {
        self.invoke(span_ms.0, process, f, argument);
        self.complete(span_ms.1, process, "ok", f, result)
    }

    pub(crate) fn nemesis(&mut self, time_ms: u64, f: &str, value: Value) -> &mut Self {
        self.lines
            .push(json!({"time": time_ms * 1_000_000, "type": "info", "process": "nemesis", "f": f, "value": value}));
        self
    }

    pub(crate) fn fault(&mut self, time_ms: u64, name: &str, id: u64, step: &str) -> &mut Self {
        self.nemesis(time_ms, name, Value::Null).with("id", id).with("step", step)
    }

    pub(crate) fn claim(&mut self, time_ms: u64, node: &str, role: Option<&str>, term: u64) -> &mut Self {
        let value = json!({"node": node, "role": role, "term": term, "position": 0});
        self.lines.push(
            json!({"time": time_ms * 1_000_000, "type": "info", "process": "observer", "f": "claim", "value": value}),
        );
        self
    }

    pub(crate) fn history(&self) -> History {
        let mut lines = self.lines.clone();
        lines.sort_by_key(|line| line["time"].as_u64());
        let events: Vec<Event> = lines.into_iter().map(|line| serde_json::from_value(line).unwrap()).collect();
        History::from_events(events).unwrap()
    }
}

/// One operation of a history that a test makes up by the thousand: as little work as possible.
#[derive(Debug, Clone)]
pub(crate) struct MadeOperation {
    pub(crate) process: u64,
    pub(crate) f: &'static str,
    pub(crate) key: u64,
    pub(crate) argument: Value,
    pub(crate) invoked: u64,
    /// Time, how, and the value; `None`: no second line.
    pub(crate) end: Option<(u64, EventType, Value)>,
}

/// The history of these operations. Those of one process must come in their order.
pub(crate) fn history_of(operations: &[MadeOperation]) -> History {
    let mut lines: Vec<(u64, EventType, &MadeOperation, &Value)> = Vec::new();
    for operation in operations {
        lines.push((operation.invoked, EventType::Invoke, operation, &operation.argument));
        if let Some((time, how, value)) = &operation.end {
            lines.push((*time, *how, operation, value));
        }
    }
    lines.sort_by_key(|(time, ..)| *time);
    let mut builder = HistoryBuilder::new(Source::Built);
    for (time, event_type, operation, value) in lines {
        let value = builder.values_mut().json(value);
        let key = Some(builder.values_mut().integer(operation.key as i64));
        let line = Line {
            index: None,
            time: Some(time as i64),
            event_type,
            process: ProcessName::Client(operation.process),
            f: operation.f,
            key,
            value,
            node: None,
            term: None,
            position: None,
            ack: None,
            level: None,
            error: None,
            is_final: false,
            id: None,
            step: None,
        };
        builder.push(line).unwrap();
    }
    builder.finish(false)
}
