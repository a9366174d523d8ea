//! A history as text, for comparing.

use super::lines::lines;
use crate::history::{History, Line, ValueId};

/// Every line with its values, and what the whole says.
pub(super) fn outline(history: &History) -> Vec<String> {
    let values = history.values();
    let whole = format!("clock {}, truncated {}", history.has_clock(), history.is_truncated());
    // The numbers of values, and so the order of a map's pairs, depend on the order in which they came.
    let shown = |id: ValueId| serde_json::from_str::<serde_json::Value>(&values.display(id).to_string()).unwrap();
    let line = |line: Line<'_>| {
        let key = line.key.map(shown);
        let bare = Line { key: None, value: ValueId::NULL, ..line };
        format!("{bare:?} key {key:?} value {}", shown(line.value))
    };
    std::iter::once(whole).chain(lines(history).map(line)).collect()
}
