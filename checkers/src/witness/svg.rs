//! A witness as a picture: the timeline as one self-contained SVG file, without scripts, fonts or links.
//!
//! Texts of the history are bounded and escaped; labels keep to characters of one width, so that none leaves its bar. What
//! an operation did in full is its tooltip.

use std::fmt::Write as _;

use super::label::{Detail, in_columns, label, visible};
use super::scene::{Bar, FaultBar, Fitted, Scene};
use super::words::describe;
use crate::history::{History, Outcome};
use crate::verdict::Witness;

/// Bytes of a picture at most.
pub const SVG_BYTES_MAX: usize = 256 << 10;

/// How a picture is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SvgOptions {
    /// Pixels across; the picture grows beyond where its operations need more room.
    pub width: usize,
    /// Operations at most; of more, those invoked last are drawn.
    pub operations_max: usize,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { width: 1000, operations_max: 48 }
    }
}

/// Pixels below which the words under the picture cannot be read.
const WIDTH_MIN: usize = 480;
/// Pixels around everything.
const MARGIN: usize = 16;
/// Pixels of a character, rounded up: monospaced fonts take six tenths of their size.
const CHARACTER: usize = 8;
/// Pixels between two moments, and beside a label in its bar.
const GAP: usize = 14;
/// Pixels to the right of the last moment, for what never ended.
const OPEN_END: usize = 36;
const RULER_HEIGHT: usize = 26;
const FAULT_HEIGHT: usize = 24;
const ROW_HEIGHT: usize = 34;
const BAR_HEIGHT: usize = 22;
const LINE_HEIGHT: usize = 19;
/// Characters of the witness's paragraph that are shown.
const PARAGRAPH_MAX: usize = 2400;

/// What it looks like; dark where the reader's surroundings are.
const STYLE: &str = "
svg{--ink:#1f2328;--quiet:#59636e;--line:#d4d9df;--paper:#fff;--write:#d3e6f8;--write-line:#1f6fb8;--read:#e2f2db;\
--read-line:#38802f;--refused:#eceef0;--fault:#b35900;--decisive:#fbdada;--decisive-line:#c62828;background:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#e6e8eb;--quiet:#a3adb8;--line:#343b43;--paper:#15181c;--write:#173650;\
--write-line:#6fb3f2;--read:#1d3b1c;--read-line:#7fcf78;--refused:#2a2f35;--fault:#f0a24a;--decisive:#4f1b1b;\
--decisive-line:#ff8a80;background:#15181c}}
text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:var(--ink);white-space:pre}
.paper{fill:var(--paper)}.quiet{fill:var(--quiet)}.line{stroke:var(--line)}
.shade{fill:var(--fault);fill-opacity:.13}.fault{fill:var(--fault);fill-opacity:.3}
.write{fill:var(--write);stroke:var(--write-line)}.read{fill:var(--read);stroke:var(--read-line)}
.refused{fill:var(--refused);stroke:var(--quiet)}.open{stroke-dasharray:5 4}
.decisive{fill:var(--decisive);stroke:var(--decisive-line);stroke-width:2}
.moment{stroke:var(--decisive-line);stroke-dasharray:3 4}
";

/// Draws a witness; the file is never larger than [`SVG_BYTES_MAX`] and says what was left out.
#[must_use]
pub fn svg(history: &History, witness: &Witness, options: &SvgOptions) -> String {
    let mut operations_max = options.operations_max.max(1);
    loop {
        let scene = Scene::new(history, witness, operations_max);
        let picture = Picture::new(&scene, options.width.max(WIDTH_MIN)).draw(&witness.text);
        // One operation takes some kilobytes at most, as every text in it is bounded.
        if picture.len() <= SVG_BYTES_MAX || operations_max == 1 {
            return picture;
        }
        operations_max = operations_max.min(scene.bars.len()) / 2;
    }
}

/// Text as it may stand between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Columns a character takes at most: letters of the East take two.
fn columns(character: char) -> usize {
    if character < '\u{1100}' { 1 } else { 2 }
}

/// Breaks text into lines of so many columns, between words where that is possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let length: usize = word.trim_end().chars().map(columns).sum();
        if used > 0 && used + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for character in word.chars() {
            if used + columns(character) > width && character != ' ' {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(character);
            used += columns(character);
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

struct Picture<'s, 'h> {
    scene: &'s Scene<'h>,
    fitted: Fitted,
    /// Pixels in front of the first moment.
    left: usize,
    width: usize,
    text: String,
    /// Where the next thing goes.
    y: usize,
}

impl<'s, 'h> Picture<'s, 'h> {
    fn new(scene: &'s Scene<'h>, width: usize) -> Self {
        let names = scene.rows.iter().map(|name| name.chars().count()).chain([scene.time_unit().len()]).max();
        let left = MARGIN + names.unwrap_or(0) * CHARACTER + GAP;
        let extent = width.saturating_sub(left + OPEN_END + MARGIN);
        let fitted = scene.fit(extent, GAP, CHARACTER, 2 * GAP);
        let width = width.max(left + fitted.places.last().copied().unwrap_or(0) + OPEN_END + MARGIN);
        Self { scene, fitted, left, width, text: String::new(), y: MARGIN }
    }

    fn draw(mut self, paragraph: &str) -> String {
        let paragraph = visible(paragraph, PARAGRAPH_MAX);
        if self.scene.bars.is_empty() {
            self.words("This witness names no operation of the history.", "quiet");
        } else {
            self.timeline();
            self.legend();
        }
        if !paragraph.is_empty() {
            self.y += LINE_HEIGHT / 2;
            self.words(&paragraph, "");
        }
        let (width, height) = (self.width, self.y + MARGIN - 4);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\"><title>Operations of a witness along time</title><style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{}</svg>\n",
            self.text
        )
    }

    fn put(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = self.text.write_fmt(markup);
        self.text.push('\n');
    }

    fn put_text(&mut self, x: usize, y: usize, class: &str, text: &str) {
        self.put(format_args!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", escaped(text)));
    }

    /// A paragraph over the whole width.
    fn words(&mut self, text: &str, class: &str) {
        for line in wrapped(text, (self.width - 2 * MARGIN) / CHARACTER) {
            self.put_text(MARGIN, self.y + 14, class, &line);
            self.y += LINE_HEIGHT;
        }
    }

    fn x(&self, moment: usize) -> usize {
        self.left + self.fitted.places.get(moment).copied().unwrap_or(0)
    }

    fn timeline(&mut self) {
        let rows_top = self.y + RULER_HEIGHT + self.scene.faults.len() * FAULT_HEIGHT;
        let bottom = rows_top + self.scene.rows.len() * ROW_HEIGHT;
        self.ruler(bottom);
        for fault in &self.scene.faults {
            self.fault(fault, bottom);
        }
        for (row, name) in self.scene.rows.iter().enumerate() {
            let top = rows_top + row * ROW_HEIGHT;
            if !name.is_empty() {
                let right = self.width - MARGIN;
                self.put(format_args!("<path class=\"line\" d=\"M{MARGIN} {top}H{right}\"/>"));
                self.put_text(MARGIN, top + 22, "", name);
            }
        }
        for (number, bar) in self.scene.bars.iter().enumerate() {
            self.bar(bar, number, rows_top + bar.row * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2);
        }
        let decisive = self.scene.bars.iter().find(|bar| bar.is_decisive).map(|bar| self.x(bar.to));
        if let Some(x) = decisive {
            self.put(format_args!("<path class=\"moment\" d=\"M{x} {rows_top}V{bottom}\"/>"));
        }
        self.y = bottom;
    }

    /// Times at as many moments as there is room for, and a line down from each.
    fn ruler(&mut self, bottom: usize) {
        let top = self.y;
        self.put_text(MARGIN, top + 14, "quiet", self.scene.time_unit());
        let mut free = 0;
        for (number, moment) in self.scene.moments.iter().enumerate() {
            let told = self.scene.time(moment.time_ns);
            let (x, length) = (self.x(number), (told.len() + 1) * CHARACTER);
            if x >= free && x + length <= self.width {
                let from = top + RULER_HEIGHT - 6;
                self.put(format_args!("<path class=\"line\" d=\"M{x} {from}V{bottom}\"/>"));
                self.put_text(x, top + 14, "quiet", &told);
                free = x + length;
            }
        }
        self.y += RULER_HEIGHT;
    }

    fn fault(&mut self, fault: &FaultBar, bottom: usize) {
        let from = fault.from.map_or(self.left - GAP / 2, |moment| self.x(moment));
        let right = self.width - MARGIN;
        let to = fault.to.map_or(right, |moment| self.x(moment));
        let (top, width) = (self.y, to - from);
        let (height, bar_height) = (bottom - top, FAULT_HEIGHT - 4);
        self.put(format_args!(
            "<rect class=\"shade\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
        ));
        self.put(format_args!(
            "<rect class=\"fault\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{bar_height}\" rx=\"3\"/>"
        ));
        let length = fault.name.chars().count() * CHARACTER;
        self.put_text((from + 8).min(right.saturating_sub(length)), top + 15, "", &fault.name);
        self.put_text(MARGIN, top + 15, "quiet", "fault");
        self.y += FAULT_HEIGHT;
    }

    fn bar(&mut self, bar: &Bar<'_>, number: usize, top: usize) {
        let (from, to) = (self.x(bar.from), self.x(bar.to));
        let what = match (bar.is_decisive, bar.operation.outcome()) {
            (true, _) => "decisive",
            (false, Outcome::Fail) => "refused",
            (false, _) if bar.operation.is_read() => "read",
            (false, _) => "write",
        };
        let mut told = describe(self.scene.history, &bar.operation);
        if let Some(error) = bar.operation.error() {
            let _ = write!(told, ": {}", visible(error, 80));
        }
        self.put(format_args!("<g><title>{}</title>", escaped(&told)));
        if bar.is_open {
            // Without an end on the right.
            let (end, bottom) = (self.width - MARGIN, top + BAR_HEIGHT);
            self.put(format_args!("<path class=\"{what} open\" d=\"M{end} {top}H{from}V{bottom}H{end}\"/>"));
        } else {
            let width = to - from;
            self.put(format_args!(
                "<rect class=\"{what}\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{BAR_HEIGHT}\" rx=\"3\"/>"
            ));
        }
        let inside = if self.fitted.is_numbered { CHARACTER / 2 } else { GAP };
        let label = self.fitted.labels[number].clone();
        self.put_text(from + inside, top + 15, "", &label);
        self.text += "</g>";
    }

    /// What colours and numbers stand for, and what is not drawn.
    fn legend(&mut self) {
        self.y += 10;
        let scene = self.scene;
        let any = |is: fn(&Bar<'_>) -> bool| scene.bars.iter().any(is);
        let reads = any(|bar| bar.operation.is_read() && !bar.is_decisive);
        let signs = [
            (any(|bar| !bar.operation.is_read() && !bar.is_decisive), "write", "changes the object"),
            (reads, "read", "reads it"),
            (any(|bar| bar.operation.outcome() == Outcome::Fail), "refused", "refused"),
            (any(|bar| bar.is_open), "write open", "never decided"),
            (any(|bar| bar.is_decisive), "decisive", "once this was over, nothing could explain it"),
        ];
        let mut x = MARGIN;
        for (_, class, told) in signs.into_iter().filter(|(is_shown, ..)| *is_shown) {
            let length = 24 + (told.len() + 2) * CHARACTER;
            if x + length > self.width && x > MARGIN {
                x = MARGIN;
                self.y += LINE_HEIGHT;
            }
            let y = self.y + 4;
            self.put(format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"16\" height=\"11\" rx=\"2\"/>"));
            self.put_text(x + 24, self.y + 14, "quiet", told);
            x += length;
        }
        self.y += LINE_HEIGHT;
        self.words("Moments stand in their order; distances are not to scale.", "quiet");
        scene.left_out().iter().for_each(|sentence| self.words(sentence, "quiet"));
        if self.fitted.is_numbered {
            self.numbers();
        }
    }

    fn numbers(&mut self) {
        let scene = self.scene;
        let detail = Detail { key: scene.has_many_keys(), node: true, columns_max: 48 };
        for (number, bar) in scene.bars.iter().enumerate() {
            let end = if bar.is_open { "never decided".to_owned() } else { scene.time_of(bar.to) };
            let (process, told) = (scene.process_of(bar), label(&bar.operation, detail));
            let from = scene.time_of(bar.from);
            let line = format!("{:>3} {process}: {told}, {from} – {end}", scene.short_number_of(number));
            let line = in_columns(&line.replace('–', "-"), (self.width - 2 * MARGIN) / CHARACTER);
            self.put_text(MARGIN, self.y + 14, "", &line);
            self.y += LINE_HEIGHT;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::HistoryText;
    use crate::witness::witness;

    fn of_all(history: &History, text: &str) -> Witness {
        witness(text.to_owned(), &history.operations().collect::<Vec<_>>())
    }

    #[test]
    fn a_small_witness() {
        let mut text = HistoryText::new();
        text.fault(90, "partition-leader", 1, "applied").fault(2130, "partition-leader", 1, "healed");
        text.fault(2110, "kill-leader", 2, "applied");
        text.ok((2100, 2105), 3, "write", json!(3), json!(3)).with("node", "n1");
        text.ok((2102, 2119), 5, "write", json!(4), json!(4));
        text.invoke(2104, 7, "write", json!(5));
        text.ok((2103, 2120), 8, "read", Value::Null, json!(4));
        text.ok((2121, 2150), 3, "read", Value::Null, json!(3)).with("node", "n1");
        let history = text.history();
        let paragraph = "The history of the object has no linearization: the read of 3 began after the write of 4 was over, \
            and nobody wrote 3 after that. partition-leader (fault 1) and kill-leader (fault 2) were active then.";
        let picture = svg(&history, &of_all(&history, paragraph), &SvgOptions::default());
        insta::assert_snapshot!(picture);
    }

    #[test]
    fn whatever_the_history_says_it_stays_small_and_harmless() {
        let mut text = HistoryText::new();
        for number in 0..1000_u64 {
            let value = json!(format!(
                "<script>alert('\"&')</script>\u{202e}\n漢字{}",
                "x".repeat(if number % 20 == 19 { 10_000 } else { 30 })
            ));
            text.invoke(number, number, "write", value.clone()).with("key", number % 3);
            text.complete(number + 40, number, "ok", "write", value).with("key", number % 3);
            text.with("node", "<&\u{202e}".repeat(500));
        }
        text.fault(970, "<b>\u{202e}fault", 1, "applied").fault(990, "<b>\u{202e}fault", 1, "healed");
        let history = text.history();
        let paragraph = "<script>&\u{202e} 漢字漢字".repeat(5000);
        for operations_max in [0, 1, 48, 10_000] {
            let options = SvgOptions { operations_max, ..SvgOptions::default() };
            let picture = svg(&history, &of_all(&history, &paragraph), &options);
            assert!(picture.len() <= SVG_BYTES_MAX, "{}", picture.len());
            assert!(!picture.contains("<script") && !picture.contains('\u{202e}') && !picture.contains("<b>"));
            assert!(picture.contains("Not drawn, for want of room"));
        }
    }
}
