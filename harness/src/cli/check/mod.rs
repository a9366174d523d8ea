//! `schism check`: judges histories from any source, each by itself; a file that cannot be read does not keep the others
//! from being judged.
//!
//! `read` turns a file into a history, `judge` a history into a [`Judgement`], `show` judgements into text.

mod judge;
mod meaning;
mod read;
mod show;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use schism_checkers::{Validity, Witness};
use serde::Serialize;

use super::arguments::CheckArguments;
use super::output::{self, Format, Output};
use super::{CliError, Exit};
use judge::By;
pub(super) use judge::{model_names, models};
pub(super) use meaning::{FailedCasMeaning, MethodChoice, NullReads};
pub(super) use read::Input;

/// What is said about one file; in JSON these fields, `reasons` and `consistency` only where there is something to say.
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency: Option<Consistency>,
    /// The witness as people see it, operation by operation.
    #[serde(skip)]
    timeline: Option<String>,
    /// The witness as a picture.
    #[serde(skip)]
    svg: Option<String>,
}

/// What transactions say about consistency models.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Consistency {
    /// The model asked for.
    model: &'static str,
    /// How often each anomaly was found, also those that the model asked for allows.
    counts: BTreeMap<&'static str, u64>,
    /// The weakest models that do not hold.
    not: Vec<&'static str>,
    /// All stronger ones.
    also_not: Vec<&'static str>,
    /// The strongest models that may hold.
    strongest_held: Vec<&'static str>,
}

impl Judgement {
    /// A file of which nothing is known but why.
    fn unknown(file: String, reason: String) -> Self {
        Self {
            file,
            model: None,
            valid: Validity::Unknown,
            ops: 0,
            seconds: 0.0,
            peak_mib: None,
            algorithm: String::new(),
            anomalies: Vec::new(),
            witness: None,
            reasons: if reason.is_empty() { Vec::new() } else { vec![reason] },
            consistency: None,
            timeline: None,
            svg: None,
        }
    }
}

/// Judges every file.
///
/// # Errors
/// Names that do not exist, or standard output cannot be written. Files that cannot be read are told and counted.
pub(super) fn run(arguments: &CheckArguments, output: &mut Output) -> Result<Exit, CliError> {
    if arguments.list_models {
        return show::print_models(arguments.format, output);
    }
    let by = By::from_arguments(arguments)?;
    let pictures = Pictures::new(arguments)?;
    let mut judgements = Vec::new();
    let mut exit = Exit::AsExpected;
    for (number, file) in arguments.files.iter().enumerate() {
        match judge_file(file, &by, arguments) {
            Ok(mut judgement) => {
                exit = exit.first_of(exit_of(judgement.valid));
                if let (Some(pictures), Some(svg)) = (&pictures, judgement.svg.take()) {
                    pictures.write(number, file, &svg)?;
                }
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
        Format::Table => output.result(&show::text(&judgements))?,
        Format::Md => output.result(&show::grid(&judgements).markdown())?,
        Format::Json | Format::Jsonl => {}
    }
    Ok(exit)
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
    let deadline = start + Duration::from_millis(arguments.limits.timeout);
    let should_stop = move || Instant::now() >= deadline;
    let mut judgement = match by {
        By::Workload => judge::run_directory(file, &shown)?,
        By::Model(_) | By::Transactions(..) | By::Checkers(_) => {
            match read::history(file, &shown, arguments, &should_stop)? {
                read::Read::History(history) => judge::history(shown, &history, by, arguments, &should_stop),
                read::Read::PastLimit(reason) => Judgement::unknown(shown, reason),
            }
        }
    };
    judgement.seconds = start.elapsed().as_secs_f64();
    judgement.peak_mib = peak_mib();
    Ok(judgement)
}

/// Where pictures go.
struct Pictures {
    path: PathBuf,
    /// One file for one history, or a directory for several.
    is_directory: bool,
}

impl Pictures {
    fn new(arguments: &CheckArguments) -> Result<Option<Self>, CliError> {
        let Some(path) = arguments.svg.clone() else { return Ok(None) };
        let is_directory = arguments.files.len() > 1 || path.is_dir();
        if is_directory {
            std::fs::create_dir_all(&path)
                .map_err(|error| CliError::new(Exit::Io, format!("{}: {error}", path.display())))?;
        }
        Ok(Some(Self { path, is_directory }))
    }

    fn write(&self, number: usize, file: &Path, svg: &str) -> Result<(), CliError> {
        let path = if self.is_directory {
            // Files of different directories may have one name.
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            self.path.join(format!("{}-{name}.svg", number + 1))
        } else {
            self.path.clone()
        };
        std::fs::write(&path, svg)
            .map_err(|error| CliError::new(Exit::Io, format!("failed to write {}: {error}", path.display())))
    }
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
