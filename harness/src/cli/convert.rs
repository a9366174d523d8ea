//! Errors of the parts of the harness, with the exit code that each of them means.

use std::io;

use super::{CliError, Exit};
use crate::environment::EnvironmentError;
use crate::record::DirectoryError;
use crate::run::RunError;

impl From<DirectoryError> for CliError {
    fn from(error: DirectoryError) -> Self {
        let exit = match &error {
            DirectoryError::NotEmpty(_) => Exit::Usage,
            DirectoryError::Io { .. } => Exit::Io,
            DirectoryError::Malformed { .. } => Exit::BadInput,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<EnvironmentError> for CliError {
    fn from(error: EnvironmentError) -> Self {
        let exit = match &error {
            EnvironmentError::FacilityMissing { .. } => Exit::FacilityMissing,
            EnvironmentError::Os { source, .. } if is_full(source) => Exit::Io,
            EnvironmentError::Start { .. } | EnvironmentError::Os { .. } => Exit::Harness,
        };
        let hint = if exit == Exit::FacilityMissing { "\n  schism doctor tells what is possible here" } else { "" };
        Self::new(exit, format!("{error}{hint}"))
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        let exit = match error {
            RunError::Environment(inner) => return inner.into(),
            RunError::Directory(inner) => return inner.into(),
            RunError::History(_) => Exit::Io,
            RunError::Unknown { .. } => Exit::BadInput,
            RunError::NodeEnded { .. }
            | RunError::NotReady { .. }
            | RunError::Observer(_)
            | RunError::Worker(_)
            | RunError::Watch(_)
            | RunError::Contradiction { .. } => Exit::Harness,
        };
        Self::new(exit, error.to_string())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
