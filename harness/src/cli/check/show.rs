//! Judgements as a table and paragraphs, and the list of models.

use schism_checkers::Validity;
use schism_checkers::transactions::ConsistencyModel;
use serde_json::json;

use super::{Consistency, Judgement};
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
        let models = judgement.consistency.iter().flat_map(consistency);
        let told = witness.chain(reasons).map(str::to_owned).chain(models);
        let lines = told.map(|line| paragraph(&line, WIDTH_MAX, "  "));
        let timeline = judgement.timeline.iter().map(|timeline| format!("\n{timeline}"));
        let mut lines = lines.chain(timeline).peekable();
        let title = lines.peek().is_some().then(|| format!("\n{}\n", judgement.file));
        title.into_iter().chain(lines)
    });
    std::iter::once(grid(judgements).text(WIDTH_MAX)).chain(told).collect()
}

/// Which models are ruled out, and which may hold.
fn consistency(consistency: &Consistency) -> Vec<String> {
    if consistency.counts.is_empty() {
        return Vec::new();
    }
    let counts: Vec<String> = consistency.counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let mut lines = vec![
        format!("Found: {}.", counts.join(", ")),
        format!("Does not hold: {}, and whatever is stronger.", consistency.not.join(", ")),
    ];
    if !consistency.strongest_held.is_empty() {
        lines.push(format!("May hold: {}, and whatever is weaker.", consistency.strongest_held.join(", ")));
    }
    lines
}

/// Lists what `--model` and `--consistency-model` take.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print_models(format: Format, output: &mut Output) -> Result<Exit, CliError> {
    let models = super::models();
    let consistency = ConsistencyModel::judged()
        .map(|model| (model.name(), model.aliases().collect::<Vec<_>>()))
        .collect::<Vec<(&str, Vec<&str>)>>();
    let json = |(name, description): &(&str, &str)| json!({"name": name, "description": description});
    match format {
        Format::Json => output.json(&json!({
            "models": models.iter().map(json).collect::<Vec<_>>(),
            "consistency_models":
                consistency.iter().map(|(name, aliases)| json!({"name": name, "aliases": aliases})).collect::<Vec<_>>(),
        }))?,
        Format::Jsonl => {
            for model in &models {
                output.json_line(&json(model))?;
            }
        }
        Format::Table | Format::Md => {
            let draw = |header: [&str; 2], lines: Vec<Vec<String>>| {
                let grid = Grid { header: header.map(str::to_owned).to_vec(), lines, columns_of_words: 2 };
                if format == Format::Md { grid.markdown() } else { grid.text(WIDTH_MAX) }
            };
            let of_models =
                models.iter().map(|(name, description)| vec![(*name).to_owned(), (*description).to_owned()]);
            let of_consistency = consistency.iter().map(|(name, aliases)| vec![(*name).to_owned(), aliases.join(", ")]);
            let of_models = draw(["--model", "operations"], of_models.collect());
            let of_consistency = draw(["--consistency-model", "other names"], of_consistency.collect());
            output.result(&format!("{of_models}\n{of_consistency}"))?;
        }
    }
    Ok(Exit::AsExpected)
}
