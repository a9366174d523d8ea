//! Short names of operations for drawings, and text that can do no harm there.
//!
//! A history's texts come from the system under test: they may be very long, break lines, or turn the direction of writing.

use std::fmt::{self, Write as _};

use crate::history::{Function, History, KeyId, Operation, Outcome, Value, ValueId};

/// Bytes of a value that are looked at for a label; what is beyond them could not be shown anyway.
const BYTES_MAX: usize = 1 << 10;
/// Elements of a list that are shown.
const ELEMENTS_MAX: usize = 8;

/// Text with everything that is not plainly visible written as `\u{…}`, at most `columns_max` characters long.
pub(super) fn visible(text: &str, columns_max: usize) -> String {
    shortened(text, columns_max, is_visible)
}

/// As [`visible`], but only with characters that surely take one column in a terminal.
pub(super) fn in_columns(text: &str, columns_max: usize) -> String {
    shortened(text, columns_max, is_one_column)
}

fn shortened(text: &str, columns_max: usize, keep: fn(char) -> bool) -> String {
    let mut shown = String::new();
    let mut columns = 0;
    let mut fitting = 0;
    for character in text.chars() {
        let start = shown.len();
        if keep(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
        columns += shown[start..].chars().count();
        if columns < columns_max {
            fitting = shown.len();
        } else if columns > columns_max {
            shown.truncate(fitting);
            shown.push('…');
            break;
        }
    }
    shown
}

/// Neither a control character nor one that only changes how its neighbours look.
fn is_visible(character: char) -> bool {
    let is_format = matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}');
    !character.is_control() && !is_format
}

/// Printable ASCII, letters of Latin, Greek and Cyrillic script, and the signs that this module uses itself.
fn is_one_column(character: char) -> bool {
    let is_letter =
        matches!(character, '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{24f}' | '\u{391}'..='\u{3c9}' | '\u{400}'..='\u{45f}');
    matches!(character, ' '..='~' | '→' | '…') || is_letter
}

/// Takes the beginning of what is written into it.
struct Beginning {
    text: String,
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = BYTES_MAX.saturating_sub(self.text.len());
        let end = part.char_indices().map(|(place, _)| place).chain([part.len()]).take_while(|end| *end <= room).last();
        self.text.push_str(&part[..end.unwrap_or(0)]);
        if part.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The beginning of a value's JSON text, however long that is; long lists become their length.
pub(super) fn value(history: &History, value: ValueId) -> String {
    if let Value::List(elements) = history.values().get(value)
        && elements.len() > ELEMENTS_MAX
    {
        return format!("{} elements", elements.len());
    }
    let mut beginning = Beginning { text: String::new() };
    // An error says that there is more: the limit is far beyond what any label shows, so that `…` will say so too.
    let _ = write!(beginning, "{}", history.values().display(value));
    beginning.text
}

/// How much of an operation a label tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detail {
    /// Whether the object is named.
    pub(super) key: bool,
    /// Whether the node that answered is named.
    pub(super) node: bool,
    /// Characters at most.
    pub(super) columns_max: usize,
}

/// An operation in a few characters, such as `write 3` or `read → 4`.
pub(super) fn label(operation: &Operation<'_>, detail: Detail) -> String {
    let history = operation.history();
    let mut text = if detail.key { format!("{}: ", key_name(history, operation.key())) } else { String::new() };
    text += &what(history, operation);
    if operation.outcome() == Outcome::Fail {
        text += " refused";
    }
    let node = operation.node().filter(|_| detail.node).map(|node| format!(" by {node}")).unwrap_or_default();
    let columns_max = detail.columns_max;
    if text.chars().count() + node.chars().count() <= columns_max {
        text += &node;
    }
    in_columns(&text, columns_max)
}

/// A key's name, its beginning if it is long.
pub(super) fn key_name(history: &History, key: KeyId) -> String {
    match history.keys()[key.index()] {
        None => history.key_name(key),
        Some(name) => history.values().as_text(name).map_or_else(|| value(history, name), str::to_owned),
    }
}

fn what(history: &History, operation: &Operation<'_>) -> String {
    let argument = operation.argument();
    let result = operation.result();
    let name = operation.f();
    let arrow = |result: ValueId| format!("{name} → {}", value(history, result));
    match (operation.function(), result) {
        (Function::Txn, _) => transaction(history, result.unwrap_or(argument)),
        (Function::CompareAndSet, _) => match history.values().as_list(argument) {
            Some([old, new]) => format!("cas {} → {}", value(history, *old), value(history, *new)),
            _ => format!("cas {}", value(history, argument)),
        },
        (Function::Read | Function::Get | Function::Dequeue | Function::Pop, Some(result)) => arrow(result),
        (Function::Other(_), Some(result)) if result != argument && !result.is_null() => {
            if argument.is_null() {
                arrow(result)
            } else {
                arrow(result).replacen(" →", &format!(" {} →", value(history, argument)), 1)
            }
        }
        _ if argument.is_null() => name.to_owned(),
        _ => format!("{name} {}", value(history, argument)),
    }
}

/// Micro-operations `[f, key, value]`, one after the other.
fn transaction(history: &History, list: ValueId) -> String {
    let values = history.values();
    let parts = values.as_list(list).unwrap_or_default().iter().take(ELEMENTS_MAX + 1).map(|part| {
        let word = |id: ValueId| values.as_text(id).map_or_else(|| value(history, id), str::to_owned);
        match values.as_list(*part) {
            Some([f, key, read]) if matches!(values.as_text(*f), Some("r" | "read")) => {
                format!("r {} → {}", word(*key), value(history, *read))
            }
            Some([f, key, written]) => format!("{} {} {}", word(*f), word(*key), value(history, *written)),
            _ => value(history, *part),
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::HistoryText;

    #[test]
    fn what_is_not_plainly_visible_is_spelled_out_and_long_text_is_cut() {
        assert_eq!(visible("a\u{202e}b\u{7}漢", 40), "a\\u{202e}b\\u{7}漢");
        assert_eq!(in_columns("Ж漢", 40), "Ж\\u{6f22}");
        assert_eq!(in_columns("abcdef", 6), "abcdef");
        assert_eq!(in_columns("abcdefg", 6), "abcde…");
        assert_eq!(in_columns("ab漢", 6), "ab…");
        assert_eq!(in_columns(&"x".repeat(100_000), 3), "xx…");
    }

    #[test]
    fn labels_are_short() {
        let mut text = HistoryText::new();
        text.invoke(0, 0, "read", Value::Null).with("key", "x");
        text.complete(1, 0, "ok", "read", json!(4)).with("key", "x").with("node", "n1");
        text.ok((2, 3), 0, "cas", json!([1, 2]), json!([1, 2]));
        text.invoke(4, 0, "acquire", Value::Null).complete(5, 0, "fail", "acquire", Value::Null);
        text.ok((6, 7), 0, "generate", Value::Null, json!(7));
        text.ok(
            (8, 9),
            0,
            "txn",
            json!([["r", "x", null], ["append", "y", 1]]),
            json!([["r", "x", [1, 2]], ["append", "y", 1]]),
        );
        text.ok((10, 11), 0, "swap", json!(1), json!(2));
        text.ok((12, 13), 0, "write", json!("y".repeat(5000)), Value::Null);
        let history = text.history();
        let detail = Detail { key: false, node: true, columns_max: 32 };
        let labels: Vec<String> = history.operations().map(|operation| label(&operation, detail)).collect();
        assert_eq!(
            labels,
            [
                "read → 4 by n1",
                "cas 1 → 2",
                "acquire refused",
                "generate → 7",
                "r x → [1,2]; append y 1",
                "swap 1 → 2",
                "write \"yyyyyyyyyyyyyyyyyyyyyyyy…",
            ]
        );
        let keyed = label(&history.operations().next().unwrap(), Detail { key: true, ..detail });
        assert_eq!(keyed, "x: read → 4 by n1");
    }
}
