//! What a campaign knows of one of its runs.

use std::path::PathBuf;

use schism_checkers::Analysis;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It was judged.
    Judged(Box<Analysis>),
    /// It failed before it could be judged.
    Failed {
        /// The exit code of its process; none if a signal ended it.
        code: Option<i32>,
        /// Its last words.
        message: String,
    },
    /// It was interrupted, or never started because the campaign was.
    Interrupted,
}

/// One run of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellRun {
    /// Its seed.
    pub seed: u64,
    /// Its directory, relative to the campaign's.
    pub directory: PathBuf,
    /// The command that repeats it.
    pub command: String,
    /// How it ended.
    pub ending: Ending,
}

impl CellRun {
    /// The judgement, if there is one.
    #[must_use]
    pub fn analysis(&self) -> Option<&Analysis> {
        match &self.ending {
            Ending::Judged(analysis) => Some(analysis),
            Ending::Failed { .. } | Ending::Interrupted => None,
        }
    }
}
