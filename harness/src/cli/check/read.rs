//! A file, a run's directory or standard input, read into a history within the limits.

use std::fs::File;
use std::path::Path;

use schism_checkers::format::{self, ReadErrorKind, ReadOptions, TruncatedTail};
use schism_checkers::history::History;

use crate::cli::arguments::CheckArguments;
use crate::cli::{CliError, Exit};
use crate::record::RunDirectory;

/// The format of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Input {
    /// Whatever the file looks like
    Auto,
    /// One JSON object a line
    Jsonl,
    /// Jepsen's history.edn
    Edn,
    /// Jepsen's log lines, or history.txt
    JepsenLog,
    /// Porcupine's key-value histories
    PorcupineKv,
}

impl From<Input> for format::Input {
    fn from(input: Input) -> Self {
        match input {
            Input::Auto => Self::Auto,
            Input::Jsonl => Self::Jsonl,
            Input::Edn => Self::Edn,
            Input::JepsenLog => Self::JepsenLog,
            Input::PorcupineKv => Self::PorcupineKv,
        }
    }
}

/// What came of reading.
pub(super) enum Read {
    History(Box<History>),
    /// A limit was reached first: why.
    PastLimit(String),
}

/// Reads a history.
///
/// # Errors
/// The file cannot be opened or read, or is malformed: with the line.
pub(super) fn history(
    file: &Path,
    shown: &str,
    arguments: &CheckArguments,
    should_stop: &dyn Fn() -> bool,
) -> Result<Read, CliError> {
    let options = ReadOptions {
        input: arguments.reading.input.into(),
        independent: arguments.reading.independent,
        tail: if arguments.reading.prefix { TruncatedTail::LeaveOut } else { TruncatedTail::Refuse },
        memory_bytes: arguments.limits.memory_limit.saturating_mul(1 << 20),
        should_stop,
    };
    let (read, shown) = if file == Path::new("-") {
        (History::read(std::io::stdin().lock(), &options), "standard input")
    } else {
        let path = if file.is_dir() { RunDirectory::open(file).history() } else { file.to_owned() };
        let opened = File::open(&path).map_err(|error| CliError::new(Exit::BadInput, format!("{shown}: {error}")))?;
        (History::read(opened, &options), shown)
    };
    match read {
        Ok(history) => Ok(Read::History(Box::new(history))),
        Err(error) => match error.kind {
            ReadErrorKind::MemoryLimit | ReadErrorKind::Stopped => {
                Ok(Read::PastLimit(format!("reading ended at line {}: {}", error.line, error.reason)))
            }
            ReadErrorKind::Malformed => {
                Err(CliError::new(Exit::BadInput, format!("{shown}:{}: {}", error.line, error.reason)))
            }
            ReadErrorKind::Io => Err(CliError::new(Exit::Io, format!("{shown}:{}: {}", error.line, error.reason))),
        },
    }
}
