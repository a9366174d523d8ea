//! Why settings are refused, and what is said then.

use thiserror::Error;

use super::descriptions::{DESCRIPTIONS, Description, PRESET};

/// Why settings were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// No setting has this name.
    #[error("unknown setting `{name}`{}; known settings: {}", did_you_mean(.name), known_names())]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// The setting does not take this value.
    #[error("invalid value `{value}` for setting `{name}`; it takes {}", values_of(.name))]
    Invalid {
        /// The setting.
        name: &'static str,
        /// The value as given.
        value: String,
    },
    /// Each value is good by itself, but not with the others.
    #[error("{reason}")]
    Conflict {
        /// What contradicts what, and what to use instead.
        reason: String,
    },
}

impl SettingsError {
    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown { name: name.to_owned() }
    }

    pub(super) fn invalid(name: &'static str, value: &str) -> Self {
        Self::Invalid { name, value: value.to_owned() }
    }

    pub(super) fn conflict(reason: impl Into<String>) -> Self {
        Self::Conflict { reason: reason.into() }
    }
}

/// Everything that can be set, the preset first.
fn known() -> impl Iterator<Item = &'static Description> {
    [&PRESET].into_iter().chain(DESCRIPTIONS)
}

fn known_names() -> String {
    known().map(|description| description.name).collect::<Vec<_>>().join(", ")
}

fn values_of(name: &str) -> &'static str {
    known().find(|description| description.name == name).map_or("", |description| description.values)
}

fn did_you_mean(name: &str) -> String {
    let nearest = known()
        .map(|description| (edit_distance(name, description.name), description.name))
        .min()
        .filter(|(distance, known)| *distance * 2 <= known.len());
    nearest.map_or_else(String::new, |(_, known)| format!(" (did you mean `{known}`?)"))
}

/// The least number of insertions, deletions and substitutions that turn one text into the other (Levenshtein).
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let substituted = previous[column] + usize::from(from != *to);
            current.push(substituted.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous[right.len()]
}
