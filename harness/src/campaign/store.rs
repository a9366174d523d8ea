//! A campaign's directory.
//!
//! ```text
//! campaign.json          the campaign, its cells with their expectations, and every run with its seed: written first
//! endings.jsonl          a line for every run that ended without a verdict
//! runs/<number>-<cell>/  the runs
//! summary.{json,md,csv}  the tables, made from the above
//! ```
//! Everything but the summary is enough to make the summary again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use schism_checkers::Analysis;
use serde::{Deserialize, Serialize};

use super::cell_run::{CellRun, Ending};
use super::expectation::Expectations;
use super::matrix::Cell;
use crate::record::{DirectoryError, read_lines};
use crate::run::Verdict;

/// Version of a campaign's directory.
pub const CAMPAIGN_FORMAT_VERSION: u32 = 1;

/// `campaign.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignRecord {
    /// [`CAMPAIGN_FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of the program that made it.
    pub schism_version: String,
    /// The campaign's name.
    pub campaign: String,
    /// The command that started it.
    pub command: String,
    /// The machine it ran on, in words; empty where that is not known.
    #[serde(default)]
    pub machine: String,
    /// Every run's seed follows from this one.
    pub seed: u64,
    /// How many runs went side by side.
    pub jobs: usize,
    /// The cells.
    pub cells: Vec<CellRecord>,
}

/// A cell in `campaign.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// What is run.
    pub cell: Cell,
    /// What is expected.
    pub expected: Expectations,
    /// Its runs.
    pub runs: Vec<RunRecord>,
}

/// A run in `campaign.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its seed.
    pub seed: u64,
    /// Its directory, relative to the campaign's.
    pub directory: PathBuf,
    /// The command that repeats it.
    pub command: String,
}

/// A line of `endings.jsonl`: a run that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FailureRecord {
    directory: PathBuf,
    code: Option<i32>,
    message: String,
}

/// A campaign's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignDirectory {
    path: PathBuf,
}

impl CampaignDirectory {
    /// Makes the directory with its parents; one that holds something already is an error.
    ///
    /// # Errors
    /// The directory is not empty or cannot be made.
    pub fn create(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Io { context: "failed to create", path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(DirectoryError::NotEmpty(path.to_owned()));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// A directory that an earlier campaign has left.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Whether a directory is a campaign's.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        path.join("campaign.json").exists()
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A run's directory.
    #[must_use]
    pub fn run(&self, run: &RunRecord) -> PathBuf {
        self.path.join(&run.directory)
    }

    /// Writes a file of the campaign's directory, beside it first, so that a crash never leaves half of one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), DirectoryError> {
        let path = self.path.join(name);
        let beside = self.path.join(format!("{name}.new"));
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path)).map_err(|source| DirectoryError::Io {
            context: "failed to write",
            path,
            source,
        })
    }

    /// Writes `campaign.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_record(&self, record: &CampaignRecord) -> Result<(), DirectoryError> {
        let path = self.path.join("campaign.json");
        let text = serde_json::to_string_pretty(record).map_err(|error| DirectoryError::Io {
            context: "failed to write",
            path,
            source: error.into(),
        })?;
        self.write("campaign.json", &(text + "\n"))
    }

    /// Reads `campaign.json`, and refuses a version this program does not know.
    ///
    /// # Errors
    /// The file is missing or malformed.
    pub fn read_record(&self) -> Result<CampaignRecord, DirectoryError> {
        let path = self.path.join("campaign.json");
        let text = fs::read_to_string(&path).map_err(|source| DirectoryError::Io {
            context: "failed to read",
            path: path.clone(),
            source,
        })?;
        let malformed = |line, why| DirectoryError::Malformed { path: path.clone(), line, why };
        let record: CampaignRecord =
            serde_json::from_str(&text).map_err(|error| malformed(error.line(), error.to_string()))?;
        if record.format_version == CAMPAIGN_FORMAT_VERSION {
            return Ok(record);
        }
        let why = format!("format version {} is unknown; this program reads 1", record.format_version);
        Err(malformed(1, why))
    }

    /// Notes that a run failed.
    ///
    /// # Errors
    /// The line cannot be written.
    pub fn note_failure(&self, run: &RunRecord, code: Option<i32>, message: &str) -> Result<(), DirectoryError> {
        let failure = FailureRecord { directory: run.directory.clone(), code, message: message.to_owned() };
        let path = self.endings();
        let written = serde_json::to_string(&failure).map_err(io::Error::from).and_then(|line| {
            File::options().create(true).append(true).open(&path)?.write_all((line + "\n").as_bytes())
        });
        written.map_err(|source| DirectoryError::Io { context: "failed to write", path, source })
    }

    fn endings(&self) -> PathBuf {
        self.path.join("endings.jsonl")
    }

    /// Reads what became of every run, cell by cell.
    ///
    /// # Errors
    /// A file that is there is malformed.
    pub fn read_runs(&self, record: &CampaignRecord) -> Result<Vec<Vec<CellRun>>, DirectoryError> {
        let failures: Vec<FailureRecord> =
            if self.endings().exists() { read_lines(&self.endings())? } else { Vec::new() };
        let failures: BTreeMap<PathBuf, FailureRecord> =
            failures.into_iter().map(|failure| (failure.directory.clone(), failure)).collect();
        let ending = |run: &RunRecord| match failures.get(&run.directory) {
            Some(failure) => Ok(Ending::Failed { code: failure.code, message: failure.message.clone() }),
            None => read_ending(&self.run(run)),
        };
        let cell_run = |run: &RunRecord| {
            Ok(CellRun {
                seed: run.seed,
                directory: run.directory.clone(),
                command: run.command.clone(),
                ending: ending(run)?,
            })
        };
        record.cells.iter().map(|cell| cell.runs.iter().map(cell_run).collect()).collect()
    }
}

/// What a run's directory says about its end.
///
/// # Errors
/// Its verdict is malformed.
pub(super) fn read_ending(run: &Path) -> Result<Ending, DirectoryError> {
    Ok(read_verdict(run)?.map_or(Ending::Interrupted, ending_of))
}

/// The verdict in a run's directory; none if the run never came to one.
///
/// # Errors
/// It is malformed.
pub fn read_verdict(run: &Path) -> Result<Option<Verdict>, DirectoryError> {
    let path = run.join("verdict.json");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DirectoryError::Io { context: "failed to read", path, source }),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| DirectoryError::Malformed {
        path,
        line: error.line(),
        why: error.to_string(),
    })
}

fn ending_of(verdict: Verdict) -> Ending {
    if verdict.interrupted {
        return Ending::Interrupted;
    }
    Ending::Judged(Box::new(Analysis {
        valid: verdict.valid,
        reasons: verdict.reasons,
        findings: verdict.findings,
        measures: verdict.measures,
    }))
}
