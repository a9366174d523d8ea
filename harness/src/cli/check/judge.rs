//! A history into a judgement: by a model, by named checkers, or by the workload of the run it belongs to.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use schism_checkers::checker::{self, Checker, Context};
use schism_checkers::history::History;
use schism_checkers::linearizability::{CheckOptions, check_model_with};
use schism_checkers::model::{self, Model};
use schism_checkers::transactions::{self, ConsistencyModel, TransactionCheck, TransactionModel, VersionOrder};
use schism_checkers::witness::{self, SvgOptions};
use schism_checkers::{Analysis, Limits, Validity, registry};

use super::{Consistency, Judgement, meaning};
use crate::cli::arguments::CheckArguments;
use crate::cli::{CliError, names};
use crate::record::RunDirectory;
use crate::report::layout::WIDTH_MAX;
use crate::run::judge_directory;

/// The models of transactions; all others are in the library's table of models.
const TRANSACTION_MODELS: [(&str, &str); 2] = [
    ("list-append", "txn of [append, k, v] and [r, k, [v…]]: lists, empty at first"),
    ("rw-register", "txn of [w, k, v] and [r, k, v]: registers with unique values, null at first"),
];

/// Everything that `--model` takes: names and descriptions.
pub(in crate::cli) fn models() -> Vec<(&'static str, &'static str)> {
    let objects = model::list().iter().map(|model| (model.name, model.description));
    objects.chain(TRANSACTION_MODELS).collect()
}

pub(in crate::cli) fn model_names() -> Vec<&'static str> {
    models().into_iter().map(|(name, _)| name).collect()
}

/// By what a history is judged.
pub(super) enum By {
    Model(&'static Model),
    Transactions(TransactionModel, ConsistencyModel),
    Checkers(Vec<&'static Checker>),
    /// A run's directory: by every checker of its workload.
    Workload,
}

impl By {
    pub(super) fn from_arguments(arguments: &CheckArguments) -> Result<Self, CliError> {
        match (&arguments.model, arguments.checkers.as_slice()) {
            (Some(_), [_, ..]) => Err(CliError::usage("give either --model or --checker, not both")),
            (Some(name), []) => Self::from_model(name, arguments),
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

    fn from_model(name: &str, arguments: &CheckArguments) -> Result<Self, CliError> {
        if let Some(model) = model::by_name(name) {
            return Ok(Self::Model(model));
        }
        let of_transactions = match name {
            "list-append" => TransactionModel::ListAppend,
            "rw-register" => TransactionModel::RwRegister(VersionOrder {
                sequential_keys: arguments.meaning.sequential_keys,
                linearizable_keys: arguments.meaning.linearizable_keys,
                ..VersionOrder::DEFAULT
            }),
            _ => {
                return Err(CliError::usage(names::unknown("model", name, &model_names())));
            }
        };
        let asked = &arguments.consistency_model;
        let consistency = ConsistencyModel::by_name(asked).ok_or_else(|| {
            let known: Vec<&str> = ConsistencyModel::judged().map(ConsistencyModel::name).collect();
            CliError::usage(names::unknown("consistency model", asked, &known))
        })?;
        Ok(Self::Transactions(of_transactions, consistency))
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
    context.threads = arguments.limits.threads.map_or(context.threads, |threads| usize::from(threads.get()));
    let options = CheckOptions {
        semantics: Some(context.semantics.clone()),
        approach: arguments.method.into(),
        threads: context.threads,
    };
    let judged = std::panic::catch_unwind(AssertUnwindSafe(|| judged(file.clone(), &context, by, &options)));
    let mut judgement = judged.unwrap_or_else(|panic| {
        Judgement::unknown(file, format!("the checker panicked: {}", checker::panic_message(&*panic)))
    });
    if let Some(witness) = &judgement.witness {
        judgement.timeline = Some(witness::timeline(history, witness, WIDTH_MAX));
        judgement.svg = arguments.svg.is_some().then(|| witness::svg(history, witness, &SvgOptions::default()));
    }
    judgement
}

fn judged(file: String, context: &Context<'_>, by: &By, options: &CheckOptions) -> Judgement {
    match by {
        By::Model(model) => {
            let check = check_model_with(context.history, model, context.limits, options);
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
        By::Transactions(model, consistency) => {
            let check = transactions::check(context.history, *model, *consistency, context.limits);
            of_transactions(file, model.name(), check)
        }
        By::Checkers(checkers) => {
            let names: Vec<&str> = checkers.iter().map(|checker| checker.name).collect();
            let ops = context.history.operations().len() as u64;
            Judgement { ops, ..of_analysis(file, names.join("+"), checker::judge_in(context, checkers)) }
        }
        By::Workload => Judgement::unknown(file, "a history alone has no workload".to_owned()),
    }
}

fn of_transactions(file: String, model: &str, check: TransactionCheck) -> Judgement {
    let forbidden = || check.anomalies.iter().filter(|anomaly| anomaly.forbidden);
    Judgement {
        model: Some(model.to_owned()),
        valid: check.valid,
        ops: check.ops,
        algorithm: check.algorithm.to_owned(),
        anomalies: forbidden().map(|anomaly| anomaly.name.to_owned()).collect(),
        witness: forbidden().next().map(|anomaly| anomaly.witness.clone()),
        reasons: check.reasons.clone(),
        consistency: Some(Consistency {
            model: check.consistency_model,
            counts: check.anomalies.iter().map(|anomaly| (anomaly.name, anomaly.count)).collect(),
            not: check.not,
            also_not: check.also_not,
            strongest_held: check.strongest_held,
        }),
        ..Judgement::unknown(file, String::new())
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
