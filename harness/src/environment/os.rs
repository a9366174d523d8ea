//! Turns errors of the operating system into [`EnvironmentError`] with the words of what was being done.

use super::EnvironmentError;

/// Adds what was being done to an error of the operating system.
pub(super) trait Doing<T> {
    /// The words continue "failed to …" in the reader's mind: `open the TUN device`.
    fn doing(self, what: impl Into<String>) -> Result<T, EnvironmentError>;
}

impl<T, E: Into<std::io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T, EnvironmentError> {
        self.map_err(|error| EnvironmentError::Os { context: what.into(), source: error.into() })
    }
}
