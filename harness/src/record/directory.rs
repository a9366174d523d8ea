//! A run's directory: where everything that is known about a run lies.
//!
//! ```text
//! plan.json       fully resolved, the decided schedule included: enough to repeat the run
//! history.jsonl   every invocation, completion, claim and step of the nemesis, in order
//! schedule.jsonl  what the nemesis did: each fault, when, on whom, its proof, its heal
//! nodes/n1/       stdout.log, stderr.log, data/
//! verdict.json    the judgement; can be made again from the files above
//! command.txt     the command that repeats the run
//! ```
//!
//! Files appear in this order of events and are appended to line by line, so that a crash leaves a readable prefix.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::plan::{FORMAT_VERSION, Plan};

/// What can be wrong with a run's directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It holds something already.
    #[error("{} is not empty: give another directory with --out, or remove it", .0.display())]
    NotEmpty(PathBuf),
    /// A file could not be read or written.
    #[error("{context} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        context: &'static str,
        /// To which file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}:{line}: {why}", .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// A run's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes the directory, with its parents; one that holds something already is an error.
    pub fn create(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |context| move |source| DirectoryError::Io { context, path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed("failed to create"))?;
        if fs::read_dir(path).map_err(failed("failed to list"))?.next().is_some() {
            return Err(DirectoryError::NotEmpty(path.to_owned()));
        }
        let directory = Self { path: path.to_owned() };
        fs::create_dir(directory.nodes()).map_err(failed("failed to create the nodes' directories in"))?;
        Ok(directory)
    }

    /// A directory that an earlier run has left, to be judged again.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `history.jsonl`.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.path.join("history.jsonl")
    }

    /// `plan.json`.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// `schedule.jsonl`.
    #[must_use]
    pub fn schedule(&self) -> PathBuf {
        self.path.join("schedule.jsonl")
    }

    /// `verdict.json`.
    #[must_use]
    pub fn verdict(&self) -> PathBuf {
        self.path.join("verdict.json")
    }

    /// `nodes`: a directory a node.
    #[must_use]
    pub fn nodes(&self) -> PathBuf {
        self.path.join("nodes")
    }

    /// Writes `plan.json`.
    pub fn write_plan(&self, plan: &Plan) -> Result<(), DirectoryError> {
        write_json(&self.plan(), plan)
    }

    /// Reads `plan.json`, and refuses a version this program does not know.
    pub fn read_plan(&self) -> Result<Plan, DirectoryError> {
        let path = self.plan();
        let plan: Plan = read_json(&path)?;
        if plan.format_version == FORMAT_VERSION {
            return Ok(plan);
        }
        let why = format!("format version {} is unknown; this program reads {FORMAT_VERSION}", plan.format_version);
        Err(DirectoryError::Malformed { path, line: 1, why })
    }

    /// Writes `command.txt`: the command that repeats the run.
    pub fn write_command(&self, command: &str) -> Result<(), DirectoryError> {
        let path = self.path.join("command.txt");
        fs::write(&path, format!("{command}\n")).map_err(failed_to_write(&path))
    }

    /// Appends one line to `schedule.jsonl`.
    pub fn append_schedule(&self, entry: &impl Serialize) -> Result<(), DirectoryError> {
        let path = self.schedule();
        let mut line = serde_json::to_vec(entry).map_err(|error| failed_to_write(&path)(error.into()))?;
        line.push(b'\n');
        File::options()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&line))
            .map_err(failed_to_write(&path))
    }

    /// Reads `schedule.jsonl`; a run that injected nothing has none.
    pub fn read_schedule<T: DeserializeOwned>(&self) -> Result<Vec<T>, DirectoryError> {
        if self.schedule().exists() { read_lines(&self.schedule()) } else { Ok(Vec::new()) }
    }

    /// Writes `verdict.json`, replacing an earlier one as a whole.
    pub fn write_verdict(&self, verdict: &impl Serialize) -> Result<(), DirectoryError> {
        write_json(&self.verdict(), verdict)
    }
}

/// Reads one JSON object a line. A last line that was cut short by a crash is left out; any other is an error.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, DirectoryError> {
    let failed = |source| DirectoryError::Io { context: "failed to read", path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut items = Vec::new();
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        if reader.read_line(&mut text).map_err(failed)? == 0 {
            break;
        }
        match serde_json::from_str(&text) {
            Ok(item) => items.push(item),
            Err(_) if !text.ends_with('\n') => break,
            Err(error) => {
                return Err(DirectoryError::Malformed { path: path.to_owned(), line, why: error.to_string() });
            }
        }
    }
    Ok(items)
}

fn failed_to_write(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
    move |source| DirectoryError::Io { context: "failed to write", path: path.to_owned(), source }
}

/// Writes beside the file first, so that a crash never leaves half of one.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DirectoryError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| failed_to_write(path)(error.into()))?;
    text.push(b'\n');
    let beside = path.with_extension("json.new");
    fs::write(&beside, &text).and_then(|()| fs::rename(&beside, path)).map_err(failed_to_write(path))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, DirectoryError> {
    let text = fs::read(path).map_err(|source| DirectoryError::Io {
        context: "failed to read",
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|error| DirectoryError::Malformed {
        path: path.to_owned(),
        line: error.line(),
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_holds_something_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        RunDirectory::create(&path).unwrap();
        assert!(matches!(RunDirectory::create(&path), Err(DirectoryError::NotEmpty(_))));
    }

    #[test]
    fn a_last_line_cut_short_is_left_out_and_a_bad_line_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("lines.jsonl");
        fs::write(&path, "1\n2\n[3").unwrap();
        assert_eq!(read_lines::<u64>(&path).unwrap(), [1, 2]);
        fs::write(&path, "1\n[\n3\n").unwrap();
        let error = read_lines::<u64>(&path).unwrap_err();
        assert!(matches!(error, DirectoryError::Malformed { line: 2, .. }), "{error}");
    }

    #[test]
    fn the_schedule_is_read_back_line_by_line() {
        let parent = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&parent.path().join("run")).unwrap();
        assert_eq!(directory.read_schedule::<u64>().unwrap(), Vec::<u64>::new());
        directory.append_schedule(&7).unwrap();
        directory.append_schedule(&8).unwrap();
        assert_eq!(directory.read_schedule::<u64>().unwrap(), [7, 8]);
    }
}
