//! `schism check`: judges histories from any source, each by itself; a file that cannot be read does not keep the others
//! from being judged.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use schism_checkers::checker::{self, Checker};
use schism_checkers::format::{ReadError, ReadErrorKind};
use schism_checkers::history::History;
use schism_checkers::linearizability::check_model;
use schism_checkers::model::{self, Model};
use schism_checkers::{Analysis, Limits, Validity, Witness, registry};
use serde::Serialize;

use super::arguments::CheckArguments;
use super::output::{self, Format, Output};
use super::{CliError, Exit, names};
use crate::record::RunDirectory;
use crate::report::layout::{Grid, WIDTH_MAX, paragraph};
use crate::run::judge_directory;

/// The format of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Input {
    /// Whatever the file looks like
    Auto,
    /// One JSON object a line
    Jsonl,
}

/// What is said about one file; in JSON exactly these fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Judgement {
    file: String,
    model: Option<String>,
    valid: Validity,
    ops: u64,
    seconds: f64,
    peak_mib: Option<f64>,
    algorithm: String,
    anomalies: Vec<String>,
    witness: Option<Witness>,
    #[serde(skip)]
    reasons: Vec<String>,
}

/// By what a history is judged.
enum By {
    Model(&'static Model),
    Checkers(Vec<&'static Checker>),
    /// A run's directory: by every checker of its workload.
    Workload,
}

/// Judges every file.
///
/// # Errors
/// Names that do not exist, or standard output cannot be written. Files that cannot be read are told and counted.
pub(super) fn run(arguments: &CheckArguments, output: &mut Output) -> Result<Exit, CliError> {
    let by = judged_by(arguments)?;
    let mut judgements = Vec::new();
    let mut exit = Exit::AsExpected;
    for file in &arguments.files {
        match judge_file(file, &by, arguments) {
            Ok(judgement) => {
                exit = exit.first_of(exit_of(judgement.valid));
                if matches!(arguments.format, Format::Json | Format::Jsonl) {
                    output.json_line(&judgement)?;
                }
                judgements.push(judgement);
            }
            Err(error) => {
                output::error(&error.message);
                exit = exit.first_of(error.exit);
            }
        }
    }
    match arguments.format {
        Format::Table => output.result(&text(&judgements))?,
        Format::Md => output.result(&grid(&judgements).markdown())?,
        Format::Json | Format::Jsonl => {}
    }
    Ok(exit)
}

fn judged_by(arguments: &CheckArguments) -> Result<By, CliError> {
    match (&arguments.model, arguments.checkers.as_slice()) {
        (Some(_), [_, ..]) => Err(CliError::usage("give either --model or --checker, not both")),
        (Some(name), []) => {
            let known: Vec<&str> = model::list().iter().map(|model| model.name).collect();
            let found = model::by_name(name).ok_or_else(|| CliError::usage(names::unknown("model", name, &known)));
            Ok(By::Model(found?))
        }
        (None, []) => Ok(By::Workload),
        (None, typed) => {
            let known: Vec<&str> = registry::list().iter().map(|checker| checker.name).collect();
            let find = |name: &String| {
                registry::by_name(name).ok_or_else(|| CliError::usage(names::unknown("checker", name, &known)))
            };
            Ok(By::Checkers(typed.iter().map(find).collect::<Result<_, _>>()?))
        }
    }
}

fn exit_of(valid: Validity) -> Exit {
    match valid {
        Validity::Valid => Exit::AsExpected,
        Validity::Unknown => Exit::Unknown,
        Validity::Invalid => Exit::Violation,
    }
}

fn judge_file(file: &Path, by: &By, arguments: &CheckArguments) -> Result<Judgement, CliError> {
    let start = Instant::now();
    forget_peak();
    let shown = file.display().to_string();
    let mut judgement = match by {
        By::Workload => judge_run(file, &shown)?,
        By::Model(_) | By::Checkers(_) => {
            let history = read(file, &shown)?;
            let deadline = start + Duration::from_millis(arguments.timeout);
            let should_stop = move || Instant::now() >= deadline;
            let memory_bytes = arguments.memory_limit.saturating_mul(1 << 20);
            judge_history(shown, &history, by, &Limits { should_stop: &should_stop, memory_bytes })
        }
    };
    judgement.seconds = start.elapsed().as_secs_f64();
    judgement.peak_mib = peak_mib();
    Ok(judgement)
}

fn judge_run(file: &Path, shown: &str) -> Result<Judgement, CliError> {
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

fn judge_history(file: String, history: &History, by: &By, limits: &Limits<'_>) -> Judgement {
    match by {
        By::Model(model) => {
            let check = check_model(history, model, limits);
            let anomalies = if check.valid == Validity::Invalid { vec!["not-linearizable".to_owned()] } else { vec![] };
            Judgement {
                file,
                model: Some(model.name.to_owned()),
                valid: check.valid,
                ops: check.ops,
                seconds: 0.0,
                peak_mib: None,
                algorithm: check.algorithm,
                anomalies,
                witness: check.witness,
                reasons: check.reasons,
            }
        }
        By::Checkers(checkers) => {
            let names: Vec<&str> = checkers.iter().map(|checker| checker.name).collect();
            of_analysis(file, names.join("+"), checker::judge(history, limits, checkers))
        }
        By::Workload => of_analysis(file, String::new(), Analysis::default()),
    }
}

fn of_analysis(file: String, algorithm: String, analysis: Analysis) -> Judgement {
    let measures = &analysis.measures;
    let violations = || analysis.findings.iter().filter(|finding| finding.kind.makes_invalid());
    Judgement {
        file,
        model: None,
        valid: analysis.valid,
        ops: measures.invoked,
        seconds: 0.0,
        peak_mib: None,
        algorithm,
        anomalies: violations().map(|finding| finding.kind.name().to_owned()).collect(),
        witness: violations().next().map(|finding| finding.witness.clone()),
        reasons: analysis.reasons,
    }
}

/// A file, the history in a run's directory, or standard input.
fn read(file: &Path, shown: &str) -> Result<History, CliError> {
    if file == Path::new("-") {
        return parse(std::io::stdin().lock(), "standard input");
    }
    let path = if file.is_dir() { RunDirectory::open(file).history() } else { file.to_owned() };
    let opened = File::open(&path).map_err(|error| CliError::new(Exit::BadInput, format!("{shown}: {error}")))?;
    parse(BufReader::new(opened), shown)
}

fn parse(reader: impl BufRead, shown: &str) -> Result<History, CliError> {
    History::read_jsonl(reader).map_err(|error: ReadError| {
        let exit = match error.kind {
            ReadErrorKind::Malformed => Exit::BadInput,
            ReadErrorKind::Io => Exit::Io,
            ReadErrorKind::MemoryLimit | ReadErrorKind::Stopped => Exit::Unknown,
        };
        CliError::new(exit, format!("{shown}:{}: {}", error.line, error.reason))
    })
}

/// Starts the kernel's account of this process's peak memory anew; where it refuses, peaks include earlier files.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kibibytes / 1024.0 * 10.0).round() / 10.0)
}

fn grid(judgements: &[Judgement]) -> Grid {
    let header = ["file", "verdict", "found", "operations", "seconds", "peak MiB", "by"].map(str::to_owned);
    let line = |judgement: &Judgement| {
        let verdict = match judgement.valid {
            Validity::Valid => "valid",
            Validity::Unknown => "unknown",
            Validity::Invalid => "INVALID",
        };
        vec![
            judgement.file.clone(),
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

fn text(judgements: &[Judgement]) -> String {
    if judgements.is_empty() {
        return String::new();
    }
    let told = judgements.iter().flat_map(|judgement| {
        let witness = judgement.witness.iter().flat_map(|witness| witness.text.lines());
        let reasons = judgement.reasons.iter().map(String::as_str);
        let mut lines = witness.chain(reasons).map(|line| paragraph(line, WIDTH_MAX, "  ")).peekable();
        let title = lines.peek().is_some().then(|| format!("\n{}\n", judgement.file));
        title.into_iter().chain(lines)
    });
    std::iter::once(grid(judgements).text(WIDTH_MAX)).chain(told).collect()
}
