//! Why a command ends early: a message that says what to do next, and its exit code.

use super::Exit;

/// An error for the person at the command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// The exit code it ends in.
    pub exit: Exit,
    /// What happened, and what to do about it.
    pub message: String,
}

impl CliError {
    /// An error with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A mistake on the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something that should not have happened.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::new(Exit::Harness, error.to_string())
    }

    /// A file or directory that could not be read or written.
    pub fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::Io, format!("{what}: {error}"))
    }
}
