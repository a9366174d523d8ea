//! How much is under way, and how much is taken on.

use std::{fmt, num::NonZeroU32, str::FromStr};

use serde::{Deserialize, Serialize};

use super::SettingsError;

/// The most requests of clients that a node takes per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceRate {
    /// As many as it can.
    Off,
    /// So many, evenly.
    PerSecond(NonZeroU32),
}

impl fmt::Display for ServiceRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceRate::Off => f.write_str("off"),
            ServiceRate::PerSecond(rate) => rate.fmt(f),
        }
    }
}

impl FromStr for ServiceRate {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        if text == "off" {
            return Ok(ServiceRate::Off);
        }
        text.parse().map(ServiceRate::PerSecond).map_err(|_| SettingsError::invalid("service-rate", text))
    }
}
