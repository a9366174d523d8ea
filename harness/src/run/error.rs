//! Why a run could not be brought to a verdict.

use std::io;

use crate::environment::{EnvironmentError, NodeId};
use crate::record::DirectoryError;

/// Why a run could not be brought to a verdict. Trouble of the system under test once it has started is no error but a
/// finding.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The machine or the operating system refused something.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// A node ended before the cluster was ready.
    #[error("{node} ended while it started ({how}); its last log lines:\n{log}")]
    NodeEnded {
        /// The node.
        node: NodeId,
        /// How it ended.
        how: String,
        /// Its last log lines.
        log: String,
    },
    /// The cluster was not ready in time.
    #[error("the cluster was not ready after {seconds} s: {why}; the last log lines:\n{log}")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// What was missing.
        why: String,
        /// The last log lines of the nodes that did not answer, or of all.
        log: String,
    },
    /// The run's directory could not be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The history could not be written.
    #[error("failed to write the history: {0}; free some space, or give another directory with --out")]
    History(io::Error),
    /// The observer's client could not be made.
    #[error("failed to start the observer: {0}")]
    Observer(#[from] reqwest::Error),
    /// A worker broke: a bug of the harness.
    #[error("a worker ended in the middle of the run ({0}); this is a bug of the harness, please report it")]
    Worker(String),
    /// The thread of the checkers could not be started.
    #[error("failed to start the checkers of the load: {0}")]
    Watch(io::Error),
    /// A violation that was found while the load lasted is not in the whole history: a bug of a checker.
    #[error(
        "the load was stopped at a violation ({checker}, {seconds:.3} s: {text}) that the checkers of the whole history do \
         not find; one of the two is wrong: please report it, with history.jsonl of this run"
    )]
    Contradiction {
        /// Who found it.
        checker: String,
        /// What was found.
        text: String,
        /// When, on the run's clock.
        seconds: f64,
    },
    /// A stored run names something that this program does not know.
    #[error("the stored run names the {kind} {name:?}, which this program does not know; see `schism list`")]
    Unknown {
        /// `system` or `workload`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}
