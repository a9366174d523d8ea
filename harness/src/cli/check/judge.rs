//! A history into a judgement: by a model, by named checkers, or by the workload of the run it belongs to.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use schism_checkers::checker::{self, Checker, Context};
use schism_checkers::history::History;
use schism_checkers::linearizability::check_model;
use schism_checkers::model::{self, Model};
use schism_checkers::witness::{self, SvgOptions};
use schism_checkers::{Analysis, Limits, Validity, registry};

use super::{Judgement, meaning};
use crate::cli::arguments::CheckArguments;
use crate::cli::{CliError, names};
use crate::record::RunDirectory;
use crate::report::layout::WIDTH_MAX;
use crate::run::judge_directory;

/// By what a history is judged.
pub(super) enum By {
    Model(&'static Model),
    Checkers(Vec<&'static Checker>),
    /// A run's directory: by every checker of its workload.
    Workload,
}

impl By {
    pub(super) fn from_arguments(arguments: &CheckArguments) -> Result<Self, CliError> {
        match (&arguments.model, arguments.checkers.as_slice()) {
            (Some(_), [_, ..]) => Err(CliError::usage("give either --model or --checker, not both")),
            (Some(name), []) => {
                let known: Vec<&str> = model::list().iter().map(|model| model.name).collect();
                let found = model::by_name(name).ok_or_else(|| CliError::usage(names::unknown("model", name, &known)));
                Ok(Self::Model(found?))
            }
            (None, []) => Ok(Self::Workload),
            (None, typed) => {
                let known: Vec<&str> = registry::list().iter().map(|checker| checker.name).collect();
                let find = |name: &String| {
                    registry::by_name(name).ok_or_else(|| CliError::usage(names::unknown("checker", name, &known)))
                };
                Ok(Self::Checkers(typed.iter().map(find).collect::<Result<_, _>>()?))
            }
        }
    }
}

/// Judges a run's directory by its workload.
///
/// # Errors
/// It is a file, or the run cannot be read.
pub(super) fn run_directory(file: &Path, shown: &str) -> Result<Judgement, CliError> {
    if !file.is_dir() {
        return Err(CliError::usage(format!(
            "{shown} is a file: say by what it is to be judged, with --model NAME or --checker NAME\n  \
             (a run's directory is judged by every checker of its workload)"
        )));
    }
    let directory = RunDirectory::open(file);
    let workload = directory.read_plan()?.workload;
    let verdict = judge_directory(&directory)?;
    let analysis = Analysis {
        valid: verdict.valid,
        reasons: verdict.reasons,
        findings: verdict.findings,
        measures: verdict.measures,
    };
    Ok(of_analysis(shown.to_owned(), format!("workload {workload}"), analysis))
}

/// Judges a history; a checker that panics leaves it unknown.
pub(super) fn history(
    file: String,
    history: &History,
    by: &By,
    arguments: &CheckArguments,
    should_stop: &(dyn Fn() -> bool + Sync),
) -> Judgement {
    let memory_bytes = arguments.limits.memory_limit.saturating_mul(1 << 20).saturating_sub(history.bytes());
    let limits = Limits { should_stop, memory_bytes };
    let mut context = Context::new(history, &limits);
    context.semantics = meaning::semantics(history.source(), &arguments.meaning);
    let judged = std::panic::catch_unwind(AssertUnwindSafe(|| judged(file.clone(), &context, by)));
    let mut judgement = judged.unwrap_or_else(|panic| {
        Judgement::unknown(file, format!("the checker panicked: {}", checker::panic_message(&*panic)))
    });
    if let Some(witness) = &judgement.witness {
        judgement.timeline = Some(witness::timeline(history, witness, WIDTH_MAX));
        judgement.svg = arguments.svg.is_some().then(|| witness::svg(history, witness, &SvgOptions::default()));
    }
    judgement
}

fn judged(file: String, context: &Context<'_>, by: &By) -> Judgement {
    match by {
        By::Model(model) => {
            let check = check_model(context.history, model, context.limits);
            let anomalies = if check.valid == Validity::Invalid { vec!["not-linearizable".to_owned()] } else { vec![] };
            Judgement {
                model: Some(model.name.to_owned()),
                valid: check.valid,
                ops: check.ops,
                algorithm: check.algorithm,
                anomalies,
                witness: check.witness,
                reasons: check.reasons,
                ..Judgement::unknown(file, String::new())
            }
        }
        By::Checkers(checkers) => {
            let names: Vec<&str> = checkers.iter().map(|checker| checker.name).collect();
            let ops = context.history.operations().len() as u64;
            Judgement { ops, ..of_analysis(file, names.join("+"), checker::judge_in(context, checkers)) }
        }
        By::Workload => Judgement::unknown(file, "a history alone has no workload".to_owned()),
    }
}

fn of_analysis(file: String, algorithm: String, analysis: Analysis) -> Judgement {
    let violations = || analysis.findings.iter().filter(|finding| finding.kind.makes_invalid());
    Judgement {
        valid: analysis.valid,
        ops: analysis.measures.invoked,
        algorithm,
        anomalies: violations().map(|finding| finding.kind.name().to_owned()).collect(),
        witness: violations().next().map(|finding| finding.witness.clone()),
        reasons: analysis.reasons,
        ..Judgement::unknown(file, String::new())
    }
}
