//! A witness as a drawing in plain text: one line a process, time to the right, a bar for every operation.

use super::label::{Detail, in_columns, label};
use super::scene::{FaultBar, Fitted, Scene};
use crate::history::History;
use crate::verdict::Witness;

/// How a timeline is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineOptions {
    /// Columns at most; less than 40 are taken for 40.
    pub width: usize,
    /// Operations at most; of more, those invoked last are drawn.
    pub operations_max: usize,
    /// Whether to do without characters beyond ASCII.
    pub ascii: bool,
}

impl Default for TimelineOptions {
    fn default() -> Self {
        Self { width: 100, operations_max: 32, ascii: false }
    }
}

/// Columns below which nothing can be drawn.
const WIDTH_MIN: usize = 40;
/// Columns to the right of the last moment, for what never ended.
const OPEN_END: usize = 2;
/// Columns that a bar takes beside its label: an end, a dash, and a space on either side; the other end is the moment's own.
const BORDER: usize = 4;

/// Draws a witness with the default options, but this width.
#[must_use]
pub fn timeline(history: &History, witness: &Witness, width: usize) -> String {
    timeline_with(history, witness, &TimelineOptions { width, ..TimelineOptions::default() })
}

/// Draws a witness; empty for one that names no operation. Every line ends in a line feed and keeps to the width.
#[must_use]
pub fn timeline_with(history: &History, witness: &Witness, options: &TimelineOptions) -> String {
    let width = options.width.max(WIDTH_MIN);
    let mut operations_max = options.operations_max.max(1);
    let text = loop {
        let scene = Scene::new(history, witness, operations_max);
        if scene.bars.is_empty() {
            return String::new();
        }
        let names = scene.rows.iter().map(|name| name.chars().count()).chain([7]).max().unwrap_or(7).min(width / 3);
        let extent = width - names - 2 - OPEN_END;
        let fitted = scene.fit(extent, 1, 1, BORDER);
        if operations_max == 1 || fitted.places.last().is_some_and(|last| *last <= extent) {
            break Drawing { scene: &scene, fitted: &fitted, names, width }.text();
        }
        operations_max = operations_max.min(scene.bars.len()) * 3 / 4;
    };
    if options.ascii { text.chars().map(ascii).collect() } else { text }
}

fn ascii(character: char) -> char {
    match character {
        '├' | '┤' | '╞' | '╡' | '╷' => '|',
        '─' | '–' => '-',
        '═' => '=',
        '╌' => '.',
        '▷' | '→' => '>',
        '░' => ':',
        '…' => '~',
        _ if character.is_ascii() => character,
        _ => '?',
    }
}

struct Drawing<'s, 'h> {
    scene: &'s Scene<'h>,
    fitted: &'s Fitted,
    /// Columns of the names in front.
    names: usize,
    width: usize,
}

/// A line of the drawing, column by column.
struct Canvas {
    columns: Vec<char>,
}

impl Canvas {
    fn fill(&mut self, from: usize, to: usize, character: char) {
        let end = (to + 1).min(self.columns.len());
        self.columns[from.min(end)..end].fill(character);
    }

    fn write(&mut self, at: usize, text: &str) {
        for (column, character) in self.columns.iter_mut().skip(at).zip(text.chars()) {
            *column = character;
        }
    }
}

impl Drawing<'_, '_> {
    fn text(&self) -> String {
        let mut text = self.ruler();
        self.scene.faults.iter().for_each(|fault| text += &self.fault(fault));
        (0..self.scene.rows.len()).for_each(|row| text += &self.row(row));
        text + &self.legend()
    }

    fn canvas(&self) -> Canvas {
        Canvas { columns: vec![' '; self.width - self.names - 2] }
    }

    fn line(&self, name: &str, canvas: &Canvas) -> String {
        let name = in_columns(name, self.names);
        let line = format!("{name:<width$}  {}", canvas.columns.iter().collect::<String>(), width = self.names);
        format!("{}\n", line.trim_end())
    }

    fn place(&self, moment: usize) -> usize {
        self.fitted.places.get(moment).copied().unwrap_or(0)
    }

    fn end(&self) -> usize {
        self.place(self.scene.moments.len())
    }

    /// Times at as many moments as there is room for.
    fn ruler(&self) -> String {
        let mut canvas = self.canvas();
        let mut free = 0;
        for (number, moment) in self.scene.moments.iter().enumerate() {
            let told = format!("╷{}", self.scene.time(moment.time_ns));
            let (at, length) = (self.place(number), told.chars().count());
            if at >= free && at + length <= canvas.columns.len() {
                canvas.write(at, &told);
                free = at + length + 1;
            }
        }
        self.line(self.scene.time_unit(), &canvas)
    }

    fn fault(&self, fault: &FaultBar) -> String {
        let mut canvas = self.canvas();
        let from = fault.from.map_or(0, |moment| self.place(moment));
        let to = fault.to.map_or_else(|| self.end() + OPEN_END - 1, |moment| self.place(moment));
        canvas.fill(from, to, '░');
        let name = format!(" {} ", fault.name);
        let latest = canvas.columns.len().saturating_sub(name.chars().count());
        canvas.write((from + 1).min(latest), &name);
        self.line("fault", &canvas)
    }

    fn row(&self, row: usize) -> String {
        let mut canvas = self.canvas();
        for (bar, label) in self.scene.bars.iter().zip(&self.fitted.labels).filter(|(bar, _)| bar.row == row) {
            let (from, to) = (self.place(bar.from), self.place(bar.to));
            let (left, middle, right) = match (bar.is_open, bar.is_decisive) {
                (true, _) => ('├', '╌', '▷'),
                (false, true) => ('╞', '═', '╡'),
                (false, false) => ('├', '─', '┤'),
            };
            canvas.fill(from, to, middle);
            canvas.fill(from, from, left);
            canvas.fill(to, to, right);
            let room = (to - from).saturating_sub(1);
            let length = label.chars().count();
            if room >= length + BORDER - 1 {
                canvas.write(from + 2, &format!(" {label} "));
            } else {
                canvas.write(from + 1, label);
            }
        }
        self.line(&self.scene.rows[row], &canvas)
    }

    /// What numbers and signs stand for, and what is not drawn.
    fn legend(&self) -> String {
        let scene = self.scene;
        let mut lines = Vec::new();
        if self.fitted.is_numbered {
            let detail =
                Detail { key: scene.has_many_keys(), node: true, columns_max: self.width.saturating_sub(45).max(24) };
            lines.extend(scene.bars.iter().enumerate().map(|(number, bar)| {
                let end = if bar.is_open { "never decided".to_owned() } else { scene.time_of(bar.to) };
                let told = label(&bar.operation, detail);
                let process = scene.process_of(bar);
                format!("{:>3} {process}: {told}, {} – {end}", scene.short_number_of(number), scene.time_of(bar.from))
            }));
        }
        let mut signs = vec!["Widths are not to scale."];
        if scene.bars.iter().any(|bar| bar.is_open) {
            signs.push("╌▷ never decided.");
        }
        if scene.bars.iter().any(|bar| bar.is_decisive) {
            signs.push("═ once this was over, nothing could explain it.");
        }
        match signs.join(" ") {
            line if line.chars().count() <= self.width => lines.push(line),
            _ => lines.extend(signs.into_iter().map(str::to_owned)),
        }
        lines.extend(scene.left_out());
        lines.iter().map(|line| format!("{}\n", self.cut(line))).collect()
    }

    /// A line of the legend, its end left out where it is too long.
    fn cut(&self, line: &str) -> String {
        if line.chars().count() <= self.width {
            return line.to_owned();
        }
        line.chars().take(self.width - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::HistoryText;
    use crate::witness::witness;

    fn of_all(history: &History) -> Witness {
        witness(String::new(), &history.operations().collect::<Vec<_>>())
    }

    #[test]
    fn bars_faults_and_times_stand_in_order() {
        let mut text = HistoryText::new();
        text.fault(90, "partition-leader", 1, "applied").fault(3000, "partition-leader", 1, "healed");
        text.fault(2110, "kill-leader", 2, "applied");
        text.ok((2100, 2105), 3, "write", json!(3), json!(3)).with("node", "n1");
        text.ok((2102, 2119), 5, "write", json!(4), json!(4));
        text.invoke(2104, 7, "write", json!(5));
        text.ok((2121, 2150), 3, "read", Value::Null, json!(3)).with("node", "n1");
        let history = text.history();
        insta::assert_snapshot!(timeline(&history, &of_all(&history), 100));
        let narrow = TimelineOptions { width: 50, ascii: true, ..TimelineOptions::default() };
        insta::assert_snapshot!("narrow", timeline_with(&history, &of_all(&history), &narrow));
    }

    #[test]
    fn equal_times_of_one_process_stand_in_two_lanes() {
        let mut text = HistoryText::new();
        text.ok((0, 5), 1, "add", json!(1), json!(1)).ok((5, 6), 1, "read", Value::Null, json!([]));
        let history = text.history();
        insta::assert_snapshot!(timeline(&history, &of_all(&history), 60));
    }

    #[test]
    fn whatever_the_history_says_the_drawing_keeps_to_its_size() {
        let mut text = HistoryText::new();
        for number in 0..1000_u64 {
            let value =
                json!(format!("<script>\"'&\u{202e}\n漢字{}", "x".repeat(if number % 20 == 19 { 10_000 } else { 30 })));
            text.invoke(number, number, "write", value.clone()).with("key", number % 3);
            text.complete(number + 40, number, "ok", "write", value).with("key", number % 3);
            text.with("node", "n".repeat(500));
        }
        let history = text.history();
        for width in [0, 40, 57, 100, 400] {
            for ascii in [false, true] {
                let options = TimelineOptions { width, ascii, ..TimelineOptions::default() };
                let drawn = timeline_with(&history, &of_all(&history), &options);
                assert!(drawn.lines().count() <= 3 * options.operations_max, "{drawn}");
                assert!(drawn.lines().all(|line| line.chars().count() <= width.max(WIDTH_MIN)), "{width}: {drawn}");
                assert!(drawn.contains("Not drawn, for want of room: 9"), "{drawn}");
                assert!(!ascii || drawn.is_ascii(), "{drawn}");
            }
        }
        assert_eq!(timeline(&history, &Witness::default(), 100), "");
    }
}
