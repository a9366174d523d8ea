//! The table.

use schism_checkers::Validity;

use super::case::{Case, Met};
use super::measure::{Figures, both, seconds};

pub(crate) const HEADER: &str = "\
| # | case | verdict | read | check | file → verdict | peak | B/op | goal | met | others |
|---|---|---|---|---|---|---|---|---|---|---|";

pub(crate) fn line(case: &Case, figures: &Result<Figures, String>) -> String {
    let Case { row, title, others, goal, .. } = case;
    let figures = match figures {
        Ok(figures) => figures,
        Err(why) => return format!("| {row} | {title} | – ({why}) | | | | | | {} | – | {others} |", goal.text()),
    };
    let is_right = case.expected.map_or(figures.verdict != Validity::Unknown, |expected| expected == figures.verdict);
    let word = match (figures.verdict, is_right) {
        (Validity::Valid, true) => "valid".to_owned(),
        (Validity::Invalid, true) => "invalid".to_owned(),
        (Validity::Unknown, true) => "unknown".to_owned(),
        (Validity::Unknown, false) => format!("unknown: {}", figures.how),
        (_, false) => format!("**wrong: {:?}**", figures.verdict),
    };
    let note = if figures.note.is_empty() { String::new() } else { format!("; {}", figures.note) };
    let met = match goal.is_met(figures) {
        Met::Yes if is_right => "yes",
        Met::InProcessorTime if is_right => "in CPU time",
        _ => "**no**",
    };
    let rate = figures.events_per_second.map(|rate| format!(" ({rate:.0} events/s)")).unwrap_or_default();
    let worst = figures.worst_s.map(|worst| format!(" (worst {})", seconds(worst))).unwrap_or_default();
    format!(
        "| {row} | {title} | {word}{note} | {} | {}{worst}{rate} | {} | {:.0} MiB | {:.0} | {} | {met} | {others} |",
        both(figures.read_s, figures.read_cpu_s),
        both(figures.check_s, figures.check_cpu_s),
        both(figures.read_s + figures.check_s, figures.read_cpu_s + figures.check_cpu_s),
        figures.peak_mib,
        figures.bytes_per_operation(),
        goal.text(),
    )
}
