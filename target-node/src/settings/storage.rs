//! What is kept, and how safely.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    SettingsError,
    words::{parse_ms, parse_within},
};

/// The most entries that a log may be told to keep behind its snapshot.
const LOG_KEEP_MAX: u64 = 1_000_000_000;

/// When the log is forced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fsync {
    /// Before a position counts as durable.
    Always,
    /// Every so many milliseconds; a position counts as durable once it is written.
    IntervalMs(u64),
    /// When the operating system likes; a position counts as durable once it is written.
    Never,
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fsync::Always => f.write_str("always"),
            Fsync::IntervalMs(interval_ms) => write!(f, "interval:{interval_ms}"),
            Fsync::Never => f.write_str("never"),
        }
    }
}

impl FromStr for Fsync {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let interval_ms = text.strip_prefix("interval:").and_then(parse_ms);
        match (text, interval_ms) {
            ("always", _) => Ok(Fsync::Always),
            ("never", _) => Ok(Fsync::Never),
            (_, Some(interval_ms)) => Ok(Fsync::IntervalMs(interval_ms)),
            _ => Err(SettingsError::invalid("fsync", text)),
        }
    }
}

/// How a follower that is behind catches up: by the log as far as that is kept, else by a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CatchUp {
    /// How many entries the log keeps behind its snapshot.
    pub log_keep: u64,
}

impl fmt::Display for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log-keep:{}", self.log_keep)
    }
}

impl FromStr for CatchUp {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let log_keep = text.strip_prefix("log-keep:").and_then(|entries| parse_within(entries, 1, LOG_KEEP_MAX));
        log_keep.map(|log_keep| Self { log_keep }).ok_or_else(|| SettingsError::invalid("catch-up", text))
    }
}
