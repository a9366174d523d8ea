//! Options of faults: what they are called, which values they take, and how they are read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::target::{SINGLE_TARGET_VALUES, TARGET_VALUES, Target};
use crate::systems::SystemTiming;

/// Milliseconds an option may name at most; a run is never that long.
const OPTION_MS_MAX: u64 = 3_600_000;

/// An option of a fault, for `list`, for completions and for validation.
#[derive(Debug, Clone, Copy)]
pub struct OptionDescription {
    /// Its name.
    pub name: &'static str,
    /// Which values it takes.
    pub kind: OptionKind,
    /// What holds where it is not given.
    pub default: OptionDefault,
    /// One line.
    pub description: &'static str,
}

/// Which values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A whole number of milliseconds, at least 1.
    Milliseconds,
    /// Any target.
    Target,
    /// A target that is always one node.
    SingleTarget,
    /// `majority`, `minority` or `any`.
    Side,
}

/// What holds where an option is not given.
#[derive(Debug, Clone, Copy)]
pub enum OptionDefault {
    /// This text.
    Text(&'static str),
    /// Milliseconds that follow from the system's timeouts.
    FromTiming {
        /// The rule in words.
        words: &'static str,
        /// The rule.
        milliseconds: fn(&SystemTiming) -> u64,
    },
    /// The schedule decides from the length of the load.
    FromSchedule,
}

impl OptionKind {
    /// The values in words.
    #[must_use]
    pub fn values(self) -> &'static str {
        match self {
            Self::Milliseconds => "milliseconds",
            Self::Target => TARGET_VALUES,
            Self::SingleTarget => SINGLE_TARGET_VALUES,
            Self::Side => "majority, minority or any",
        }
    }

    /// Whether a text is one of the values.
    #[must_use]
    pub fn accepts(self, value: &str) -> bool {
        match self {
            Self::Milliseconds => value.parse().is_ok_and(|number| (1..=OPTION_MS_MAX).contains(&number)),
            Self::Target => value.parse::<Target>().is_ok(),
            Self::SingleTarget => value.parse::<Target>().is_ok_and(|target| target.is_single()),
            Self::Side => matches!(value, "majority" | "minority" | "any"),
        }
    }
}

impl OptionDefault {
    /// The default in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Text(text) => text,
            Self::FromTiming { words, .. } => words,
            Self::FromSchedule => "about a third of the load",
        }
    }
}

/// How long the schedule keeps a fault in force; the same option for every fault that is simply held.
pub(super) const DURATION: OptionDescription = OptionDescription {
    name: "duration_ms",
    kind: OptionKind::Milliseconds,
    default: OptionDefault::FromSchedule,
    description: "how long it stays in force",
};

/// By when a killed node is started again; the same option for every fault that kills.
pub(super) const RESTART: OptionDescription = OptionDescription {
    name: "restart_ms",
    kind: OptionKind::Milliseconds,
    default: OptionDefault::Text("3000"),
    description: "start it again after so long, or once another leader has acknowledged a write",
};

/// Options that were checked against their descriptions, with the constant defaults filled in.
#[derive(Debug)]
pub struct Options {
    values: BTreeMap<String, String>,
}

impl Options {
    /// The values given, and the constant defaults of all others.
    pub(super) fn new(given: &BTreeMap<String, String>, descriptions: &[OptionDescription]) -> Self {
        let mut values = given.clone();
        for description in descriptions {
            if let OptionDefault::Text(text) = description.default {
                values.entry(description.name.to_owned()).or_insert_with(|| text.to_owned());
            }
        }
        Self { values }
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        self.values.get(name).map(String::as_str).ok_or_else(|| format!("option {name} has not been decided"))
    }

    /// An option of kind [`OptionKind::Milliseconds`].
    pub(super) fn duration(&self, name: &str) -> Result<Duration, String> {
        let text = self.text(name)?;
        text.parse().map(Duration::from_millis).map_err(|_| format!("{name}={text} is not a number of milliseconds"))
    }

    /// An option of kind [`OptionKind::Target`] or [`OptionKind::SingleTarget`].
    pub(super) fn target(&self, name: &str) -> Result<Target, String> {
        let text = self.text(name)?;
        text.parse().map_err(|()| format!("{name}={text} is not one of {TARGET_VALUES}"))
    }

    /// An option of any kind, as it is written.
    pub(super) fn word(&self, name: &str) -> Result<&str, String> {
        self.text(name)
    }
}
