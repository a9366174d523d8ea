//! How a table is drawn: plain text that fits a width, or Markdown.

use tabled::builder::Builder;
use tabled::settings::formatting::AlignmentStrategy;
use tabled::settings::object::{Columns, Rows};
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Alignment, Padding, Style};

/// Columns of text that every terminal has, and more.
pub const WIDTH_MAX: usize = 100;

/// What a missing figure looks like.
pub const MISSING: &str = "–";

/// Cells of text; the first line is the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The lines; every one as long as the header.
    pub lines: Vec<Vec<String>>,
    /// The first columns, which hold words and stand on the left; figures stand on the right.
    pub columns_of_words: usize,
}

impl Grid {
    /// Draws plain text. Long names in the header and in the first column are folded as far as needed; if it still is
    /// wider than `width`, the table is cut into several below each other, each with the columns of words in front.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        for grid in [self.clone(), self.folded_header(), self.folded_header().folded_words()] {
            let drawn = grid.draw();
            if widest_line(&drawn) <= width {
                return drawn;
            }
        }
        let folded = self.folded_header().folded_words();
        let Some((left, right)) = folded.cut() else {
            return folded.draw();
        };
        format!("{}\n{}", left.text(width), right.text(width))
    }

    /// Draws Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let one_line = |cell: &String| cell.replace('\n', " · ").replace('|', "\\|");
        let mut builder = Builder::default();
        builder.push_record(self.header.iter().map(one_line));
        for line in &self.lines {
            builder.push_record(line.iter().map(one_line));
        }
        let mut table = builder.build();
        table.with(Style::markdown());
        format!("{table}\n")
    }

    fn draw(&self) -> String {
        let mut builder = Builder::default();
        builder.push_record(self.header.iter().map(String::as_str));
        for line in &self.lines {
            builder.push_record(line.iter().map(String::as_str));
        }
        let mut table = builder.build();
        table
            .with(Style::empty().horizontals([(1, HorizontalLine::new('─'))]))
            .modify(Columns::new(..), Padding::new(0, 2, 0, 0))
            .modify(Columns::last(), Padding::zero())
            .modify(Columns::new(self.columns_of_words..), Alignment::right())
            .modify(Columns::new(self.columns_of_words..), AlignmentStrategy::PerLine)
            .modify(Rows::first(), Alignment::bottom());
        let mut text = String::new();
        for line in table.to_string().lines() {
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    fn folded_header(&self) -> Self {
        Self { header: self.header.iter().map(|name| fold(name, '-', HEADER_WIDTH)).collect(), ..self.clone() }
    }

    fn folded_words(&self) -> Self {
        let mut folded = self.clone();
        for line in &mut folded.lines {
            for cell in line.iter_mut().take(self.columns_of_words) {
                *cell = cell.replace(", ", ",\n");
            }
        }
        folded
    }

    /// Half of the columns of figures each.
    fn cut(&self) -> Option<(Self, Self)> {
        let figures = self.header.len() - self.columns_of_words;
        if figures < 2 {
            return None;
        }
        let middle = self.columns_of_words + figures.div_ceil(2);
        let words = self.columns_of_words;
        let left = |cells: &Vec<String>| cells[..middle].to_vec();
        let right = |cells: &Vec<String>| [&cells[..words], &cells[middle..]].concat();
        let part = |of: &dyn Fn(&Vec<String>) -> Vec<String>| Self {
            header: of(&self.header),
            lines: self.lines.iter().map(of).collect(),
            columns_of_words: words,
        };
        Some((part(&left), part(&right)))
    }
}

const HEADER_WIDTH: usize = 10;

/// The widest line of a text, in characters.
#[must_use]
pub fn widest_line(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// Breaks a name after a separator so that its lines stay within a width where they can.
fn fold(name: &str, separator: char, width: usize) -> String {
    let mut lines = vec![String::new()];
    for part in name.split_inclusive(separator) {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() || line.chars().count() + part.chars().count() <= width {
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    lines.join("\n")
}

/// Breaks a paragraph between words.
#[must_use]
pub fn paragraph(text: &str, width: usize, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && indent.chars().count() + line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{indent}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(faults: usize) -> Grid {
        let mut header = vec!["setting".to_owned()];
        header.extend((0..faults).map(|index| format!("partition-leader-{index}")));
        let mut line = vec!["majority, consensus".to_owned()];
        line.extend((0..faults).map(|_| "lost 10.5 %".to_owned()));
        Grid { header, lines: vec![line], columns_of_words: 1 }
    }

    #[test]
    fn a_table_is_never_wider_than_asked() {
        for faults in 1..40 {
            assert!(widest_line(&grid(faults).text(WIDTH_MAX)) <= WIDTH_MAX, "{faults} columns");
        }
    }

    #[test]
    fn names_are_folded_after_hyphens() {
        assert_eq!(fold("partition-leader", '-', 10), "partition-\nleader");
        assert_eq!(fold("cut-one-link", '-', 10), "cut-one-\nlink");
        assert_eq!(fold("none", '-', 10), "none");
    }

    #[test]
    fn paragraphs_are_broken_between_words() {
        let text = paragraph(&"word ".repeat(60), 100, "    ");
        assert!(widest_line(&text) <= 100 && text.lines().count() == 4, "{text}");
    }
}
