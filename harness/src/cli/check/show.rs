//! Judgements as a table and paragraphs, and the list of models.

use schism_checkers::{Validity, model};
use serde_json::json;

use super::Judgement;
use crate::cli::output::{Format, Output};
use crate::cli::{CliError, Exit};
use crate::report::layout::{Grid, WIDTH_MAX, paragraph};

pub(super) fn grid(judgements: &[Judgement]) -> Grid {
    let header = ["file", "verdict", "found", "operations", "seconds", "peak MiB", "by"].map(str::to_owned);
    let parent = common_parent(judgements);
    let line = |judgement: &Judgement| {
        let verdict = match judgement.valid {
            Validity::Valid => "valid",
            Validity::Unknown => "unknown",
            Validity::Invalid => "INVALID",
        };
        vec![
            judgement.file.strip_prefix(&parent).unwrap_or(&judgement.file).to_owned(),
            verdict.to_owned(),
            judgement.anomalies.join("\n"),
            judgement.ops.to_string(),
            format!("{:.2}", judgement.seconds),
            judgement.peak_mib.map_or_else(|| "–".to_owned(), |mib| format!("{mib:.0}")),
            judgement.algorithm.clone(),
        ]
    };
    Grid { header: header.to_vec(), lines: judgements.iter().map(line).collect(), columns_of_words: 3 }
}

/// What all paths begin with, up to a slash: it would only widen the table.
fn common_parent(judgements: &[Judgement]) -> String {
    let mut parent = judgements.first().map_or("", |first| first.file.as_str());
    for judgement in judgements {
        let same = parent.bytes().zip(judgement.file.bytes()).take_while(|(one, other)| one == other).count();
        parent = parent.get(..same).unwrap_or_default();
    }
    parent.rfind('/').map(|slash| parent[..=slash].to_owned()).unwrap_or_default()
}

pub(super) fn text(judgements: &[Judgement]) -> String {
    if judgements.is_empty() {
        return String::new();
    }
    let told = judgements.iter().flat_map(|judgement| {
        let witness = judgement.witness.iter().flat_map(|witness| witness.text.lines());
        let reasons = judgement.reasons.iter().map(String::as_str);
        let lines = witness.chain(reasons).map(|line| paragraph(line, WIDTH_MAX, "  "));
        let timeline = judgement.timeline.iter().map(|timeline| format!("\n{timeline}"));
        let mut lines = lines.chain(timeline).peekable();
        let title = lines.peek().is_some().then(|| format!("\n{}\n", judgement.file));
        title.into_iter().chain(lines)
    });
    std::iter::once(grid(judgements).text(WIDTH_MAX)).chain(told).collect()
}

/// Lists what `--model` and `--consistency-model` take.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn models(format: Format, output: &mut Output) -> Result<Exit, CliError> {
    let models = model::list();
    match format {
        Format::Json => {
            let all: Vec<_> =
                models.iter().map(|model| json!({"name": model.name, "description": model.description})).collect();
            output.json(&all)?;
        }
        Format::Jsonl => {
            for model in models {
                output.json_line(&json!({"name": model.name, "description": model.description}))?;
            }
        }
        Format::Table | Format::Md => {
            let lines = models.iter().map(|model| vec![model.name.to_owned(), model.description.to_owned()]).collect();
            let header = ["model", "operations"].map(str::to_owned).to_vec();
            let grid = Grid { header, lines, columns_of_words: 2 };
            output.result(&if format == Format::Md { grid.markdown() } else { grid.text(WIDTH_MAX) })?;
        }
    }
    Ok(Exit::AsExpected)
}
